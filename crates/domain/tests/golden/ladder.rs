//! Total and tax both exact: the first readable way of writing the lines that makes them so.

use domain::arithmetic::Model;
use domain::policy::Policy;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::becomes;
use crate::common::{books, document, product, render, set_total, tax};

fn cents(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_discount_goes_into_the_price_where_only_that_makes_the_tax_right() {
    // The store taxes 9.99 - 1.50 = 8.49: 0.55. As lines, 0.65 less 0.10 would do; at 6.5 % of
    // 4.45 and -1.00 it is 0.29 less 0.07, where the store says 0.22 of 3.45.
    let mut order = document();
    let mut pen = product(1, "Pen", "1", "4.45", "4.45");
    pen["applied_discounts"] = json!([{"id": "d", "amount": "1.00", "name": "Sale"}]);
    order["products"] = json!([pen, product(2, "Ink", "1", "3.10", "3.10")]);
    order["order"]["discount_amount"] = json!("1.0000");
    order["taxes"] = json!([
        tax(1, "item", "State", "6.5000", "0.2200"),
        tax(2, "item", "State", "6.5000", "0.2000"),
    ]);
    set_total(&mut order, "6.5500", "0.4200", "6.9700");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Pen | 1 x 4.45 | State 6.5 %
         Product Ink | 1 x 3.10 | State 6.5 %
         Discount Sale | 1 x -1.00 | State 6.5 %
         total 6.97 USD with tax 0.42 USD
         txn:501 VISA 6.97 USD on 2020-08-27",
    );
    order["taxes"][0]["line_amount"] = json!("0.2300");
    set_total(&mut order, "6.5500", "0.4300", "6.9800");
    let shown = render(&books(&order, &Policy::default()).unwrap());
    assert!(shown.contains("Rounding | 1 x 0.01"), "{shown}");
    // 8.75 % of 2.50, less 0.20: 0.22 less 0.02 as lines, 0.20 of 2.30 in the store; but of 2.60
    // less 0.25 it is 0.23 less 0.02 against 0.21.
    let mut order = document();
    let mut cup = product(1, "Cup", "1", "2.74", "2.74");
    cup["applied_discounts"] = json!([{"id": "d", "amount": "0.15", "name": "Sale"}]);
    order["products"] = json!([cup]);
    order["order"]["discount_amount"] = json!("0.1500");
    order["taxes"] = json!([tax(1, "item", "State", "10.0000", "0.2600")]);
    set_total(&mut order, "2.5900", "0.2600", "2.8500");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Cup | 1 x 2.59 | State 10 % | Less Sale 0.15
         total 2.85 USD with tax 0.26 USD
         txn:501 VISA 2.85 USD on 2020-08-27",
    );
}

/// Three pieces at 0.05 with 10 %: the store taxes each piece (0.01), FreshBooks the line (0.02).
fn taxed_by_piece() -> Value {
    let mut order = document();
    order["products"] = json!([product(1, "Nail", "3", "0.05", "0.15")]);
    order["taxes"] = json!([tax(1, "item", "GST", "10.0000", "0.0100")]);
    set_total(&mut order, "0.1500", "0.0100", "0.1600");
    order
}

#[test]
fn a_quantity_stands_in_two_lines_where_only_that_makes_the_tax_right() {
    // 0.02 of 0.15 in one line; 0.01 of 0.10 and 0.01 of 0.05 in two. The store says 0.02: one line.
    let mut order = taxed_by_piece();
    order["taxes"][0]["line_amount"] = json!("0.0200");
    set_total(&mut order, "0.1500", "0.0200", "0.1700");
    assert!(render(&books(&order, &Policy::default()).unwrap()).contains("Nail | 3 x 0.05"));
    // 4 × 0.04 with 10 %: 0.02 of 0.16; of 0.12 and 0.04 it is 0.01 and 0.00.
    let mut order = document();
    order["products"] = json!([product(1, "Nail", "4", "0.04", "0.16")]);
    order["taxes"] = json!([tax(1, "item", "GST", "10.0000", "0.0100")]);
    set_total(&mut order, "0.1600", "0.0100", "0.1700");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Nail | 3 x 0.04 | GST 10 %
         Product Nail | 1 x 0.04 | GST 10 %
         total 0.17 USD with tax 0.01 USD
         txn:501 VISA 0.17 USD on 2020-08-27",
    );
}

#[test]
fn where_no_way_is_exact_the_rounding_line_names_both_taxes_even_if_only_the_tax_differs() {
    // One piece with tax in its price: 1.03 - 0.10 = 0.93 net, and 10 % of 0.93 is 0.09.
    let mut order = document();
    order["order"]["is_tax_inclusive_pricing"] = json!(true);
    let mut line = product(1, "Pin", "1", "1.03", "1.03");
    line["total_ex_tax"] = json!("0.9300");
    line["total_tax"] = json!("0.1000");
    order["products"] = json!([line]);
    order["taxes"] = json!([tax(1, "item", "GST", "10.0000", "0.1000")]);
    set_total(&mut order, "0.9300", "0.1000", "1.0300");
    let books = books(&order, &Policy::default()).unwrap();
    let last = books.invoice.lines.last().unwrap();
    assert_eq!(
        (last.unit_cost, last.description.as_str()),
        (
            cents("0.00"),
            "Rounding. Tax in the store: 0.10 USD, in these lines: 0.09 USD."
        ),
    );
}

#[test]
fn two_districts_that_are_alike_both_count() {
    let mut order = document();
    order["products"] = json!([product(1, "Desk", "1", "200.00", "200.00")]);
    let row = tax(1, "item", "District", "0.7500", "1.5000");
    order["taxes"] = json!([row, row]);
    set_total(&mut order, "200.0000", "3.0000", "203.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Desk | 1 x 200.00 | District 0.75 % | District (2) 0.75 %
         total 203.00 USD with tax 3.00 USD
         txn:501 VISA 203.00 USD on 2020-08-27",
    );
}

#[test]
fn rates_are_parted_in_the_way_that_makes_the_tax_exact() {
    // 6 %, 0.25 %, 0.5 %, 0.5 % of 47.50, each rounded: 2.85 + 0.12 + 0.24 + 0.24.
    let mut order = document();
    order["products"] = json!([product(1, "Boots", "1", "47.50", "47.50")]);
    order["taxes"] = json!([
        tax(1, "item", "State", "6.0000", "2.8500"),
        tax(1, "item", "County", "0.2500", "0.1200"),
        tax(1, "item", "District", "0.5000", "0.2400"),
        tax(1, "item", "District", "0.5000", "0.2400"),
    ]);
    set_total(&mut order, "47.5000", "3.4500", "50.9500");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Boots | 1 x 47.50 | State 6 % + County 0.25 % 6.25 % | District 0.5 % + District 0.5 % 1 %
         total 50.95 USD with tax 3.45 USD
         txn:501 VISA 50.95 USD on 2020-08-27",
    );
}

#[test]
fn alike_rows_without_details_are_one_for_each_line() {
    // Two products of the same tax, reported without saying which row is whose.
    let mut order = document();
    let line = |id| {
        let mut line = product(id, "Lamp", "1", "30.00", "30.00");
        line["total_tax"] = json!("6.0000");
        line
    };
    order["products"] = json!([line(1), line(2)]);
    let row = json!({"id": 1, "name": "VAT", "rate": "20.0000", "line_amount": "6.0000"});
    order["taxes"] = json!([row, row]);
    set_total(&mut order, "60.0000", "12.0000", "72.0000");
    let shown = render(&books(&order, &Policy::default()).unwrap());
    assert_eq!(shown.matches("| VAT 20 %\n").count(), 2, "{shown}");
    // And two districts that are alike, on one product each: four rows.
    order["taxes"] = json!([row, row, row, row]);
    for line in order["products"].as_array_mut().unwrap() {
        line["total_tax"] = json!("12.0000");
    }
    set_total(&mut order, "60.0000", "24.0000", "84.0000");
    let shown = render(&books(&order, &Policy::default()).unwrap());
    assert_eq!(
        shown.matches("VAT 20 % | VAT (2) 20 %").count(),
        2,
        "{shown}"
    );
}

#[test]
fn an_account_that_rounds_otherwise_gets_lines_of_its_own_where_it_needs_them() {
    // Ten lines of 0.90 with 5 %: 0.50 where each line is rounded, 0.45 where the sum is.
    let mut order = document();
    let ids = 1..=10;
    let lines: Vec<Value> = ids
        .clone()
        .map(|id| product(id, "Bean", "1", "0.90", "0.90"))
        .collect();
    let rows: Vec<Value> = ids
        .map(|id| tax(id, "item", "GST", "5.0000", "0.0500"))
        .collect();
    order["products"] = json!(lines);
    order["taxes"] = json!(rows);
    set_total(&mut order, "9.0000", "0.5000", "9.5000");
    let books = books(&order, &Policy::default()).unwrap();
    assert_eq!(books.invoice.lines.len(), 10);
    let models: Vec<Model> = books.alternatives.iter().map(|one| one.model).collect();
    assert_eq!(models, [Model::PerTax, Model::PerInvoice]);
    let other = books.for_model(Model::PerTax).unwrap();
    let last = other.invoice.lines.last().unwrap();
    assert_eq!(last.unit_cost, cents("0.05"));
    assert_eq!(
        last.description,
        "Rounding. Tax in the store: 0.50 USD, in these lines: 0.45 USD."
    );
    assert_eq!(
        books.for_model(Model::PerLine).unwrap().invoice,
        books.invoice
    );
}
