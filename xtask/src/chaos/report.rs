//! What a run of many schedules says: a line for each, then how often each fault really struck.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::tally::Tally;
use super::verdict::Found;
use crate::shops::columns::lay_out;

/// Faults named for each sort in a line of the report; the folder has the rest.
const NAMED_MAX: usize = 5;

/// What one schedule came to.
pub(super) struct Result {
    pub(super) seed: u64,
    pub(super) orders: usize,
    pub(super) changes: usize,
    pub(super) struck: Tally,
    pub(super) found: Found,
    pub(super) took: Duration,
}

impl Result {
    pub(super) fn line(&self) -> String {
        let verdict = if self.found.is_right() {
            "right".to_owned()
        } else {
            let sorts = self.found.sorts().into_iter();
            let counts: Vec<String> = sorts
                .filter(|(_, found)| !found.is_empty())
                .map(|(sort, found)| format!("{} {sort}", found.len()))
                .collect();
            format!("WRONG: {}", counts.join(", "))
        };
        format!(
            "seed {}: {} orders, {} changes, {} faults of {} kinds struck, {} s: {verdict}",
            self.seed,
            self.orders,
            self.changes,
            self.struck.total(),
            self.struck.kinds_struck(),
            self.took.as_secs()
        )
    }

    /// What is wrong, a line each.
    pub(super) fn details(&self) -> String {
        let mut text = String::new();
        for (sort, found) in self.found.sorts() {
            for one in found.iter().take(NAMED_MAX) {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "  {sort}: {one}");
            }
        }
        text
    }

    fn json(&self) -> Value {
        json!({ "seed": self.seed, "orders": self.orders, "changes": self.changes,
            "struck": self.struck, "found": self.found,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX) })
    }
}

/// Everything that many schedules came to.
#[derive(Default)]
pub(super) struct Report {
    pub(super) results: Vec<Result>,
    /// Schedules that could not be run to their end, in words.
    pub(super) broken: Vec<String>,
}

impl Report {
    fn struck(&self) -> Tally {
        let mut all = Tally::default();
        self.results
            .iter()
            .for_each(|result| all.merge(&result.struck));
        all
    }

    /// Kinds of faults that never struck.
    fn missing(&self) -> Vec<&'static str> {
        let all = self.struck().all();
        let missing = all.into_iter().filter(|(_, count)| *count == 0);
        missing.map(|(name, _)| name).collect()
    }

    /// `every_kind`: also a kind of fault that never struck is a fault of the run.
    pub(super) fn is_right(&self, every_kind: bool) -> bool {
        self.broken.is_empty()
            && self.results.iter().all(|result| result.found.is_right())
            && (!every_kind || self.missing().is_empty())
    }

    pub(super) fn text(&self, every_kind: bool) -> String {
        let mut rows = vec![["fault", "struck"].map(str::to_owned).to_vec()];
        let all = self.struck().all();
        rows.extend(
            all.iter()
                .map(|(name, count)| vec![(*name).to_owned(), count.to_string()]),
        );
        let mut text = format!("\n{}", lay_out(&rows, &[1]));
        let orders: usize = self.results.iter().map(|result| result.orders).sum();
        let changes: usize = self.results.iter().map(|result| result.changes).sum();
        let sum = |of: fn(&Found) -> &Vec<String>| -> usize {
            self.results
                .iter()
                .map(|result| of(&result.found).len())
                .sum()
        };
        let (lost, doubled) = (sum(|found| &found.lost), sum(|found| &found.doubled));
        let (wrong, order) = (sum(|found| &found.wrong), sum(|found| &found.out_of_order));
        let (letters, left) = (
            sum(|found| &found.dead_letters),
            sum(|found| &found.left_over),
        );
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "\n{} schedules, {orders} orders, {changes} later changes, {} faults struck.\n\
             {lost} lost, {doubled} doubled, {wrong} wrong, {order} out of order, {letters} \
             unexplained dead letters, {left} left over, {} schedules broken off.",
            self.results.len(),
            self.struck().total(),
            self.broken.len(),
        );
        let missing = self.missing();
        if !missing.is_empty() {
            let _ = writeln!(text, "Never struck: {}.", missing.join(", "));
        }
        text.push_str(if self.is_right(every_kind) {
            "All is right.\n"
        } else {
            "NOT all is right.\n"
        });
        text
    }

    pub(super) fn json(&self) -> Value {
        let results: Vec<Value> = self.results.iter().map(Result::json).collect();
        json!({ "schedules": results, "broken": self.broken, "struck": self.struck(),
            "never_struck": self.missing() })
    }
}
