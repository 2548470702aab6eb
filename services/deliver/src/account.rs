//! Where one delivery works: its account, its ledger, and what a vendor failure means there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use connect::VendorError;
use stage::{Failure, vendor};
use store::cache::LookupCache;
use store::connections::Connections;
use store::ledger::Ledger;
use tracing::{error, info, warn};

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
}

/// An absence that was read longer ago than this is read again before anything is created.
const ABSENCE_TRUSTED: Duration = Duration::from_secs(60);

impl Workplace<'_> {
    /// Whether something read at that moment may still be relied on.
    pub(crate) fn is_fresh(&self, verified_at_ms: u64) -> bool {
        let age = store::now_ms().saturating_sub(verified_at_ms);
        verified_at_ms > 0 && Duration::from_millis(age) <= ABSENCE_TRUSTED
    }

    /// Counts a call that changed FreshBooks.
    pub(crate) fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// The exit after a failed call; puts the connection on hold when the vendor refuses it whole.
    pub(crate) async fn vendor_failure(&self, what: &str, error: &VendorError) -> Failure {
        if vendor::holds_connection(error) {
            self.hold_connection(error).await;
        }
        vendor::failure(what, error)
    }

    /// A retry whose delay outlives the call whose reply was lost.
    pub(crate) fn after_settling(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Retry { reason, .. } => Failure::Retry { after: Some(self.settle), reason },
            other => other,
        }
    }

    async fn hold_connection(&self, error: &VendorError) {
        let reason = format!(
            "FreshBooks refuses the connection ({error}); connect the account again and put the new refresh_token into tillbook.toml. Nothing is lost: work waits"
        );
        match self.connections.put_on_hold(self.connection, error.class(), &reason).await {
            Ok(true) => error!(alert = "connection_held", connection = self.connection, "{reason}"),
            Ok(false) => {}
            Err(error) => warn!(error = %error, "a hold could not be stored; it is tried again"),
        }
    }

    /// A call went through: a hold that was in force has ended.
    pub(crate) async fn release_connection(&self) {
        match self.connections.release(self.connection).await {
            Ok(true) => info!(connection = self.connection, "the connection is released"),
            Ok(false) => {}
            Err(error) => warn!(error = %error, "a hold could not be ended; it is tried again"),
        }
    }
}
