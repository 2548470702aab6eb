//! A shop with orders of many days and kinds, all in the books.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use e2e::{LIMIT, Placed, QUICK, Shop, Streams};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

/// Days before today that are open when the scene has a closed period.
const OPEN_DAYS: i32 = 5;

pub(crate) struct Scene {
    pub(crate) house: House,
    /// The range to prove: from well before the first order to today.
    pub(crate) days: [String; 2],
    today: Date,
}

impl Scene {
    /// `closed`: the books are closed for days more than five days ago.
    pub(crate) async fn start(closed: bool) -> anyhow::Result<Self> {
        Self::with(closed, "").await
    }

    /// The same, with further lines of the connection's policy.
    pub(crate) async fn with(closed: bool, policy: &str) -> anyhow::Result<Self> {
        let zone = TimeZone::get("America/New_York")?;
        let today = zone.to_datetime(Timestamp::now()).date();
        let mut connection = Connection::named("acme");
        connection.store = json!({"quota": null});
        connection.account = json!({"limits": null});
        if closed {
            let first_open = today.checked_sub(OPEN_DAYS.days())?;
            connection.policy = format!("books_locked_until = \"{first_open}\"\n");
        }
        connection.policy.push_str(policy);
        let house = House::start(HouseOptions {
            connections: vec![connection],
            config: QUICK.to_owned(),
            ..HouseOptions::default()
        })
        .await?;
        let first = today.checked_sub(20.days())?;
        Ok(Self {
            house,
            days: [first.to_string(), today.to_string()],
            today,
        })
    }

    pub(crate) fn shop(&self) -> anyhow::Result<Shop<'_>> {
        Shop::only(&self.house)
    }

    /// A day so long ago, `YYYY-MM-DD`.
    pub(crate) fn day(&self, days_ago: i32) -> anyhow::Result<String> {
        Ok(self.today.checked_sub(days_ago.days())?.to_string())
    }

    /// Places an order at noon of a day so long ago.
    pub(crate) async fn place(
        &self,
        kind: &str,
        seed: u64,
        days_ago: i32,
    ) -> anyhow::Result<Placed> {
        let at = format!("{}T17:00:00Z", self.day(days_ago)?);
        let order = json!({"kind": kind, "seed": seed, "hooks": "single", "created_at": at});
        self.shop()?.place_with(&order).await
    }

    /// So many orders of every kind that the sandbox knows, over the open days.
    pub(crate) async fn place_every_kind(&self, rounds: u64) -> anyhow::Result<usize> {
        let url = format!("{}/_sandbox/kinds", self.house.vendors.bigcommerce);
        let kinds = self.house.http.get(&url).await?;
        let names = kinds.as_array().context("no kinds")?.iter();
        let names: Vec<&str> = names
            .filter_map(|kind| kind.get("kind")?.as_str())
            // Nobody knows whether its transaction is money, and the proof says so; and what looks
            // like the payment of an invoice waits for a person.
            .filter(|kind| *kind != "transaction_of_unknown_status")
            .filter(|kind| !kind.starts_with("b2b_invoice_payment"))
            .collect();
        ensure!(names.len() > 50, "{kinds}");
        let mut placed = 0;
        for round in 1..=rounds {
            for (days_ago, kind) in (1..OPEN_DAYS).cycle().zip(&names) {
                self.place(kind, round, days_ago).await?;
                placed += 1;
            }
        }
        Ok(placed)
    }

    /// So many orders on each of so many days.
    pub(crate) async fn place_days(&self, days: i32, each: u64) -> anyhow::Result<()> {
        for days_ago in 1..=days {
            for seed in 1..=each {
                self.place("paid_card_one_line", seed, days_ago).await?;
            }
        }
        Ok(())
    }

    /// Waits until every hook has arrived and every stage is at rest.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let health = format!("{}/_sandbox/health", self.house.vendors.bigcommerce);
        eventually(LIMIT, "the hooks", async || {
            let health = self.house.http.get(&health).await?;
            ensure!(health.get("pending_hooks") == Some(&json!(0)), "{health}");
            Ok(())
        })
        .await?;
        let streams = Streams::of(&self.house).await?;
        // Hundreds of orders take longer than one wait is good for.
        let mut tries = 0;
        while let Err(error) = streams.at_rest().await {
            tries += 1;
            ensure!(tries < 10, "{error:#}");
        }
        Ok(())
    }

    /// Calls that both vendors' emulators counted.
    pub(crate) async fn counted(&self) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        let connection = self.house.connection()?;
        let store = self.house.vendors.bigcommerce_calls(&connection.store_hash);
        let store = store.await?;
        let total = store.get("total").and_then(Value::as_u64);
        let books = self.shop()?.calls().await?;
        let real = books
            .iter()
            .filter(|(sort, _)| !matches!(sort.as_str(), "token" | "throttled"));
        Ok(BTreeMap::from([
            ("bigcommerce", total.context("no total")?),
            ("freshbooks", real.map(|(_, count)| count).sum()),
        ]))
    }

    /// As a person in FreshBooks' web interface.
    pub(crate) async fn by_hand(&self, what: &str, body: &Value) -> anyhow::Result<()> {
        self.shop()?.control_account(what, body).await
    }

    /// Everything in the books, once.
    pub(crate) async fn books(&self) -> anyhow::Result<Value> {
        self.shop()?.books().await
    }

    /// Makes one order differ, so that there is something to report.
    pub(crate) async fn spoil_one(&self) -> anyhow::Result<()> {
        let books = self.books().await?;
        let first = books.pointer("/invoices/0/id").context("no invoice")?;
        let body = json!({"create_date": self.day(1)?, "lines": [{"name": "By hand", "qty": 1,
            "unit_cost": {"amount": "7.00", "code": "USD"}}]});
        self.by_hand(&format!("invoices/{first}/edit_by_hand"), &body)
            .await
    }
}
