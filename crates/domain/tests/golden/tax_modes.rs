//! Taxes that build on one another, prices that contain them, coupons that share them, and the
//! policy's other ways of showing them.

use domain::policy::{DiscountMode, Policy, TaxMode};
use serde_json::{Value, json};

use crate::common::{document, product, set_total, tax};
use crate::{becomes, becomes_under};

/// One line of a store whose prices contain the tax.
fn inclusive(name: &str, net: &str, amount: &str, price: &str) -> Value {
    let mut row = product(1, name, "1", price, price);
    row["price_ex_tax"] = json!(net);
    row["total_ex_tax"] = json!(net);
    row["total_tax"] = json!(amount);
    row
}

fn inclusive_order(line: Value) -> Value {
    let mut order = document();
    order["order"]["is_tax_inclusive_pricing"] = json!(true);
    order["products"] = json!([line]);
    order
}

/// A lamp of 120.00 with 20 % in it, and a coupon of 12.00.
fn with_coupon() -> Value {
    let mut lamp = inclusive("Lamp", "100.0000", "18.0000", "120.0000");
    lamp["applied_discounts"] = json!([{"id": "coupon", "amount": "12.0000", "name": "Ten",
        "code": "TEN", "target": "order"}]);
    let mut order = inclusive_order(lamp);
    order["order"]["coupon_discount"] = json!("12.0000");
    order["coupons"] = json!([{"code": "TEN", "amount": "10.0000", "discount": "12.0000",
        "type": 1}]);
    order["taxes"] = json!([tax(1, "item", "VAT", "20.0000", "18.0000")]);
    set_total(&mut order, "90.0000", "18.0000", "108.0000");
    order
}

#[test]
fn a_coupon_in_a_store_with_tax_in_its_prices_takes_net_and_tax() {
    becomes(
        &with_coupon(),
        "1001 on 2020-08-27
         Product Lamp | 1 x 100.00 | VAT 20 %
         Discount Coupon TEN | 1 x -10.00 | VAT 20 %
         total 108.00 USD with tax 18.00 USD
         txn:501 VISA 108.00 USD on 2020-08-27",
    );
}

#[test]
fn the_same_coupon_taken_off_the_price() {
    let net = Policy {
        discount: DiscountMode::Net,
        ..Policy::default()
    };
    becomes_under(
        &with_coupon(),
        &net,
        "1001 on 2020-08-27
         Product Lamp | 1 x 90.00 | VAT 20 % | Less Coupon TEN 12.00
         total 108.00 USD with tax 18.00 USD
         txn:501 VISA 108.00 USD on 2020-08-27",
    );
}

#[test]
fn the_same_coupon_with_the_tax_as_an_exact_amount() {
    let exact = Policy {
        tax: TaxMode::Amount,
        ..Policy::default()
    };
    becomes_under(
        &with_coupon(),
        &exact,
        "1001 on 2020-08-27
         Product Lamp | 1 x 100.00
         Discount Coupon TEN | 1 x -10.00
         Tax VAT | 1 x 18.00
         total 108.00 USD with tax 18.00 USD
         txn:501 VISA 108.00 USD on 2020-08-27",
    );
}

#[test]
fn free_shipping_by_coupon_leaves_no_shipping_line() {
    let mut order = inclusive_order(inclusive("Lamp", "100.0000", "20.0000", "120.0000"));
    order["order"]["shipping_cost_ex_tax"] = json!("5.0000");
    order["order"]["shipping_cost_inc_tax"] = json!("6.0000");
    order["order"]["shipping_cost_tax"] = json!("1.0000");
    order["order"]["coupon_discount"] = json!("6.0000");
    order["coupons"] = json!([{"code": "FREESHIP", "amount": 0, "discount": "6.0000", "type": 4}]);
    order["taxes"] = json!([tax(1, "item", "VAT", "20.0000", "20.0000")]);
    set_total(&mut order, "100.0000", "20.0000", "120.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Lamp | 1 x 100.00 | VAT 20 %
         total 120.00 USD with tax 20.00 USD
         txn:501 VISA 120.00 USD on 2020-08-27",
    );
}

#[test]
fn a_coupon_over_everything_shows_what_it_took() {
    let mut order = document();
    let mut mug = product(1, "Mug", "1", "10.00", "10.00");
    mug["applied_discounts"] = json!([{"id": "coupon", "amount": "10.0000", "name": "All",
        "code": "ALL", "target": "order"}]);
    order["products"] = json!([mug]);
    order["order"]["coupon_discount"] = json!("10.0000");
    order["coupons"] = json!([{"code": "ALL", "amount": "100.0000", "discount": "10.0000",
        "type": 1}]);
    set_total(&mut order, "0.0000", "0.0000", "0.0000");
    order["transactions"] = json!([]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         Discount Coupon ALL | 1 x -10.00
         total 0.00 USD with tax 0.00 USD",
    );
}

#[test]
fn a_compound_tax_inside_the_price_is_taken_out_in_both_steps() {
    // 100.00 + 5 % = 105.00; + 10 % of that = 115.50.
    let mut order = inclusive_order(inclusive("Mug", "100.0000", "15.5000", "115.5000"));
    let mut second = tax(1, "item", "QST", "10.0000", "10.5000");
    second["priority"] = json!(2);
    order["taxes"] = json!([tax(1, "item", "GST", "5.0000", "5.0000"), second]);
    set_total(&mut order, "100.0000", "15.5000", "115.5000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 100.00 | GST 5 % | QST 10 % compounded
         total 115.50 USD with tax 15.50 USD
         txn:501 VISA 115.50 USD on 2020-08-27",
    );
}

#[test]
fn three_taxes_of_which_one_compounds_fold_by_priority() {
    // State and county together are 7.25 % of 100.00; the city takes 1 % of 107.25.
    let mut order = document();
    order["products"] = json!([product(1, "Mug", "1", "100.00", "100.00")]);
    let mut city = tax(1, "item", "City", "1.0000", "1.0700");
    city["priority"] = json!(2);
    order["taxes"] = json!([
        city,
        tax(1, "item", "State", "6.0000", "6.0000"),
        tax(1, "item", "County", "1.2500", "1.2500"),
    ]);
    set_total(&mut order, "100.0000", "8.3200", "108.3200");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 100.00 | State 6 % + County 1.25 % 7.25 % | City 1 % compounded
         total 108.32 USD with tax 8.32 USD
         txn:501 VISA 108.32 USD on 2020-08-27",
    );
}

#[test]
fn two_tax_names_as_exact_amounts_are_a_line_each() {
    let mut order = document();
    order["products"] = json!([product(1, "Mug", "3", "19.99", "59.97")]);
    order["taxes"] = json!([
        tax(1, "item", "State", "6.0000", "3.6000"),
        tax(1, "item", "County", "1.2500", "0.7500"),
    ]);
    set_total(&mut order, "59.9700", "4.3500", "64.3200");
    let exact = Policy {
        tax: TaxMode::Amount,
        ..Policy::default()
    };
    becomes_under(
        &order,
        &exact,
        "1001 on 2020-08-27
         Product Mug | 3 x 19.99
         Tax State | 1 x 3.60
         Tax County | 1 x 0.75
         total 64.32 USD with tax 4.35 USD
         txn:501 VISA 64.32 USD on 2020-08-27",
    );
}
