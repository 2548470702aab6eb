//! The questions people ask, answered from the projection with read-only connections.
//!
//! Each answer is bounded and uses an index. Times are Unix milliseconds, durations microseconds,
//! money whole smallest units. Not here: HTTP.

mod connections;
mod dead_letters;
mod orders;
mod story;
mod summary;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

pub use connections::{ConnectionView, Connections, HeldSince, connections};
pub use dead_letters::{
    CodeCount, DeadLetterFilter, DeadLetterPage, DeadLetterView, KindWord, ReasonView, dead_letter,
    dead_letters, held,
};
pub use orders::{OrderFilter, OrderPage, OrderView, orders};
pub use story::{LedgerWrite, Moment, OrderStory, OutcomeView, StageView, VendorCall, story};
pub use summary::{Gauges, StreamView, Summary, gauges, summary};

use crate::database::{DatabaseError, open_read_only};

/// Questions answered at the same time; more wait.
const READERS_MAX: usize = 8;
/// How long a question waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// The most rows of one page.
pub const PAGE_MAX: u32 = 200;
/// The rows of a page when nothing is said.
pub const PAGE_DEFAULT: u32 = 50;

/// An exact amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// Smallest units of the currency: cents for USD, yen for JPY.
    pub amount_minor: i64,
    /// ISO 4217.
    #[schema(example = "USD")]
    pub currency: String,
}

impl Money {
    fn of(amount_minor: Option<i64>, currency: Option<String>) -> Option<Self> {
        Some(Self {
            amount_minor: amount_minor?,
            currency: currency?,
        })
    }
}

/// Opens read-only connections; the file may be replaced between two questions.
#[derive(Clone, Debug)]
pub struct Reading {
    path: Arc<PathBuf>,
    slots: Arc<Semaphore>,
}

impl Reading {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path: Arc::new(path),
            slots: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Takes every slot, as a crowd would.
    #[cfg(test)]
    pub(crate) async fn occupy(&self) -> tokio::sync::SemaphorePermit<'_> {
        let all = u32::try_from(READERS_MAX).unwrap();
        self.slots.acquire_many(all).await.unwrap()
    }

    /// Answers one question from one consistent state of the database.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let ended = |_| DatabaseError::ThreadEnded("reading");
        let slot = tokio::time::timeout(WAIT_MAX, self.slots.clone().acquire_owned()).await;
        let slot = slot.map_err(|_elapsed| DatabaseError::Busy(READERS_MAX))?;
        let slot = slot.map_err(|_| DatabaseError::ThreadEnded("reading"))?;
        let path = Arc::clone(&self.path);
        let answer = tokio::task::spawn_blocking(move || {
            let connection = open_read_only(&path)?;
            let doing = DatabaseError::doing("reading");
            let transaction = connection.unchecked_transaction().map_err(&doing)?;
            let answer = question(&transaction).map_err(doing);
            drop(slot);
            answer
        });
        answer.await.map_err(ended)?
    }
}

/// Collects rows, at most `limit`, and says whether there was one more.
fn page<T>(
    rows: impl Iterator<Item = rusqlite::Result<T>>,
    limit: u32,
) -> rusqlite::Result<(Vec<T>, bool)> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items = rows
        .take(limit.saturating_add(1))
        .collect::<Result<Vec<_>, _>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    Ok((items, more))
}

/// An unsigned number that SQLite keeps as a signed one.
fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// `None` for an absent value that is stored as empty text.
fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<String>> {
    let text: String = row.get(column)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// `None` for an absent number that is stored as zero.
fn nonzero(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<i64>> {
    Ok(Some(row.get(column)?).filter(|number| *number != 0))
}

/// The smallest text that sorts after every text beginning with `prefix`, near enough.
fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}
