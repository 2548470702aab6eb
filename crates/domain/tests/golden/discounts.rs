//! Coupons, promotions and discounts without a name.

use serde_json::json;

use crate::becomes;
use crate::common::{document, product, set_total, tax};

#[test]
fn coupon_lines_carry_the_tax_of_what_they_discount() {
    let mut order = document();
    let discounted = |id: u64, name: &str, off: &str| {
        let mut line = product(id, name, "1", "50.00", "50.00");
        line["applied_discounts"] = json!([{"id": "coupon", "amount": off, "name": "Ten", "code": "TEN", "target": "order"}]);
        line
    };
    order["products"] = json!([discounted(1, "Lamp", "8.00"), discounted(2, "Book", "2.00")]);
    order["order"]["coupon_discount"] = json!("10.0000");
    order["coupons"] = json!([{"code": "TEN", "amount": 10.0, "discount": 10.0, "type": 1}]);
    order["taxes"] = json!([tax(1, "item", "VAT", "20.0000", "8.4000")]);
    set_total(&mut order, "90.0000", "8.4000", "98.4000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Lamp | 1 x 50.00 | VAT 20 %
         Product Book | 1 x 50.00
         Discount Coupon TEN | 1 x -8.00 | VAT 20 %
         Discount Coupon TEN | 1 x -2.00
         total 98.40 USD with tax 8.40 USD
         txn:501 VISA 98.40 USD on 2020-08-27",
    );
}

#[test]
fn shipping_coupons_reduce_shipping() {
    let mut order = document();
    order["order"]["shipping_cost_ex_tax"] = json!("8.0000");
    order["order"]["shipping_cost_inc_tax"] = json!("8.0000");
    order["order"]["coupon_discount"] = json!("3.0000");
    order["coupons"] = json!([{"code": "SHIP3", "amount": 3, "discount": "3.0000", "type": 3}]);
    set_total(&mut order, "15.0000", "0.0000", "15.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         Shipping Shipping | 1 x 5.00
         total 15.00 USD with tax 0.00 USD
         txn:501 VISA 15.00 USD on 2020-08-27",
    );
}

#[test]
fn each_promotion_is_a_line_of_its_own_name() {
    let mut order = document();
    let mut lamp = product(1, "Lamp", "1", "50.00", "50.00");
    lamp["applied_discounts"] = json!([
        {"id": "a", "amount": 5, "name": "Spring sale", "target": "order"},
        {"id": "b", "amount": 2.5, "name": "Newsletter", "target": "product"},
    ]);
    order["products"] = json!([lamp]);
    order["order"]["discount_amount"] = json!("7.5000");
    set_total(&mut order, "42.5000", "0.0000", "42.5000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Lamp | 1 x 50.00
         Discount Spring sale | 1 x -5.00
         Discount Newsletter | 1 x -2.50
         total 42.50 USD with tax 0.00 USD
         txn:501 VISA 42.50 USD on 2020-08-27",
    );
}

#[test]
fn discounts_without_shares_are_spread_by_amount() {
    let mut order = document();
    order["products"] = json!([
        product(1, "Lamp", "1", "30.00", "30.00"),
        product(2, "Book", "1", "70.00", "70.00")
    ]);
    order["order"]["discount_amount"] = json!("10.0000");
    order["taxes"] = json!([tax(1, "item", "VAT", "20.0000", "5.4000")]);
    set_total(&mut order, "90.0000", "5.4000", "95.4000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Lamp | 1 x 30.00 | VAT 20 %
         Product Book | 1 x 70.00
         Discount Discount | 1 x -3.00 | VAT 20 %
         Discount Discount | 1 x -7.00
         total 95.40 USD with tax 5.40 USD
         txn:501 VISA 95.40 USD on 2020-08-27",
    );
}
