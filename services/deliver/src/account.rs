//! Where one delivery works: its account, its ledger, and what a vendor failure means there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use connect::{Vendor, VendorError};
use contracts::journal::JournalKind;
use contracts::ledger::Intent;
use stage::{Failure, Notes, vendor};
use store::cache::LookupCache;
use store::connections::Connections;
use store::keyed_locks::KeyedLocks;
use store::ledger::Ledger;

use crate::arithmetic::Arithmetics;

/// What the steps of one delivery share.
pub(crate) struct Workplace<'a> {
    pub connection: &'a str,
    pub account: &'a connect::freshbooks::Client,
    pub ledger: &'a Ledger,
    pub cache: &'a LookupCache,
    pub connections: &'a Connections,
    /// Random id of this worker.
    pub owner: &'a str,
    /// Longer than any request can live: an older open intent's call has ended.
    pub settle: Duration,
    pub writes: AtomicU32,
    /// One worker of this process for each client and item; across processes the ledger fences.
    pub locks: &'a KeyedLocks,
    /// Unix milliseconds from which the desired client's fields hold.
    pub client_as_of_ms: u64,
    pub arithmetics: &'a Arithmetics,
    /// What the story shows of this delivery.
    pub notes: &'a Notes,
}

/// An absence that was read longer ago than this is read again before anything is created.
const ABSENCE_TRUSTED: Duration = Duration::from_secs(60);

impl Workplace<'_> {
    /// Whether something read at that moment may still be relied on.
    pub(crate) fn is_fresh(&self, verified_at_ms: u64) -> bool {
        let age = store::now_ms().saturating_sub(verified_at_ms);
        verified_at_ms > 0 && Duration::from_millis(age) <= ABSENCE_TRUSTED
    }

    /// How much longer the call behind an open intent may be alive; `None` once it has ended for
    /// certain, so that its effect can be looked up.
    pub(crate) fn may_live_for(&self, open: &Intent) -> Option<Duration> {
        let age = Duration::from_millis(store::now_ms().saturating_sub(open.started_at_ms));
        self.settle.checked_sub(age).filter(|left| !left.is_zero())
    }

    /// How soon to look again while another worker holds a claim: most end within one call, so the
    /// pause is short at first; only an orphaned one lasts until it is settled. `None` as above.
    pub(crate) fn look_again_after(&self, claim: &Intent, pause: Duration) -> Option<Duration> {
        let left = self.may_live_for(claim)?;
        Some(pause.max(self.settle.saturating_sub(left)).min(left))
    }

    /// Counts a call that changed FreshBooks.
    pub(crate) fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Says in the story what was learned of the books beside the order's own figures.
    pub(crate) fn tell(&self, words: String) {
        self.tell_with(words, BTreeMap::new());
    }

    /// The same, with figures that a reader may search for.
    pub(crate) fn tell_with(&self, words: String, attributes: BTreeMap<String, String>) {
        self.notes
            .add(JournalKind::LedgerWritten, words, 0, attributes);
    }

    /// The exit after a failed call; puts the connection on hold when the vendor refuses it whole.
    pub(crate) async fn vendor_failure(&self, what: &str, error: &VendorError) -> Failure {
        self.connections
            .failed(self.connection, Vendor::FreshBooks, error)
            .await;
        vendor::failure(what, error)
    }

    /// A retry whose delay outlives the call whose reply was lost.
    pub(crate) fn after_settling(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Retry { reason, .. } => Failure::Retry {
                after: Some(self.settle),
                reason,
            },
            other => other,
        }
    }
}
