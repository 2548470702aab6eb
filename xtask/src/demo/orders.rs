//! Which orders the demo places, and what the store says about each.

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context, bail};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::sandbox::{Addresses, Http};
use super::world::{MERCHANTS, Merchant};

/// Order states in which money is taken as received although no transaction tells of it.
const PAID_OFFLINE: [u64; 8] = [2, 3, 4, 8, 9, 10, 11, 14];

/// An order as the store shows it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) merchant: Merchant,
    pub(super) order_id: u64,
    pub(super) kind: String,
    pub(super) currency: String,
    /// Whether an accountant expects an invoice of it.
    pub(super) in_books: bool,
    pub(super) total: Decimal,
    /// What of it has been paid.
    pub(super) paid: Decimal,
    /// What of that has been given back.
    pub(super) refunded: Decimal,
}

#[derive(Deserialize)]
struct Summary {
    order_id: u64,
    kind: String,
    in_books: String,
    status_id: u64,
    total_inc_tax: String,
    currency: String,
    captured: String,
    refunded: String,
    transactions: u64,
}

/// The kinds of orders to choose from.
pub(super) async fn kinds(http: &Http, at: &Addresses) -> anyhow::Result<Vec<String>> {
    let reply = http
        .get(&format!("{}/_sandbox/kinds", at.bigcommerce))
        .await?;
    let kinds: Vec<String> = reply
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|kind| kind.get("kind")?.as_str().map(str::to_owned))
        .filter(|kind| takes_part(kind))
        .collect();
    if kinds.is_empty() {
        bail!("the sandbox names no kinds of orders");
    }
    Ok(kinds)
}

/// The demo makes no later change happen, so kinds that end other than they begin stay out.
fn takes_part(kind: &str) -> bool {
    !kind.starts_with("later_")
}

/// Places the `number`-th order: every kind in turn, the merchants alternating, and in the next
/// round each kind at the other merchant.
pub(super) async fn place(
    http: &Http,
    at: &Addresses,
    kinds: &[String],
    number: usize,
) -> anyhow::Result<Placed> {
    let (kind, merchant) = choice(kinds, number)?;
    let body = json!({ "kind": kind, "seed": number, "hooks": "storm" });
    let url = format!(
        "{}/_sandbox/stores/{}/orders",
        at.bigcommerce, merchant.store_hash
    );
    let reply = http
        .post(&url, &body)
        .await
        .with_context(|| format!("placing an order {kind}"))?;
    read(merchant, reply)
}

fn choice(kinds: &[String], number: usize) -> anyhow::Result<(&str, Merchant)> {
    let turn = number.checked_rem(kinds.len()).context("no kinds")?;
    let round = number.checked_div(kinds.len()).context("no kinds")?;
    let kind = kinds.get(turn).context("no such kind")?;
    let merchant = MERCHANTS
        .get((turn + round) % MERCHANTS.len())
        .context("no merchant")?;
    Ok((kind, *merchant))
}

fn read(merchant: Merchant, reply: Value) -> anyhow::Result<Placed> {
    let summary: Summary = serde_json::from_value(reply).context("reading the placed order")?;
    let amount = |text: &str| {
        Decimal::from_str(text).with_context(|| format!("the store's amount {text:?}"))
    };
    let total = amount(&summary.total_inc_tax)?;
    let in_books = summary.in_books == "invoice";
    let offline = summary.transactions == 0 && PAID_OFFLINE.contains(&summary.status_id);
    let paid = if in_books && offline {
        total
    } else {
        amount(&summary.captured)?
    };
    Ok(Placed {
        merchant,
        order_id: summary.order_id,
        kind: summary.kind,
        currency: summary.currency,
        in_books,
        total,
        paid,
        refunded: amount(&summary.refunded)?,
    })
}

/// How many different kinds were placed.
pub(super) fn variety(orders: &[Placed]) -> usize {
    orders
        .iter()
        .map(|order| order.kind.as_str())
        .collect::<BTreeSet<_>>()
        .len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_meets_both_merchants() {
        let kinds: Vec<String> = (0..4).map(|n| format!("kind{n}")).collect();
        let met: BTreeSet<_> = (0..8)
            .map(|n| choice(&kinds, n).unwrap())
            .map(|(kind, merchant)| (kind.to_owned(), merchant.name))
            .collect();
        assert_eq!(met.len(), 8);
    }

    #[test]
    fn a_paid_order_without_transactions_counts_as_paid_in_full() {
        let mut reply = json!({
            "order_id": 100, "kind": "offline_paid", "in_books": "invoice", "status_id": 11,
            "total_inc_tax": "12.50", "currency": "USD", "captured": "0.0000", "refunded": "0.0000",
            "transactions": 0,
        });
        let paid = |reply: &Value| read(MERCHANTS[0], reply.clone()).unwrap().paid.to_string();
        assert_eq!(paid(&reply), "12.50");
        reply["status_id"] = json!(7);
        assert_eq!(paid(&reply), "0.0000");
    }
}
