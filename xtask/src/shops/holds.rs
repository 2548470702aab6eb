//! Which orders may wait for a person: the corpus says so by kind and reason, once for all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// By kind, the codes of the reasons it may be held for.
#[derive(Clone, Debug, Default)]
pub(crate) struct MayBeHeld(BTreeMap<String, BTreeSet<String>>);

impl MayBeHeld {
    /// Asks the corpus program.
    pub(crate) fn ask(corpus: &Path) -> anyhow::Result<Self> {
        let output = Command::new(corpus).arg("--holds").output();
        let output = output.context("starting the corpus program")?;
        ensure!(
            output.status.success(),
            "the corpus program did not say which kinds may be held: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let kinds = serde_json::from_slice(&output.stdout);
        kinds.map(Self).context("reading which kinds may be held")
    }

    #[cfg(test)]
    pub(crate) fn only(kind: &str, code: &str) -> Self {
        let codes = BTreeSet::from([code.to_owned()]);
        Self(BTreeMap::from([(kind.to_owned(), codes)]))
    }

    /// Whether an order of this kind may wait for a person, for whatever reason.
    pub(crate) fn any(&self, kind: &str) -> bool {
        self.0.contains_key(kind)
    }

    /// Whether each of these reasons, and at least one, is among those of the kind.
    pub(crate) fn expects(&self, kind: &str, codes: &BTreeSet<String>) -> bool {
        let of_kind = self.0.get(kind);
        !codes.is_empty() && of_kind.is_some_and(|of_kind| codes.is_subset(of_kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_must_be_one_of_the_kind() {
        let holds = MayBeHeld::only("no_customer_at_all", "missing_customer");
        let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
        assert!(holds.expects("no_customer_at_all", &codes(&["missing_customer"])));
        assert!(!holds.expects("no_customer_at_all", &codes(&["missing_customer", "other"])));
        assert!(!holds.expects("no_customer_at_all", &codes(&[])));
        assert!(!holds.expects("paid_card_one_line", &codes(&["missing_customer"])));
    }
}
