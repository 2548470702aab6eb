//! Transactions and refunds as V3 shows them: amounts are JSON numbers.

use serde_json::{Value, json};

use super::model::{Order, Refund, Transaction};
use crate::bigcommerce::dates::iso_utc;
use crate::bigcommerce::money::number;

/// `data` of `/v3/orders/{id}/transactions`, oldest first.
pub(crate) fn transactions(order: &Order) -> Vec<Value> {
    let raw = order.raw.as_ref();
    raw.and_then(|raw| raw.rows.get("transactions").cloned())
        .unwrap_or_else(|| {
            let rows = order.transactions.iter();
            rows.map(|t| transaction(order, t)).collect()
        })
}

fn transaction(order: &Order, t: &Transaction) -> Value {
    let letters = order.spec.letters;
    let card = json!({
        "card_type": "visa",
        "card_iin": "411111",
        "card_last4": "1111",
        "card_expiry_month": 12,
        "card_expiry_year": 2030,
        "avs_result": {},
        "cvv_result": {},
    });
    let tender = |method: &str, body: Value| {
        if t.method == method {
            body
        } else {
            Value::Null
        }
    };
    let mut row = json!({
        "id": t.id,
        "order_id": order.id.to_string(),
        "event": letters.spell(&t.event),
        "method": t.method,
        "amount": number(t.amount),
        "currency": order.spec.currency,
        "gateway": t.gateway,
        "gateway_transaction_id": t.gateway_transaction_id,
        "payment_method_id": format!("{}.{}", t.gateway, t.method),
        "status": letters.spell(t.status.unwrap_or(if t.ok { "ok" } else { "error" })),
        "test": t.test,
        "fraud_review": false,
        "reference_transaction_id": t.reference,
        "date_created": if t.undated { String::new() } else { iso_utc(t.at) },
        "avs_result": null,
        "cvv_result": null,
        "credit_card": tender("credit_card", card),
        "gift_certificate": tender("gift_certificate", json!({
            "code": format!("GC-{}", order.id),
            "original_balance": number(t.amount),
            "starting_balance": number(t.amount),
            "remaining_balance": 0,
            "status": "active",
        })),
        "store_credit": tender("store_credit", json!({"remaining_balance": 0})),
        "offline": tender("offline", json!({"display_name": order.spec.payment_method})),
        "custom": tender("custom", json!({"payment_method": order.spec.payment_method})),
        "payment_instrument_token": null,
    });
    order.spec.dress.transaction(&mut row);
    row
}

/// `data` of `/v3/orders/{id}/payment_actions/refunds`.
pub(crate) fn refunds(order: &Order) -> Vec<Value> {
    let raw = order.raw.as_ref();
    raw.and_then(|raw| raw.rows.get("refunds").cloned())
        .unwrap_or_else(|| order.refunds.iter().map(|r| refund(order, r)).collect())
}

fn refund(order: &Order, refund: &Refund) -> Value {
    let items: Vec<Value> = refund
        .items
        .iter()
        .map(|item| {
            json!({
                "item_type": item.item_type,
                "item_id": item.item_id,
                "quantity": item.quantity,
                "requested_amount": item.requested_amount.map(number),
                "reason": refund.reason,
                "adjustments": [],
            })
        })
        .collect();
    let payments: Vec<Value> = refund
        .payments
        .iter()
        .map(|payment| {
            json!({
                "id": payment.id,
                "provider_id": payment.provider_id,
                "amount": number(payment.amount),
                "offline": payment.offline,
                "is_declined": payment.declined,
                "declined_message": if payment.declined { "Declined by the gateway." } else { "" },
                "transaction_id": payment.transaction_id.map(|id| id.to_string()),
            })
        })
        .collect();
    let mut row = json!({
        "id": refund.id,
        "order_id": order.id,
        "user_id": 1,
        "created": if refund.undated { String::new() } else { iso_utc(refund.at) },
        "reason": refund.reason,
        "total_amount": number(refund.total_amount),
        "total_tax": number(refund.total_tax),
        "uses_merchant_override_values": refund.overridden,
        "items": items,
        "payments": payments,
    });
    order.spec.dress.refund(&mut row);
    row
}
