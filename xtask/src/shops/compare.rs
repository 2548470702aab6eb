//! The sandbox's own dump of the books against the store's own list, order by order.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::shops::dump::Books;
use crate::shops::monitor;
use crate::shops::orders::{self, Placed};
use crate::shops::scene::Scene;
use crate::shops::verdict::{self, Row, judge};

/// An order at rest may still be told of by a hook that changes nothing: what is wrong for longer
/// than this is wrong.
const LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) rows: Vec<Row>,
    /// What is there besides the orders that were placed, in words.
    pub(crate) strays: Vec<String>,
}

impl Compared {
    pub(crate) fn is_right(&self) -> bool {
        self.strays.is_empty() && self.rows.iter().all(|row| row.outcome.is_right())
    }
}

/// Compares until all is right, at most for a minute; then as it is.
pub(crate) async fn until_right(scene: &Scene, placed: &[Placed]) -> anyhow::Result<Compared> {
    let end = Instant::now() + LIMIT;
    loop {
        let compared = once(scene, placed).await?;
        if compared.is_right() || Instant::now() > end {
            return Ok(compared);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Compares as all is now.
pub(crate) async fn once(scene: &Scene, placed: &[Placed]) -> anyhow::Result<Compared> {
    let mut compared = Compared::default();
    for merchant in scene.merchants {
        let states = monitor::read(&scene.http, &scene.console, merchant).await?;
        let books = Books::read(&scene.http, &scene.at, merchant).await?;
        let stored = orders::all(&scene.http, &scene.at, *merchant).await?;
        let mut stored: HashMap<u64, Placed> = stored
            .into_iter()
            .map(|order| (order.order_id, order))
            .collect();
        let of_merchant = |order: &&Placed| order.merchant.name == merchant.name;
        for order in placed.iter().filter(of_merchant) {
            let state = states.get(&order.order_id).cloned().unwrap_or_default();
            // One that the store has deleted is judged as it was placed: not to be in the books.
            let now = stored.remove(&order.order_id);
            let now = now.as_ref().unwrap_or(order);
            compared.rows.push(judge(now, &books, &state, &scene.holds));
        }
        let rows = &compared.rows;
        let stray = verdict::stray(merchant, &books, rows);
        compared.strays.extend(stray);
        if !stored.is_empty() {
            let count = stored.len();
            let words = format!("{} has {count} orders that nobody placed", merchant.name);
            compared.strays.push(words);
        }
    }
    Ok(compared)
}
