//! Lines that come back, and stores whose smallest unit is their own.

use domain::books::LineKind;
use domain::policy::Policy;
use serde_json::{Value, json};

use crate::becomes;
use crate::common::{books, document, product, set_total, tax};

/// A chair goes out, a rug comes back; both taxed.
fn exchange() -> Value {
    let mut order = document();
    order["products"] = json!([
        product(1, "Chair", "1", "50.00", "50.00"),
        product(2, "Rug", "-2", "12.00", "-24.00"),
    ]);
    order["taxes"] = json!([
        tax(1, "item", "VAT", "20.0000", "10.0000"),
        tax(2, "item", "VAT", "20.0000", "-4.8000"),
    ]);
    set_total(&mut order, "26.0000", "5.2000", "31.2000");
    order
}

#[test]
fn what_comes_back_is_a_negative_line_of_as_many_pieces() {
    becomes(
        &exchange(),
        "1001 on 2020-08-27
         Product Chair | 1 x 50.00 | VAT 20 %
         Product Rug | 2 x -12.00 | VAT 20 %
         total 31.20 USD with tax 5.20 USD
         txn:501 VISA 31.20 USD on 2020-08-27",
    );
}

#[test]
fn an_even_exchange_is_an_invoice_of_nothing_that_shows_both() {
    let mut order = document();
    order["products"] = json!([
        product(1, "Chair", "1", "50.00", "50.00"),
        product(2, "Stool", "-1", "50.00", "-50.00"),
        product(3, "Removed", "0", "9.00", "0.00"),
    ]);
    set_total(&mut order, "0.0000", "0.0000", "0.0000");
    order["transactions"] = json!([]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Chair | 1 x 50.00
         Product Stool | 1 x -50.00
         total 0.00 USD with tax 0.00 USD",
    );
}

/// One shirt of 2,490 forints with 27 % VAT in it; the store knows no fillers.
fn forints() -> Value {
    let mut order = document();
    order["order"]["default_currency_code"] = json!("HUF");
    order["order"]["is_tax_inclusive_pricing"] = json!(true);
    let mut line = product(1, "Ing", "1", "2490.0000", "2490.0000");
    line["total_ex_tax"] = json!("1961.0000");
    line["total_tax"] = json!("529.0000");
    order["products"] = json!([line]);
    order["taxes"] = json!([tax(1, "item", "ÁFA", "27.0000", "529.0000")]);
    set_total(&mut order, "1961.0000", "529.0000", "2490.0000");
    order["transactions"][0]["currency"] = json!("HUF");
    order
}

#[test]
fn whole_forints_are_rounded_within_a_forint_and_both_taxes_are_named() {
    let books = books(&forints(), &Policy::default()).unwrap();
    let invoice = &books.invoice;
    assert_eq!(invoice.expected_total.to_string(), "2490.00 HUF");
    assert_eq!(invoice.expected_tax.to_string(), "529.00 HUF");
    let last = invoice.lines.last().unwrap();
    assert_eq!(last.kind, LineKind::Rounding);
    assert!(
        last.description.contains("in the store: 529.00 HUF"),
        "{}",
        last.description
    );
    // A line of net with its tax, and the tax: 0.635 + 0.5 of a forint.
    assert_eq!(invoice.rounding_bound_minor, 100);
}

#[test]
fn whole_amounts_alone_prove_no_store_of_whole_units() {
    // 10 % of 100 is 10: that the store says 11 has nothing to do with rounding.
    let mut order = document();
    order["products"] = json!([product(1, "Lamp", "1", "100.00", "100.00")]);
    order["taxes"] = json!([tax(1, "item", "GST", "10.0000", "11.0000")]);
    set_total(&mut order, "100.0000", "11.0000", "111.0000");
    let holds = books(&order, &Policy::default()).unwrap_err();
    assert_eq!(holds[0].code, "sums_do_not_match");
}
