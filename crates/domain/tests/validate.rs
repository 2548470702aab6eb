//! Reading documents: the vendor's spellings, every fault at once, no customer data in messages.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{document, transaction};
use domain::money::Currency;
use domain::validate::{Fault, read_order};
use serde_json::{Value, json};

fn faults(document: &Value) -> Vec<Fault> {
    read_order(document).unwrap_err()
}

fn codes(document: &Value) -> Vec<(&'static str, String)> {
    faults(document)
        .into_iter()
        .map(|fault| (fault.code, fault.path))
        .collect()
}

#[test]
fn the_vendors_spellings_are_read() {
    let text = r#"{
      "order": {"id": "1001", "status_id": "11", "customer_id": 0, "default_currency_code": "usd",
        "date_created": "2020-08-27T23:47:22+00:00", "date_modified": null, "is_deleted": 0,
        "total_inc_tax": 1.05e1, "total_ex_tax": "10.50", "total_tax": "",
        "billing_address": {"company": "ACME", "form_fields": [
          {"name": "a", "value": "x"}, {"name": "b", "value": 4}, {"name": "c", "value": ["p", "q"]}]}},
      "products": [{"id": 1, "name": "Mug", "quantity": 1, "type": "physical",
        "total_inc_tax": "9.000000000", "total_ex_tax": 9, "price_ex_tax": "9", "price_inc_tax": "9"}],
      "fees": [{"id": 1, "name": "f", "cost_exc_tax": "1.5", "cost_inc_tax": "1.5"}],
      "transactions": [{"id": 5, "event": "purchase", "amount": 19.989999999999998, "status": "ok",
        "currency": "USD", "date_created": "2020-08-27T23:47:22Z", "test": "false"}],
      "taxes": null
    }"#;
    let order = read_order(&serde_json::from_str(text).unwrap())
        .unwrap()
        .order;
    assert_eq!(order.currency, Currency::from_code("USD").unwrap());
    assert_eq!(
        (order.id, order.status_id, order.customer_id),
        (1001, 11, None)
    );
    assert_eq!(order.totals.total.inc_tax.to_string(), "10.5");
    assert_eq!(order.products[0].total.inc_tax.normalize().to_string(), "9");
    assert_eq!(order.fees[0].cost.ex_tax.to_string(), "1.5");
    assert_eq!(order.transactions[0].amount.to_string(), "19.99");
    assert_eq!(order.created_at_s, order.modified_at_s);
    let answers: Vec<_> = order
        .billing_address
        .form_fields
        .iter()
        .map(|field| field.value.as_str())
        .collect();
    assert_eq!(answers, ["x", "4", "p, q"]);
    assert_eq!(order.store_time_zone, "UTC");
}

#[test]
fn all_faults_are_reported_at_once() {
    let mut order = document();
    order["order"]["default_currency_code"] = json!("ZZZ");
    order["order"]["total_inc_tax"] = json!("ten");
    order["order"]["billing_address"] = json!({});
    order["products"][0]["order_id"] = json!(9);
    order["transactions"][0]["order_id"] = json!("1002");
    order["refunds"] = json!({"not": "a list"});
    order["store"]["time_zone"] = json!("Mars/Base");
    let found = codes(&order);
    for expected in [
        ("unknown_currency", "order.default_currency_code"),
        ("not_an_amount", "order.total_inc_tax"),
        ("missing_customer", "order.billing_address"),
        ("product_of_other_order", "products[0].order_id"),
        ("transaction_of_other_order", "transactions[0].order_id"),
        ("not_a_list", "refunds"),
        ("unknown_time_zone", "store.time_zone"),
    ] {
        let expected = (expected.0, expected.1.to_owned());
        assert!(found.contains(&expected), "{expected:?} not in {found:?}");
    }
}

#[test]
fn a_capture_in_another_currency_is_a_fault() {
    let mut order = document();
    order["transactions"][0]["currency"] = json!("EUR");
    assert_eq!(codes(&order)[0].0, "capture_currency_differs");
    order["transactions"][0]["event"] = json!("authorization");
    assert!(read_order(&order).is_ok());
}

#[test]
fn incomplete_orders_need_no_customer() {
    let mut order = document();
    order["order"]["billing_address"] = json!(null);
    order["order"]["status_id"] = json!(0);
    assert!(read_order(&order).is_ok());
    order["order"]["status_id"] = json!(1);
    assert_eq!(
        codes(&order),
        [("missing_customer", "order.billing_address".to_owned())]
    );
}

#[test]
fn unknown_events_and_missing_documents_are_faults() {
    let mut order = document();
    order["transactions"] = json!([transaction(1, "teleport", "1.00")]);
    assert_eq!(codes(&order)[0].0, "unknown_transaction_event");
    assert_eq!(codes(&json!([1, 2]))[0].0, "missing_order");
}

#[test]
fn messages_never_repeat_customer_data() {
    let mut order = document();
    let secret = "Zaphod Beeblebrox";
    for key in [
        "id",
        "status_id",
        "total_inc_tax",
        "date_created",
        "is_deleted",
        "customer_id",
    ] {
        order["order"][key] = json!(secret);
    }
    order["order"]["default_currency_code"] = json!(secret);
    order["order"]["billing_address"] = json!({"email": [secret]});
    order["transactions"][0]["event"] = json!(secret);
    for fault in faults(&order) {
        assert!(!fault.message.contains("Zaphod"), "{fault:?}");
    }
}

#[test]
fn very_many_faults_are_bounded_and_say_so() {
    let mut order = document();
    let rows: Vec<_> = (0..5_000)
        .map(|_| json!({"id": 1, "quantity": "x"}))
        .collect();
    order["products"] = Value::Array(rows);
    let faults = faults(&order);
    assert_eq!(faults.len(), 201);
    assert_eq!(faults[200].code, "too_many_faults");
}
