//! Reading the envelope of a BigCommerce hook into a hint.
//!
//! Only ids are taken: the hook is a hint, and the order, customer or product is fetched as it is
//! now. Source: the
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
    "store/customer/created",
    "store/customer/updated",
    "store/customer/deleted",
    "store/customer/address/created",
    "store/customer/address/updated",
    "store/customer/address/deleted",
    "store/product/created",
    "store/product/updated",
    "store/product/deleted",
    "store/product/inventory/updated",
    "store/product/inventory/order/updated",
    "store/sku/created",
    "store/sku/updated",
    "store/sku/deleted",
    "store/sku/inventory/updated",
    "store/sku/inventory/order/updated",
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
    let Some(entity) = entity(scope) else {
        return Ok(Envelope::Irrelevant);
    };
    let data = envelope.get("data").ok_or(Error::Missing("data"))?;
    let entity_id = match entity {
        Entity::Customer => customer_id(scope, data).ok_or(Error::Missing("customer id in data")),
        Entity::Product => product_id(scope, data).ok_or(Error::Missing("product id in data")),
        _ => order_id(scope, data).ok_or(Error::Missing("order id in data")),
    }?;
    Ok(Envelope::Hint(Hint {
        connection: connection.to_owned(),
        entity: entity.into(),
        entity_id,
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

/// Whom a scope is about, if that concerns the books.
fn entity(scope: &str) -> Option<Entity> {
    let mut parts = scope.split('/').skip(1);
    match (parts.next()?, parts.next()?) {
        ("order", "message" | "metafield") => None,
        ("order", _) => Some(Entity::Order),
        // store/channel/{n}/order/...
        ("channel", _) => {
            let concerns = parts.next() == Some("order") && parts.next() != Some("message");
            concerns.then_some(Entity::Order)
        }
        ("customer", "created" | "updated" | "deleted" | "address") => Some(Entity::Customer),
        ("product" | "sku", "created" | "updated" | "deleted" | "inventory") => {
            Some(Entity::Product)
        }
        _ => None,
    }
}

/// An address event carries the address's id as `id`, and its customer in `address`.
fn customer_id(scope: &str, data: &Value) -> Option<String> {
    if scope.contains("/address/") {
        return digits(data.get("address")?.get("customer_id")?);
    }
    digits(data.get("id")?)
}

/// A SKU event carries an id of its own, neither the product's nor the variant's.
fn product_id(scope: &str, data: &Value) -> Option<String> {
    let named = |part: &str| digits(data.get(part)?.get("product_id")?);
    if scope.starts_with("store/sku/") {
        return named("sku").or_else(|| named("inventory"));
    }
    named("inventory").or_else(|| digits(data.get("id")?))
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
    fn customers_and_products_are_named_wherever_their_id_stands() {
        let cases = [
            (
                r#""store/customer/updated","data":{"type":"customer","id":9}"#,
                Entity::Customer,
                "9",
            ),
            (
                r#""store/customer/address/created","data":{"type":"customer","id":77,"address":{"customer_id":9}}"#,
                Entity::Customer,
                "9",
            ),
            (
                r#""store/product/deleted","data":{"type":"product","id":5}"#,
                Entity::Product,
                "5",
            ),
            (
                r#""store/product/inventory/updated","data":{"type":"product","id":5,"inventory":{"product_id":5,"method":"absolute","value":3}}"#,
                Entity::Product,
                "5",
            ),
            (
                r#""store/sku/updated","data":{"type":"sku","id":812,"sku":{"product_id":5,"variant_id":31}}"#,
                Entity::Product,
                "5",
            ),
            (
                r#""store/sku/inventory/order/updated","data":{"type":"sku","id":812,"inventory":{"product_id":5,"variant_id":31,"value":2}}"#,
                Entity::Product,
                "5",
            ),
        ];
        for (text, entity, id) in cases {
            let Ok(Envelope::Hint(hint)) = read_text(&format!("{{\"scope\":{text}}}")) else {
                panic!("no hint in {text}")
            };
            assert_eq!((hint.entity(), hint.entity_id.as_str()), (entity, id));
        }
        let sku = r#"{"scope":"store/sku/updated","data":{"type":"sku","id":812}}"#;
        assert!(read_text(sku).is_err(), "the SKU's own id names no product");
        let other = r#"{"scope":"store/customer/metafield/updated","data":{"id":1}}"#;
        assert_eq!(read_text(other), Ok(Envelope::Irrelevant));
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
