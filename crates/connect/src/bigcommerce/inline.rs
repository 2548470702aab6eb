//! What the order's own reply already holds, when asked to include it.
//!
//! `include=consignments,consignments.line_items,fees&consignment_structure=object` saves three
//! calls. The shape is documented thinly, so whatever is not plainly complete counts as absent,
//! and is then fetched on its own. Not here: the fetching.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::json;

/// What to ask for.
pub(super) const INCLUDE_QUERY: [(&str, &str); 2] = [
    ("include", "consignments,consignments.line_items,fees"),
    ("consignment_structure", "object"),
];

/// How long a store that refuses includes is not asked for them again.
const REFUSAL_LASTS: Duration = Duration::from_secs(3600);

/// Without these a line cannot be booked; `/products` always has them.
const LINE_FIELDS: [&str; 13] = [
    "id",
    "product_id",
    "name",
    "sku",
    "type",
    "quantity",
    "price_ex_tax",
    "price_inc_tax",
    "total_ex_tax",
    "total_inc_tax",
    "total_tax",
    "discounted_total_inc_tax",
    "applied_discounts",
];

/// Remembers that a store refuses includes, so that no call is wasted on them.
#[derive(Debug, Default)]
pub(super) struct IncludeMemory {
    refused_until: Mutex<Option<Instant>>,
}

impl IncludeMemory {
    pub(super) fn may_ask(&self) -> bool {
        let until = *self
            .refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| until <= Instant::now())
    }

    pub(super) fn refused(&self) {
        let mut until = self
            .refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + REFUSAL_LASTS);
    }
}

/// The order's lines, if the consignments hold all of them in full.
pub(super) fn products(order: &Value) -> Option<Vec<Value>> {
    let mut lines: Vec<Value> = Vec::new();
    for consignment in consignments(order)? {
        lines.extend(consignment.get("line_items")?.as_array()?.iter().cloned());
    }
    lines.sort_by_key(|line| json::id(&line["id"]));
    lines.dedup_by_key(|line| json::id(&line["id"]));
    let complete = lines
        .iter()
        .all(|line| LINE_FIELDS.iter().all(|name| line.get(name).is_some()));
    let mut quantity = 0_u64;
    for line in &lines {
        quantity = quantity.checked_add(json::id(&line["quantity"])?)?;
    }
    (complete && quantity == json::id(&order["items_total"])?).then_some(lines)
}

/// The shipping addresses in the shape of `/shipping_addresses`, if all are there in full.
pub(super) fn shipping_addresses(order: &Value) -> Option<Vec<Value>> {
    let shipping = order["consignments"]
        .as_object()?
        .get("shipping")?
        .as_array()?;
    let addresses: Vec<Value> = shipping.iter().map(flattened).collect::<Option<_>>()?;
    let expected = json::id(&order["shipping_address_count"])?;
    (u64::try_from(addresses.len()).ok()? == expected).then_some(addresses)
}

/// The fees, if they are there rather than linked: a list, or the documented object with a list.
pub(super) fn fees(order: &Value) -> Option<Vec<Value>> {
    fee_rows(&order["fees"])
}

/// The rows of `[…]` or `{"fees": […]}`; nothing where it is a link or something else.
pub(super) fn fee_rows(fees: &Value) -> Option<Vec<Value>> {
    let rows = fees.as_array().or_else(|| fees["fees"].as_array());
    rows.cloned()
}

/// Every consignment of every kind; `None` when this is a link or something else.
fn consignments(order: &Value) -> Option<Vec<&Value>> {
    let kinds = order["consignments"].as_object()?;
    if kinds.contains_key("url") {
        return None;
    }
    let mut all = Vec::new();
    for kind in ["pickups", "shipping", "downloads"] {
        match kinds.get(kind) {
            Some(Value::Array(rows)) => all.extend(rows),
            Some(Value::Null) | None => {}
            Some(_) => return None,
        }
    }
    // Gift certificates sent by e-mail are lines too. An entry without lines of its own makes
    // the sum of quantities fall short, and the lines are then fetched.
    if let Some(Value::Array(rows)) = kinds
        .get("email")
        .and_then(|email| email.get("gift_certificates"))
    {
        all.extend(rows.iter().filter(|row| row.get("line_items").is_some()));
    }
    Some(all)
}

/// A shipping consignment with its address at the top, as `/shipping_addresses` has it.
fn flattened(consignment: &Value) -> Option<Value> {
    let mut flat = Map::new();
    for (name, value) in consignment.as_object()? {
        match (name.as_str(), value) {
            ("line_items", _) => {}
            ("address" | "shipping_address", Value::Object(address)) => {
                for (name, value) in address {
                    flat.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            _ => {
                flat.insert(name.clone(), value.clone());
            }
        }
    }
    let whole = ["street_1", "city", "country", "first_name", "last_name"];
    whole
        .iter()
        .all(|name| flat.contains_key(*name))
        .then_some(Value::Object(flat))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(id: u64, quantity: u64) -> Value {
        let mut line: Map<String, Value> = LINE_FIELDS
            .iter()
            .map(|name| ((*name).to_owned(), json!("1.0000")))
            .collect();
        line.insert("id".into(), json!(id));
        line.insert("quantity".into(), json!(quantity));
        Value::Object(line)
    }

    fn order(items_total: u64) -> Value {
        json!({
            "items_total": items_total, "shipping_address_count": 1,
            "consignments": {
                "pickups": [], "downloads": [{"line_items": [line(9, 1)]}],
                "shipping": [{"id": 1, "first_name": "A", "last_name": "B", "street_1": "S",
                    "city": "C", "country": "US", "cost_inc_tax": "5.0000",
                    "line_items": [line(7, 2)]}],
                "email": {"gift_certificates": []},
            },
        })
    }

    #[test]
    fn complete_consignments_give_lines_and_addresses() {
        let lines = products(&order(3)).unwrap();
        assert_eq!(
            lines
                .iter()
                .map(|l| json::id(&l["id"]).unwrap())
                .collect::<Vec<_>>(),
            [7, 9]
        );
        let addresses = shipping_addresses(&order(3)).unwrap();
        assert_eq!(addresses[0]["cost_inc_tax"], "5.0000");
        assert!(addresses[0].get("line_items").is_none());
    }

    #[test]
    fn a_nested_address_is_lifted() {
        let mut order = order(3);
        order["consignments"]["shipping"] = json!([{"id": 4, "cost_inc_tax": "5.0000", "address": {
            "id": 99, "first_name": "A", "last_name": "B", "street_1": "S", "city": "C", "country": "US"}}]);
        let addresses = shipping_addresses(&order).unwrap();
        assert_eq!(
            (&addresses[0]["id"], &addresses[0]["city"]),
            (&json!(4), &json!("C"))
        );
    }

    #[test]
    fn fees_are_a_list_or_the_documented_object_with_one() {
        let fee = json!({"id": 1, "cost_exc_tax": "2.0000"});
        for fees_said in [json!([fee]), json!({"fees": [fee]})] {
            assert_eq!(fees(&json!({"fees": fees_said})), Some(vec![fee.clone()]));
        }
        for none in [json!({"fees": []}), json!([])] {
            assert_eq!(fees(&json!({"fees": none})), Some(Vec::new()));
        }
        for other in [json!({}), json!(null), json!(""), json!({"url": "x"})] {
            assert_eq!(fees(&json!({"fees": other})), None, "{other}");
        }
    }

    #[test]
    fn anything_incomplete_counts_as_absent() {
        assert!(products(&order(4)).is_none(), "a quantity is missing");
        let mut thin = order(3);
        thin["consignments"]["downloads"][0]["line_items"][0]
            .as_object_mut()
            .unwrap()
            .remove("total_tax");
        assert!(products(&thin).is_none(), "a field is missing");
        let link = json!({"items_total": 0, "consignments": {"url": "x", "resource": "y"}, "fees": {"url": "z"}});
        assert!(
            products(&link).is_none()
                && shipping_addresses(&link).is_none()
                && fees(&link).is_none()
        );
    }
}
