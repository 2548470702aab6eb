//! Sums, decimals, exponents, quantities, and money above what it is measured by.

use domain::arithmetic::Model;
use domain::books::{HeldFor, LineKind};
use domain::policy::Policy;
use domain::validate::read_order;
use serde_json::{Value, json};

use crate::common::{books, document, number, product, refund, set_total, tax, transaction};
use crate::{is_fault, only_fault, only_hold, with};

/// 4 taxed lines, so that 4 smallest units may be rounding.
fn four_taxed_lines(total_tax: &str, total: &str) -> Value {
    let mut order = document();
    let ids = 1..=4;
    let line = |id| product(id, "Cap", "1", "4.95", "4.95");
    let lines: Vec<_> = ids.clone().map(line).collect();
    let row = |id| tax(id, "item", "GST", "10.0000", "0.4950");
    let rows: Vec<_> = ids.map(row).collect();
    order["products"] = json!(lines);
    order["taxes"] = json!(rows);
    set_total(&mut order, "19.8000", total_tax, total);
    order
}

#[test]
fn sums_off_by_as_much_as_rounding_explains_get_a_named_line() {
    // FreshBooks makes 4 × 0.50 of 4 × 0.495. Each line may hide half a cent of net with its tax,
    // and half a cent of tax: 4 × (0.55 + 0.5) = 4.2 cents.
    for (tax, total, line) in [
        ("1.9800", "21.7800", "-0.02"),
        ("1.9600", "21.7600", "-0.04"),
    ] {
        let invoice = books(&four_taxed_lines(tax, total), &Policy::default());
        let lines = invoice.unwrap().invoice.lines;
        let last = lines.last().unwrap();
        assert_eq!(
            (last.kind, last.name.as_str()),
            (LineKind::Rounding, "Rounding")
        );
        assert_eq!(last.unit_cost.to_string(), line);
        let taxes = format!("in the store: {} USD, in these lines: 2.00 USD", &tax[..4]);
        assert!(last.description.contains(&taxes), "{}", last.description);
    }
}

/// Held for an account that rounds each line, and written for one whose sum is nearer.
fn holds_where_lines_are_rounded(order: &Value) -> Vec<HeldFor> {
    let books = books(order, &Policy::default()).unwrap();
    assert!(books.for_model(Model::PerTax).is_ok());
    let holds = books.for_model(Model::PerLine).unwrap_err();
    holds.into_iter().cloned().collect()
}

#[test]
fn sums_off_by_one_unit_more_are_held_with_both_sums() {
    let order = four_taxed_lines("1.9500", "21.7500");
    let holds = holds_where_lines_are_rounded(&order);
    let codes: Vec<_> = holds.iter().map(|hold| hold.code.as_str()).collect();
    assert_eq!(codes, ["sums_do_not_match", "tax_does_not_match"]);
    for sum in [
        "21.75 USD",
        "1.95 USD",
        "21.80 USD",
        "2.00 USD",
        "at most 4",
    ] {
        let message = &holds[0].message;
        assert!(message.contains(sum), "{sum} is not in: {message}");
    }
}

#[test]
fn tax_off_by_one_unit_more_is_held_although_the_total_is_right() {
    let mut order = four_taxed_lines("1.9500", "21.7800");
    order["order"]["subtotal_ex_tax"] = json!("19.8300");
    let holds = holds_where_lines_are_rounded(&order);
    let [HeldFor { code, message, .. }] = holds.as_slice() else {
        panic!("{holds:?}");
    };
    assert_eq!(code, "tax_does_not_match");
    for part in [
        "1.95 USD",
        "2.00 USD",
        "4 smallest units",
        "tax = \"amount\"",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

/// A store that does not round: what was captured is what the shopper paid.
#[test]
fn a_total_of_more_decimals_is_booked_at_what_was_captured_and_says_so() {
    let mut order = with("/order/total_inc_tax", json!("10.0050"));
    order["products"][0]["total_inc_tax"] = json!("10.0050");
    order["products"][0]["total_ex_tax"] = json!("10.0050");
    order["order"]["total_ex_tax"] = json!("10.0050");
    for (captured, total, way) in [
        (Some("10.00"), "10.00 USD", "what was captured"),
        (Some("10.01"), "10.01 USD", "what was captured"),
        // Only a part was captured, or nothing yet: it says nothing of the total.
        (Some("4.00"), "10.01 USD", "rounded half up"),
        (None, "10.01 USD", "rounded half up"),
    ] {
        let captured = captured.map(|amount| transaction(501, "purchase", amount));
        order["transactions"] = json!(captured.into_iter().collect::<Vec<_>>());
        order["order"]["status_id"] = json!(7);
        let books = books(&order, &Policy::default()).unwrap();
        assert_eq!(books.invoice.expected_total.to_string(), total);
        let told = books
            .notices
            .iter()
            .any(|text| text.contains(way) && text.contains("10.005"));
        assert!(told, "{:?}", books.notices);
    }
}

#[test]
fn a_payment_of_three_decimals_is_held_by_its_transaction() {
    let (code, message) = only_hold(&with("/transactions/0/amount", json!("9.995")));
    assert_eq!(code, "payment_not_bookable");
    assert!(
        message.contains("501") && message.contains("9.995"),
        "{message}"
    );
}

#[test]
fn four_decimals_on_a_line_are_carried_and_no_fault() {
    let order = with("/products/0/price_ex_tax", json!("9.99999999"));
    assert_eq!(
        books(&order, &Policy::default())
            .unwrap()
            .invoice
            .lines
            .len(),
        1
    );
}

#[test]
fn exponents_are_read_as_the_amounts_they_are() {
    let mut order = with("/order/total_inc_tax", json!("1e1"));
    order["products"][0]["total_ex_tax"] = json!("1.0E+1");
    order["transactions"][0]["amount"] = json!("1000e-2");
    let books = books(&order, &Policy::default()).unwrap();
    assert_eq!(books.invoice.expected_total.to_string(), "10.00 USD");
    assert_eq!(books.payments[0].amount.to_string(), "10.00 USD");
}

#[test]
fn exponents_beyond_every_amount_and_words_for_numbers_are_no_amounts() {
    for text in [
        "1e400",
        "9e99",
        "NaN",
        "Infinity",
        "-inf",
        "0x10",
        "1,000.00",
        "$10.00",
        "10.00 USD",
        "１０",
        "1_0",
        "--1",
        "1e",
        "e5",
        ".",
    ] {
        let order = with("/order/total_inc_tax", json!(text));
        let (code, path) = only_fault(&order);
        assert_eq!(
            (code, path.as_str()),
            ("not_an_amount", "order.total_inc_tax"),
            "{text}"
        );
    }
}

#[test]
fn a_quantity_above_a_billion_is_held_and_never_overflows() {
    let order = with("/products/0/quantity", json!("1000000001"));
    let (code, _) = only_hold(&order);
    assert_eq!(code, "out_of_range");
}

#[test]
fn a_refund_above_the_captures_is_held_with_both_sums() {
    let mut order = with("/order/status_id", json!(14));
    let items = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": number("10.01")}]);
    order["refunds"] = json!([refund(7, "10.01", "0", items)]);
    let (code, message) = only_hold(&order);
    assert_eq!(code, "refund_exceeds_captured");
    assert!(
        message.contains("10.01 USD") && message.contains("10.00 USD"),
        "{message}"
    );
}

#[test]
fn captures_above_the_total_are_held_with_both_sums() {
    let mut order = document();
    order["transactions"] = json!([
        transaction(501, "capture", "10.00"),
        transaction(502, "capture", "0.01")
    ]);
    let (code, message) = only_hold(&order);
    assert_eq!(code, "paid_more_than_due");
    assert!(
        message.contains("10.01 USD") && message.contains("10.00 USD"),
        "{message}"
    );
}

#[test]
fn a_capture_in_another_currency_is_a_fault_that_names_both() {
    let order = with("/transactions/0/currency", json!("EUR"));
    is_fault(
        &order,
        "capture_currency_differs",
        "transactions[0].currency",
    );
    let fault = &read_order(&order).unwrap_err()[0];
    assert!(
        fault.message.contains("EUR") && fault.message.contains("USD"),
        "{fault:?}"
    );
}
