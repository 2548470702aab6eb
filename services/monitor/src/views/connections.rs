//! Each connection: is it held, is it alive, and how much money is stuck in it.

use std::collections::BTreeMap;

use contracts::journal::JournalKind;
use rusqlite::{Connection, Row};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Money, nonzero, text, unsigned};

/// Connections of one answer. Names come from configuration, so there are few.
const CONNECTIONS_MAX: u32 = 1_000;

/// All connections that were ever heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Connections {
    pub connections: Vec<ConnectionView>,
}

/// One connection as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConnectionView {
    pub connection: String,
    /// Whether its vendor refuses us until a person acts.
    pub held: bool,
    /// Why, in plain words; null when it is not held.
    pub held_reason: Option<String>,
    /// Since when; null when it is not held.
    pub held_since_ms: Option<i64>,
    pub last_hook_ms: Option<i64>,
    pub last_delivery_ms: Option<i64>,
    /// Orders by state; states without orders are left out.
    pub orders: BTreeMap<String, u64>,
    /// Totals of the orders that are held or failed, by currency.
    pub stuck: Vec<Money>,
    /// Held or failed orders whose total nothing named, so that no sum holds them.
    pub stuck_without_total: u64,
}

/// Why and since when a connection is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSince {
    pub reason: String,
    /// Unix milliseconds.
    pub since_ms: i64,
}

impl Connections {
    /// The same with what the bucket of holds says, which wins over the journal.
    pub fn with_holds(self, holds: BTreeMap<String, Option<HeldSince>>) -> Self {
        let mut by_name: BTreeMap<String, ConnectionView> = self
            .connections
            .into_iter()
            .map(|view| (view.connection.clone(), view))
            .collect();
        for (name, held) in holds {
            let view = by_name
                .entry(name.clone())
                .or_insert_with(|| ConnectionView {
                    connection: name,
                    ..ConnectionView::default()
                });
            view.held = held.is_some();
            view.held_since_ms = held.as_ref().map(|held| held.since_ms);
            view.held_reason = held.map(|held| held.reason);
        }
        Self {
            connections: by_name.into_values().collect(),
        }
    }
}

/// Every connection, by name.
pub fn connections(connection: &Connection) -> rusqlite::Result<Connections> {
    let mut query =
        connection.prepare_cached("SELECT * FROM connections ORDER BY connection LIMIT ?1")?;
    let rows = query.query_map([CONNECTIONS_MAX], bare)?;
    let mut connections = rows.collect::<Result<Vec<_>, _>>()?;
    for view in &mut connections {
        count(connection, view)?;
    }
    Ok(Connections { connections })
}

fn bare(row: &Row<'_>) -> rusqlite::Result<ConnectionView> {
    let held = row.get::<_, i32>("hold_kind")? == i32::from(JournalKind::ConnectionHeld);
    Ok(ConnectionView {
        connection: row.get("connection")?,
        held,
        held_reason: text(row, "hold_detail")?.filter(|_| held),
        held_since_ms: nonzero(row, "hold_at_ms")?.filter(|_| held),
        last_hook_ms: nonzero(row, "last_hook_ms")?,
        last_delivery_ms: nonzero(row, "last_delivery_ms")?,
        orders: BTreeMap::new(),
        stuck: Vec::new(),
        stuck_without_total: 0,
    })
}

fn count(connection: &Connection, view: &mut ConnectionView) -> rusqlite::Result<()> {
    let mut states = connection.prepare_cached(
        "SELECT state, count(*) AS orders FROM orders WHERE connection = ?1 GROUP BY state",
    )?;
    let rows = states.query_map([&view.connection], |row| {
        Ok((row.get("state")?, unsigned(row, "orders")?))
    })?;
    view.orders = rows.collect::<Result<_, _>>()?;
    let mut sums = connection.prepare_cached(
        "SELECT currency, sum(total_minor) AS total_minor, count(*) AS orders FROM orders
         WHERE connection = ?1 AND state IN ('held', 'failed') GROUP BY currency",
    )?;
    let rows = sums.query_map([&view.connection], |row| {
        let money = Money::of(row.get("total_minor")?, row.get("currency")?);
        Ok((money, unsigned(row, "orders")?))
    })?;
    for row in rows {
        match row? {
            (Some(money), _) => view.stuck.push(money),
            (None, orders) => view.stuck_without_total = orders,
        }
    }
    Ok(())
}
