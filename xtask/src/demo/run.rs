//! The run itself: place orders, watch the books until they are right, print the table.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use super::killer::Killer;
use super::{orders, table};
use crate::shops::dump::Books;
use crate::shops::monitor::{self, State, States};
use crate::shops::orders::{Kind, Placed};
use crate::shops::scene::{LOOK_EVERY, Scene};
use crate::shops::verdict::{self, Outcome, Row, judge};

/// Until every order is where it belongs: some for the start, and some for each order, since an
/// account takes about 250 creating calls a minute.
const BOOKS_LIMIT: Duration = Duration::from_secs(120);
const BOOKS_LIMIT_PER_ORDER: Duration = Duration::from_secs(2);

/// What a run needs to see.
pub(super) struct Run<'a> {
    pub(super) scene: &'a Scene,
    pub(super) killer: Option<Killer>,
}

impl Run<'_> {
    /// Places `count` orders, in the order of their numbers from `first`.
    pub(super) async fn place(
        &self,
        kinds: &[Kind],
        first: usize,
        count: usize,
    ) -> anyhow::Result<Vec<Placed>> {
        let mut placed = Vec::with_capacity(count);
        for number in first..first.saturating_add(count) {
            placed.push(orders::place(&self.scene.http, &self.scene.at, kinds, number).await?);
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
                killer.strike(&self.scene.house, right, rows.len())?;
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
        let Scene {
            http, at, console, ..
        } = self.scene;
        let mut known = HashMap::new();
        for merchant in self.scene.merchants {
            let states = monitor::read(http, console, merchant).await;
            // A monitor that is just being started again knows nothing: all is under way then.
            let states = states.unwrap_or_else(|error| {
                eprintln!("the monitor does not answer: {error:#}");
                States::default()
            });
            // The books are read after the states, so that what is finished is in them.
            let books = Books::read(http, at, merchant).await?;
            known.insert(merchant.name, (books, states));
        }
        let judged = |order: &Placed| {
            let (books, states) = known.get(order.merchant.name).context("no such store")?;
            let state = states.get(&order.order_id).cloned().unwrap_or_default();
            Ok(judge(order, books, &state, &self.scene.holds))
        };
        placed.iter().map(judged).collect()
    }

    /// No hook on its way, no order under way.
    async fn quiet(&self) -> anyhow::Result<bool> {
        if self.scene.hooks_pending().await? > 0 {
            return Ok(false);
        }
        for merchant in self.scene.merchants {
            let states = monitor::read(&self.scene.http, &self.scene.console, merchant).await;
            if states.map_or(true, |states| states.values().any(State::is_unfinished)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Invoices that belong to no order of ours.
    pub(super) async fn strays(&self, rows: &[Row]) -> anyhow::Result<Vec<String>> {
        let mut strays = Vec::new();
        for merchant in self.scene.merchants {
            let books = Books::read(&self.scene.http, &self.scene.at, merchant).await?;
            strays.extend(verdict::stray(merchant, &books, rows));
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
        count(|outcome| { matches!(outcome, Outcome::InBooks | Outcome::InBooksAndHeld(_)) }),
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
