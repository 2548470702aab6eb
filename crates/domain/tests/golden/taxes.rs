//! Which tax a line carries.

use serde_json::json;

use crate::becomes;
use crate::common::{document, product, set_total, tax};

#[test]
fn exclusive_store_shows_pieces_and_percents() {
    let mut order = document();
    order["products"] = json!([product(1, "Mug", "3", "19.99", "59.97")]);
    order["order"]["shipping_cost_ex_tax"] = json!("5.0000");
    order["order"]["shipping_cost_inc_tax"] = json!("5.4100");
    order["order"]["shipping_cost_tax"] = json!("0.4100");
    order["taxes"] = json!([
        tax(1, "item", "State", "8.2500", "4.9500"),
        tax(0, "shipping", "State", "8.2500", "0.4100"),
    ]);
    set_total(&mut order, "64.9700", "5.3600", "70.3300");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 3 x 19.99 | State 8.25 %
         Shipping Shipping | 1 x 5.00 | State 8.25 %
         total 70.33 USD with tax 5.36 USD
         txn:501 VISA 70.33 USD on 2020-08-27",
    );
}

#[test]
fn more_than_two_taxes_fold_into_two_whose_names_say_so() {
    let mut order = document();
    order["products"] = json!([product(1, "Mug", "1", "100.00", "100.00")]);
    order["taxes"] = json!([
        tax(1, "item", "State", "6.0000", "6.0000"),
        tax(1, "item", "County", "1.2500", "1.2500"),
        tax(1, "item", "City", "0.5000", "0.5000"),
    ]);
    set_total(&mut order, "100.0000", "7.7500", "107.7500");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 100.00 | State 6 % | County 1.25 % + City 0.5 % 1.75 %
         total 107.75 USD with tax 7.75 USD
         txn:501 VISA 107.75 USD on 2020-08-27",
    );
}

#[test]
fn later_priorities_compound() {
    let mut order = document();
    order["products"] = json!([product(1, "Mug", "1", "100.00", "100.00")]);
    let mut second = tax(1, "item", "QST", "9.5000", "9.9800");
    second["priority"] = json!(2);
    order["taxes"] = json!([second, tax(1, "item", "GST", "5.0000", "5.0000")]);
    set_total(&mut order, "100.0000", "14.9800", "114.9800");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 100.00 | GST 5 % | QST 9.5 % compounded
         total 114.98 USD with tax 14.98 USD
         txn:501 VISA 114.98 USD on 2020-08-27",
    );
}

#[test]
fn taxes_without_details_apply_to_what_the_store_taxed() {
    let mut order = document();
    let mut lamp = product(1, "Lamp", "1", "30.00", "30.00");
    lamp["total_tax"] = json!("6.0000");
    order["products"] = json!([lamp, product(2, "Book", "1", "70.00", "70.00")]);
    order["taxes"] = json!([{"id": 1, "name": "VAT", "rate": "20.0000", "line_amount": "6.0000"}]);
    set_total(&mut order, "100.0000", "6.0000", "106.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Lamp | 1 x 30.00 | VAT 20 %
         Product Book | 1 x 70.00
         total 106.00 USD with tax 6.00 USD
         txn:501 VISA 106.00 USD on 2020-08-27",
    );
}

#[test]
fn lost_tax_rows_are_rebuilt_from_the_lines_own_amounts() {
    let mut order = document();
    let mut lamp = product(1, "Lamp", "1", "40.00", "40.00");
    lamp["total_tax"] = json!("3.3000");
    order["products"] = json!([lamp]);
    set_total(&mut order, "40.0000", "3.3000", "43.3000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Lamp | 1 x 40.00 | Tax 8.25 %
         total 43.30 USD with tax 3.30 USD
         txn:501 VISA 43.30 USD on 2020-08-27",
    );
}

#[test]
fn shipping_to_places_with_different_taxes_is_split() {
    let mut order = document();
    order["order"]["shipping_cost_ex_tax"] = json!("15.0000");
    order["order"]["shipping_cost_inc_tax"] = json!("16.5000");
    order["order"]["shipping_cost_tax"] = json!("1.5000");
    let mut there = tax(0, "shipping", "Nevada", "5.0000", "0.2500");
    there["order_address_id"] = json!(2);
    order["taxes"] = json!([tax(0, "shipping", "Texas", "10.0000", "1.0000"), there]);
    set_total(&mut order, "25.0000", "1.2500", "26.2500");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         Shipping Shipping | 1 x 10.00 | Texas 10 %
         Shipping Shipping | 1 x 5.00 | Nevada 5 %
         total 26.25 USD with tax 1.25 USD
         txn:501 VISA 26.25 USD on 2020-08-27",
    );
}

#[test]
fn shipping_to_a_place_without_tax_stays_untaxed() {
    let mut order = document();
    order["order"]["shipping_cost_ex_tax"] = json!("15.0000");
    order["order"]["shipping_cost_inc_tax"] = json!("16.0000");
    order["order"]["shipping_cost_tax"] = json!("1.0000");
    order["shipping_addresses"] = json!([{"id": 1}, {"id": 2}]);
    order["taxes"] = json!([tax(0, "shipping", "Texas", "10.0000", "1.0000")]);
    set_total(&mut order, "25.0000", "1.0000", "26.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         Shipping Shipping | 1 x 10.00 | Texas 10 %
         Shipping Shipping | 1 x 5.00
         total 26.00 USD with tax 1.00 USD
         txn:501 VISA 26.00 USD on 2020-08-27",
    );
}
