//! A house to measure: servers, instant vendors, processes, and shoppers whom the books know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use contracts::topology::Stream;
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

use crate::streams::Streams;

/// The kind of order that is measured: two products, paid by card, of one of eight customers.
pub(crate) const KIND: &str = "returning_customer";
/// How many customers the kind has; seeds count through them.
const SHOPPERS: u64 = 8;
/// Orders that are made in one call.
const PLACED_AT_ONCE: u64 = 500;
const LIMIT: Duration = Duration::from_secs(60);

/// A running house with one connection whose vendors know no limits.
pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) streams: Streams,
    connection: Connection,
    names: Vec<String>,
    placed: AtomicU64,
}

impl Scene {
    /// Starts a house with these processes; none starts only servers and vendors.
    pub(crate) async fn start(services: &[&str]) -> anyhow::Result<Self> {
        eprintln!(
            "starting {}",
            if services.is_empty() {
                "the servers".to_owned()
            } else {
                services.join(", ")
            }
        );
        Self::start_with(services, vec![Self::unlimited("acme")]).await
    }

    /// A connection whose vendors know no limits.
    pub(crate) fn unlimited(name: &str) -> Connection {
        Connection {
            store: json!({"quota": null}),
            account: json!({"limits": null}),
            ..Connection::named(name)
        }
    }

    /// The same with other connections; the first one is measured.
    pub(crate) async fn start_with(
        services: &[&str],
        connections: Vec<Connection>,
    ) -> anyhow::Result<Self> {
        let connection = connections.first().context("no connection")?.clone();
        let names: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
        let house = House::start(HouseOptions {
            connections,
            config: "[telemetry]\nlog = \"warn\"\n".to_owned(),
            services: names.clone(),
        })
        .await?;
        let streams = Streams::open(&house.servers.nats_url()).await?;
        Ok(Self {
            house,
            streams,
            connection,
            names,
            placed: AtomicU64::new(0),
        })
    }

    /// The same house seen from another connection.
    pub(crate) fn of(&self, connection: &str) -> anyhow::Result<Account<'_>> {
        let found = self
            .house
            .connections
            .iter()
            .find(|one| one.name == connection);
        let connection = found.with_context(|| format!("no connection {connection}"))?;
        Ok(Account {
            scene: self,
            connection,
        })
    }

    /// What is measured, in words.
    pub(crate) fn what(&self) -> &'static str {
        if self.names.len() == 1 {
            "tillbook all"
        } else {
            "seven processes"
        }
    }

    /// The connection that is measured.
    pub(crate) fn name(&self) -> &str {
        &self.connection.name
    }

    pub(crate) fn is_one_process(&self) -> bool {
        self.names.len() == 1
    }

    /// The ids of the services' processes.
    pub(crate) fn pids(&self) -> anyhow::Result<Vec<u32>> {
        let pid = |name: &String| {
            let process = self
                .house
                .service(name)
                .with_context(|| format!("{name} is gone"))?;
            Ok(process.ready.pid)
        };
        self.names.iter().map(pid).collect()
    }

    /// How many orders were placed so far.
    pub(crate) fn placed(&self) -> u64 {
        self.placed.load(Ordering::Relaxed)
    }

    pub(crate) fn control(&self, what: &str) -> String {
        let (base, store) = (&self.house.vendors.bigcommerce, &self.connection.store_hash);
        format!("{base}/_sandbox/stores/{store}/{what}")
    }

    /// Makes orders of a kind without any hook; their ids.
    pub(crate) async fn place(
        &self,
        kind: &str,
        count: u64,
        seed: u64,
    ) -> anyhow::Result<Vec<u64>> {
        let ids = place(&self.house, &self.connection, kind, count, seed).await?;
        self.placed.fetch_add(count, Ordering::Relaxed);
        Ok(ids)
    }

    /// Makes one order with the storm of hooks a store sends.
    pub(crate) async fn place_with_storm(&self, seed: u64) -> anyhow::Result<u64> {
        let order = json!({"kind": KIND, "seed": seed, "hooks": "storm"});
        let answer = self
            .house
            .vendors
            .place_with(&self.connection.store_hash, &order)
            .await?;
        self.placed.fetch_add(1, Ordering::Relaxed);
        answer
            .get("order_id")
            .and_then(Value::as_u64)
            .context("an order without an id")
    }

    /// Sends the hook `created` of an order now.
    pub(crate) async fn fire(&self, order_id: u64) -> anyhow::Result<()> {
        let hook = json!({"scope": "store/order/created", "order_id": order_id,
            "data": {"type": "order", "id": order_id}});
        self.house
            .http
            .post(&self.control("hooks/fire"), &hook)
            .await
            .map(drop)
    }

    /// Sends hooks of these orders in turn on a fixed beat; what came back of it.
    pub(crate) async fn burst(
        &self,
        scope: &str,
        rate_per_s: u64,
        seconds: u64,
        ids: &[u64],
    ) -> anyhow::Result<Value> {
        let burst =
            json!({"scope": scope, "rate_per_s": rate_per_s, "seconds": seconds, "order_ids": ids});
        self.house
            .http
            .post(&self.control("hooks/burst"), &burst)
            .await
    }

    /// Places one order of every shopper and waits for it, so that all of them are clients.
    pub(crate) async fn know_the_shoppers(&self) -> anyhow::Result<()> {
        let before = self.outcomes().await?;
        for order_id in self.place(KIND, SHOPPERS, 0).await? {
            self.fire(order_id).await?;
        }
        self.outcome_of_all(before.saturating_add(SHOPPERS)).await?;
        self.streams.at_rest().await
    }

    /// How many deliveries have ended so far.
    pub(crate) async fn outcomes(&self) -> anyhow::Result<u64> {
        self.streams.stored(Stream::Outcomes.name()).await
    }

    /// Waits until so many deliveries have ended.
    pub(crate) async fn outcome_of_all(&self, target: u64) -> anyhow::Result<()> {
        self.streams.reach(Stream::Outcomes.name(), target).await
    }

    /// Fails unless the books hold one paid invoice and one payment for every order placed.
    pub(crate) async fn all_paid(&self) -> anyhow::Result<()> {
        let invoices = self.placed();
        let books = self
            .house
            .vendors
            .books(&self.connection.account_id)
            .await?;
        let rows = |kind: &str| {
            books
                .get(kind)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let paid = rows("invoices")
            .iter()
            .filter(|row| row.get("v3_status") == Some(&json!("paid")))
            .count();
        let payments = rows("payments").len();
        ensure!(
            u64::try_from(paid)? == invoices && u64::try_from(payments)? == invoices,
            "{paid} paid invoices and {payments} payments of {invoices} orders"
        );
        Ok(())
    }

    /// How many calls of each sort the account saw.
    pub(crate) async fn account_calls(&self, sort: &str) -> anyhow::Result<u64> {
        let calls = self
            .house
            .vendors
            .freshbooks_calls(&self.connection.account_id)
            .await?;
        let count = calls
            .pointer(&format!("/totals/{sort}"))
            .and_then(Value::as_u64);
        count.with_context(|| format!("no count of {sort}"))
    }

    /// How many calls the store saw for an order.
    pub(crate) async fn store_calls(&self, order_id: u64) -> anyhow::Result<u64> {
        let calls = self
            .house
            .vendors
            .bigcommerce_calls(&self.connection.store_hash)
            .await?;
        let count = calls
            .pointer(&format!("/by_order/{order_id}"))
            .and_then(Value::as_u64);
        count.with_context(|| format!("no calls for order {order_id}"))
    }

    /// Waits until this many hooks were acknowledged in all.
    pub(crate) async fn acknowledged(&self, target: u64) -> anyhow::Result<()> {
        eventually(LIMIT, "the hooks acknowledged", async || {
            let count = self.acknowledged_now().await?;
            ensure!(count >= target, "{count} of {target}");
            Ok(())
        })
        .await
    }

    pub(crate) async fn acknowledged_now(&self) -> anyhow::Result<u64> {
        let deliveries = self
            .house
            .http
            .get(&self.control("deliveries?limit=1"))
            .await?;
        Ok(deliveries
            .pointer("/by_outcome/acknowledged")
            .and_then(Value::as_u64)
            .unwrap_or(0))
    }
}

async fn place(
    house: &House,
    connection: &Connection,
    kind: &str,
    count: u64,
    seed: u64,
) -> anyhow::Result<Vec<u64>> {
    let mut ids = Vec::new();
    let mut left = count;
    while left > 0 {
        let count = left.min(PLACED_AT_ONCE);
        let placed = u64::try_from(ids.len()).unwrap_or(0);
        let order = json!({"kind": kind, "seed": seed.saturating_add(placed), "hooks": "none", "count": count});
        let answer = house
            .vendors
            .place_with(&connection.store_hash, &order)
            .await?;
        let rows = answer
            .as_array()
            .map_or_else(|| vec![answer.clone()], Clone::clone);
        ids.extend(rows.iter().filter_map(|row| row.get("order_id")?.as_u64()));
        left = left.saturating_sub(count);
    }
    ensure!(
        u64::try_from(ids.len())? == count,
        "{} orders instead of {count}",
        ids.len()
    );
    Ok(ids)
}

/// One of several connections of a scene: not the one that is measured.
pub(crate) struct Account<'a> {
    scene: &'a Scene,
    connection: &'a Connection,
}

impl Account<'_> {
    /// Makes orders and sends a hook of each, `per_s` a second.
    pub(crate) async fn order(&self, count: u64, seed: u64, per_s: u64) -> anyhow::Result<()> {
        let house = &self.scene.house;
        let ids = place(house, self.connection, KIND, count, seed).await?;
        let (base, store) = (&house.vendors.bigcommerce, &self.connection.store_hash);
        let url = format!("{base}/_sandbox/stores/{store}/hooks/burst");
        // A call that the house waits for ends before its client gives up.
        for chunk in ids.chunks(usize::try_from(per_s.saturating_mul(10))?) {
            let seconds = u64::try_from(chunk.len())?.div_ceil(per_s);
            let burst = json!({"scope": "store/order/created", "rate_per_s": per_s,
                "seconds": seconds, "order_ids": chunk});
            house.http.post(&url, &burst).await?;
        }
        Ok(())
    }

    /// How often the account was called, by sort.
    pub(crate) async fn calls(&self, sort: &str) -> anyhow::Result<u64> {
        let account = &self.connection.account_id;
        let calls = self.scene.house.vendors.freshbooks_calls(account).await?;
        let count = calls.pointer(&format!("/totals/{sort}"));
        let count = count.and_then(Value::as_u64);
        count.with_context(|| format!("no count of {sort}"))
    }
}
