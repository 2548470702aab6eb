//! Reading the envelope of a BigCommerce hook into a hint.
//!
//! Only ids are taken: the hook is a hint, and the order is fetched as it is now. Source: the
//! scopes and `data` shapes of BigCommerce's webhook events. Not here: the signature.

use contracts::event::{Entity, Origin};
use contracts::hint::Hint;
use serde_json::Value;

/// The scopes Tillbook registers and follows.
pub const SCOPES: &[&str] = &[
    "store/order/created",
    "store/order/updated",
    "store/order/archived",
    "store/order/statusUpdated",
    "store/order/refund/created",
    "store/order/transaction/created",
    "store/order/transaction/updated",
];

/// What an envelope says.
#[derive(Clone, Debug, PartialEq)]
pub enum Envelope {
    /// Something that may concern the books.
    Hint(Hint),
    /// A scope that does not concern the books.
    Irrelevant,
}

/// The body is no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the body is not JSON")]
    NotJson,
    #[error("the envelope has no {0}")]
    Missing(&'static str),
}

/// Reads a body whose signature was verified.
pub fn read(
    connection: &str,
    body: &[u8],
    webhook_id: &str,
    now_ms: u64,
) -> Result<Envelope, Error> {
    let envelope: Value = serde_json::from_slice(body).map_err(|_| Error::NotJson)?;
    let scope = envelope
        .get("scope")
        .and_then(Value::as_str)
        .ok_or(Error::Missing("scope"))?;
    if !concerns_orders(scope) {
        return Ok(Envelope::Irrelevant);
    }
    let data = envelope.get("data").ok_or(Error::Missing("data"))?;
    let order_id = order_id(scope, data).ok_or(Error::Missing("order id in data"))?;
    Ok(Envelope::Hint(Hint {
        connection: connection.to_owned(),
        entity: Entity::Order.into(),
        entity_id: order_id,
        origin: Origin::Hook.into(),
        scope: scope.to_owned(),
        webhook_id: webhook_id.to_owned(),
        received_at_ms: now_ms,
        vendor_created_at_s: envelope
            .get("created_at")
            .and_then(Value::as_u64)
            .unwrap_or(0),
    }))
}

fn concerns_orders(scope: &str) -> bool {
    let mut parts = scope.split('/').skip(1);
    match parts.next() {
        Some("order") => !matches!(parts.next(), Some("message" | "metafield")),
        // store/channel/{n}/order/...
        Some("channel") => parts.nth(1) == Some("order") && parts.next() != Some("message"),
        _ => false,
    }
}

/// Transactions and channel events carry `order_id`, as text; the others `id`, as a number.
fn order_id(scope: &str, data: &Value) -> Option<String> {
    let by_order_id = scope.contains("/transaction/") || scope.starts_with("store/channel/");
    let value = if by_order_id {
        data.get("order_id")
    } else {
        data.get("id")
    };
    digits(value?)
}

fn digits(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let is_id = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    is_id.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(body: &str) -> Result<Envelope, Error> {
        read("acme", body.as_bytes(), "id", 1)
    }

    #[test]
    fn an_order_hook_names_its_order_by_number() {
        let body = r#"{"producer":"stores/abc","hash":"x","created_at":1786447828,"store_id":"1","scope":"store/order/created","data":{"type":"order","id":250}}"#;
        let Ok(Envelope::Hint(hint)) = read_text(body) else {
            panic!("no hint")
        };
        assert_eq!(
            (hint.entity_id.as_str(), hint.vendor_created_at_s),
            ("250", 1_786_447_828)
        );
    }

    #[test]
    fn a_transaction_hook_names_its_order_as_text() {
        let body = r#"{"scope":"store/order/transaction/created","data":{"type":"transaction","order_id":"100","transaction_id":"8004"}}"#;
        let Ok(Envelope::Hint(hint)) = read_text(body) else {
            panic!("no hint")
        };
        assert_eq!(hint.entity_id, "100");
    }

    #[test]
    fn a_channel_hook_names_its_order() {
        let body = r#"{"scope":"store/channel/3/order/statusUpdated","data":{"order_id":127}}"#;
        let Ok(Envelope::Hint(hint)) = read_text(body) else {
            panic!("no hint")
        };
        assert_eq!(hint.entity_id, "127");
    }

    #[test]
    fn other_scopes_are_irrelevant_and_broken_bodies_are_errors() {
        let other = r#"{"scope":"store/cart/created","data":{"id":"x"}}"#;
        assert_eq!(read_text(other), Ok(Envelope::Irrelevant));
        let message = r#"{"scope":"store/order/message/created","data":{"type":"order","id":1}}"#;
        assert_eq!(read_text(message), Ok(Envelope::Irrelevant));
        assert_eq!(read_text("{"), Err(Error::NotJson));
        assert_eq!(read_text("{}"), Err(Error::Missing("scope")));
        for id in [r#""1.2""#, r#""a b""#, "-5", "null", r#""""#, "1.5"] {
            let body = format!(r#"{{"scope":"store/order/created","data":{{"id":{id}}}}}"#);
            assert!(read_text(&body).is_err(), "{id}");
        }
    }
}
