//! Records into rows: one transaction with the stream's position, so a kill anywhere is safe.
//!
//! Rows are upserted by their own ids, the one stored later in the stream wins, and each touched
//! order's row is worked out anew. So repeats change nothing and the sequence of arrival does not
//! matter. Not here: where records come from.

use std::collections::{BTreeMap, BTreeSet};

use contracts::books::Outcome;
use contracts::dead_letter::{DeadLetter, Reason};
use contracts::event::Entity;
use contracts::headers;
use contracts::journal::{JournalEntry, JournalKind};
use contracts::topology::Stream;
use rusqlite::{Connection, Transaction, params};

use super::orders;
use super::record::{Content, Record, trace_id_of};
use crate::database::{DatabaseError, int};

/// How far a stream was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// When the stream was created; another value means another stream of the same name.
    pub created: String,
    /// The last sequence whose rows are stored.
    pub sequence: u64,
}

/// The stored position of a stream, if it was ever read.
pub fn position(
    connection: &Connection,
    stream: Stream,
) -> Result<Option<Position>, DatabaseError> {
    use rusqlite::OptionalExtension;
    connection
        .prepare_cached("SELECT created, sequence FROM positions WHERE stream = ?1")
        .and_then(|mut query| {
            query
                .query_row([stream.name()], |row| {
                    let sequence = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
                    Ok(Position {
                        created: row.get(0)?,
                        sequence,
                    })
                })
                .optional()
        })
        .map_err(DatabaseError::doing("reading a position of"))
}

/// Stores the records of one stream and how far they reach; all of it or nothing.
///
/// Records at or below the stored position change nothing new and are allowed.
pub fn apply(
    connection: &mut Connection,
    stream: Stream,
    created: &str,
    records: &[Record],
) -> Result<(), DatabaseError> {
    let doing = DatabaseError::doing("writing to");
    let transaction = connection.transaction().map_err(&doing)?;
    apply_within(&transaction, stream, created, records).map_err(&doing)?;
    transaction.commit().map_err(doing)
}

fn apply_within(
    transaction: &Transaction<'_>,
    stream: Stream,
    created: &str,
    records: &[Record],
) -> rusqlite::Result<()> {
    let mut touched = BTreeSet::new();
    let mut unreadable = 0_i64;
    for record in records {
        let sequence = int(record.sequence);
        match &record.content {
            Content::Journal(entries) => {
                for entry in entries {
                    put_entry(transaction, sequence, entry)?;
                    note_order(
                        &mut touched,
                        &entry.connection,
                        entry.entity(),
                        &entry.entity_id,
                    );
                }
            }
            Content::DeadLetter(letter) => {
                put_dead_letter(transaction, sequence, letter)?;
                if letter.entity == Entity::Order.token() {
                    note_order(
                        &mut touched,
                        &letter.connection,
                        Entity::Order,
                        &letter.entity_id,
                    );
                }
            }
            Content::Outcome {
                outcome,
                at_ms,
                trace_id,
            } => {
                put_outcome(transaction, sequence, outcome, *at_ms, trace_id)?;
                if let Some(event) = &outcome.event {
                    note_order(
                        &mut touched,
                        &event.connection,
                        event.entity(),
                        &event.entity_id,
                    );
                }
            }
            Content::Unreadable => unreadable = unreadable.saturating_add(1),
        }
    }
    for (connection, order_id) in &touched {
        orders::refresh(transaction, connection, order_id)?;
    }
    let reached = records
        .iter()
        .map(|record| record.sequence)
        .max()
        .unwrap_or(0);
    transaction
        .prepare_cached(
            "INSERT INTO positions (stream, created, sequence, unreadable) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (stream) DO UPDATE SET
                 created = excluded.created,
                 unreadable = unreadable + CASE WHEN excluded.sequence > sequence
                                           THEN excluded.unreadable ELSE 0 END,
                 sequence = max(sequence, excluded.sequence)",
        )?
        .execute(params![stream.name(), created, int(reached), unreadable])?;
    Ok(())
}

fn note_order(
    touched: &mut BTreeSet<(String, String)>,
    connection: &str,
    entity: Entity,
    id: &str,
) {
    if entity == Entity::Order && !id.is_empty() {
        touched.insert((connection.to_owned(), id.to_owned()));
    }
}

fn put_entry(to: &Transaction<'_>, sequence: i64, entry: &JournalEntry) -> rusqlite::Result<()> {
    let replays = match entry.kind() {
        // Each settles the letter: it no longer waits for anybody.
        JournalKind::Replayed | JournalKind::LetterCleared | JournalKind::LetterPurged => {
            entry.attributes.get("dead_letter_id")
        }
        _ => None,
    };
    to.prepare_cached(
        "INSERT INTO entries (entry_id, sequence, connection, entity, entity_id, event_id, at_ms,
             stage, kind, detail, trace_id, attempt, duration_us, attributes, replays)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (entry_id) DO UPDATE SET
             sequence = excluded.sequence, connection = excluded.connection,
             entity = excluded.entity, entity_id = excluded.entity_id,
             event_id = excluded.event_id, at_ms = excluded.at_ms, stage = excluded.stage,
             kind = excluded.kind, detail = excluded.detail, trace_id = excluded.trace_id,
             attempt = excluded.attempt, duration_us = excluded.duration_us,
             attributes = excluded.attributes, replays = excluded.replays
         WHERE excluded.sequence > entries.sequence",
    )?
    .execute(params![
        entry.entry_id,
        sequence,
        entry.connection,
        entry.entity().token(),
        entry.entity_id,
        entry.event_id,
        int(entry.at_ms),
        entry.stage,
        entry.kind,
        entry.detail,
        entry.trace_id,
        entry.attempt,
        int(entry.duration_us),
        json(&entry.attributes),
        replays,
    ])?;
    note_connection(to, entry)
}

/// Keeps what is shown of a connection: newest hook, newest delivery, newest word on holding.
fn note_connection(to: &Transaction<'_>, entry: &JournalEntry) -> rusqlite::Result<()> {
    if entry.connection.is_empty() {
        return Ok(());
    }
    let at_ms = int(entry.at_ms);
    let kind = entry.kind();
    let hook_ms = if kind == JournalKind::HookReceived {
        at_ms
    } else {
        0
    };
    let delivery_ms = match kind {
        JournalKind::Delivered => at_ms,
        JournalKind::StagePassed if entry.stage == "deliver" => at_ms,
        _ => 0,
    };
    let holds = matches!(
        kind,
        JournalKind::ConnectionHeld | JournalKind::ConnectionReleased
    );
    let (hold_ms, hold_kind, hold_detail) = if holds {
        (at_ms, entry.kind, entry.detail.as_str())
    } else {
        (0, 0, "")
    };
    to.prepare_cached(
        "INSERT INTO connections
             (connection, last_hook_ms, last_delivery_ms, hold_at_ms, hold_kind, hold_detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (connection) DO UPDATE SET
             last_hook_ms = max(last_hook_ms, excluded.last_hook_ms),
             last_delivery_ms = max(last_delivery_ms, excluded.last_delivery_ms)",
    )?
    .execute(params![
        entry.connection,
        hook_ms,
        delivery_ms,
        hold_ms,
        hold_kind,
        hold_detail
    ])?;
    if holds {
        // A release in the same millisecond as its hold wins: its kind is the larger number.
        to.prepare_cached(
            "UPDATE connections SET hold_at_ms = ?2, hold_kind = ?3, hold_detail = ?4
             WHERE connection = ?1
               AND (hold_at_ms, hold_kind, hold_detail) < (?2, ?3, ?4)",
        )?
        .execute(params![entry.connection, hold_ms, hold_kind, hold_detail])?;
    }
    Ok(())
}

fn put_outcome(
    to: &Transaction<'_>,
    sequence: i64,
    outcome: &Outcome,
    at_ms: i64,
    trace_id: &str,
) -> rusqlite::Result<()> {
    let Some(event) = &outcome.event else {
        return Ok(());
    };
    let total = outcome.invoice_total.as_ref();
    to.prepare_cached(
        "INSERT INTO outcomes (event_id, sequence, connection, entity, entity_id, at_ms, kind,
             client_id, invoice_id, invoice_number, total_minor, currency, payment_ids, writes,
             detail, trace_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (event_id) DO UPDATE SET
             sequence = excluded.sequence, connection = excluded.connection,
             entity = excluded.entity, entity_id = excluded.entity_id, at_ms = excluded.at_ms,
             kind = excluded.kind, client_id = excluded.client_id,
             invoice_id = excluded.invoice_id, invoice_number = excluded.invoice_number,
             total_minor = excluded.total_minor, currency = excluded.currency,
             payment_ids = excluded.payment_ids, writes = excluded.writes,
             detail = excluded.detail, trace_id = excluded.trace_id
         WHERE excluded.sequence > outcomes.sequence",
    )?
    .execute(params![
        event.event_id,
        sequence,
        event.connection,
        event.entity().token(),
        event.entity_id,
        at_ms,
        outcome.kind,
        int(outcome.client_id),
        int(outcome.invoice_id),
        outcome.invoice_number,
        total.map(|total| total.amount_minor),
        total.map(|total| total.currency_code.as_str()),
        serde_json::to_string(&outcome.payment_ids).unwrap_or_else(|_| "[]".to_owned()),
        outcome.writes,
        outcome.detail,
        trace_id,
    ])?;
    Ok(())
}

fn put_dead_letter(
    to: &Transaction<'_>,
    sequence: i64,
    letter: &DeadLetter,
) -> rusqlite::Result<()> {
    let schema = letter
        .original_headers
        .iter()
        .find(|header| header.name == headers::SCHEMA);
    let total = contracts::cause::of(letter).at_stake;
    let stored = to
        .prepare_cached(
            "INSERT INTO dead_letters (dead_letter_id, sequence, connection, entity, entity_id,
                 event_id, stage, kind, attempts, first_seen_at_ms, dead_at_ms, original_stream,
                 original_subject, original_sequence, original_schema, payload_bytes, trace_id,
                 total_minor, currency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19)
             ON CONFLICT (dead_letter_id) DO UPDATE SET
                 sequence = excluded.sequence, connection = excluded.connection,
                 entity = excluded.entity, entity_id = excluded.entity_id,
                 event_id = excluded.event_id, stage = excluded.stage, kind = excluded.kind,
                 attempts = excluded.attempts, first_seen_at_ms = excluded.first_seen_at_ms,
                 dead_at_ms = excluded.dead_at_ms, original_stream = excluded.original_stream,
                 original_subject = excluded.original_subject,
                 original_sequence = excluded.original_sequence,
                 original_schema = excluded.original_schema,
                 payload_bytes = excluded.payload_bytes, trace_id = excluded.trace_id,
                 total_minor = excluded.total_minor, currency = excluded.currency
             WHERE excluded.sequence > dead_letters.sequence",
        )?
        .execute(params![
            letter.dead_letter_id,
            sequence,
            letter.connection,
            letter.entity,
            letter.entity_id,
            letter.event_id,
            letter.stage,
            letter.kind,
            letter.attempts,
            int(letter.first_seen_at_ms),
            int(letter.dead_at_ms),
            letter.original_stream,
            letter.original_subject,
            int(letter.original_sequence),
            schema.map_or("", |header| header.value.as_str()),
            i64::try_from(letter.original_payload.len()).unwrap_or(i64::MAX),
            trace_id_of(&letter.traceparent),
            total.as_ref().map(|total| total.amount_minor),
            total.as_ref().map(|total| total.currency_code.as_str()),
        ])?;
    if stored > 0 {
        put_reasons(to, letter)?;
    }
    if !letter.connection.is_empty() {
        to.prepare_cached("INSERT OR IGNORE INTO connections (connection) VALUES (?1)")?
            .execute([&letter.connection])?;
    }
    Ok(())
}

fn put_reasons(to: &Transaction<'_>, letter: &DeadLetter) -> rusqlite::Result<()> {
    to.prepare_cached("DELETE FROM dead_letter_reasons WHERE dead_letter_id = ?1")?
        .execute([&letter.dead_letter_id])?;
    let mut insert = to.prepare_cached(
        "INSERT INTO dead_letter_reasons (dead_letter_id, position, code, message, path)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (position, reason) in (0_i64..).zip(&letter.reasons) {
        let Reason {
            code,
            message,
            path,
        } = reason;
        insert.execute(params![
            letter.dead_letter_id,
            position,
            code,
            message,
            path
        ])?;
    }
    Ok(())
}

fn json(attributes: &BTreeMap<String, String>) -> String {
    serde_json::to_string(attributes).unwrap_or_else(|_| "{}".to_owned())
}
