//! Fields and lists that are empty, absent, too many or of another order.

use domain::policy::Policy;
use domain::validate::read_order;
use serde_json::json;

use crate::common::{books, document, product, set_total, tax};
use crate::{is_fault, only_fault, only_hold, with};

#[test]
fn empty_amounts_are_nothing_and_an_empty_total_is_missing() {
    let mut order = document();
    for key in [
        "subtotal_ex_tax",
        "total_tax",
        "discount_amount",
        "store_credit_amount",
    ] {
        order["order"][key] = json!("");
    }
    assert!(read_order(&order).is_ok());
    order["order"]["total_inc_tax"] = json!(" ");
    is_fault(&order, "missing_total", "order.total_inc_tax");
}

#[test]
fn empty_texts_leave_their_fields_empty_and_a_line_is_still_named() {
    let mut order = document();
    order["products"][0]["name"] = json!("");
    order["products"][0]["sku"] = json!("");
    for key in ["street_1", "city", "state", "zip", "country", "phone"] {
        order["order"]["billing_address"][key] = json!("");
    }
    let books = books(&order, &Policy::default()).unwrap();
    assert_eq!(books.invoice.lines[0].name, "Product");
    assert!(books.invoice.fields.values().all(|value| !value.is_empty()));
}

#[test]
fn each_empty_key_is_a_fault_by_name() {
    for (place, code, path) in [
        ("/order/id", "missing_order_id", "order.id"),
        ("/order/status_id", "unknown_status", "order.status_id"),
        (
            "/order/default_currency_code",
            "unknown_currency",
            "order.default_currency_code",
        ),
        ("/order/date_created", "missing_date", "order.date_created"),
        (
            "/products/0/quantity",
            "missing_quantity",
            "products[0].quantity",
        ),
        (
            "/transactions/0/id",
            "missing_transaction_id",
            "transactions[0].id",
        ),
        (
            "/transactions/0/event",
            "unknown_transaction_event",
            "transactions[0].event",
        ),
        (
            "/transactions/0/date_created",
            "missing_date",
            "transactions[0].date_created",
        ),
    ] {
        is_fault(&with(place, json!("")), code, path);
    }
}

#[test]
fn each_absent_field_that_the_books_need_is_a_fault_by_name() {
    for (parent, key, code) in [
        ("/order", "id", "missing_order_id"),
        ("/order", "status_id", "unknown_status"),
        ("/order", "total_inc_tax", "missing_total"),
        ("/order", "date_created", "missing_date"),
        ("/order", "billing_address", "missing_customer"),
        ("/products/0", "quantity", "missing_quantity"),
        ("/transactions/0", "event", "unknown_transaction_event"),
        ("/transactions/0", "date_created", "missing_date"),
    ] {
        let mut order = document();
        let node = order.pointer_mut(parent).unwrap();
        node.as_object_mut().unwrap().remove(key).unwrap();
        let (found, path) = only_fault(&order);
        assert_eq!(found, code, "{parent}/{key}");
        assert!(path.ends_with(key), "{path}");
    }
}

#[test]
fn absent_lists_are_empty_lists() {
    // Awaiting payment: without transactions a paid status would mean paid outside of the store.
    let mut order = with("/order/status_id", json!(7));
    let root = order.as_object_mut().unwrap();
    for list in ["taxes", "coupons", "fees", "refunds", "transactions"] {
        root.remove(list);
    }
    let books = books(&order, &Policy::default()).unwrap();
    assert_eq!((books.invoice.lines.len(), books.payments.len()), (1, 0));
}

#[test]
fn a_thousand_lines_are_a_thousand_lines_and_add_up() {
    let mut order = document();
    let lines: Vec<_> = (1..=1_000)
        .map(|id| product(id, &format!("Part {id}"), "2", "1.05", "2.10"))
        .collect();
    let rows: Vec<_> = (1..=1_000)
        .map(|id| tax(id, "item", "VAT", "20.0000", "0.4200"))
        .collect();
    order["products"] = json!(lines);
    order["taxes"] = json!(rows);
    set_total(&mut order, "2100.0000", "420.0000", "2520.0000");
    let invoice = books(&order, &Policy::default()).unwrap().invoice;
    assert_eq!(invoice.lines.len(), 1_000);
    assert_eq!(invoice.lines[999].name, "Part 1000");
    assert_eq!(invoice.expected_total.to_string(), "2520.00 USD");
}

#[test]
fn more_rows_than_an_order_may_have_are_held_by_the_bound() {
    let mut order = document();
    let lines: Vec<_> = (1..=10_001)
        .map(|id| product(id, "Part", "1", "0.0000", "0.0000"))
        .collect();
    order["products"] = json!(lines);
    let (code, message) = only_hold(&order);
    assert_eq!(code, "out_of_range");
    assert!(message.contains("10000 lines"), "{message}");
}

#[test]
fn a_transaction_of_another_order_is_a_fault_that_names_both() {
    let order = with("/transactions/0/order_id", json!("1002"));
    is_fault(
        &order,
        "transaction_of_other_order",
        "transactions[0].order_id",
    );
    let fault = &read_order(&order).unwrap_err()[0];
    assert!(
        fault.message.contains("1002") && fault.message.contains("1001"),
        "{fault:?}"
    );
}
