//! What Tillbook itself knows of orders that a proof found to differ: letters, from the projection,
//! and marks of an undo, from the ledger. It names causes; the verdict is the proof's.

use std::collections::BTreeMap;

use async_nats::jetstream;
use contracts::ledger::Undone;
use prove::{Known, Report};
use store::ledger::Ledger;

use crate::views::{self, Reading};

/// Whom to ask.
#[derive(Clone, Debug)]
pub(crate) struct Knowledge {
    pub(crate) reading: Reading,
    pub(crate) jetstream: jetstream::Context,
}

impl Knowledge {
    /// Names what Tillbook holds or an undo took out among the orders that do not match. What
    /// cannot be asked is said in the report.
    pub(crate) async fn explain(&self, report: &mut Report) {
        let order_ids = report.differing();
        if order_ids.is_empty() {
            return;
        }
        let mut known = BTreeMap::new();
        let mut troubles = Vec::new();
        let (name, ids) = (report.connection.clone(), order_ids.clone());
        let letters = self
            .reading
            .ask(move |connection| views::held(connection, &name, &ids));
        match letters.await {
            Ok(letters) => known.extend(letters.into_iter().map(|(id, letter)| {
                let first = letter.reasons.into_iter().next();
                let (reason, words) = first.map_or_else(Default::default, |r| (r.code, r.message));
                let letter = letter.dead_letter_id;
                let held = Known::Held {
                    letter,
                    reason,
                    words,
                };
                (id, held)
            })),
            Err(error) => troubles.push(error.to_string()),
        }
        // The undo's mark is the stronger word: while it stands, no letter of the order matters.
        match self.marks(&report.connection, &order_ids).await {
            Ok(marks) => known.extend(marks.into_iter().map(|(id, mark)| {
                let words = undone_words(&mark);
                (id, Known::Undone { words })
            })),
            Err(words) => troubles.push(words),
        }
        report.explain(&known);
        if !troubles.is_empty() {
            report.explained.not_asked = Some(troubles.join("; "));
        }
    }

    async fn marks(
        &self,
        connection: &str,
        order_ids: &[u64],
    ) -> Result<BTreeMap<u64, Undone>, String> {
        let ledger = Ledger::bind(&self.jetstream).await;
        let ledger = ledger.map_err(|error| error.to_string())?;
        let marks = ledger.undone(connection, order_ids).await;
        marks.map_err(|error| error.to_string())
    }
}

/// An undo's mark as a proof names it.
pub fn undone_words(mark: &Undone) -> String {
    format!(
        "Undone by {} ({}): {}. A backfill of its day books it again.",
        mark.who,
        mark.run_id,
        mark.why.trim_end_matches('.')
    )
}
