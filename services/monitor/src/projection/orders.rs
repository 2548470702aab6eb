//! One order's row, worked out from its entries and outcomes.
//!
//! Not here: the rule itself, which is pure (`order_state`).

use std::collections::BTreeMap;

use contracts::books::OutcomeKind;
use contracts::journal::JournalKind;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::order_state::{KnownOutcome, OrderRow, Step, Total, derive};

/// The newest entries of an order that its state is read from. An order retried for days has
/// more; the older ones say nothing the newer do not.
const STEPS_MAX: i64 = 512;
/// The newest outcomes that are looked at.
const OUTCOMES_MAX: i64 = 64;

/// Works the order's row out anew; removes it when nothing is known any more.
pub(super) fn refresh(
    to: &Transaction<'_>,
    connection: &str,
    order_id: &str,
) -> rusqlite::Result<()> {
    let steps = steps(to, connection, order_id)?;
    let outcomes = outcomes(to, connection, order_id)?;
    let Some(mut row) = derive(&steps, &outcomes) else {
        to.prepare_cached("DELETE FROM orders WHERE connection = ?1 AND order_id = ?2")?
            .execute([connection, order_id])?;
        return Ok(());
    };
    if row.total.is_none() {
        row.total = total_of_letters(to, connection, order_id)?;
    }
    let first_seen_ms: Option<i64> = to
        .prepare_cached(
            "SELECT min(at_ms) FROM entries
             WHERE connection = ?1 AND entity = 'order' AND entity_id = ?2",
        )?
        .query_row([connection, order_id], |row| row.get(0))?;
    let first_seen_ms = first_seen_ms.unwrap_or(row.updated_at_ms);
    put(to, connection, order_id, &row, first_seen_ms)
}

fn put(
    to: &Transaction<'_>,
    connection: &str,
    order_id: &str,
    row: &OrderRow,
    first_seen_ms: i64,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT OR REPLACE INTO orders (connection, order_id, state, detail, event_id, trace_id,
             invoice_id, invoice_number, total_minor, currency, first_seen_ms, updated_at_ms,
             open_since_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        connection,
        order_id,
        row.state.word(),
        row.detail,
        row.event_id,
        row.trace_id,
        row.invoice_id,
        row.invoice_number,
        row.total.as_ref().map(|total| total.amount_minor),
        row.total.as_ref().map(|total| total.currency.as_str()),
        first_seen_ms,
        row.updated_at_ms,
        row.open_since_ms,
    ])?;
    Ok(())
}

fn steps(to: &Transaction<'_>, connection: &str, order_id: &str) -> rusqlite::Result<Vec<Step>> {
    let mut query = to.prepare_cached(
        "SELECT entry_id, at_ms, kind, stage, event_id, trace_id, detail, attributes FROM entries
         WHERE connection = ?1 AND entity = 'order' AND entity_id = ?2
         ORDER BY at_ms DESC, entry_id LIMIT ?3",
    )?;
    let rows = query.query_map(params![connection, order_id, STEPS_MAX], step)?;
    rows.collect()
}

fn step(row: &Row<'_>) -> rusqlite::Result<Step> {
    Ok(Step {
        entry_id: row.get(0)?,
        at_ms: row.get(1)?,
        kind: JournalKind::try_from(row.get::<_, i32>(2)?).unwrap_or(JournalKind::Unspecified),
        stage: row.get(3)?,
        event_id: row.get(4)?,
        trace_id: row.get(5)?,
        detail: row.get(6)?,
        attributes: attributes(&row.get::<_, String>(7)?),
    })
}

/// Attributes as they were stored; we wrote the text ourselves, so it parses.
pub(crate) fn attributes(text: &str) -> BTreeMap<String, String> {
    serde_json::from_str(text).unwrap_or_default()
}

fn outcomes(
    to: &Transaction<'_>,
    connection: &str,
    order_id: &str,
) -> rusqlite::Result<Vec<KnownOutcome>> {
    let mut query = to.prepare_cached(
        "SELECT event_id, trace_id, at_ms, kind, invoice_id, invoice_number, total_minor, currency,
             detail
         FROM outcomes WHERE connection = ?1 AND entity = 'order' AND entity_id = ?2
         ORDER BY at_ms DESC, event_id LIMIT ?3",
    )?;
    let rows = query.query_map(params![connection, order_id, OUTCOMES_MAX], |row| {
        let amount_minor: Option<i64> = row.get(6)?;
        let currency: Option<String> = row.get(7)?;
        Ok(KnownOutcome {
            event_id: row.get(0)?,
            trace_id: row.get(1)?,
            at_ms: row.get(2)?,
            kind: OutcomeKind::try_from(row.get::<_, i32>(3)?).unwrap_or(OutcomeKind::Unspecified),
            invoice_id: row.get(4)?,
            invoice_number: row.get(5)?,
            total: amount_minor
                .zip(currency)
                .map(|(amount_minor, currency)| Total {
                    amount_minor,
                    currency,
                }),
            detail: row.get(8)?,
        })
    })?;
    rows.collect()
}

/// What the newest dead letter that says so has the order come to.
fn total_of_letters(
    to: &Transaction<'_>,
    connection: &str,
    order_id: &str,
) -> rusqlite::Result<Option<Total>> {
    let mut query = to.prepare_cached(
        "SELECT total_minor, currency FROM dead_letters
         WHERE connection = ?1 AND entity = 'order' AND entity_id = ?2
           AND total_minor IS NOT NULL
         ORDER BY dead_at_ms DESC, dead_letter_id DESC LIMIT 1",
    )?;
    let found = query.query_row([connection, order_id], |row| {
        Ok(Total {
            amount_minor: row.get(0)?,
            currency: row.get(1)?,
        })
    });
    found.optional()
}
