//! What happened, as hooks tell it: the scope and its `data`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::bigcommerce::orders::model::Transaction;

/// One thing that happened. Its hash stays the same over every delivery.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) scope: String,
    pub(crate) data: Value,
    /// 40 hex digits, unique; its derivation is the vendor's secret.
    pub(crate) hash: String,
    pub(crate) created_at_s: i64,
    /// Its place among all that happened in this sandbox; set when it happens.
    pub(crate) place: u64,
    /// For faults and records: the order spoken of, if one is.
    pub(crate) order_id: Option<u64>,
}

impl Event {
    fn new(scope: &str, data: Value, order_id: Option<u64>) -> Self {
        let (a, b) = (uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let mut hash = format!("{a}{b}");
        hash.truncate(40);
        Self {
            scope: scope.to_owned(),
            data,
            hash,
            created_at_s: crate::clock::now().as_second(),
            order_id,
            place: 0,
        }
    }

    /// The compact JSON body, six keys.
    pub(crate) fn body(&self, store_hash: &str, store_id: &str) -> String {
        let envelope = Envelope {
            producer: format!("stores/{store_hash}"),
            hash: &self.hash,
            created_at: self.created_at_s,
            store_id,
            scope: &self.scope,
            data: &self.data,
        };
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    producer: String,
    hash: &'a str,
    created_at: i64,
    store_id: &'a str,
    scope: &'a str,
    data: &'a Value,
}

/// `store/order/{created,updated,archived}`.
pub(crate) fn order(what: &str, id: u64) -> Event {
    let data = json!({"type": "order", "id": id});
    Event::new(&format!("store/order/{what}"), data, Some(id))
}

pub(crate) fn status_updated(id: u64, previous: u64, new: u64) -> Event {
    let status = json!({"previous_status_id": previous, "new_status_id": new});
    let data = json!({"type": "order", "id": id, "status": status});
    Event::new("store/order/statusUpdated", data, Some(id))
}

pub(crate) fn refund_created(id: u64, refund_id: u64) -> Event {
    let data = json!({"type": "order", "id": id, "refund": {"refund_id": refund_id}});
    Event::new("store/order/refund/created", data, Some(id))
}

/// `store/order/transaction/{created,updated}`: all ids are strings.
pub(crate) fn transaction(what: &str, order_id: u64, transaction: &Transaction) -> Event {
    let data = json!({
        "type": "transaction",
        "order_id": order_id.to_string(),
        "transaction_id": transaction.id.to_string(),
        "transaction_status": if transaction.ok { "complete" } else { "failed" },
        "transaction_type": transaction.event,
        "result": {"code": "1000", "message": "Approved", "type": "approved"},
        "platform_transaction_id": transaction.id.to_string(),
        "provider_transaction_id": transaction.gateway_transaction_id,
    });
    let scope = format!("store/order/transaction/{what}");
    Event::new(&scope, data, Some(order_id))
}

/// `store/customer/{created,updated,deleted}`.
pub(crate) fn customer(what: &str, id: u64) -> Event {
    let data = json!({"type": "customer", "id": id});
    Event::new(&format!("store/customer/{what}"), data, None)
}

/// `store/customer/address/…`: the id is the address's.
pub(crate) fn address(what: &str, address_id: u64, customer_id: u64) -> Event {
    let address = json!({"customer_id": customer_id});
    let data = json!({"type": "customer", "id": address_id, "address": address});
    Event::new(&format!("store/customer/address/{what}"), data, None)
}

/// `store/product/{created,updated,deleted}`.
pub(crate) fn product(what: &str, id: u64) -> Event {
    let data = json!({"type": "product", "id": id});
    Event::new(&format!("store/product/{what}"), data, None)
}

/// `store/product/inventory/updated`.
pub(crate) fn inventory(id: u64, value: i64) -> Event {
    let inventory = json!({"product_id": id, "method": "absolute", "value": value});
    let data = json!({"type": "product", "id": id, "inventory": inventory});
    Event::new("store/product/inventory/updated", data, None)
}

/// `store/sku/{created,updated,deleted}`: the id is the SKU's, not the variant's.
pub(crate) fn sku(what: &str, sku_id: u64, product_id: u64, variant_id: u64) -> Event {
    let sku = json!({"product_id": product_id, "variant_id": variant_id});
    let data = json!({"type": "sku", "id": sku_id, "sku": sku});
    Event::new(&format!("store/sku/{what}"), data, None)
}

/// `store/hook/deliveryException`: 90001 will be tried again, 90002 given up, 90003 domain blocked.
pub(crate) fn delivery_exception(hook_id: u64, code: u64, message: &str) -> Event {
    let data = json!({
        "type": "webhook",
        "id": hook_id,
        "error_code": code,
        "message": message,
    });
    Event::new("store/hook/deliveryException", data, None)
}

/// Any scope and data, as a test asks for them.
pub(crate) fn custom(scope: &str, data: Value, order_id: Option<u64>) -> Event {
    Event::new(scope, data, order_id)
}
