//! What the journal keeps of runs: who asked for what, when and why, and how it went.

use std::collections::BTreeMap;

use contracts::event::Entity;
use contracts::journal::{JournalEntry, JournalKind};
use store::now_ms;

use crate::record::Kind;
use crate::{Error, Run, Tools};

const STAGE: &str = "runs";

/// Stores that the run began, paused, went on or ended; returns when it is stored.
pub(crate) async fn changed(
    tools: &Tools,
    run: &Run,
    what: &str,
    more: BTreeMap<String, String>,
) -> Result<(), Error> {
    let at_ms = now_ms();
    let kind = match run.kind {
        Kind::Backfill => "Backfill",
        Kind::Undo => "Undo",
    };
    let mut attributes = BTreeMap::from([
        ("run_id".to_owned(), run.id.clone()),
        ("who".to_owned(), run.who.clone()),
        ("why".to_owned(), run.why.clone()),
        ("from".to_owned(), run.days.from.to_string()),
        ("to".to_owned(), run.days.to.to_string()),
    ]);
    attributes.extend(more);
    let entry = JournalEntry {
        entry_id: format!("run:{}:{what}:{at_ms}", run.id),
        connection: run.connection.clone(),
        entity: Entity::Unspecified.into(),
        entity_id: String::new(),
        event_id: String::new(),
        at_ms,
        stage: STAGE.to_owned(),
        kind: JournalKind::RunChanged.into(),
        detail: format!("{kind} of {} to {} {what}", run.days.from, run.days.to),
        attempt: 1,
        attributes,
        ..JournalEntry::default()
    };
    Ok(tools.context.journal.store(vec![entry]).await?)
}

/// Notes that a run handed an order over; the journal is for people, so a full queue is no error.
pub(crate) fn handed_over(tools: &Tools, run: &Run, order_id: u64, at_ms: u64) {
    let entry = JournalEntry {
        entry_id: format!("run:{}:{order_id}", run.id),
        connection: run.connection.clone(),
        entity: Entity::Order.into(),
        entity_id: order_id.to_string(),
        at_ms,
        stage: STAGE.to_owned(),
        kind: JournalKind::Hinted.into(),
        detail: match run.kind {
            Kind::Backfill => format!("Asked for by a backfill of {}", run.who),
            Kind::Undo => format!("Taken out of the books by an undo of {}", run.who),
        },
        attempt: 1,
        attributes: BTreeMap::from([
            ("run_id".to_owned(), run.id.clone()),
            ("why".to_owned(), run.why.clone()),
        ]),
        ..JournalEntry::default()
    };
    if !tools.context.journal.offer(vec![entry]) {
        tracing::warn!(
            order_id,
            "the journal's queue is full; an order of the run is missing from it"
        );
    }
}
