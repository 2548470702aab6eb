//! Which connections are held, watched in the key-value bucket that decides it.
//!
//! Kept in memory only: the bucket is durable and small. While it cannot be read, what was known
//! last stands. Not here: holding and releasing (`store`, `deliver`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, kv};
use contracts::topology::Bucket;
use futures::StreamExt;
use runtime::shutdown::CancellationToken;
use store::connections::Hold;
use tokio::sync::watch;

use crate::views::{Connections, HeldSince};

/// Pause before the bucket is watched again.
const PAUSE: Duration = Duration::from_secs(2);
/// Connections that are kept; names come from configuration, so there are few.
const HOLDS_MAX: usize = 1_000;

/// Connection to its hold; ended holds are kept with their end.
type Known = BTreeMap<String, Hold>;

/// The holds as they are known now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Holds {
    known: Arc<watch::Sender<Known>>,
}

impl Default for Holds {
    fn default() -> Self {
        Self {
            known: Arc::new(watch::Sender::new(Known::new())),
        }
    }
}

impl Holds {
    /// To wait on.
    pub(crate) fn changes(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    /// Whether each connection that the bucket names is held, and why.
    pub fn held(&self) -> BTreeMap<String, Option<HeldSince>> {
        let known = self.known.borrow();
        known
            .iter()
            .map(|(connection, hold)| {
                let held = hold.ended_ms.is_none().then(|| HeldSince {
                    reason: hold.reason.clone(),
                    since_ms: i64::try_from(hold.since_ms).unwrap_or(i64::MAX),
                });
                (connection.clone(), held)
            })
            .collect()
    }

    /// Puts the bucket's word over the journal's.
    pub(crate) fn apply(&self, connections: Connections) -> Connections {
        connections.with_holds(self.held())
    }

    /// Watches the bucket until shutdown.
    pub(crate) async fn keep(self, jetstream: jetstream::Context, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                error = self.watch(&jetstream) => {
                    tracing::warn!(error, "holds of connections are not watched; tried again soon");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Follows every change; returns why it ended.
    async fn watch(&self, jetstream: &jetstream::Context) -> String {
        let bucket = match jetstream.get_key_value(Bucket::Connections.name()).await {
            Ok(bucket) => bucket,
            Err(error) => return error.to_string(),
        };
        let mut entries = match bucket.watch_all_from_revision(1).await {
            Ok(entries) => entries,
            Err(error) => return error.to_string(),
        };
        while let Some(entry) = entries.next().await {
            match entry {
                Ok(entry) => self.take(&entry),
                Err(error) => return error.to_string(),
            }
        }
        "the watch ended".to_owned()
    }

    fn take(&self, entry: &kv::Entry) {
        let hold = match entry.operation {
            kv::Operation::Put => serde_json::from_slice::<Hold>(&entry.value).ok(),
            _ => None,
        };
        self.known.send_modify(|known| match hold {
            Some(hold) if known.len() < HOLDS_MAX || known.contains_key(&entry.key) => {
                known.insert(entry.key.clone(), hold);
            }
            Some(_) => tracing::warn!(limit = HOLDS_MAX, "more connections than are shown"),
            None => {
                known.remove(&entry.key);
            }
        });
    }
}
