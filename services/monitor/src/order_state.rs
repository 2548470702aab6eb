//! What state an order is in, worked out from everything the journal says about it.
//!
//! A pure function of a set: the sequence in which entries arrived changes nothing, and services
//! whose clocks differ a little do not confuse it, because within one event the stage counts
//! before the time. Not here: reading or storing (see `projection`).

use std::collections::{BTreeMap, HashMap};

use contracts::books::OutcomeKind;
use contracts::dead_letter::DeadLetterKind;
use contracts::journal::JournalKind;
use contracts::topology::Stage;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an order stands, in plain words.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// A hook said it may have changed; nothing was fetched yet.
    Received,
    /// On its way through the stages.
    InProgress,
    /// Tried again later by itself.
    Waiting,
    /// Waits for a person's decision.
    Held,
    /// Given up; a dead letter says why.
    Failed,
    /// FreshBooks shows it.
    InBooks,
    /// Nothing is due in FreshBooks for it, or what was there has been removed.
    NotInBooks,
    /// Only an outdated state of it was seen here; a newer one is in the books.
    Superseded,
    /// Nothing was left to do, for example because the store no longer has it.
    Closed,
    /// Delivery has ended; what it did is not known here (yet, or any more).
    Delivered,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Received,
        Self::InProgress,
        Self::Waiting,
        Self::Held,
        Self::Failed,
        Self::InBooks,
        Self::NotInBooks,
        Self::Superseded,
        Self::Closed,
        Self::Delivered,
    ];

    /// The word in the API, the database and metric labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::InProgress => "in_progress",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::InBooks => "in_books",
            Self::NotInBooks => "not_in_books",
            Self::Superseded => "superseded",
            Self::Closed => "closed",
            Self::Delivered => "delivered",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether something is still under way without a person.
    pub const fn is_unfinished(self) -> bool {
        matches!(self, Self::Received | Self::InProgress | Self::Waiting)
    }

    /// Whether it says nothing about the books, so that an older event's state stands.
    const fn leaves_what_stands(self) -> bool {
        matches!(self, Self::Superseded | Self::Closed)
    }
}

/// An amount in smallest units of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    pub amount_minor: i64,
    pub currency: String,
}

/// One journal entry, as far as it bears on the state.
#[derive(Clone, Debug, Default)]
pub struct Step {
    pub entry_id: String,
    pub at_ms: i64,
    pub kind: JournalKind,
    pub stage: String,
    pub event_id: String,
    pub trace_id: String,
    pub detail: String,
    pub attributes: BTreeMap<String, String>,
}

/// What delivery said about one event.
#[derive(Clone, Debug)]
pub struct KnownOutcome {
    pub event_id: String,
    pub trace_id: String,
    pub at_ms: i64,
    pub kind: OutcomeKind,
    pub invoice_id: i64,
    pub invoice_number: String,
    pub total: Option<Total>,
    pub detail: String,
}

/// The row of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    pub state: OrderState,
    pub detail: String,
    pub event_id: String,
    pub trace_id: String,
    pub invoice_id: i64,
    pub invoice_number: String,
    pub total: Option<Total>,
    pub updated_at_ms: i64,
    pub open_since_ms: Option<i64>,
}

/// The order's row; `None` when nothing is known of it.
pub fn derive(steps: &[Step], outcomes: &[KnownOutcome]) -> Option<OrderRow> {
    let updated_at_ms = steps
        .iter()
        .map(|s| s.at_ms)
        .chain(outcomes.iter().map(|o| o.at_ms))
        .max()?;
    let chapters = chapters(steps, outcomes);
    let hints = steps.iter().filter(|step| is_hint(step));
    let last_hint_ms = hints.map(|step| step.at_ms).max();
    let mut chosen: Option<Verdict> = None;
    for chapter in &chapters {
        let verdict = chapter.verdict();
        // A hint that was never fetched was taken in by a later one: nothing of its own follows,
        // however late its failed fetch is told. The stream keeps only the last hint of an order.
        let is_taken_in = matches!(verdict.state, OrderState::Received | OrderState::Waiting)
            && verdict.event_id.is_empty()
            && (chosen.is_some() || last_hint_ms > Some(verdict.since_ms));
        let leaves = verdict.state.leaves_what_stands() || is_taken_in;
        // The newest word stands unless an older event says more about the books.
        if !leaves || chosen.is_none() {
            chosen = Some(verdict);
        }
        if !leaves {
            break;
        }
    }
    let verdict = chosen?;
    let invoice = newest_invoice(steps, outcomes);
    Some(OrderRow {
        state: verdict.state,
        detail: verdict.detail,
        event_id: verdict.event_id,
        trace_id: verdict.trace_id,
        invoice_id: invoice.0,
        invoice_number: invoice.1,
        total: newest_total(steps, outcomes),
        updated_at_ms,
        open_since_ms: verdict.state.is_unfinished().then_some(verdict.since_ms),
    })
}

/// Everything that belongs to one event of an order.
#[derive(Debug)]
struct Chapter<'a> {
    key: String,
    event_id: String,
    steps: Vec<&'a Step>,
    outcome: Option<&'a KnownOutcome>,
    newest_ms: i64,
}

#[derive(Debug)]
struct Verdict {
    state: OrderState,
    detail: String,
    event_id: String,
    trace_id: String,
    since_ms: i64,
}

/// The order's events, newest first.
///
/// Hooks and fetches happen before an event has its id; they are joined to it by their trace.
fn chapters<'a>(steps: &'a [Step], outcomes: &'a [KnownOutcome]) -> Vec<Chapter<'a>> {
    let mut event_of_trace: HashMap<&str, &str> = HashMap::new();
    for step in steps {
        let event = named_event(step);
        if !event.is_empty() && !step.trace_id.is_empty() {
            let known = event_of_trace.entry(&step.trace_id).or_insert(event);
            *known = (*known).max(event);
        }
    }
    let mut by_key: HashMap<String, Chapter<'a>> = HashMap::new();
    for step in steps {
        let named = named_event(step);
        let event = match event_of_trace.get(step.trace_id.as_str()) {
            Some(event) if named.is_empty() => event,
            _ => named,
        };
        let key = if event.is_empty() {
            format!("trace {}", step.trace_id)
        } else {
            event.to_owned()
        };
        let chapter = by_key
            .entry(key.clone())
            .or_insert_with(|| Chapter::new(key, event));
        chapter.newest_ms = chapter.newest_ms.max(step.at_ms);
        chapter.steps.push(step);
    }
    for outcome in outcomes {
        let key = outcome.event_id.clone();
        let chapter = by_key
            .entry(key.clone())
            .or_insert_with(|| Chapter::new(key, &outcome.event_id));
        // Its time is the server's clock: used only when nothing else dates the event.
        if chapter.steps.is_empty() {
            chapter.newest_ms = outcome.at_ms;
        }
        chapter.outcome = Some(outcome);
    }
    let mut chapters: Vec<_> = by_key.into_values().collect();
    chapters.sort_by(|a, b| (b.newest_ms, &b.key).cmp(&(a.newest_ms, &a.key)));
    chapters
}

fn named_event(step: &Step) -> &str {
    match step.attributes.get("event_id") {
        Some(event) if step.event_id.is_empty() => event,
        _ => &step.event_id,
    }
}

impl<'a> Chapter<'a> {
    fn new(key: String, event_id: &str) -> Self {
        Self {
            key,
            event_id: event_id.to_owned(),
            steps: Vec::new(),
            outcome: None,
            newest_ms: 0,
        }
    }

    /// What the furthest step says; what came before a replay no longer counts.
    fn verdict(&self) -> Verdict {
        let replayed = self
            .steps
            .iter()
            .filter(|s| s.kind == JournalKind::Replayed);
        let replayed_ms = replayed.map(|s| s.at_ms).max();
        let counts = |step: &&&Step| {
            bears_on_state(step.kind) && replayed_ms.is_none_or(|at| step.at_ms > at)
        };
        // Two workers may have had the event: what the slow one tries and tells of another attempt,
        // after the other has delivered, is over.
        let is_delivered = self.steps.iter().filter(counts).any(|step| {
            is_deliver(step)
                && matches!(step.kind, JournalKind::StagePassed | JournalKind::Delivered)
        });
        let is_over = |step: &Step| is_delivered && is_deliver(step) && !ends_the_event(step.kind);
        let furthest = self
            .steps
            .iter()
            .filter(counts)
            .filter(|step| !is_over(step))
            .max_by(|a, b| progress(a).cmp(&progress(b)));
        let since_ms = match replayed_ms {
            Some(at) => at,
            None => self
                .steps
                .iter()
                .map(|s| s.at_ms)
                .min()
                .unwrap_or(self.newest_ms),
        };
        let (state, detail) = match furthest {
            Some(step) => (self.state_at(step), self.detail_at(step)),
            None if replayed_ms.is_some() => (OrderState::InProgress, "replayed".to_owned()),
            None if self.outcome.is_some() => (self.delivered_state(), self.outcome_detail()),
            None => (OrderState::InProgress, String::new()),
        };
        let trace_id = furthest.map_or_else(
            || self.outcome.map(|o| o.trace_id.clone()).unwrap_or_default(),
            |step| step.trace_id.clone(),
        );
        Verdict {
            state,
            detail,
            event_id: self.event_id.clone(),
            trace_id,
            since_ms,
        }
    }

    fn state_at(&self, step: &Step) -> OrderState {
        match step.kind {
            JournalKind::HookReceived | JournalKind::Hinted => OrderState::Received,
            JournalKind::RetryScheduled => OrderState::Waiting,
            JournalKind::Closed => OrderState::Closed,
            JournalKind::DeadLettered => {
                let held = DeadLetterKind::Held.as_str_name();
                let kind = step.attributes.get("kind").map_or("", String::as_str);
                if kind == held {
                    OrderState::Held
                } else {
                    OrderState::Failed
                }
            }
            JournalKind::Delivered => self.delivered_state(),
            JournalKind::StagePassed if is_deliver(step) => self.delivered_state(),
            _ => OrderState::InProgress,
        }
    }

    fn detail_at(&self, step: &Step) -> String {
        let ended = step.kind == JournalKind::Delivered
            || (step.kind == JournalKind::StagePassed && is_deliver(step));
        if ended && self.outcome.is_some() {
            self.outcome_detail()
        } else {
            step.detail.clone()
        }
    }

    fn outcome_detail(&self) -> String {
        self.outcome
            .map(|outcome| outcome.detail.clone())
            .unwrap_or_default()
    }

    /// The outcome message says it; after its retention the journal's own note does.
    fn delivered_state(&self) -> OrderState {
        let noted = || {
            let delivered = self
                .steps
                .iter()
                .filter(|s| s.kind == JournalKind::Delivered);
            let newest = delivered.max_by(|a, b| progress(a).cmp(&progress(b)))?;
            outcome_of_word(newest.attributes.get("outcome")?)
        };
        match self.outcome.map(|outcome| outcome.kind).or_else(noted) {
            Some(OutcomeKind::Written | OutcomeKind::Unchanged) => OrderState::InBooks,
            Some(OutcomeKind::NothingDue | OutcomeKind::Removed) => OrderState::NotInBooks,
            Some(OutcomeKind::Superseded) => OrderState::Superseded,
            Some(OutcomeKind::Unspecified) | None => OrderState::Delivered,
        }
    }
}

/// Whether a kind says how far the order is; a hold is about its connection, and what people do
/// with a letter is about the letter.
fn bears_on_state(kind: JournalKind) -> bool {
    !matches!(
        kind,
        JournalKind::Replayed
            | JournalKind::LetterEdited
            | JournalKind::LetterCleared
            | JournalKind::LetterPurged
            | JournalKind::ConnectionHeld
            | JournalKind::ConnectionReleased
    )
}

/// Whether somebody asked for the order to be fetched.
const fn is_hint(step: &Step) -> bool {
    matches!(step.kind, JournalKind::HookReceived | JournalKind::Hinted)
}

/// Whether the event goes no further at this stage by itself.
const fn ends_the_event(kind: JournalKind) -> bool {
    matches!(
        kind,
        JournalKind::StagePassed
            | JournalKind::Delivered
            | JournalKind::DeadLettered
            | JournalKind::Closed
    )
}

fn is_deliver(step: &Step) -> bool {
    step.stage == Stage::Deliver.name()
}

/// The outcome a journal attribute names: `written` or `OUTCOME_KIND_WRITTEN`.
fn outcome_of_word(word: &str) -> Option<OutcomeKind> {
    let name = word.to_ascii_uppercase();
    OutcomeKind::from_str_name(&name)
        .or_else(|| OutcomeKind::from_str_name(&format!("OUTCOME_KIND_{name}")))
}

/// Sorts the steps of one event: stage, then time, then what ends a delivery after its parts.
fn progress(step: &Step) -> (usize, i64, u8, &str) {
    let stage = Stage::from_name(&step.stage)
        .and_then(|stage| Stage::ALL.iter().position(|other| *other == stage))
        .map_or(0, |position| position.saturating_add(1));
    let kind = match step.kind {
        JournalKind::HookReceived => 0,
        JournalKind::StagePassed => 2,
        JournalKind::Delivered => 3,
        JournalKind::RetryScheduled => 4,
        JournalKind::Closed => 5,
        JournalKind::DeadLettered => 6,
        _ => 1,
    };
    (stage, step.at_ms, kind, &step.entry_id)
}

/// FreshBooks' id and number of the newest invoice that anything names.
fn newest_invoice(steps: &[Step], outcomes: &[KnownOutcome]) -> (i64, String) {
    let told = outcomes
        .iter()
        .filter(|o| o.invoice_id != 0 || !o.invoice_number.is_empty())
        .max_by(|a, b| (a.at_ms, &a.event_id).cmp(&(b.at_ms, &b.event_id)));
    if let Some(outcome) = told {
        return (outcome.invoice_id, outcome.invoice_number.clone());
    }
    let newest = |key: &str| {
        // A delivery that made no invoice notes it as 0 and empty.
        let names = |step: &&Step| {
            step.attributes
                .get(key)
                .is_some_and(|text| !text.is_empty() && text != "0")
        };
        let naming = steps.iter().filter(names);
        let newest = naming.max_by(|a, b| (a.at_ms, progress(a)).cmp(&(b.at_ms, progress(b))));
        newest.and_then(|step| step.attributes.get(key).cloned())
    };
    let id = newest("invoice_id")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    (id, newest("invoice_number").unwrap_or_default())
}

/// The order's total: what the store said last, else what FreshBooks answered.
fn newest_total(steps: &[Step], outcomes: &[KnownOutcome]) -> Option<Total> {
    let noted = steps
        .iter()
        .filter_map(|step| Some(((step.at_ms, progress(step)), noted_total(step)?)))
        .max_by(|a, b| a.0.cmp(&b.0))
        .map(|(_, total)| total);
    let told = || {
        let with_total = outcomes.iter().filter(|o| o.total.is_some());
        let newest = with_total.max_by(|a, b| (a.at_ms, &a.event_id).cmp(&(b.at_ms, &b.event_id)));
        newest.and_then(|outcome| outcome.total.clone())
    };
    noted.or_else(told)
}

fn noted_total(step: &Step) -> Option<Total> {
    let amount_minor = step.attributes.get("total_minor")?.parse().ok()?;
    let currency = step
        .attributes
        .get("currency")
        .or_else(|| step.attributes.get("currency_code"))?;
    // A delivery that made no invoice notes no currency.
    let known = !currency.is_empty();
    known.then(|| Total {
        amount_minor,
        currency: currency.clone(),
    })
}
