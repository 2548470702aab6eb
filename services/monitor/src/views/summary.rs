//! The whole house at a glance, and the same numbers for the gauges.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::dead_letters::KindWord;
use super::{HeldSince, Money, unsigned};
use crate::projection::Readings;

/// The whole house at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Summary {
    /// Orders by state; states without orders are left out.
    pub orders: BTreeMap<String, u64>,
    /// Dead letters that were not released, by kind.
    pub dead_letters: BTreeMap<String, u64>,
    /// Totals of the orders that are held or failed, by currency.
    pub stuck: Vec<Money>,
    pub connections: u64,
    pub connections_held: u64,
    /// Since when the oldest unfinished order is under way; null when all are at rest.
    pub oldest_unfinished_since_ms: Option<i64>,
    /// How well this answer keeps up with the streams it is read from.
    pub streams: Vec<StreamView>,
}

/// How far one stream was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StreamView {
    pub stream: String,
    /// Whether it is being read now.
    pub attached: bool,
    /// The last sequence that is in this answer.
    pub sequence: u64,
    /// Messages that are not in this answer yet.
    pub lag_messages: u64,
    /// Messages that could not be read and were left out.
    pub unreadable_messages: u64,
}

/// The numbers behind the gauges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    pub orders: BTreeMap<String, u64>,
    pub dead_letters: BTreeMap<String, u64>,
    /// Connection to whether it is held.
    pub held: BTreeMap<String, bool>,
    pub oldest_unfinished_since_ms: Option<i64>,
    pub unreadable: BTreeMap<String, u64>,
}

/// Counts everything that has a gauge.
pub fn gauges(connection: &Connection) -> rusqlite::Result<Gauges> {
    let held = "SELECT connection, hold_kind = 10 FROM connections ORDER BY connection LIMIT 1000";
    let held = connection
        .prepare_cached(held)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let oldest = "SELECT min(open_since_ms) FROM orders WHERE open_since_ms IS NOT NULL";
    Ok(Gauges {
        orders: counts(
            connection,
            "SELECT state, count(*) FROM orders GROUP BY state",
        )?,
        dead_letters: dead_letters(connection)?,
        held,
        oldest_unfinished_since_ms: connection
            .prepare_cached(oldest)?
            .query_row([], |r| r.get(0))?,
        unreadable: counts(connection, "SELECT stream, unreadable FROM positions")?,
    })
}

/// The summary, with the readings and the holds of the moment.
pub fn summary(
    connection: &Connection,
    readings: &Readings,
    holds: BTreeMap<String, Option<HeldSince>>,
) -> rusqlite::Result<Summary> {
    let mut gauges = gauges(connection)?;
    gauges
        .held
        .extend(holds.into_iter().map(|(name, held)| (name, held.is_some())));
    let mut stuck = connection.prepare_cached(
        "SELECT currency, sum(total_minor) FROM orders
         WHERE state IN ('held', 'failed') AND total_minor IS NOT NULL
         GROUP BY currency ORDER BY currency",
    )?;
    let stuck = stuck.query_map([], |row| {
        Ok(Money {
            currency: row.get(0)?,
            amount_minor: row.get(1)?,
        })
    })?;
    let streams = readings.iter().map(|(name, reading)| StreamView {
        stream: (*name).to_owned(),
        attached: reading.attached,
        sequence: reading.sequence,
        lag_messages: reading.lag_messages,
        unreadable_messages: gauges.unreadable.get(*name).copied().unwrap_or(0),
    });
    let count = |held: usize| u64::try_from(held).unwrap_or(u64::MAX);
    Ok(Summary {
        stuck: stuck.collect::<Result<_, _>>()?,
        connections: count(gauges.held.len()),
        connections_held: count(gauges.held.values().filter(|held| **held).count()),
        streams: streams.collect(),
        orders: gauges.orders,
        dead_letters: gauges.dead_letters,
        oldest_unfinished_since_ms: gauges.oldest_unfinished_since_ms,
    })
}

fn dead_letters(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let open = "SELECT kind, count(*) AS letters FROM dead_letters
         WHERE NOT EXISTS (SELECT 1 FROM entries WHERE replays = dead_letter_id) GROUP BY kind";
    let mut query = connection.prepare_cached(open)?;
    let rows = query.query_map([], |row| {
        Ok((
            KindWord::from_wire(row.get("kind")?).word().to_owned(),
            unsigned(row, "letters")?,
        ))
    })?;
    rows.collect()
}

fn counts(connection: &Connection, query: &str) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut query = connection.prepare_cached(query)?;
    let rows = query.query_map([], |row| {
        Ok((
            row.get(0)?,
            u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
        ))
    })?;
    rows.collect()
}
