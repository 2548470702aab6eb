//! Whole orders with what went back, in each way of booking it.

use domain::policy::{Policy, RefundMode};
use serde_json::{Value, json};

use crate::common::{document, number, product, refund, set_total, tax};
use crate::{becomes, becomes_under};

/// 2 mugs of 20.00 and shipping of 5.00, all at 10 %: 49.50.
fn order() -> Value {
    let mut order = document();
    let mut mugs = product(1, "Mug", "2", "20.00", "40.00");
    mugs["total_inc_tax"] = json!("44.0000");
    mugs["total_tax"] = json!("4.0000");
    order["products"] = json!([mugs]);
    order["order"]["shipping_cost_ex_tax"] = json!("5.0000");
    order["order"]["shipping_cost_inc_tax"] = json!("5.5000");
    order["order"]["shipping_cost_tax"] = json!("0.5000");
    order["taxes"] = json!([
        tax(1, "item", "VAT", "10.0000", "4.0000"),
        tax(0, "shipping", "VAT", "10.0000", "0.5000"),
    ]);
    set_total(&mut order, "45.0000", "4.5000", "49.5000");
    order["order"]["status_id"] = json!(14);
    order
}

fn item(item_type: &str, id: u64, quantity: u32) -> Value {
    json!({"item_type": item_type, "item_id": id, "quantity": quantity, "requested_amount": null})
}

fn value(amount: &str) -> Value {
    json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": number(amount)}])
}

fn mode(refund: RefundMode) -> Policy {
    Policy {
        refund,
        ..Policy::default()
    }
}

#[test]
fn a_piece_and_the_shipping_come_back_as_a_credit_note_with_their_tax() {
    let mut order = order();
    let items = json!([item("PRODUCT", 1, 1), item("SHIPPING", 1, 1)]);
    order["refunds"] = json!([refund(7, "27.50", "2.50", items)]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 2 x 20.00 | VAT 10 %
         Shipping Shipping | 1 x 5.00 | VAT 10 %
         total 49.50 USD with tax 4.50 USD
         txn:501 VISA 49.50 USD on 2020-08-27
         refund:7 1001-R7 CreditNote 27.50 USD with tax 2.50 USD on 2020-09-01
           Product Mug | 1 x 20.00 | VAT 10 %
           Shipping Shipping | 1 x 5.00 | VAT 10 %",
    );
}

#[test]
fn a_value_for_which_the_store_tells_no_tax_gets_its_share_from_the_orders_rates() {
    let mut order = order();
    order["refunds"] = json!([refund(7, "11.00", "0", value("11.00"))]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 2 x 20.00 | VAT 10 %
         Shipping Shipping | 1 x 5.00 | VAT 10 %
         total 49.50 USD with tax 4.50 USD
         txn:501 VISA 49.50 USD on 2020-08-27
         refund:7 1001-R7 CreditNote 11.00 USD with tax 1.00 USD on 2020-09-01
           Refund Refund | 1 x 10.00 | VAT 10 %",
    );
}

#[test]
fn adjusting_lowers_the_payment_and_adds_a_negative_line() {
    let mut order = order();
    order["refunds"] = json!([refund(7, "11.00", "0", value("11.00"))]);
    becomes_under(
        &order,
        &mode(RefundMode::Adjust),
        "1001 on 2020-08-27
         Product Mug | 2 x 20.00 | VAT 10 %
         Shipping Shipping | 1 x 5.00 | VAT 10 %
         Refund Refund 7 | 1 x -10.00 | VAT 10 % | Given back on 2020-09-01
         total 38.50 USD with tax 3.50 USD
         txn:501 VISA 38.50 USD on 2020-08-27
         refund:7 1001-R7 None 11.00 USD with tax 1.00 USD on 2020-09-01
           Refund Refund | 1 x 10.00 | VAT 10 %",
    );
}

#[test]
fn an_expense_leaves_invoice_and_payment_as_they_are() {
    let mut order = order();
    order["refunds"] = json!([refund(7, "11.00", "0", value("11.00"))]);
    becomes_under(
        &order,
        &mode(RefundMode::Expense("Returns".to_owned())),
        "1001 on 2020-08-27
         Product Mug | 2 x 20.00 | VAT 10 %
         Shipping Shipping | 1 x 5.00 | VAT 10 %
         total 49.50 USD with tax 4.50 USD
         txn:501 VISA 49.50 USD on 2020-08-27
         refund:7 1001-R7 Expense(\"Returns\") 11.00 USD with tax 1.00 USD on 2020-09-01
           Refund Refund | 1 x 10.00 | VAT 10 %",
    );
}

#[test]
fn everything_given_back_in_two_parts_is_two_credit_notes() {
    let mut order = order();
    order["order"]["status_id"] = json!(4);
    let mut rest = refund(
        8,
        "27.50",
        "2.50",
        json!([item("PRODUCT", 1, 1), item("SHIPPING", 1, 1)]),
    );
    rest["created"] = json!("2020-10-05T12:00:00+00:00");
    let first = refund(7, "22.00", "2.00", json!([item("PRODUCT", 1, 1)]));
    order["refunds"] = json!([rest, first]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 2 x 20.00 | VAT 10 %
         Shipping Shipping | 1 x 5.00 | VAT 10 %
         total 49.50 USD with tax 4.50 USD
         txn:501 VISA 49.50 USD on 2020-08-27
         refund:7 1001-R7 CreditNote 22.00 USD with tax 2.00 USD on 2020-09-01
           Product Mug | 1 x 20.00 | VAT 10 %
         refund:8 1001-R8 CreditNote 27.50 USD with tax 2.50 USD on 2020-10-05
           Product Mug | 1 x 20.00 | VAT 10 %
           Shipping Shipping | 1 x 5.00 | VAT 10 %",
    );
}

#[test]
fn a_piece_of_a_store_with_tax_in_its_prices_comes_back_at_its_price() {
    let mut order = document();
    let mut mugs = product(1, "Mug", "3", "12.0000", "36.0000");
    mugs["price_ex_tax"] = json!("10.0000");
    mugs["total_ex_tax"] = json!("30.0000");
    mugs["total_tax"] = json!("6.0000");
    order["products"] = json!([mugs]);
    order["taxes"] = json!([tax(1, "item", "VAT", "20.0000", "6.0000")]);
    set_total(&mut order, "30.0000", "6.0000", "36.0000");
    order["order"]["is_tax_inclusive_pricing"] = json!(true);
    order["order"]["status_id"] = json!(14);
    order["refunds"] = json!([refund(7, "12.00", "2.00", json!([item("PRODUCT", 1, 1)]))]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 3 x 10.00 | VAT 20 %
         total 36.00 USD with tax 6.00 USD
         txn:501 VISA 36.00 USD on 2020-08-27
         refund:7 1001-R7 CreditNote 12.00 USD with tax 2.00 USD on 2020-09-01
           Product Mug | 1 x 10.00 | VAT 20 %",
    );
}
