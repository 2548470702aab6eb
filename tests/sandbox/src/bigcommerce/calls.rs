//! Counts of what the client under test has called: per route and per order.

use std::collections::BTreeMap;

use serde::Serialize;

/// Orders counted one by one; calls for further ones still count in the totals.
const MAX_ORDERS: usize = 1_000_000;
/// Distinct routes counted one by one; a client that invents paths shares the row `other`.
const MAX_ROUTES: usize = 1_000;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Calls {
    pub(crate) total: u64,
    pub(crate) by_route: BTreeMap<String, u64>,
    pub(crate) by_order: BTreeMap<u64, u64>,
    pub(crate) by_status: BTreeMap<u16, u64>,
}

impl Calls {
    /// Counts one request. `path` is the part behind the store hash, such as `/v2/orders/100`.
    pub(crate) fn count(&mut self, method: &str, path: &str, status: u16) {
        self.total += 1;
        *self.by_status.entry(status).or_default() += 1;
        let mut route = format!("{method} {}", pattern(path));
        if !self.by_route.contains_key(&route) && self.by_route.len() >= MAX_ROUTES {
            route = "other".to_owned();
        }
        *self.by_route.entry(route).or_default() += 1;
        if let Some(order_id) = order_id(path)
            && (self.by_order.len() < MAX_ORDERS || self.by_order.contains_key(&order_id))
        {
            *self.by_order.entry(order_id).or_default() += 1;
        }
    }
}

/// The path with every number replaced by `{id}`.
fn pattern(path: &str) -> String {
    path.split('/')
        .map(|part| match part.parse::<u64>() {
            Ok(_) => "{id}",
            Err(_) => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// The order a path speaks of, if it does.
pub(crate) fn order_id(path: &str) -> Option<u64> {
    let mut parts = path.split('/');
    parts.by_ref().find(|part| *part == "orders")?;
    parts.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_route_and_by_order() {
        let mut calls = Calls::default();
        calls.count("GET", "/v2/orders/100/products", 200);
        calls.count("GET", "/v3/orders/100/transactions", 200);
        calls.count("GET", "/v2/orders", 204);
        assert_eq!(calls.by_route["GET /v2/orders/{id}/products"], 1);
        assert_eq!(calls.by_order[&100], 2);
        assert_eq!(calls.total, 3);
    }
}
