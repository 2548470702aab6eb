//! One run: orders, changes and faults at their moments, then calm, then the verdict.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::MERCHANTS;
use super::house::{Binaries, Stage};
use super::inject::Injector;
use super::report::Result;
use super::rest;
use super::schedule::{Order, Schedule};
use super::verdict::Found;
use crate::shops::compare;
use crate::shops::dump::Books;
use crate::shops::holds::MayBeHeld;
use crate::shops::orders::{self, Kind, Placed};
use crate::shops::proof;

/// Kinds with a date of their own, long ago: a sweep does not look there, a dropped hook of such an
/// order is what a backfill is for. And one whose taxes some seeds hold for their rounding.
const LEFT_OUT: [&str; 5] = [
    "midnight",
    "summer_time",
    "leap_day",
    "new_year",
    "two_and_compound",
];

/// A fault that the product must not survive unnoticed: it shows that the run can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Plant {
    /// The ledger is lost in the middle, and FreshBooks answers that it has no invoice.
    LostLedger,
    /// A person changes an invoice in the middle.
    EditedInvoice,
}

/// What every run needs.
pub(super) struct Means {
    pub(super) binaries: Binaries,
    pub(super) holds: MayBeHeld,
    pub(super) orders: u64,
    pub(super) plant: Option<Plant>,
}

/// What happens at a moment.
enum Event<'a> {
    Place(usize, &'a Order),
    Change(usize),
    Strike(&'a super::schedule::Strike),
    Plant(Plant),
}

struct Run<'a> {
    stage: &'a Stage,
    kinds: Vec<Kind>,
    injector: Injector,
    /// By their place in the schedule.
    placed: BTreeMap<usize, Placed>,
    /// Every total that an order had, by merchant and order id.
    states: BTreeMap<&'static str, BTreeMap<u64, Vec<Decimal>>>,
    changes: usize,
}

/// Runs a schedule in a house of its own; `folder` takes its files.
pub(super) async fn run(
    means: &Means,
    schedule: &Schedule,
    folder: &Path,
) -> anyhow::Result<Result> {
    let began = Instant::now();
    let text = serde_json::to_string_pretty(schedule).context("writing the schedule")?;
    std::fs::write(folder.join("schedule.json"), text).context("writing the schedule")?;
    let stage = Stage::start(folder, &means.binaries, &means.holds).await?;
    let worked = work(means, schedule, &stage, folder).await;
    let Stage { scene, sandbox, .. } = stage;
    scene.house.kill().await;
    sandbox.stop().await;
    let mut result = worked?;
    result.took = began.elapsed();
    Ok(result)
}

async fn work(
    means: &Means,
    schedule: &Schedule,
    stage: &Stage,
    folder: &Path,
) -> anyhow::Result<Result> {
    stage.scene.hooks().await?;
    let mut kinds = orders::kinds(&stage.scene.http, &stage.scene.at).await?;
    // Without kinds that may wait for a person no dead letter is to be explained.
    kinds.retain(|kind| !means.holds.any(&kind.name) && !LEFT_OUT.contains(&kind.name.as_str()));
    let mut run = Run {
        stage,
        kinds,
        injector: Injector::default(),
        placed: BTreeMap::new(),
        states: BTreeMap::new(),
        changes: 0,
    };
    run.play(means, schedule).await?;
    let placed = run.calm().await?;
    let rested = {
        let clock_ahead = schedule
            .strikes
            .iter()
            .any(|strike| strike.name == "clock step");
        rest::until(stage, &placed, clock_ahead).await?
    };
    run.injector.conclude(stage).await?;
    let found = run.judge(&placed, rested, folder).await?;
    Ok(Result {
        seed: schedule.seed,
        orders: placed.len(),
        changes: run.changes,
        struck: run.injector.tally,
        found,
        took: Duration::ZERO,
    })
}

impl Run<'_> {
    /// Everything at its moment; what is late is done at once.
    async fn play(&mut self, means: &Means, schedule: &Schedule) -> anyhow::Result<()> {
        let places = schedule.orders.iter().enumerate();
        let places = places.map(|(place, order)| (order.at_ms, Event::Place(place, order)));
        let changes = schedule.changes.iter();
        let changes = changes.map(|change| (change.at_ms, Event::Change(change.order)));
        let strikes = schedule.strikes.iter();
        let strikes = strikes.map(|strike| (strike.at_ms, Event::Strike(strike)));
        let plants = means.plant.map(|plant| (3_500, Event::Plant(plant)));
        let mut events: Vec<(u64, Event<'_>)> =
            places.chain(changes).chain(strikes).chain(plants).collect();
        events.sort_by_key(|(at_ms, _)| *at_ms);
        let start = Instant::now();
        for (at_ms, event) in events {
            let due = start + Duration::from_millis(at_ms);
            while let Some(wake) = self.injector.next_wake().filter(|wake| *wake < due) {
                tokio::time::sleep_until(wake).await;
                self.injector.wake(self.stage);
            }
            tokio::time::sleep_until(due).await;
            match event {
                Event::Place(place, order) => self.place(place, order).await?,
                Event::Change(order) => self.change(order).await?,
                Event::Strike(strike) => self.injector.strike(self.stage, strike).await?,
                Event::Plant(plant) => self.plant(plant).await?,
            }
        }
        Ok(())
    }

    async fn place(&mut self, place: usize, order: &Order) -> anyhow::Result<()> {
        let fitting = self.kinds.iter();
        let fitting: Vec<&Kind> = fitting
            .filter(|kind| kind.name.starts_with("later_") == order.changes)
            .collect();
        let count = u64::try_from(fitting.len()).unwrap_or(0);
        let turn = order.kind.checked_rem(count).context("no such kinds")?;
        let kind = fitting.get(usize::try_from(turn)?).context("no kind")?;
        let merchant = MERCHANTS.get(order.merchant).context("no such merchant")?;
        let request = json!({ "kind": kind.name, "seed": order.seed, "hooks": "storm",
            "storm_ms": order.storm_ms, "evolve": order.evolves });
        let scene = &self.stage.scene;
        let placed = orders::place(&scene.http, &scene.at, *merchant, &request).await?;
        self.remember(&placed);
        self.placed.insert(place, placed);
        Ok(())
    }

    async fn change(&mut self, place: usize) -> anyhow::Result<()> {
        let Some(order) = self
            .placed
            .get(&place)
            .filter(|order| order.changes_left > 0)
        else {
            return Ok(());
        };
        let scene = &self.stage.scene;
        let changed = orders::change(&scene.http, &scene.at, order).await?;
        self.changes = self.changes.saturating_add(1);
        self.remember(&changed);
        self.placed.insert(place, changed);
        Ok(())
    }

    fn remember(&mut self, order: &Placed) {
        let of_merchant = self.states.entry(order.merchant.name).or_default();
        let totals = of_merchant.entry(order.order_id).or_default();
        totals.push(order.total);
    }

    async fn plant(&self, plant: Plant) -> anyhow::Result<()> {
        let scene = &self.stage.scene;
        for merchant in &MERCHANTS {
            match plant {
                Plant::LostLedger => {
                    let url = merchant.account_url(&scene.at, "");
                    let accepts = json!({ "duplicate_numbers": "accept" });
                    scene
                        .http
                        .patch(url.trim_end_matches('/'), &accepts)
                        .await?;
                    let nothing = json!({ "response": { "result": { "invoices": [], "page": 1,
                        "pages": 0, "per_page": 15, "total": 0 } } });
                    let blind = json!({ "kind": "status", "status": 200, "body": nothing,
                        "account_id": merchant.account_id, "times": 1_000_000,
                        "match": { "method": "GET", "path": "invoices/invoices" } });
                    let url = format!("{}/_sandbox/faults", scene.at.freshbooks);
                    scene.http.post(&url, &blind).await?;
                }
                Plant::EditedInvoice => {
                    let url = merchant.account_url(&scene.at, "books");
                    let books = scene.http.get(&url).await?;
                    let first = books.pointer("/invoices/0/id").and_then(Value::as_u64);
                    let first = first.context("no invoice to change yet")?;
                    let what = format!("invoices/{first}/edit_by_hand");
                    let line = json!({ "name": "By hand", "qty": 1,
                        "unit_cost": { "amount": "7.00", "code": merchant.currency } });
                    let url = merchant.account_url(&scene.at, &what);
                    scene.http.post(&url, &json!({ "lines": [line] })).await?;
                }
            }
        }
        if plant == Plant::LostLedger {
            self.stage.witness(&["lose-ledger"]).await?;
        }
        Ok(())
    }

    /// Ends the faults; then tells what only a late hook tells: old orders, and deletions.
    async fn calm(&mut self) -> anyhow::Result<Vec<Placed>> {
        self.injector.end(self.stage).await?;
        self.injector.tell_late(self.stage).await?;
        let late: Vec<Placed> = self
            .injector
            .late
            .iter()
            .map(|(order, _)| order.clone())
            .collect();
        for order in &late {
            self.remember(order);
        }
        let placed: Vec<Placed> = self.placed.values().cloned().chain(late).collect();
        let scene = &self.stage.scene;
        for merchant in &MERCHANTS {
            let there = orders::all(&scene.http, &scene.at, *merchant).await?;
            let is_gone = |order: &&Placed| {
                order.merchant.name == merchant.name
                    && !there.iter().any(|one| one.order_id == order.order_id)
            };
            for order in placed.iter().filter(is_gone) {
                let id = order.order_id;
                let hook = json!({ "scope": "store/order/updated", "order_id": id,
                    "data": { "type": "order", "id": id } });
                let url = merchant.store_url(&scene.at, "hooks/fire");
                scene.http.post(&url, &hook).await?;
            }
        }
        Ok(placed)
    }

    async fn judge(
        &self,
        placed: &[Placed],
        rested: rest::Rested,
        folder: &Path,
    ) -> anyhow::Result<Found> {
        let scene = &self.stage.scene;
        let mut found = Found::default();
        found.left_over.extend(rested.unrest);
        let compared = compare::once(scene, placed).await?;
        found.compare(&compared.rows, &compared.strays);
        found.leftovers(&self.stage.look(true).await?, &compared.rows);
        for merchant in &MERCHANTS {
            let books = scene
                .http
                .get(&merchant.account_url(&scene.at, "books"))
                .await?;
            let writes = scene
                .http
                .get(&merchant.account_url(&scene.at, "writes"))
                .await?;
            keep(folder, &format!("books-{}.json", merchant.name), &books)?;
            keep(folder, &format!("writes-{}.json", merchant.name), &writes)?;
            Books::parse(&books).context("reading the sandbox's books")?;
            found.twice(merchant.name, &books);
            if let Some(states) = self.states.get(merchant.name) {
                found.order_of_writes(merchant.name, &writes, states);
            }
            let rows = compared.rows.iter();
            let rows: Vec<_> = rows
                .filter(|row| row.placed.merchant.name == merchant.name)
                .collect();
            let proof = proof::run(scene, merchant).await?;
            let faults = proof::faults(&proof, &rows);
            let words = faults
                .into_iter()
                .map(|fault| format!("the proof of {}: {fault}", merchant.name));
            found.wrong.extend(words);
        }
        Ok(found)
    }
}

fn keep(folder: &Path, name: &str, value: &Value) -> anyhow::Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, value.to_string()).with_context(|| format!("writing {}", path.display()))
}
