//! The list of orders with where each stands.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Money, after_prefix, nonzero, page, text};
use crate::order_state::OrderState;

/// One order as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderView {
    /// Name of the connection.
    pub connection: String,
    /// The store's order id.
    #[schema(example = "1234")]
    pub order_id: String,
    pub state: OrderState,
    /// Why, in plain words; null when there is nothing to add.
    pub detail: Option<String>,
    /// FreshBooks' invoice id.
    pub invoice_id: Option<i64>,
    pub invoice_number: Option<String>,
    /// The order's total, when anything named it.
    pub total: Option<Money>,
    /// Unix milliseconds.
    pub first_seen_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Since when something is under way; null when the order is at rest.
    pub open_since_ms: Option<i64>,
    /// W3C trace id of what happened last.
    pub trace_id: Option<String>,
}

/// One page of orders, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderPage {
    pub orders: Vec<OrderView>,
    /// Give it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which orders to list.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    pub connection: Option<String>,
    pub state: Option<OrderState>,
    /// The beginning of an order id or an invoice number.
    pub beginning: Option<String>,
    /// The last row of the page before: time, connection, order id.
    pub after: Option<(i64, String, String)>,
    pub limit: u32,
}

pub(super) const COLUMNS: &str = "connection, order_id, state, detail, invoice_id, invoice_number, \
     total_minor, currency, first_seen_ms, updated_at_ms, open_since_ms, trace_id";

/// The orders a filter names, newest first.
pub fn orders(connection: &Connection, filter: &OrderFilter) -> rusqlite::Result<OrderPage> {
    let mut conditions: Vec<&str> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(name) = &filter.connection {
        conditions.push("connection = ?");
        values.push(name.clone().into());
    }
    if let Some(state) = filter.state {
        conditions.push("state = ?");
        values.push(state.word().to_owned().into());
    }
    if let Some(beginning) = &filter.beginning {
        conditions.push(
            "((order_id >= ? AND order_id < ?)
              OR (invoice_number <> '' AND invoice_number >= ? AND invoice_number < ?))",
        );
        for _ in 0..2 {
            values.push(beginning.clone().into());
            values.push(after_prefix(beginning).into());
        }
    }
    if let Some((at_ms, name, order_id)) = &filter.after {
        conditions.push("(updated_at_ms, connection, order_id) < (?, ?, ?)");
        values.extend([
            (*at_ms).into(),
            name.clone().into(),
            order_id.clone().into(),
        ]);
    }
    let only = if conditions.is_empty() {
        "1"
    } else {
        &conditions.join(" AND ")
    };
    values.push(i64::from(filter.limit).saturating_add(1).into());
    let mut query = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM orders WHERE {only}
         ORDER BY updated_at_ms DESC, connection DESC, order_id DESC LIMIT ?"
    ))?;
    let rows = query.query_map(params_from_iter(values), order)?;
    let (orders, more) = page(rows, filter.limit)?;
    let last = orders.last().filter(|_| more);
    let next_cursor = last.map(|last| {
        format!(
            "{}.{}.{}",
            last.updated_at_ms, last.connection, last.order_id
        )
    });
    Ok(OrderPage {
        orders,
        next_cursor,
    })
}

pub(super) fn order(row: &Row<'_>) -> rusqlite::Result<OrderView> {
    let state: String = row.get("state")?;
    Ok(OrderView {
        connection: row.get("connection")?,
        order_id: row.get("order_id")?,
        state: OrderState::from_word(&state).unwrap_or(OrderState::InProgress),
        detail: text(row, "detail")?,
        invoice_id: nonzero(row, "invoice_id")?,
        invoice_number: text(row, "invoice_number")?,
        total: Money::of(row.get("total_minor")?, row.get("currency")?),
        first_seen_ms: row.get("first_seen_ms")?,
        updated_at_ms: row.get("updated_at_ms")?,
        open_since_ms: row.get("open_since_ms")?,
        trace_id: text(row, "trace_id")?,
    })
}
