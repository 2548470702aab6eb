//! The story of one order: everything that happened to it, sorted into what people look for.

use std::collections::{BTreeMap, BTreeSet};

use contracts::books::OutcomeKind;
use contracts::journal::JournalKind;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::dead_letters::{DeadLetterView, of_order};
use super::orders::{COLUMNS, OrderView, order};
use super::{Money, nonzero, text, unsigned};
use crate::projection::attributes;

/// Entries of one story; of a longer one the newest are told.
const ENTRIES_MAX: u32 = 2_000;
/// Outcomes and dead letters of one story, each.
const ENDS_MAX: u32 = 200;

/// Everything that happened to one order, oldest first in each list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderStory {
    pub order: OrderView,
    /// Every trace this order was in; the newest last.
    pub trace_ids: Vec<String>,
    pub hooks: Vec<Moment>,
    pub snapshots: Vec<Moment>,
    pub stages: Vec<StageView>,
    pub vendor_calls: Vec<VendorCall>,
    pub ledger_writes: Vec<LedgerWrite>,
    pub outcomes: Vec<OutcomeView>,
    pub dead_letters: Vec<DeadLetterView>,
    /// Retries, replays, closings and whatever else was noted.
    pub notes: Vec<Moment>,
    /// Whether older entries were left out because there are more than a story holds.
    pub truncated: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Moment {
    pub at_ms: i64,
    /// In the contract's words, e.g. `hook_received`, `retry_scheduled`.
    pub kind: String,
    pub stage: String,
    pub detail: Option<String>,
    pub event_id: Option<String>,
    pub trace_id: Option<String>,
    pub attempt: u32,
    pub duration_us: u64,
    pub attributes: BTreeMap<String, String>,
}

/// How one event went through one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StageView {
    pub stage: String,
    pub event_id: Option<String>,
    pub trace_id: Option<String>,
    /// When the stage was last heard of.
    pub at_ms: i64,
    pub attempts: u32,
    pub result: StageResult,
    /// How long the stage's own work took in the attempt that passed.
    pub duration_us: u64,
    pub detail: Option<String>,
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageResult {
    Working,
    Passed,
    Waiting,
    Closed,
    DeadLettered,
}

/// One call to a vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VendorCall {
    pub at_ms: i64,
    pub stage: String,
    pub vendor: Option<String>,
    pub method: Option<String>,
    /// The path with its ids left out.
    pub path_template: Option<String>,
    /// The HTTP status; null when no answer came.
    pub status: Option<u16>,
    pub duration_us: u64,
    pub attempt: u32,
    pub detail: Option<String>,
    pub event_id: Option<String>,
    pub trace_id: Option<String>,
}

/// One write to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerWrite {
    pub at_ms: i64,
    pub stage: String,
    pub detail: Option<String>,
    pub attributes: BTreeMap<String, String>,
    pub event_id: Option<String>,
    pub trace_id: Option<String>,
}

/// What delivery did for one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutcomeView {
    pub event_id: String,
    pub at_ms: i64,
    /// written, unchanged, nothing_due, removed, superseded or unspecified.
    pub kind: String,
    pub client_id: Option<i64>,
    pub invoice_id: Option<i64>,
    pub invoice_number: Option<String>,
    pub invoice_total: Option<Money>,
    pub payment_ids: Vec<u64>,
    /// Calls that changed FreshBooks.
    pub writes: u32,
    pub detail: Option<String>,
    pub trace_id: Option<String>,
}

/// The story of an order; `None` when it is unknown.
pub fn story(
    connection: &Connection,
    name: &str,
    order_id: &str,
) -> rusqlite::Result<Option<OrderStory>> {
    let find = format!("SELECT {COLUMNS} FROM orders WHERE connection = ?1 AND order_id = ?2");
    let found = connection
        .prepare_cached(&find)?
        .query_row([name, order_id], order)
        .optional()?;
    let Some(order) = found else { return Ok(None) };
    let (entries, truncated) = entries(connection, name, order_id)?;
    let outcomes = outcomes(connection, name, order_id)?;
    let dead_letters = of_order(connection, name, order_id, ENDS_MAX)?;
    let mut story = OrderStory {
        order,
        trace_ids: trace_ids(&entries),
        hooks: Vec::new(),
        snapshots: Vec::new(),
        stages: stages(&entries),
        vendor_calls: Vec::new(),
        ledger_writes: Vec::new(),
        outcomes,
        dead_letters,
        notes: Vec::new(),
        truncated,
    };
    for (kind, moment) in entries {
        match kind {
            JournalKind::HookReceived => story.hooks.push(moment),
            JournalKind::SnapshotStored => story.snapshots.push(moment),
            JournalKind::VendorCalled => story.vendor_calls.push(moment.into()),
            JournalKind::LedgerWritten => story.ledger_writes.push(moment.into()),
            // Told in full as a stage.
            JournalKind::StagePassed => {}
            _ => story.notes.push(moment),
        }
    }
    Ok(Some(story))
}

type Entry = (JournalKind, Moment);

fn entries(
    connection: &Connection,
    name: &str,
    order_id: &str,
) -> rusqlite::Result<(Vec<Entry>, bool)> {
    let mut query = connection.prepare_cached(
        "SELECT * FROM entries WHERE connection = ?1 AND entity = 'order' AND entity_id = ?2
         ORDER BY at_ms DESC, entry_id DESC LIMIT ?3",
    )?;
    let rows = query.query_map(
        params![name, order_id, ENTRIES_MAX.saturating_add(1)],
        entry,
    )?;
    let (mut entries, truncated) = super::page(rows, ENTRIES_MAX)?;
    entries.reverse();
    Ok((entries, truncated))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let kind =
        JournalKind::try_from(row.get::<_, i32>("kind")?).unwrap_or(JournalKind::Unspecified);
    let word = kind
        .as_str_name()
        .trim_start_matches("JOURNAL_KIND_")
        .to_ascii_lowercase();
    let moment = Moment {
        at_ms: row.get("at_ms")?,
        kind: word,
        stage: row.get("stage")?,
        detail: text(row, "detail")?,
        event_id: text(row, "event_id")?,
        trace_id: text(row, "trace_id")?,
        attempt: row.get("attempt")?,
        duration_us: unsigned(row, "duration_us")?,
        attributes: attributes(&row.get::<_, String>("attributes")?),
    };
    Ok((kind, moment))
}

fn outcomes(
    connection: &Connection,
    name: &str,
    order_id: &str,
) -> rusqlite::Result<Vec<OutcomeView>> {
    let mut query = connection.prepare_cached(
        "SELECT * FROM outcomes WHERE connection = ?1 AND entity = 'order' AND entity_id = ?2
         ORDER BY at_ms DESC, event_id DESC LIMIT ?3",
    )?;
    let rows = query.query_map(params![name, order_id, ENDS_MAX], |row| {
        let kind = OutcomeKind::try_from(row.get::<_, i32>("kind")?);
        let name = kind.unwrap_or(OutcomeKind::Unspecified).as_str_name();
        let payment_ids: String = row.get("payment_ids")?;
        Ok(OutcomeView {
            event_id: row.get("event_id")?,
            at_ms: row.get("at_ms")?,
            kind: name
                .trim_start_matches("OUTCOME_KIND_")
                .to_ascii_lowercase(),
            client_id: nonzero(row, "client_id")?,
            invoice_id: nonzero(row, "invoice_id")?,
            invoice_number: text(row, "invoice_number")?,
            invoice_total: Money::of(row.get("total_minor")?, row.get("currency")?),
            payment_ids: serde_json::from_str(&payment_ids).unwrap_or_default(),
            writes: row.get("writes")?,
            detail: text(row, "detail")?,
            trace_id: text(row, "trace_id")?,
        })
    })?;
    let mut outcomes = rows.collect::<Result<Vec<_>, _>>()?;
    outcomes.reverse();
    Ok(outcomes)
}

fn trace_ids(entries: &[Entry]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let newest_first = entries
        .iter()
        .rev()
        .filter_map(|(_, moment)| moment.trace_id.as_ref());
    let mut ids: Vec<String> = newest_first
        .filter(|id| seen.insert(*id))
        .cloned()
        .collect();
    ids.reverse();
    ids
}

/// Folds each stage's entries of one event into one row, in the time of their first mention.
fn stages(entries: &[Entry]) -> Vec<StageView> {
    let mut views: Vec<StageView> = Vec::new();
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (kind, moment) in entries {
        let is_of_no_stage = matches!(
            kind,
            JournalKind::HookReceived
                | JournalKind::Replayed
                | JournalKind::LetterEdited
                | JournalKind::LetterCleared
                | JournalKind::LetterPurged
        );
        if is_of_no_stage {
            continue;
        }
        // Before an event has its id, its trace tells one pass from another.
        let event = moment
            .event_id
            .as_deref()
            .or(moment.trace_id.as_deref())
            .unwrap_or_default();
        let place = *places.entry((event, &moment.stage)).or_insert(views.len());
        if place == views.len() {
            views.push(StageView {
                stage: moment.stage.clone(),
                event_id: moment.event_id.clone(),
                trace_id: moment.trace_id.clone(),
                at_ms: moment.at_ms,
                attempts: 0,
                result: StageResult::Working,
                duration_us: 0,
                detail: None,
            });
        }
        if let Some(view) = views.get_mut(place) {
            view.hear(*kind, moment);
        }
    }
    views
}

impl StageView {
    fn hear(&mut self, kind: JournalKind, moment: &Moment) {
        self.at_ms = self.at_ms.max(moment.at_ms);
        self.attempts = self.attempts.max(moment.attempt);
        let result = match kind {
            JournalKind::StagePassed => StageResult::Passed,
            JournalKind::RetryScheduled => StageResult::Waiting,
            JournalKind::Closed => StageResult::Closed,
            JournalKind::DeadLettered => StageResult::DeadLettered,
            _ => return,
        };
        self.result = result;
        self.detail.clone_from(&moment.detail);
        if result == StageResult::Passed {
            self.duration_us = moment.duration_us;
        }
    }
}

impl From<Moment> for VendorCall {
    fn from(mut moment: Moment) -> Self {
        let mut take = |key: &str| moment.attributes.remove(key);
        Self {
            vendor: take("vendor"),
            method: take("method"),
            path_template: take("path_template"),
            status: take("status").and_then(|status| status.parse().ok()),
            at_ms: moment.at_ms,
            stage: moment.stage,
            duration_us: moment.duration_us,
            attempt: moment.attempt,
            detail: moment.detail,
            event_id: moment.event_id,
            trace_id: moment.trace_id,
        }
    }
}

impl From<Moment> for LedgerWrite {
    fn from(moment: Moment) -> Self {
        Self {
            at_ms: moment.at_ms,
            stage: moment.stage,
            detail: moment.detail,
            attributes: moment.attributes,
            event_id: moment.event_id,
            trace_id: moment.trace_id,
        }
    }
}
