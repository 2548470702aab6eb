//! Sweeps: what hooks missed is made good.
//!
//! Every few minutes the store's lists of changes are read from where the last sweep ended, with
//! overlap. What changed after its last hint was stored gets one; the rest of the pipeline makes
//! no difference between hints. Hooks that come are thereby followed once, and hooks that were
//! dropped, or sent while nobody listened, are followed late. Nothing of before the connection's
//! first sweep is taken up; that is what a backfill is for.
//! Not here: how the order is fetched ([`crate::fetch`]).

use std::time::Duration;

use async_nats::jetstream::stream::{DirectGetErrorKind, Stream as Handle};
use connect::Vendor;
use connect::bigcommerce::{self, Change, ChangeList};
use connect::budget::{Class, in_class};
use contracts::event::{Entity, Origin};
use contracts::hint::Hint;
use contracts::journal::{JournalEntry, JournalKind};
use contracts::topology::Stream;
use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use runtime::metrics::{Metrics, MetricsError};
use stage::{Journal, Publisher};
use store::connections::Connections;
use store::sweeps::{Claim, Sweeps, Turn};
use tokio_util::sync::CancellationToken;
use tracing::{Span, info, warn};

/// Read again each time: BigCommerce's clock and ours may differ, and a list that is read by page
/// number may hide a row.
const OVERLAP: Duration = Duration::from_secs(60 * 60);

/// The store tells changes in whole seconds, cut off: a hint of the same second may be older.
const STORE_GRAIN_MS: i64 = 1_000;

const LISTS: [ChangeList; 4] = [
    ChangeList::Orders,
    ChangeList::Refunds,
    ChangeList::Customers,
    ChangeList::Products,
];

/// Hints that sweeps stored, by connection and entity: each is a hook that was missed or late.
pub(crate) type Hinted = Family<[(&'static str, String); 2], Counter>;

/// One store, and what its sweeps need.
pub(crate) struct Sweeper {
    pub connection: String,
    pub client: bigcommerce::Client,
    pub interval: Duration,
    pub sweeps: Sweeps,
    pub connections: Connections,
    /// The stream of hints.
    pub hints: Handle,
    pub publisher: Publisher,
    pub journal: Journal,
    pub hinted: Hinted,
}

/// A sweep that did not come to its end; the next one begins where it did.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("listing changes: {0}")]
    Vendor(#[from] connect::VendorError),
    #[error(transparent)]
    Progress(#[from] store::sweeps::Error),
    #[error("looking up the last hint: {0}")]
    LastHint(String),
    #[error(transparent)]
    Publish(#[from] stage::PublishError),
}

/// Registers the counter.
pub(crate) fn counter(metrics: &Metrics) -> Result<Hinted, MetricsError> {
    metrics.counter(
        "sweep_hints",
        "Changes that no hook had told, found by sweeping the store's lists",
    )
}

impl Sweeper {
    /// Sweeps until shutdown.
    pub(crate) async fn keep(self, shutdown: CancellationToken) {
        loop {
            let mut pause = self.interval;
            for list in LISTS {
                let next = tokio::select! {
                    () = shutdown.cancelled() => return,
                    next = self.turn(list) => next,
                };
                pause = pause.min(next);
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sweeps one list if it is due; how long until it is due again.
    async fn turn(&self, list: ChangeList) -> Duration {
        let (connection, list_name) = (&self.connection, name(list));
        let turn = self
            .sweeps
            .turn(connection, list_name, self.interval, OVERLAP)
            .await;
        let swept = match turn {
            Ok(Turn::After(pause)) => return pause,
            Ok(Turn::Ours(claim)) => self.sweep(list, claim).await,
            Err(error) => Err(error.into()),
        };
        match swept {
            Ok(0) => {}
            Ok(hints) => info!(
                connection,
                list = list_name,
                hints,
                "a sweep found changes that no hook had told"
            ),
            Err(error) => {
                if let Error::Vendor(error) = &error {
                    self.connections
                        .failed(connection, Vendor::BigCommerce, error)
                        .await;
                }
                warn!(connection, list = list_name, error = %error,
                    "a sweep did not come to its end; what hooks missed waits for the next one");
            }
        }
        self.interval
    }

    /// Reads the list to its end; how many hints were stored.
    async fn sweep(&self, list: ChangeList, mut claim: Claim) -> Result<u64, Error> {
        let since_ms = i64::try_from(claim.since_ms).unwrap_or(i64::MAX);
        // The list is asked for by the store's clock.
        let since_ms = since_ms.saturating_sub(self.client.store_behind_ms());
        let since = Timestamp::from_millisecond(since_ms).unwrap_or(Timestamp::MAX);
        let (mut from, mut hints) = (0, 0_u64);
        loop {
            let began_ms = store::now_ms();
            let read = self.client.changes(list, since, from);
            let page = in_class(Class::Replay, read).await?;
            self.connections
                .answered(&self.connection, Vendor::BigCommerce, began_ms)
                .await;
            for change in page.changes {
                hints = hints.saturating_add(u64::from(self.follow(list, change).await?));
            }
            match page.next {
                None => {
                    self.sweeps.finish(claim).await?;
                    return Ok(hints);
                }
                // Somebody else goes on from where the last whole sweep ended.
                Some(_) if !self.sweeps.renew(&mut claim).await? => return Ok(hints),
                Some(next) => from = next,
            }
        }
    }

    /// Stores a hint unless one was stored after the change.
    async fn follow(&self, list: ChangeList, change: Change) -> Result<bool, Error> {
        let (entity, id) = (entity(list), change.id.to_string());
        let subject = Stream::Hints.subject(&self.connection, entity.token(), &id);
        let hinted_ms = self.hinted_at_ms(&subject).await?;
        // The store's stamp on our clock, rather too late than too early.
        let behind_ms = self.client.store_behind_ms();
        let changed_ms = change
            .at
            .map(|at| at.as_millisecond().saturating_add(behind_ms));
        if is_told(hinted_ms, changed_ms) {
            return Ok(false);
        }
        let hint = Hint {
            connection: self.connection.clone(),
            entity: entity.into(),
            entity_id: id,
            origin: Origin::Sweep.into(),
            scope: String::new(),
            webhook_id: String::new(),
            received_at_ms: store::now_ms(),
            vendor_created_at_s: 0,
        };
        // A trace of its own, as a hook has: whatever follows belongs to this finding.
        let span = tracing::info_span!(
            parent: None,
            "sweep_found",
            otel.name = "sweep found a change",
            otel.kind = "producer",
            tillbook.service = "ingest",
            tillbook.connection = hint.connection,
            tillbook.list = name(list),
        );
        let sequence = self.publisher.publish_hint(&hint, None, &span).await?;
        if !self.journal.offer(vec![found(&hint, sequence, &span)]) {
            warn!(
                connection = self.connection,
                "the journal's queue is full; what a sweep found is missing from it"
            );
        }
        let labels = [
            ("connection", self.connection.clone()),
            ("entity", entity.token().to_owned()),
        ];
        self.hinted.get_or_create_owned(&labels).inc();
        Ok(true)
    }

    /// When the last hint of this subject was stored, Unix milliseconds of the server's clock.
    async fn hinted_at_ms(&self, subject: &str) -> Result<Option<i64>, Error> {
        match self.hints.direct_get_last_for_subject(subject).await {
            Ok(hint) => Ok(i64::try_from(hint.time.unix_timestamp_nanos() / 1_000_000).ok()),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::LastHint(error.to_string())),
        }
    }
}

/// What the story tells of it.
fn found(hint: &Hint, sequence: u64, span: &Span) -> JournalEntry {
    JournalEntry {
        entry_id: format!(
            "sweep:{}:{}:{sequence}",
            hint.connection, hint.received_at_ms
        ),
        connection: hint.connection.clone(),
        entity: hint.entity,
        entity_id: hint.entity_id.clone(),
        at_ms: hint.received_at_ms,
        stage: "ingest".to_owned(),
        kind: JournalKind::Hinted.into(),
        detail: "Found by a sweep; no hook had told it".to_owned(),
        trace_id: runtime::telemetry::trace_id(span).unwrap_or_default(),
        attempt: 1,
        ..JournalEntry::default()
    }
}

/// Whether the last hint came after the change. A change whose moment cannot be read counts as
/// told once anything was.
fn is_told(hinted_ms: Option<i64>, changed_ms: Option<i64>) -> bool {
    match (hinted_ms, changed_ms) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(hinted), Some(changed)) => hinted >= changed.saturating_add(STORE_GRAIN_MS),
    }
}

fn entity(list: ChangeList) -> Entity {
    match list {
        ChangeList::Orders | ChangeList::Refunds => Entity::Order,
        ChangeList::Customers => Entity::Customer,
        ChangeList::Products => Entity::Product,
    }
}

fn name(list: ChangeList) -> &'static str {
    match list {
        ChangeList::Orders => "orders",
        ChangeList::Refunds => "refunds",
        ChangeList::Customers => "customers",
        ChangeList::Products => "products",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_only_by_a_hint_that_is_certainly_later() {
        assert!(!is_told(None, Some(5_000)));
        assert!(!is_told(None, None));
        assert!(!is_told(Some(4_000), Some(5_000)));
        // The change may have been at 5,999.
        assert!(!is_told(Some(5_999), Some(5_000)));
        assert!(is_told(Some(6_000), Some(5_000)));
        assert!(is_told(Some(1), None));
    }
}
