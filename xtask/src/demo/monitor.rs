//! What Tillbook's own monitor says about the orders of a store.

use std::collections::HashMap;

use anyhow::Context;
use serde_json::Value;

use super::sandbox::Http;
use super::world::Merchant;

/// The API gives so many orders a page.
const PAGE: usize = 200;
/// More pages than any demo fills; a cursor that goes in circles ends here.
const PAGES_MAX: usize = 100;

/// An order's state in the monitor's words.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Empty when the monitor has not heard of the order yet.
    pub(super) word: String,
    pub(super) detail: String,
}

impl State {
    /// Whether something is still under way without a person.
    pub(super) fn is_unfinished(&self) -> bool {
        matches!(
            self.word.as_str(),
            "" | "received" | "in_progress" | "waiting"
        )
    }

    pub(super) fn words(&self) -> String {
        if self.detail.is_empty() {
            self.word.clone()
        } else {
            format!("{}: {}", self.word, self.detail)
        }
    }
}

/// Every order the monitor knows of one store, by order id.
pub(super) type States = HashMap<u64, State>;

/// Reads them all, page after page. Errors while the monitor is just being started again.
pub(super) async fn read(
    http: &Http,
    console: &str,
    merchant: &Merchant,
) -> anyhow::Result<States> {
    let base = format!(
        "{}/api/v1/orders?connection={}&limit={PAGE}",
        console.trim_end_matches('/'),
        merchant.name
    );
    let mut states = States::new();
    let mut url = base.clone();
    for _ in 0..PAGES_MAX {
        let page = http.get(&url).await?;
        let orders = page.get("orders").and_then(Value::as_array);
        states.extend(
            orders
                .context("the monitor's page has no orders")?
                .iter()
                .filter_map(order),
        );
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(cursor) => url = format!("{base}&cursor={cursor}"),
            None => break,
        }
    }
    Ok(states)
}

fn order(row: &Value) -> Option<(u64, State)> {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let state = State {
        word: text("state")?.to_owned(),
        detail: text("detail").unwrap_or_default().to_owned(),
    };
    Some((text("order_id")?.parse().ok()?, state))
}
