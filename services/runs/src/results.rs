//! What came of a run, counted from the conclusions of its orders.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use contracts::books::OutcomeKind;
use serde::{Deserialize, Serialize};

use crate::conclusions::End;

/// Orders named for one reason.
const NAMED_MAX: usize = 20;

/// Orders by how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    pub delivered: u64,
    pub unchanged: u64,
    pub nothing_due: u64,
    pub removed: u64,
    /// A newer state was already in the books.
    pub superseded: u64,
    /// Held, refused or given up, by the reason's code.
    pub held: BTreeMap<String, Held>,
}

/// Orders that ended as dead letters for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub count: u64,
    /// The reason of the first of them, in plain words.
    pub reason: String,
    /// The first of them.
    pub orders: Vec<u64>,
}

impl Results {
    pub(crate) fn of(ends: &HashMap<u64, End>) -> Self {
        let mut results = Self::default();
        let mut sorted: Vec<_> = ends.iter().collect();
        sorted.sort_by_key(|(id, _)| **id);
        for (id, end) in sorted {
            let counter = match end {
                End::DeadLetter { code, message } => {
                    let held = results.held.entry(code.clone()).or_default();
                    held.count = held.count.saturating_add(1);
                    if held.orders.is_empty() {
                        held.reason.clone_from(message);
                    }
                    if held.orders.len() < NAMED_MAX {
                        held.orders.push(*id);
                    }
                    continue;
                }
                End::Outcome { kind, .. } => match kind {
                    OutcomeKind::Written => &mut results.delivered,
                    OutcomeKind::Removed => &mut results.removed,
                    OutcomeKind::NothingDue => &mut results.nothing_due,
                    OutcomeKind::Superseded => &mut results.superseded,
                    OutcomeKind::Unchanged | OutcomeKind::Unspecified => &mut results.unchanged,
                },
            };
            *counter = counter.saturating_add(1);
        }
        results
    }

    /// Orders that ended as dead letters.
    pub fn held_count(&self) -> u64 {
        self.held.values().map(|held| held.count).sum()
    }

    /// Orders that have ended.
    pub fn done(&self) -> u64 {
        [
            self.delivered,
            self.unchanged,
            self.nothing_due,
            self.removed,
            self.superseded,
            self.held_count(),
        ]
        .iter()
        .sum()
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            ("delivered", self.delivered),
            ("unchanged", self.unchanged),
            ("nothing due", self.nothing_due),
            ("removed", self.removed),
            ("newer state in books", self.superseded),
            ("held", self.held_count()),
        ];
        for (label, count) in figures {
            writeln!(f, "{label:<20} {count}")?;
        }
        for (code, held) in &self.held {
            let orders: Vec<String> = held.orders.iter().map(u64::to_string).collect();
            let more = if held.count > u64::try_from(held.orders.len()).unwrap_or(u64::MAX) {
                ", …"
            } else {
                ""
            };
            writeln!(f, "  {} × {code}: {}", held.count, held.reason)?;
            writeln!(f, "    orders {}{more}", orders.join(", "))?;
        }
        Ok(())
    }
}
