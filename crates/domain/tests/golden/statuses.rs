//! Whether an order is in the books, and how: cancelled, declined, archived, overridden.

use domain::policy::{Policy, StatusRule};
use serde_json::{Value, json};

use crate::common::{document, number, refund, transaction};
use crate::{becomes, becomes_under};

fn of_status(status: u32) -> Value {
    let mut order = document();
    order["order"]["status_id"] = json!(status);
    order
}

fn ruled(rule: StatusRule) -> Policy {
    Policy {
        status: [(11, rule)].into(),
        ..Policy::default()
    }
}

#[test]
fn cancelled_before_any_money_is_removed() {
    let mut order = of_status(5);
    order["transactions"] = json!([transaction(501, "authorization", "10.00")]);
    becomes(&order, "removed: The order was cancelled and never paid.");
}

#[test]
fn cancelled_after_money_keeps_its_invoice_and_books_the_refund() {
    let mut order = of_status(5);
    let items = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": number("10.00")}]);
    order["refunds"] = json!([refund(7, "10.00", "0", items)]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-08-27
         refund:7 1001-R7 CreditNote 10.00 USD with tax 0.00 USD on 2020-09-01
           Product Mug | 1 x 10.00",
    );
}

#[test]
fn declined_and_never_captured_is_removed() {
    let mut order = of_status(6);
    let mut failed = transaction(501, "purchase", "10.00");
    failed["status"] = json!("error");
    order["transactions"] = json!([failed]);
    becomes(&order, "removed: The order was declined.");
}

#[test]
fn archived_after_payment_the_sale_stands() {
    let mut order = of_status(10);
    order["order"]["is_deleted"] = json!(true);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-08-27",
    );
}

#[test]
fn archived_unpaid_what_stands_stands() {
    let mut order = of_status(7);
    order["order"]["is_deleted"] = json!(true);
    order["transactions"] = json!([]);
    becomes(
        &order,
        "nothing: The order was archived unpaid; what stands in the books, stands.",
    );
}

#[test]
fn incomplete_orders_are_nothing() {
    let mut order = of_status(0);
    order["transactions"] = json!([]);
    becomes(
        &order,
        "nothing: The order is incomplete: the shopper has not placed it.",
    );
}

#[test]
fn awaiting_payment_is_an_open_invoice() {
    let mut order = of_status(7);
    order["transactions"] = json!([transaction(501, "authorization", "10.00")]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD",
    );
}

#[test]
fn an_override_to_draft_leaves_a_draft_with_its_payment() {
    becomes_under(
        &document(),
        &ruled(StatusRule::Draft),
        "draft 1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-08-27",
    );
}

#[test]
fn an_override_to_none_keeps_the_order_out() {
    becomes_under(
        &document(),
        &ruled(StatusRule::None),
        "nothing: The connection's policy keeps orders of this status out of the books.",
    );
}

#[test]
fn an_override_to_sent_wins_over_the_archive() {
    let mut order = document();
    order["order"]["is_deleted"] = json!(true);
    order["transactions"] = json!([transaction(501, "authorization", "10.00")]);
    becomes_under(
        &order,
        &ruled(StatusRule::Sent),
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD",
    );
}
