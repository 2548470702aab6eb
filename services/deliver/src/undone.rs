//! Orders that were taken back out of the books on purpose: they stay out until the mark is lifted.
//!
//! An undo marks the order before its plan is stored, so whatever was fetched before or after is
//! not written again. Not here: setting and lifting the mark (`runs`).

use contracts::ledger::{OrderEntry, Undone};
use domain::books::{DesiredBooks, Disposition};

/// The mark that keeps a plan from being performed; an undo's own plan is performed.
pub(crate) fn stands_against<'a>(
    entry: &'a OrderEntry,
    books: &DesiredBooks,
) -> Option<&'a Undone> {
    match books.disposition {
        Disposition::Undone(_) => None,
        _ => entry.undone.as_ref(),
    }
}

/// The mark in plain words.
pub(crate) fn words(mark: &Undone) -> String {
    format!(
        "undone by {} ({}); a backfill of its day books it again",
        mark.who, mark.run_id
    )
}
