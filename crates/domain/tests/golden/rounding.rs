//! Fractions of a cent: carried, named, or held.

use domain::policy::Policy;
use serde_json::json;

use crate::becomes;
use crate::common::{document, hold_codes, product, set_total, tax};

#[test]
fn inexact_pieces_become_one_line_that_says_how_many() {
    let mut order = document();
    order["products"] = json!([product(1, "Screw", "3", "3.3333", "10.0000")]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Screw | 1 x 10.00 | 3 × 3.3333
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-08-27",
    );
}

#[test]
fn what_rounding_leaves_is_one_named_line() {
    // The store rounds the order's tax once: 0.495 + 0.495 = 0.99; FreshBooks makes 0.50 + 0.50.
    let mut order = document();
    order["products"] = json!([
        product(1, "Cap", "1", "4.95", "4.95"),
        product(2, "Tie", "1", "4.95", "4.95")
    ]);
    order["taxes"] = json!([
        tax(1, "item", "GST", "10.0000", "0.4950"),
        tax(2, "item", "GST", "10.0000", "0.4950"),
    ]);
    set_total(&mut order, "9.9000", "0.9900", "10.8900");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Cap | 1 x 4.95 | GST 10 %
         Product Tie | 1 x 4.95 | GST 10 %
         Rounding Rounding | 1 x -0.01 | Rounding. Tax in the store: 0.99 USD, in these lines: 1.00 USD.
         total 10.89 USD with tax 0.99 USD
         txn:501 VISA 10.89 USD on 2020-08-27",
    );
}

#[test]
fn yen_have_no_cents() {
    let mut order = document();
    order["order"]["default_currency_code"] = json!("JPY");
    order["order"]["is_tax_inclusive_pricing"] = json!(true);
    let mut line = product(1, "茶碗", "2", "1100.0000", "2200.0000");
    line["total_ex_tax"] = json!("2000.0000");
    line["total_tax"] = json!("200.0000");
    order["products"] = json!([line]);
    order["taxes"] = json!([tax(1, "item", "消費税", "10.0000", "200.0000")]);
    set_total(&mut order, "2000.0000", "200.0000", "2200.0000");
    order["transactions"][0]["currency"] = json!("JPY");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product 茶碗 | 2 x 1000 | 消費税 10 %
         total 2200 JPY with tax 200 JPY
         txn:501 VISA 2200 JPY on 2020-08-27",
    );
}

#[test]
fn sums_that_do_not_match_are_held_not_plugged() {
    let mut order = document();
    set_total(&mut order, "10.5000", "0.0000", "10.5000");
    assert_eq!(
        hold_codes(&order, &Policy::default()),
        ["sums_do_not_match"]
    );
}

#[test]
fn fractions_of_a_cent_are_carried_from_line_to_line() {
    let mut order = document();
    let lines: Vec<_> = (1..=6)
        .map(|id| product(id, "Bolt", "1", "1.0050", "1.0050"))
        .collect();
    order["products"] = json!(lines);
    set_total(&mut order, "6.0300", "0.0000", "6.0300");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Bolt | 1 x 1.01
         Product Bolt | 1 x 1.00
         Product Bolt | 1 x 1.01
         Product Bolt | 1 x 1.00
         Product Bolt | 1 x 1.01
         Product Bolt | 1 x 1.00
         total 6.03 USD with tax 0.00 USD
         txn:501 VISA 6.03 USD on 2020-08-27",
    );
}
