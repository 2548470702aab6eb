//! The run itself: place orders, watch the books until they are right, print the table.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::time::Instant;

use super::books::Books;
use super::killer::Killer;
use super::monitor::{self, State, States};
use super::orders::{self, Placed};
use super::sandbox::{Addresses, Http};
use super::table;
use super::verdict::{Outcome, Row, judge};
use super::world::{self, MERCHANTS};
use crate::supervisor::House;

/// Between two looks at the books.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Until both stores know where to send their hooks.
const HOOKS_LIMIT: Duration = Duration::from_secs(60);
/// Until every order is where it belongs: some for the start, and some for each order, since an
/// account takes about 250 creating calls a minute.
const BOOKS_LIMIT: Duration = Duration::from_secs(120);
const BOOKS_LIMIT_PER_ORDER: Duration = Duration::from_secs(2);

/// What a run needs to see.
pub(super) struct Run<'a> {
    pub(super) http: Http,
    pub(super) at: Addresses,
    pub(super) console: String,
    pub(super) house: &'a House,
    pub(super) killer: Option<Killer>,
}

impl Run<'_> {
    /// Waits until the stores send us hooks.
    pub(super) async fn hooks(&self) -> anyhow::Result<()> {
        let end = Instant::now() + HOOKS_LIMIT;
        for merchant in &MERCHANTS {
            while !world::has_hooks(&self.http, &self.at, merchant).await? {
                if Instant::now() > end {
                    bail!(
                        "after {HOOKS_LIMIT:?} no hooks are registered at {}",
                        merchant.name
                    );
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Places `count` orders, in the order of their numbers from `first`.
    pub(super) async fn place(
        &self,
        kinds: &[String],
        first: usize,
        count: usize,
    ) -> anyhow::Result<Vec<Placed>> {
        let mut placed = Vec::with_capacity(count);
        for number in first..first.saturating_add(count) {
            placed.push(orders::place(&self.http, &self.at, kinds, number).await?);
        }
        Ok(placed)
    }

    /// Watches until nothing is under way and all is quiet, or the time is up.
    /// The rows as they are then.
    pub(super) async fn watch(&mut self, placed: &[Placed]) -> anyhow::Result<Vec<Row>> {
        let orders = u32::try_from(placed.len()).context("too many orders")?;
        let limit = BOOKS_LIMIT.saturating_add(BOOKS_LIMIT_PER_ORDER.saturating_mul(orders));
        let end = Instant::now() + limit;
        let mut said = String::new();
        loop {
            let rows = self.rows(placed).await?;
            let right = rows.iter().filter(|row| row.outcome.is_right()).count();
            progress(&rows, &mut said);
            if let Some(killer) = &mut self.killer {
                killer.strike(self.house, right, rows.len())?;
            }
            // Settled is not enough: hooks that still come may change it.
            if is_settled(&rows) && self.quiet().await? {
                let rows = self.rows(placed).await?;
                if is_settled(&rows) {
                    return Ok(rows);
                }
            }
            if Instant::now() > end {
                eprintln!("the books are not right after {limit:?}");
                return Ok(rows);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn rows(&self, placed: &[Placed]) -> anyhow::Result<Vec<Row>> {
        let mut known = HashMap::new();
        for merchant in &MERCHANTS {
            let states = monitor::read(&self.http, &self.console, merchant).await;
            // A monitor that is just being started again knows nothing: all is under way then.
            let states = states.unwrap_or_else(|error| {
                eprintln!("the monitor does not answer: {error:#}");
                States::default()
            });
            // The books are read after the states, so that what is finished is in them.
            let books = Books::read(&self.http, &self.at, merchant).await?;
            known.insert(merchant.name, (books, states));
        }
        let judged = |order: &Placed| {
            let (books, states) = known.get(order.merchant.name).context("no such store")?;
            let state = states.get(&order.order_id).cloned().unwrap_or_default();
            Ok(judge(order, books, &state))
        };
        placed.iter().map(judged).collect()
    }

    /// No hook on its way, no order under way.
    async fn quiet(&self) -> anyhow::Result<bool> {
        let health = self
            .http
            .get(&format!("{}/_sandbox/health", self.at.bigcommerce))
            .await?;
        if health.get("pending_hooks").and_then(Value::as_u64) != Some(0) {
            return Ok(false);
        }
        for merchant in &MERCHANTS {
            let states = monitor::read(&self.http, &self.console, merchant).await;
            if states.map_or(true, |states| states.values().any(State::is_unfinished)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Invoices that belong to no order of ours.
    pub(super) async fn strays(&self, rows: &[Row]) -> anyhow::Result<Vec<String>> {
        let mut strays = Vec::new();
        for merchant in &MERCHANTS {
            let books = Books::read(&self.http, &self.at, merchant).await?;
            let ours = rows
                .iter()
                .filter(|row| row.placed.merchant.name == merchant.name && row.invoice.is_some())
                .count();
            let there = books.invoice_count();
            if there != ours {
                strays.push(format!(
                    "{} has {there} invoices for {ours} orders",
                    merchant.name
                ));
            }
        }
        Ok(strays)
    }
}

/// Whether nothing is under way any more; what is wrong then stays wrong.
fn is_settled(rows: &[Row]) -> bool {
    !rows
        .iter()
        .any(|row| matches!(row.outcome, Outcome::Waiting(_)))
}

/// One line whenever the numbers change.
fn progress(rows: &[Row], said: &mut String) {
    let count =
        |wanted: fn(&Outcome) -> bool| rows.iter().filter(|row| wanted(&row.outcome)).count();
    let line = format!(
        "{} orders: {} in the books, {} rightly not, {} held, {} on their way, {} wrong",
        rows.len(),
        count(|outcome| matches!(outcome, Outcome::InBooks)),
        count(|outcome| matches!(outcome, Outcome::AbsentAsExpected)),
        count(|outcome| matches!(outcome, Outcome::HeldAsExpected(_))),
        count(|outcome| matches!(outcome, Outcome::Waiting(_))),
        count(|outcome| matches!(outcome, Outcome::Wrong(_))),
    );
    if line != *said {
        eprintln!("{line}");
        *said = line;
    }
}

/// Prints the table; says whether all is right.
pub(super) fn report(rows: &[Row], strays: &[String]) -> String {
    let mut text = table::render(rows);
    let wrong: Vec<&Row> = rows.iter().filter(|row| !row.outcome.is_right()).collect();
    if !wrong.is_empty() {
        text.push_str(&format!("\n{} of {} are wrong:\n", wrong.len(), rows.len()));
        for row in wrong {
            let placed = &row.placed;
            text.push_str(&format!(
                "  {} order {} ({}): {}\n",
                placed.merchant.name,
                placed.order_id,
                placed.kind,
                row.outcome.words()
            ));
        }
    }
    for stray in strays {
        text.push_str(&format!("  {stray}\n"));
    }
    text
}
