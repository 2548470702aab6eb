//! What Tillbook's own monitor says about the orders of a store.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context;
use serde_json::Value;

use super::sandbox::Http;
use super::world::Merchant;

/// The API gives so many rows a page.
const PAGE: usize = 200;
/// More pages than any run fills; a cursor that goes in circles ends here.
const PAGES_MAX: usize = 100;

/// An order's state in the monitor's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Empty when the monitor has not heard of the order yet.
    pub(crate) word: String,
    pub(crate) detail: String,
    /// Why it waits for a person; empty unless it does.
    pub(crate) codes: BTreeSet<String>,
    /// When it last heard of the order, Unix milliseconds.
    pub(crate) updated_at_ms: i64,
}

impl State {
    /// Whether something is still under way without a person.
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(
            self.word.as_str(),
            "" | "received" | "in_progress" | "waiting"
        )
    }

    /// Whether it goes on only when a person says so.
    pub(crate) fn awaits_person(&self) -> bool {
        matches!(self.word.as_str(), "held" | "failed")
    }

    pub(crate) fn words(&self) -> String {
        if self.detail.is_empty() {
            self.word.clone()
        } else {
            format!("{}: {}", self.word, self.detail)
        }
    }
}

/// Every order the monitor knows of one store, by order id.
pub(crate) type States = HashMap<u64, State>;

/// Reads them all, page after page. Errors while the monitor is just being started again.
pub(crate) async fn read(
    http: &Http,
    console: &str,
    merchant: &Merchant,
) -> anyhow::Result<States> {
    let name = merchant.name;
    let path = format!("orders?connection={name}&limit={PAGE}");
    let mut states: States = pages(http, console, &path, "orders")
        .await?
        .iter()
        .filter_map(order)
        .collect();
    if states.values().any(State::awaits_person) {
        let path = format!("dead-letters?connection={name}&replayed=false&limit={PAGE}");
        // Newest first: of several letters of an order the last one to come counts.
        for letter in pages(http, console, &path, "dead_letters")
            .await?
            .iter()
            .rev()
        {
            if let Some((order_id, codes)) = reasons(letter)
                && let Some(state) = states.get_mut(&order_id)
                && state.awaits_person()
            {
                state.codes = codes;
            }
        }
    }
    Ok(states)
}

/// How many orders are known in all, and how many of them are under way or not yet read.
pub(crate) async fn under_way(http: &Http, console: &str) -> anyhow::Result<(u64, u64)> {
    let summary = http.get(&url(console, "summary")).await?;
    let orders = summary.get("orders").and_then(Value::as_object);
    let orders = orders.context("the monitor's summary has no orders")?;
    let count = |state: &Value| state.as_u64().unwrap_or(0);
    let unfinished = ["received", "in_progress", "waiting"];
    let unfinished = unfinished.iter().filter_map(|state| orders.get(*state));
    let streams = summary.get("streams").and_then(Value::as_array);
    let lag = |stream: &Value| stream.get("lag_messages").and_then(Value::as_u64);
    let unread = streams.into_iter().flatten().filter_map(lag);
    Ok((
        orders.values().map(count).sum(),
        unfinished.map(count).chain(unread).sum(),
    ))
}

fn url(console: &str, path: &str) -> String {
    format!("{}/api/v1/{path}", console.trim_end_matches('/'))
}

async fn pages(http: &Http, console: &str, path: &str, rows: &str) -> anyhow::Result<Vec<Value>> {
    let base = url(console, path);
    let mut url = base.clone();
    let mut all = Vec::new();
    for _ in 0..PAGES_MAX {
        let mut page = http.get(&url).await?;
        match page.get_mut(rows).map(Value::take) {
            Some(Value::Array(found)) => all.extend(found),
            _ => anyhow::bail!("the monitor's page has no {rows}"),
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(cursor) => url = format!("{base}&cursor={cursor}"),
            None => return Ok(all),
        }
    }
    anyhow::bail!("the monitor has more than {PAGES_MAX} pages of {rows}; run fewer orders")
}

fn order(row: &Value) -> Option<(u64, State)> {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let state = State {
        word: text("state")?.to_owned(),
        detail: text("detail").unwrap_or_default().to_owned(),
        codes: BTreeSet::new(),
        updated_at_ms: row.get("updated_at_ms")?.as_i64()?,
    };
    Some((text("order_id")?.parse().ok()?, state))
}

/// The order of a dead letter and why it waits.
fn reasons(letter: &Value) -> Option<(u64, BTreeSet<String>)> {
    let text = |key: &str| letter.get(key).and_then(Value::as_str);
    if text("entity")? != "order" {
        return None;
    }
    let reasons = letter.get("reasons")?.as_array()?.iter();
    let code = |reason: &Value| reason.get("code")?.as_str().map(str::to_owned);
    Some((
        text("entity_id")?.parse().ok()?,
        reasons.filter_map(code).collect(),
    ))
}
