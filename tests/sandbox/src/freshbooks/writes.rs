//! What was written to an account through its API, in order: each write as the record stood after it.
//!
//! Not here: what a person did by hand, and calls that changed nothing.

use serde::Serialize;

use super::call::plain;
use super::clock;
use super::table::{Table, integer};

/// Writes kept; later ones are only counted.
const MOST: usize = 200_000;

/// One write.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Write {
    at: String,
    method: String,
    /// `invoice`, `payment`, `client` and so on.
    kind: &'static str,
    id: u64,
    /// The invoice's or credit note's number; empty for what has none.
    number: String,
    /// The grand total or amount after the write; empty for what has none.
    amount: String,
    vis_state: u64,
}

/// The writes of one account, oldest first.
#[derive(Debug, Default, Serialize)]
pub(super) struct Writes {
    writes: Vec<Write>,
    /// Writes beyond those that are kept.
    dropped: u64,
}

impl Writes {
    /// Notes that the record `id` of `table` was written; nothing when it is not there.
    pub(super) fn note(&mut self, method: &str, kind: &'static str, table: &Table, id: u64) {
        if self.writes.len() >= MOST {
            self.dropped += 1;
            return;
        }
        let Some(row) = table.get(id) else { return };
        let text = |name: &str| row.get(name).map(plain).unwrap_or_default();
        let amount = row.get("amount").map(|amount| match amount.get("amount") {
            Some(inner) => plain(inner),
            None => plain(amount),
        });
        self.writes.push(Write {
            at: clock::version(),
            method: method.to_owned(),
            kind,
            id,
            number: match kind {
                "credit_note" => text("credit_number"),
                _ => text("invoice_number"),
            },
            amount: amount.unwrap_or_default(),
            vis_state: integer(row, "vis_state"),
        });
    }
}
