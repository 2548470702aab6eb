//! What a backfill will cost, said before it begins.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use connect::bigcommerce::OrderOutline;
use contracts::ledger::OrderEntry;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use store::ledger::ClientKey;

use super::costs::Calls;
use super::sample::{self, Facts};
use super::{items, list};
use crate::{Error, Options, Tools};

/// Orders, calls and time of a backfill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub orders: u64,
    /// Of them, orders whose invoice the ledger knows already.
    pub already_in_books: u64,
    /// Orders read to make this forecast.
    pub sampled: u64,
    pub bigcommerce_reads: u64,
    pub freshbooks_reads: u64,
    pub freshbooks_creates: u64,
    pub freshbooks_updates: u64,
    /// Clients among the creates.
    pub clients: u64,
    /// Items among the creates.
    #[serde(default)]
    pub items: u64,
    /// Orders that will be held, by the reason's code.
    pub held: BTreeMap<String, u64>,
    pub duration_s: u64,
}

/// Of each vendor's window, what a backfill leaves to live work: one part in five.
const SHARE: (u64, u64) = (4, 5);
/// BigCommerce's smallest documented quota, and its window.
const STORE_QUOTA: (u64, u64) = (150, 30_000);
/// FreshBooks' measured limits a minute: creates, and all else.
const CREATES_A_MINUTE: u64 = 250;
const OTHERS_A_MINUTE: u64 = 600;
/// Ledger entries read at the same time.
const LEDGER_AT_ONCE: usize = 32;

impl Forecast {
    /// All calls at FreshBooks.
    pub fn freshbooks_calls(&self) -> u64 {
        self.freshbooks_reads
            .saturating_add(self.freshbooks_creates)
            .saturating_add(self.freshbooks_updates)
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "orders               {}", self.orders)?;
        writeln!(f, "  already in books   {}", self.already_in_books)?;
        writeln!(f, "BigCommerce reads    {}", self.bigcommerce_reads)?;
        writeln!(f, "FreshBooks calls     {}", self.freshbooks_calls())?;
        writeln!(f, "  reads              {}", self.freshbooks_reads)?;
        writeln!(
            f,
            "  creates            {} ({} clients, {} items)",
            self.freshbooks_creates, self.clients, self.items
        )?;
        writeln!(f, "  updates            {}", self.freshbooks_updates)?;
        for (code, count) in &self.held {
            writeln!(f, "will be held         {count} ({code})")?;
        }
        let (minutes, seconds) = (self.duration_s / 60, self.duration_s % 60);
        writeln!(f, "duration             about {minutes} min {seconds} s")?;
        writeln!(f, "from a sample of     {} orders", self.sampled)
    }
}

/// Works the forecast out; reads, and writes nothing.
pub(super) async fn forecast(
    tools: &Tools,
    orders: &[OrderOutline],
    options: Options,
) -> Result<Forecast, Error> {
    if orders.is_empty() {
        return Ok(Forecast::default());
    }
    let entries = entries(tools, orders).await?;
    let known: Vec<bool> = entries
        .iter()
        .map(|entry| entry.invoice.as_ref().is_some_and(|known| !known.removed))
        .collect();
    let stands_for = sample::choose(orders, &known, options.sample);
    let time_zone = list::time_zone(tools).await?;
    // Read once here, so that no sampled order pays for it.
    let settings = tools.store.store_settings().await;
    settings.map_err(Error::vendor("reading the store's settings"))?;
    let mut facts: HashMap<usize, Facts> = HashMap::new();
    for index in &stands_for {
        let (Some(order), Some(entry)) = (orders.get(*index), entries.get(*index)) else {
            continue;
        };
        if !facts.contains_key(index) {
            let read = sample::read(tools, order.id, entry, &time_zone).await?;
            facts.insert(*index, read);
        }
    }
    let mut forecast = Forecast {
        orders: count(orders.len()),
        already_in_books: count(known.iter().filter(|known| **known).count()),
        sampled: count(facts.len()),
        ..Forecast::default()
    };
    let mut calls = Calls::default();
    for one in stands_for.iter().filter_map(|index| facts.get(index)) {
        calls += one.calls;
        if let Some(code) = &one.hold {
            let held = forecast.held.entry(code.clone()).or_default();
            *held = held.saturating_add(1);
        }
    }
    let clients = clients(tools, orders, &stands_for, &facts).await?;
    calls += clients;
    forecast.clients = clients.creates;
    let mut seen = items::Seen::new();
    for sku in facts.values().flat_map(|one| &one.skus) {
        let times = seen.entry(sku.clone()).or_default();
        *times = times.saturating_add(1);
    }
    let around = items::Circumstances {
        is_whole: facts.len() == orders.len(),
        duration_s: duration_ms(tools, &calls).div_ceil(1000),
    };
    let items = items::calls(tools, &seen, around).await?;
    calls += items;
    forecast.items = items.creates;
    forecast.bigcommerce_reads = calls.store_reads;
    forecast.freshbooks_reads = calls.reads;
    forecast.freshbooks_creates = calls.creates;
    forecast.freshbooks_updates = calls.updates;
    forecast.duration_s = duration_ms(tools, &calls).div_ceil(1000);
    Ok(forecast)
}

/// The calls for the clients of all orders: each shopper once.
async fn clients(
    tools: &Tools,
    orders: &[OrderOutline],
    stands_for: &[usize],
    facts: &HashMap<usize, Facts>,
) -> Result<Calls, Error> {
    let mut shoppers = HashSet::new();
    let (mut asked, mut found, mut follow) = (0_u64, 0_u64, Calls::default());
    for (order, index) in orders.iter().zip(stands_for) {
        let Some(one) = facts.get(index).filter(|one| one.needs_client) else {
            continue;
        };
        shoppers.insert(shopper(order));
        if let Some(there) = one.client_found {
            asked = asked.saturating_add(1);
            found = found.saturating_add(u64::from(there));
            follow += one.client_calls;
        }
    }
    let mut new = 0_u64;
    for key in shoppers {
        let is_known = match &key {
            // Without e-mail and customer only the order itself tells who it is.
            ClientKey::Name(_) => false,
            key => {
                tools
                    .ledger
                    .client(&tools.connection, key)
                    .await?
                    .value
                    .client_id
                    != 0
            }
        };
        new = new.saturating_add(u64::from(!is_known));
    }
    let asked = asked.max(1);
    Ok(Calls {
        reads: new.saturating_mul(follow.reads) / asked,
        updates: new.saturating_mul(follow.updates) / asked,
        creates: new.saturating_sub(new.saturating_mul(found) / asked),
        ..Calls::default()
    })
}

/// The widest key of an order's shopper.
fn shopper(order: &OrderOutline) -> ClientKey {
    if !order.email.is_empty() {
        ClientKey::Email(order.email.clone())
    } else if order.customer_id != 0 {
        ClientKey::Customer(order.customer_id)
    } else {
        ClientKey::Name(order.id.to_string())
    }
}

async fn entries(tools: &Tools, orders: &[OrderOutline]) -> Result<Vec<OrderEntry>, Error> {
    let reads = stream::iter(orders).map(|order| async {
        let id = order.id.to_string();
        let entry = tools.ledger.order(&tools.connection, &id).await?;
        Ok(entry.value)
    });
    reads.buffered(LEDGER_AT_ONCE).try_collect().await
}

/// The slowest of the three windows, each used up to its share.
fn duration_ms(tools: &Tools, calls: &Calls) -> u64 {
    let others_quota = tools.account.window_quota().unwrap_or(OTHERS_A_MINUTE);
    // Only the quota of reads has been told so far; creates were measured in this proportion.
    let creates_quota = others_quota.saturating_mul(CREATES_A_MINUTE) / OTHERS_A_MINUTE;
    let store_quota = tools.store.window_quota().unwrap_or(STORE_QUOTA.0);
    let needed = |calls: u64, quota: u64, window_ms: u64| {
        let usable = (quota.saturating_mul(SHARE.0) / SHARE.1).max(1);
        calls.saturating_mul(window_ms) / usable
    };
    needed(calls.store_reads, store_quota, STORE_QUOTA.1)
        .max(needed(calls.creates, creates_quota, 60_000))
        .max(needed(
            calls.reads.saturating_add(calls.updates),
            others_quota,
            60_000,
        ))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
