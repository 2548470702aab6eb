//! Orders that only pay another order's invoice: told by the policy's marks, held where they look
//! like one and bear none, and sales otherwise.
#![allow(clippy::unwrap_used)]

mod common;

use common::{books, document, hold_codes, product, transaction};
use domain::books::Disposition;
use domain::policy::Policy;
use serde_json::{Value, json};

/// One digital custom item of 10.00 with this name, paid by card.
fn digital(name: &str) -> Value {
    let mut document = document();
    let mut line = product(1, name, "1", "10.00", "10.00");
    line["type"] = json!("digital");
    line["product_id"] = json!(0);
    line["sku"] = json!("");
    document["products"] = json!([line]);
    document
}

fn policy(marks: &str) -> Policy {
    parsed(marks).unwrap()
}

fn parsed(marks: &str) -> Result<Policy, serde_json::Error> {
    serde_json::from_str(&format!(r#"{{"invoice_payment_orders": {marks}}}"#))
}

#[test]
fn each_mark_makes_a_payment_of_the_named_orders_invoice() {
    let mut document = digital("Invoice payment for order 7901");
    document["order"]["channel_id"] = json!(3);
    document["order"]["external_source"] = json!("B2B");
    document["products"][0]["sku"] = json!("PAY-INV");
    document["products"][0]["product_id"] = json!(77);
    for mark in [
        r#"{"channels": ["3"]}"#,
        r#"{"external_sources": ["b2b"]}"#,
        r#"{"products": ["pay-inv"]}"#,
        r#"{"products": ["id:77"]}"#,
        r#"{"products": ["name:Invoice payment*"]}"#,
        r#"{"products": ["name:invoice payment for order 7901"]}"#,
    ] {
        let books = books(&document, &policy(mark)).unwrap();
        assert_eq!(books.disposition, Disposition::PaysInvoice(7901), "{mark}");
        assert_eq!(books.invoice.number, "7901");
        assert!(books.invoice.lines.is_empty() && books.refunds.is_empty());
        let [payment] = books.payments.as_slice() else {
            panic!("{:?}", books.payments);
        };
        assert_eq!(payment.key, "txn:501");
        assert_eq!(payment.amount.to_string(), "10.00 USD");
        assert!(
            payment.note.contains("invoice-payment:1001"),
            "{}",
            payment.note
        );
        assert!(payment.note.contains("txn:501"), "{}", payment.note);
    }
}

#[test]
fn what_is_given_back_lowers_the_payment_and_makes_no_document() {
    let mut document = digital("Invoice payment for order 7901");
    let item = json!([{"item_type": "ORDER", "item_id": 1001, "requested_amount": 4.00}]);
    document["refunds"] = json!([common::refund(9, "4.00", "0.00", item)]);
    let refunded = transaction(502, "refund", "4.00");
    document["transactions"]
        .as_array_mut()
        .unwrap()
        .push(refunded);
    for refund in ["credit_note", "adjust", "expense:Other"] {
        let mut policy = policy(r#"{"products": ["name:invoice payment*"]}"#);
        policy.refund = serde_json::from_value(json!(refund)).unwrap();
        let books = books(&document, &policy).unwrap();
        let [payment] = books.payments.as_slice() else {
            panic!("{:?}", books.payments);
        };
        assert_eq!(payment.amount.amount_minor, 600, "{refund}");
        let none = domain::books::RefundDocument::None;
        assert!(books.refunds.iter().all(|one| one.document == none));
    }
}

#[test]
fn a_marked_order_that_names_no_order_or_several_or_sells_goods_is_held() {
    let marked = policy(r#"{"products": ["name:invoice payment*"]}"#);
    for (name, code) in [
        ("Invoice payment", "invoice_payment_of_no_order"),
        (
            "Invoice payment of 10.00 on 2026-11-30",
            "invoice_payment_of_no_order",
        ),
        (
            "Invoice payment for order 1001",
            "invoice_payment_of_no_order",
        ),
        (
            "Invoice payment 7901, 7902",
            "invoice_payment_of_several_orders",
        ),
    ] {
        assert_eq!(hold_codes(&digital(name), &marked), [code], "{name}");
    }
    let mut named = digital("Invoice payment");
    named["order"]["external_order_id"] = json!("7901");
    let books = books(&named, &marked).unwrap();
    assert_eq!(books.disposition, Disposition::PaysInvoice(7901));

    let mut mixed = digital("Invoice payment for order 7901");
    let goods = product(2, "Mug", "1", "10.00", "10.00");
    mixed["products"].as_array_mut().unwrap().push(goods);
    common::set_total(&mut mixed, "20.00", "0.00", "20.00");
    assert_eq!(hold_codes(&mixed, &marked), ["invoice_payment_with_goods"]);
}

#[test]
fn an_unmarked_one_that_looks_like_it_is_held_until_the_policy_says_otherwise() {
    let ordinary = policy(r#"{"unmarked": "ordinary"}"#);
    for name in [
        "Invoice payment for order 7901",
        "Invoice Payment",
        "Invoice #7901",
        "Payment of order 7901",
        "INV-7901",
    ] {
        let document = digital(name);
        let codes = hold_codes(&document, &Policy::default());
        assert_eq!(codes, ["looks_like_invoice_payment"], "{name}");
        let books = books(&document, &ordinary).unwrap();
        assert_eq!(books.disposition, Disposition::Sent, "{name}");
    }
}

#[test]
fn one_that_seems_to_pay_several_invoices_is_held_too_and_not_beside_goods() {
    let mut document = digital("Invoice payment for order 7901");
    let mut second = document["products"][0].clone();
    second["id"] = json!(2);
    second["name"] = json!("Invoice payment for order 7902");
    document["products"].as_array_mut().unwrap().push(second);
    common::set_total(&mut document, "20.00", "0.00", "20.00");
    let codes = hold_codes(&document, &Policy::default());
    assert_eq!(codes, ["looks_like_invoice_payment"]);
    document["products"][1]["name"] = json!("Mug");
    assert!(books(&document, &Policy::default()).is_ok());
}

#[test]
fn ordinary_goods_are_sales() {
    for name in [
        "Invoice template",
        "Invoice templates 2026",
        "Course: payment basics 2026",
        "Order book 500",
        "Paying guest, a novel",
        "Gift box 7901",
    ] {
        let books = books(&digital(name), &Policy::default()).unwrap();
        assert_eq!(books.disposition, Disposition::Sent, "{name}");
    }
    // Boxed goods and several pieces are no payment, whatever their name.
    let mut physical = digital("Invoice payment pad 7901");
    physical["products"][0]["type"] = json!("physical");
    assert!(books(&physical, &Policy::default()).is_ok());
}

#[test]
fn marks_that_would_match_everything_or_nothing_are_refused() {
    for products in [
        "\"\"",
        "\"name:*\"",
        "\"name:\"",
        "\"id:0\"",
        "\"id:x\"",
        "\"name:a*b\"",
    ] {
        let refused = parsed(&format!(r#"{{"products": [{products}]}}"#));
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("invoice_payment_orders.products"),
            "{refused}"
        );
    }
    assert!(parsed(r#"{"chanels": []}"#).is_err());
}
