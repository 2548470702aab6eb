//! Forgets what the streams no longer hold, so that the projection stays as bounded as they are.
//!
//! In small transactions, for readers and new rows go first. Outcomes live as long as their
//! order's entries: their stream forgets sooner than the journal, and the story needs them.

use std::collections::BTreeSet;

use contracts::topology::Stream;
use rusqlite::{Connection, params};

use super::orders;
use crate::database::{DatabaseError, int};

/// Rows in one transaction.
const CHUNK: i64 = 1_000;

/// Removes one chunk of rows whose messages lie before `first_sequence`; true when more remain.
pub(super) fn prune_chunk(
    connection: &mut Connection,
    stream: Stream,
    first_sequence: u64,
) -> Result<bool, DatabaseError> {
    let pruned = match stream {
        Stream::Journal => prune_entries(connection, int(first_sequence)),
        Stream::DeadLetters => prune_dead_letters(connection, int(first_sequence)),
        _ => Ok(0),
    };
    pruned
        .map(|rows| rows >= CHUNK)
        .map_err(DatabaseError::doing("pruning"))
}

fn prune_entries(connection: &mut Connection, first: i64) -> rusqlite::Result<i64> {
    let transaction = connection.transaction()?;
    let rows: Vec<(i64, String, String, String)> = transaction
        .prepare_cached(
            "SELECT id, connection, entity, entity_id FROM entries
             WHERE sequence < ?1 ORDER BY sequence LIMIT ?2",
        )?
        .query_map(params![first, CHUNK], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    let count = i64::try_from(rows.len()).unwrap_or(CHUNK);
    let mut touched = BTreeSet::new();
    for (id, connection, entity, entity_id) in rows {
        transaction
            .prepare_cached("DELETE FROM entries WHERE id = ?1")?
            .execute([id])?;
        touched.insert((connection, entity, entity_id));
    }
    for (connection, entity, entity_id) in &touched {
        transaction
            .prepare_cached(
                "DELETE FROM outcomes
                 WHERE connection = ?1 AND entity = ?2 AND entity_id = ?3
                   AND NOT EXISTS (SELECT 1 FROM entries
                       WHERE connection = ?1 AND entity = ?2 AND entity_id = ?3)",
            )?
            .execute(params![connection, entity, entity_id])?;
        if entity == "order" {
            orders::refresh(&transaction, connection, entity_id)?;
        }
    }
    transaction.commit()?;
    Ok(count)
}

fn prune_dead_letters(connection: &mut Connection, first: i64) -> rusqlite::Result<i64> {
    let transaction = connection.transaction()?;
    let ids: Vec<String> = transaction
        .prepare_cached(
            "SELECT dead_letter_id FROM dead_letters WHERE sequence < ?1 ORDER BY sequence LIMIT ?2",
        )?
        .query_map(params![first, CHUNK], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in &ids {
        for table in ["dead_letter_reasons", "dead_letters"] {
            let statement = format!("DELETE FROM {table} WHERE dead_letter_id = ?1");
            transaction.prepare_cached(&statement)?.execute([id])?;
        }
    }
    transaction.commit()?;
    Ok(i64::try_from(ids.len()).unwrap_or(CHUNK))
}
