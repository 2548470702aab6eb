//! Orders as the vendor documents them, with their figures.

use domain::policy::Policy;
use serde_json::json;

use crate::becomes;
use crate::common::{books, document, hold_codes, product, set_total, tax};

/// Real order, tax-inclusive: 10 × 250.00, 100 off, 5.5 %.
#[test]
fn order_519() {
    let mut order = document();
    let node = &mut order["order"];
    node["id"] = json!(519);
    node["is_tax_inclusive_pricing"] = json!(true);
    node["subtotal_ex_tax"] = json!("2369.6667");
    node["subtotal_inc_tax"] = json!("2500.0000");
    node["subtotal_tax"] = json!("125.1200");
    node["discount_amount"] = json!("100.0000");
    let mut line = product(1, "Bench", "10", "250.0000", "2500.0000");
    line["order_id"] = json!(519);
    line["price_ex_tax"] = json!("236.9667");
    line["total_ex_tax"] = json!("2369.6670");
    line["total_tax"] = json!("125.1200");
    line["applied_discounts"] = json!([{"id": "total-discount", "amount": 100, "name": "", "code": null, "target": "order"}]);
    order["products"] = json!([line]);
    order["taxes"] = json!([tax(1, "item", "VAT", "5.5000", "125.1200")]);
    set_total(&mut order, "2274.8800", "125.1200", "2400.0000");
    order["transactions"][0]["order_id"] = json!("519");
    becomes(
        &order,
        "519 on 2020-08-27
         Product Bench | 1 x 2369.67 | VAT 5.5 % | 10 × 250 incl. tax
         Discount Discount | 1 x -94.79 | VAT 5.5 %
         total 2400.00 USD with tax 125.12 USD
         txn:501 VISA 2400.00 USD on 2020-08-27",
    );
}

/// Official sample: inclusive by its numbers although it says otherwise; 67.84 + 12 − 5 − 5.
#[test]
fn order_218() {
    let mut order = document();
    let node = &mut order["order"];
    node["subtotal_ex_tax"] = json!("62.6793");
    node["subtotal_inc_tax"] = json!("67.8400");
    node["subtotal_tax"] = json!("4.4000");
    node["shipping_cost_ex_tax"] = json!("11.0900");
    node["shipping_cost_inc_tax"] = json!("12.0000");
    node["shipping_cost_tax"] = json!("0.9100");
    node["discount_amount"] = json!("5.0000");
    node["coupon_discount"] = json!("5.0000");
    let line = |id: u64, name: &str| {
        let mut line = product(id, name, "1", "33.9200", "33.9200");
        line["total_ex_tax"] = json!("31.3397");
        line["total_tax"] = json!("2.2000");
        line
    };
    order["products"] = json!([line(1, "Hat"), line(2, "Scarf")]);
    order["coupons"] = json!([{"code": "S2549JM0Y", "amount": 5, "discount": 5, "type": 2}]);
    order["taxes"] = json!([
        tax(1, "item", "Tax", "8.2500", "2.2000"),
        tax(2, "item", "Tax", "8.2500", "2.2000"),
        tax(0, "shipping", "Tax", "8.2500", "0.9100"),
    ]);
    set_total(&mut order, "64.5300", "5.3100", "69.8400");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Hat | 1 x 31.33 | Tax 8.25 %
         Product Scarf | 1 x 31.33 | Tax 8.25 %
         Shipping Shipping | 1 x 11.09 | Tax 8.25 %
         Discount Coupon S2549JM0Y | 1 x -4.60 | Tax 8.25 %
         Discount Discount | 1 x -4.62 | Tax 8.25 %
         total 69.84 USD with tax 5.31 USD
         txn:501 VISA 69.84 USD on 2020-08-27",
    );
    let flags = domain::validate::read_order(&order).unwrap().flags;
    assert!(
        flags
            .iter()
            .any(|flag| flag.code == "tax_basis_contradicts_totals")
    );
}

/// Course sample, partly edited by hand: its tax is not what its rows make. Never plugged.
#[test]
fn order_120_is_held_with_the_sums_side_by_side() {
    let mut order = document();
    let node = &mut order["order"];
    node["subtotal_ex_tax"] = json!("341.0000");
    node["shipping_cost_ex_tax"] = json!("9.0000");
    node["shipping_cost_inc_tax"] = json!("9.6300");
    node["shipping_cost_tax"] = json!("0.6300");
    node["discount_amount"] = json!("50.0000");
    order["products"] = json!([
        product(1, "Planter", "1", "89.0000", "89.0000"),
        product(2, "Soil", "1", "252.0000", "252.0000"),
    ]);
    order["taxes"] = json!([
        tax(1, "item", "State", "7.0000", "3.7200"),
        tax(2, "item", "State", "7.0000", "18.4600"),
        tax(0, "shipping", "County", "7.0000", "1.1700"),
    ]);
    set_total(&mut order, "300.0000", "25.5200", "325.5200");
    let holds = books(&order, &Policy::default()).unwrap_err();
    let codes: Vec<_> = holds.iter().map(|hold| hold.code).collect();
    assert_eq!(codes, ["sums_do_not_match", "tax_does_not_match"]);
    assert!(holds[0].message.contains("325.52 USD") && holds[0].message.contains("321.00 USD"));
    let by_amount = Policy {
        tax: domain::policy::TaxMode::Amount,
        ..Policy::default()
    };
    assert_eq!(hold_codes(&order, &by_amount), ["tax_rows_do_not_add_up"]);
}
