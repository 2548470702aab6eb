//! What becomes a line, and what becomes a payment.

use serde_json::json;

use crate::becomes;
use crate::common::{document, product, set_total, tax, transaction};

#[test]
fn plain_order_is_one_line_and_one_payment_on_the_stores_day() {
    // 23:47 UTC is still the 27th in New York; 02:30 UTC of the 28th too.
    becomes(
        &document(),
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-08-27",
    );
}

#[test]
fn bundle_children_are_told_in_their_parents_description() {
    let mut order = document();
    let mut child = product(2, "Spoon", "2", "0.0000", "0.0000");
    child["parent_order_product_id"] = json!(1);
    order["products"] = json!([product(1, "Breakfast set", "1", "10.00", "10.00"), child]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Breakfast set | 1 x 10.00 | Includes 2 × Spoon (SKU2)
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-08-27",
    );
}

#[test]
fn gift_certificate_and_store_credit_are_payments_not_discounts() {
    let mut order = document();
    order["order"]["gift_certificate_amount"] = json!("4.0000");
    order["order"]["store_credit_amount"] = json!("1.0000");
    order["transactions"] = json!([transaction(501, "capture", "5.00")]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         tender:gift_certificate Credit 4.00 USD on 2020-08-27
         tender:store_credit Credit 1.00 USD on 2020-08-27
         txn:501 VISA 5.00 USD on 2020-08-27",
    );
}

#[test]
fn sold_gift_certificates_are_untaxed_lines() {
    let mut order = document();
    let mut gift = product(2, "Gift certificate", "1", "25.00", "25.00");
    gift["type"] = json!("giftcertificate");
    order["products"] = json!([product(1, "Mug", "1", "10.00", "10.00"), gift]);
    order["taxes"] = json!([
        tax(1, "item", "VAT", "20.0000", "2.0000"),
        tax(2, "item", "VAT", "20.0000", "0.0000"),
    ]);
    set_total(&mut order, "35.0000", "2.0000", "37.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00 | VAT 20 %
         Product Gift certificate | 1 x 25.00
         total 37.00 USD with tax 2.00 USD
         txn:501 VISA 37.00 USD on 2020-08-27",
    );
}

#[test]
fn handling_wrapping_and_fees_are_lines_of_their_own() {
    let mut order = document();
    let node = &mut order["order"];
    for (key, amount) in [("handling", "2.0000"), ("wrapping", "3.0000")] {
        node[format!("{key}_cost_ex_tax")] = json!(amount);
        node[format!("{key}_cost_inc_tax")] = json!(amount);
    }
    order["products"][0]["wrapping_cost_ex_tax"] = json!("3.0000");
    order["products"][0]["wrapping_cost_inc_tax"] = json!("3.0000");
    order["products"][0]["wrapping_name"] = json!("Blue paper");
    order["fees"] = json!([{"id": 9, "name": "Eco fee", "type": "custom_fee",
        "cost_exc_tax": "1.5000", "cost_inc_tax": "1.5000", "cost_tax": "0.0000"}]);
    set_total(&mut order, "16.5000", "0.0000", "16.5000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         Handling Handling | 1 x 2.00
         Wrapping Gift wrapping | 1 x 3.00 | Blue paper
         Fee Eco fee | 1 x 1.50
         total 16.50 USD with tax 0.00 USD
         txn:501 VISA 16.50 USD on 2020-08-27",
    );
}

#[test]
fn free_orders_get_an_invoice_of_nothing() {
    let mut order = document();
    order["products"] = json!([product(1, "Sample", "1", "0.0000", "0.0000")]);
    set_total(&mut order, "0.0000", "0.0000", "0.0000");
    order["transactions"] = json!([]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Sample | 1 x 0.00
         total 0.00 USD with tax 0.00 USD",
    );
}
