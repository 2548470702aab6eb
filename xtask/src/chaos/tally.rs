//! How often each kind of fault really struck: a kill that hit a live process, a call that met its
//! fault, a hook that was overtaken. What was ordered and met nothing does not count.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fault::KINDS;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(super) fn add(&mut self, name: &'static str, count: u64) {
        let sum = self.0.entry(name).or_default();
        *sum = sum.saturating_add(count);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            self.add(name, *count);
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Every kind there is with its count, in the order of [`KINDS`].
    pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
        let count = |name| self.0.get(name).copied().unwrap_or(0);
        KINDS
            .iter()
            .map(|kind| (kind.name, count(kind.name)))
            .collect()
    }

    pub(super) fn kinds_struck(&self) -> usize {
        self.0.values().filter(|count| **count > 0).count()
    }
}
