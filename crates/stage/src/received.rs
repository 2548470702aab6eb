//! A message as a stage's function sees it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::contract::About;
use contracts::journal::{JournalEntry, JournalKind};

use crate::source::Source;

tokio::task_local! {
    /// The notes of the message this task works on.
    static CURRENT: Notes;
}

/// Runs a stage's function with its notes at hand for whoever observes it.
pub(crate) async fn with_notes<F: Future>(notes: Notes, function: F) -> F::Output {
    CURRENT.scope(notes, function).await
}

/// The notes of the message the current task works on, if it works on one.
pub(crate) fn current_notes() -> Option<Notes> {
    CURRENT.try_with(Clone::clone).ok()
}

/// A decoded message with what the runner knows about its delivery.
#[derive(Debug)]
pub struct Received<T> {
    pub message: T,
    pub about: About,
    /// 1 for the first delivery.
    pub attempt: u32,
    /// Sequence in the stage's input stream; the same for every redelivery.
    pub stream_sequence: u64,
    /// Unix milliseconds of the first delivery.
    pub first_seen_ms: u64,
    pub notes: Notes,
}

/// Journal entries a stage collects while it works; stored with the message's exit.
#[derive(Clone, Debug)]
pub struct Notes {
    stage: &'static str,
    about: About,
    attempt: u32,
    sequence: u64,
    /// Keeps entries apart when a stream is made anew and its sequences begin again.
    first_seen_ms: u64,
    trace_id: String,
    entries: Arc<Mutex<Vec<JournalEntry>>>,
}

/// The most entries one delivery of one message may leave. More are counted, not kept.
const NOTES_MAX: usize = 256;

impl Notes {
    pub(crate) fn new(
        stage: &'static str,
        about: About,
        source: &Source,
        trace_id: String,
    ) -> Self {
        let Source {
            attempt,
            sequence,
            first_seen_ms,
            ..
        } = *source;
        Self {
            stage,
            about,
            attempt,
            sequence,
            first_seen_ms,
            trace_id,
            entries: Arc::default(),
        }
    }

    /// Adds an entry: what happened, in plain words without personal data.
    pub fn add(
        &self,
        kind: JournalKind,
        detail: impl Into<String>,
        duration_us: u64,
        attributes: BTreeMap<String, String>,
    ) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= NOTES_MAX {
            return;
        }
        let entry_id = format!(
            "{}:{}:{}:{}:{}:{}",
            self.stage,
            self.about.connection,
            self.first_seen_ms,
            self.sequence,
            self.attempt,
            entries.len()
        );
        entries.push(JournalEntry {
            entry_id,
            connection: self.about.connection.clone(),
            entity: self.about.entity.into(),
            entity_id: self.about.entity_id.clone(),
            event_id: self.about.event_id.clone(),
            at_ms: ambient::now_ms(),
            stage: self.stage.to_owned(),
            kind: kind.into(),
            detail: detail.into(),
            trace_id: self.trace_id.clone(),
            attempt: self.attempt,
            duration_us,
            attributes,
        });
    }

    /// Takes what was collected so far.
    pub(crate) fn take(&self) -> Vec<JournalEntry> {
        std::mem::take(&mut *self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
