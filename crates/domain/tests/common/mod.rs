//! Orders as BigCommerce writes them, and invoices as a person reads them.
#![allow(dead_code, clippy::unwrap_used)]

use std::fmt::Write as _;

use domain::account::account;
use domain::accounting::Hold;
use domain::books::{DesiredBooks, Disposition};
use domain::mapping::Mapping;
use domain::order::Order;
use domain::policy::Policy;
use domain::validate::read_order;
use serde_json::{Value, json};

/// An order of one 10.00 product without tax, paid by card: the base the tests change.
pub(crate) fn document() -> Value {
    json!({
        "order": {
            "id": 1001, "customer_id": 7, "status_id": 11, "status": "Awaiting Fulfillment",
            "date_created": "Thu, 27 Aug 2020 23:47:22 +0000",
            "date_modified": "Fri, 28 Aug 2020 03:47:22 +0000",
            "default_currency_code": "USD", "currency_code": "CAD",
            "is_deleted": false, "is_tax_inclusive_pricing": false,
            "subtotal_ex_tax": "10.0000", "subtotal_inc_tax": "10.0000", "subtotal_tax": "0.0000",
            "total_ex_tax": "10.0000", "total_inc_tax": "10.0000", "total_tax": "0.0000",
            "discount_amount": "0.0000", "coupon_discount": "0.0000",
            "gift_certificate_amount": "0.0000", "store_credit_amount": "0.0000",
            "payment_method": "Credit Card",
            "billing_address": {
                "first_name": "Ada", "last_name": "Byron", "company": "", "email": "Ada@Example.com",
                "street_1": "1 Mill Lane", "city": "Austin", "state": "Texas", "zip": "78701",
                "country": "United States", "country_iso2": "US", "phone": "555",
                "form_fields": []
            }
        },
        "products": [product(1, "Mug", "1", "10.00", "10.00")],
        "taxes": [], "coupons": null, "fees": [], "refunds": [],
        "transactions": [transaction(501, "purchase", "10.00")],
        "store": {"time_zone": "America/New_York"}
    })
}

/// A product line: unit price and line total, the same with and without tax.
pub(crate) fn product(id: u64, name: &str, quantity: &str, price: &str, total: &str) -> Value {
    json!({
        "id": id, "order_id": 1001, "product_id": id + 100, "name": name, "sku": format!("SKU{id}"),
        "type": "physical", "quantity": quantity,
        "price_ex_tax": price, "price_inc_tax": price, "price_tax": "0.0000",
        "total_ex_tax": total, "total_inc_tax": total, "total_tax": "0.0000",
        "applied_discounts": [], "product_options": []
    })
}

pub(crate) fn transaction(id: u64, event: &str, amount: &str) -> Value {
    json!({
        "id": id, "order_id": "1001", "event": event, "method": "credit_card",
        "amount": amount.parse::<serde_json::Number>().unwrap(), "currency": "USD",
        "gateway": "stripe", "gateway_transaction_id": format!("ch_{id}"), "status": "ok",
        "test": false, "reference_transaction_id": null,
        "date_created": "2020-08-28T02:30:00+00:00", "credit_card": {"card_type": "visa"}
    })
}

pub(crate) fn tax(product_id: u64, item: &str, name: &str, rate: &str, amount: &str) -> Value {
    json!({
        "order_product_id": product_id.to_string(), "line_item_type": item, "name": name,
        "class": "Default", "rate": rate, "priority": 1, "line_amount": amount,
        "order_address_id": 1
    })
}

/// Sets `total_ex_tax`, `total_tax` and `total_inc_tax`.
pub(crate) fn set_total(document: &mut Value, ex_tax: &str, tax: &str, inc_tax: &str) {
    let order = &mut document["order"];
    order["total_ex_tax"] = json!(ex_tax);
    order["total_tax"] = json!(tax);
    order["total_inc_tax"] = json!(inc_tax);
    document["transactions"] = json!([transaction(501, "purchase", inc_tax)]);
}

pub(crate) fn read(document: &Value) -> Order {
    read_order(document).unwrap().order
}

pub(crate) fn books(document: &Value, policy: &Policy) -> Result<DesiredBooks, Vec<Hold>> {
    account(&read(document), false, policy, &Mapping::built_in())
}

pub(crate) fn hold_codes(document: &Value, policy: &Policy) -> Vec<&'static str> {
    books(document, policy)
        .unwrap_err()
        .into_iter()
        .map(|hold| hold.code)
        .collect()
}

/// The invoice as a person reads it: a line per line, the total, a line per payment.
pub(crate) fn shown(document: &Value, policy: &Policy) -> String {
    render(&books(document, policy).unwrap())
}

pub(crate) fn render(books: &DesiredBooks) -> String {
    let mut text = String::new();
    match &books.disposition {
        Disposition::Nothing(reason) => return format!("nothing: {reason}"),
        Disposition::Removed(reason) => return format!("removed: {reason}"),
        Disposition::Draft => text.push_str("draft "),
        Disposition::Undone(reason) => return format!("undone: {reason}"),
        Disposition::PaysInvoice(order_id) => text.push_str(&format!("pays {order_id}: ")),
        Disposition::Sent => {}
    }
    let invoice = &books.invoice;
    let _ = writeln!(text, "{} on {}", invoice.number, invoice.create_date);
    for line in &invoice.lines {
        let _ = write!(
            text,
            "{:?} {} | {} x {}",
            line.kind,
            line.name,
            line.quantity.normalize(),
            line.unit_cost
        );
        for tax in [&line.tax1, &line.tax2].into_iter().flatten() {
            let _ = write!(text, " | {} {} %", tax.name, tax.percent);
        }
        if line.compounded {
            text.push_str(" compounded");
        }
        if !line.description.is_empty() {
            let _ = write!(text, " | {}", line.description);
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "total {} with tax {}",
        invoice.expected_total, invoice.expected_tax
    );
    for payment in &books.payments {
        let _ = writeln!(
            text,
            "{} {} {} on {}",
            payment.key, payment.kind, payment.amount, payment.date
        );
    }
    for refund in &books.refunds {
        let _ = writeln!(
            text,
            "{} {} {:?} {} with tax {} on {}",
            refund.key, refund.number, refund.document, refund.amount, refund.tax, refund.date
        );
        for line in &refund.lines {
            let _ = write!(
                text,
                "  {:?} {} | {} x {}",
                line.kind, line.name, line.quantity, line.unit_cost
            );
            for tax in [&line.tax1, &line.tax2].into_iter().flatten() {
                let _ = write!(text, " | {} {} %", tax.name, tax.percent);
            }
            text.push('\n');
        }
    }
    text
}

/// Goods of 10.00, shipping of 5.00, both with 20 % tax.
pub(crate) fn shipped() -> Value {
    let mut order = document();
    for (key, amount) in [
        ("ex_tax", "5.0000"),
        ("tax", "1.0000"),
        ("inc_tax", "6.0000"),
    ] {
        order["order"][format!("shipping_cost_{key}")] = json!(amount);
    }
    order["taxes"] = json!([
        tax(1, "item", "VAT", "20.0000", "2.0000"),
        tax(0, "shipping", "VAT", "20.0000", "1.0000"),
    ]);
    set_total(&mut order, "15.0000", "3.0000", "18.0000");
    order
}

/// A refund as BigCommerce reports it, wholly paid back through the gateway.
pub(crate) fn refund(id: u64, amount: &str, tax: &str, items: Value) -> Value {
    json!({
        "id": id, "order_id": 1001, "created": "2020-09-02T02:30:00+00:00", "reason": "",
        "total_amount": number(amount), "total_tax": number(tax), "items": items,
        "payments": [{"id": id * 10, "provider_id": "stripe", "amount": number(amount),
            "offline": false, "is_declined": false, "transaction_id": null}]
    })
}

pub(crate) fn number(text: &str) -> serde_json::Number {
    text.parse().unwrap()
}
