//! Orders at the store's emulator: placing them, changing them, and what the store says of each.
//!
//! Not here: which kinds are placed where (`demo`, `books`).

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::sandbox::{Addresses, Http};
use super::world::Merchant;

/// A kind of orders that the store's emulator knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: String,
    /// Whether an accountant expects an invoice of it in the end.
    pub(crate) in_books: bool,
}

/// An order as the store shows it.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) merchant: Merchant,
    pub(crate) order_id: u64,
    pub(crate) kind: String,
    pub(crate) currency: String,
    /// Whether an accountant expects an invoice of it in the end.
    pub(crate) in_books: bool,
    /// In whole units of the currency, also where the store shows finer ones.
    pub(crate) total: Decimal,
    /// What of it has been paid.
    pub(crate) paid: Decimal,
    /// What of that has been given back.
    pub(crate) refunded: Decimal,
    pub(crate) archived: bool,
    /// How many changes its kind still foresees.
    pub(crate) changes_left: u64,
    /// Just before the store was last asked to make or change it, Unix milliseconds.
    pub(crate) changed_at_ms: i64,
}

#[derive(Deserialize)]
struct Summary {
    order_id: u64,
    kind: String,
    in_books: String,
    is_deleted: bool,
    payable: String,
    currency: String,
    received: String,
    refunded: String,
    later: u64,
}

/// Every kind there is.
pub(crate) async fn kinds(http: &Http, at: &Addresses) -> anyhow::Result<Vec<Kind>> {
    let url = format!("{}/_sandbox/kinds", at.bigcommerce);
    let reply = http.get(&url).await?;
    let kinds: Vec<Kind> = reply
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|kind| {
            Some(Kind {
                name: kind.get("kind")?.as_str()?.to_owned(),
                in_books: kind.get("in_books")?.as_str()? == "invoice",
            })
        })
        .collect();
    ensure!(!kinds.is_empty(), "the sandbox names no kinds of orders");
    Ok(kinds)
}

/// Places one order; `request` is what the control surface takes, `kind` among it.
pub(crate) async fn place(
    http: &Http,
    at: &Addresses,
    merchant: Merchant,
    request: &Value,
) -> anyhow::Result<Placed> {
    let now_ms = Timestamp::now().as_millisecond();
    let reply = http
        .post(&merchant.store_url(at, "orders"), request)
        .await
        .with_context(|| format!("placing an order at {}: {request}", merchant.name))?;
    read(merchant, reply, now_ms)
}

/// Makes the next change that the order's kind foresees happen, with its hooks.
///
/// The vendor tells nobody that an order was deleted, so a late hook of it is fired then.
pub(crate) async fn change(http: &Http, at: &Addresses, order: &Placed) -> anyhow::Result<Placed> {
    let now_ms = Timestamp::now().as_millisecond();
    let (merchant, id) = (order.merchant, order.order_id);
    let what = || format!("changing {} order {id} ({})", merchant.name, order.kind);
    let url = merchant.store_url(at, &format!("orders/{id}/actions"));
    let reply = http.post(&url, &json!({ "action": "later" })).await;
    let reply = reply.with_context(what)?;
    if reply.get("deleted").and_then(Value::as_bool) != Some(true) {
        return read(merchant, reply, now_ms).with_context(what);
    }
    let data = json!({ "type": "order", "id": id });
    let hook = json!({ "scope": "store/order/updated", "order_id": id, "data": data });
    let fired = http
        .post(&merchant.store_url(at, "hooks/fire"), &hook)
        .await;
    fired.with_context(what)?;
    Ok(Placed {
        changes_left: 0,
        changed_at_ms: now_ms,
        ..order.clone()
    })
}

/// Every order that the store has now.
pub(crate) async fn all(
    http: &Http,
    at: &Addresses,
    merchant: Merchant,
) -> anyhow::Result<Vec<Placed>> {
    let now_ms = Timestamp::now().as_millisecond();
    let reply = http.get(&merchant.store_url(at, "orders")).await?;
    let Value::Array(rows) = reply else {
        anyhow::bail!("{} gave no list of its orders", merchant.name);
    };
    let read = |row| read(merchant, row, now_ms);
    rows.into_iter().map(read).collect()
}

fn read(merchant: Merchant, reply: Value, changed_at_ms: i64) -> anyhow::Result<Placed> {
    let summary: Summary = serde_json::from_value(reply).context("reading an order")?;
    let amount = |text: &str| {
        Decimal::from_str(text).with_context(|| format!("the store's amount {text:?}"))
    };
    Ok(Placed {
        merchant,
        order_id: summary.order_id,
        kind: summary.kind,
        currency: summary.currency,
        in_books: summary.in_books == "invoice",
        total: amount(&summary.payable)?,
        paid: amount(&summary.received)?,
        refunded: amount(&summary.refunded)?,
        archived: summary.is_deleted,
        changes_left: summary.later,
        changed_at_ms,
    })
}

/// How many different kinds there are among these.
pub(crate) fn variety<'a>(orders: impl IntoIterator<Item = &'a Placed>) -> usize {
    let kinds = orders.into_iter().map(|order| order.kind.as_str());
    kinds.collect::<BTreeSet<_>>().len()
}
