//! A key-value bucket in memory, with the ways in which a bucket across a network fails.
//!
//! Also watches what is written: the version of an order's entry never goes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use contracts::ledger::{ClientEntry, ItemEntry, OrderEntry};
use futures::future::BoxFuture;
use prost::Message;
use store::bucket::{Fault as BucketFault, KeyValue, Record};
use tokio::sync::Notify;

use crate::fault::Fault;
use crate::plant::Plant;
use crate::process::Life;
use crate::world::World;

/// How long a process waits for a bucket's reply.
const REQUEST_TIMEOUT: Duration = runtime::nats::REQUEST_TIMEOUT;

/// What a bucket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ledger,
    Tokens,
    Connections,
}

/// What the server holds.
#[derive(Debug)]
pub(crate) struct Shelf {
    kind: Kind,
    world: Arc<World>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<String, Record>,
    revision: u64,
}

impl Shelf {
    pub(crate) fn new(kind: Kind, world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            kind,
            world: Arc::clone(world),
            state: Mutex::default(),
            changed: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every record with content.
    pub(crate) fn records(&self) -> Vec<(String, Bytes)> {
        let state = self.lock();
        let live = state.records.iter();
        live.filter_map(|(key, record)| Some((key.clone(), record.value.clone()?)))
            .collect()
    }

    /// Everything it holds, for a backup.
    pub(crate) fn backup(&self) -> BTreeMap<String, Record> {
        self.lock().records.clone()
    }

    /// Goes back to a backup; revisions go on.
    pub(crate) fn restore(&self, backup: BTreeMap<String, Record>) {
        self.lock().records = backup;
    }

    /// Loses the records that `is_lost` names, as a restored backup would.
    pub(crate) fn lose(&self, is_lost: impl Fn(&str) -> bool) {
        self.lock().records.retain(|key, _| !is_lost(key));
    }

    fn read(&self, key: &str) -> Option<Record> {
        let mut record = self.lock().records.get(key).cloned()?;
        if self.kind == Kind::Ledger && self.world.plant == Some(Plant::BlindRetry) {
            record.value = record.value.map(|value| without_intent(key, value));
        }
        Some(record)
    }

    fn replace(&self, key: &str, value: Bytes, revision: Option<u64>) -> Option<u64> {
        let mut state = self.lock();
        let current = state.records.get(key).map_or(0, |record| record.revision);
        let is_unfenced = match self.world.plant {
            Some(Plant::NoFence) => self.kind == Kind::Ledger,
            Some(Plant::RefreshTwice) => self.kind == Kind::Tokens,
            _ => false,
        };
        if revision.is_some_and(|revision| revision != current) && !is_unfenced {
            return None;
        }
        state.revision = state.revision.saturating_add(1);
        let now = state.revision;
        let before = state.records.insert(
            key.to_owned(),
            Record {
                value: Some(value.clone()),
                revision: now,
            },
        );
        drop(state);
        let before = before.and_then(|record| record.value);
        self.watch(key, before.as_ref(), &value);
        self.changed.notify_waiters();
        Some(now)
    }

    /// The newer state of an order is never overwritten by an older one.
    fn watch(&self, key: &str, before: Option<&Bytes>, now: &Bytes) {
        if self.kind != Kind::Ledger || !key.contains(".order.") {
            return;
        }
        let version =
            |bytes: &Bytes| OrderEntry::decode(bytes.clone()).map_or(0, |entry| entry.version_ms);
        let (before, now) = (before.map_or(0, version), version(now));
        if now < before {
            self.world.broken(format!(
                "{key}: version {before} was overwritten by the older {now}"
            ));
        }
    }
}

/// What a process that forgot its open intents would see.
fn without_intent(key: &str, value: Bytes) -> Bytes {
    if key.contains(".order.") {
        forgotten(&value, |entry: &mut OrderEntry| entry.intent = None)
    } else if key.contains(".client.") {
        forgotten(&value, |entry: &mut ClientEntry| entry.intent = None)
    } else {
        forgotten(&value, |entry: &mut ItemEntry| entry.intent = None)
    }
}

fn forgotten<T: Message + Default>(value: &Bytes, forget: impl FnOnce(&mut T)) -> Bytes {
    let mut entry = T::decode(value.clone()).unwrap_or_default();
    forget(&mut entry);
    entry.encode_to_vec().into()
}

/// One process's way to a shelf.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedBucket {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) life: Arc<Life>,
}

impl SimulatedBucket {
    /// One request: what it does takes effect, or not, somewhere between now and its reply.
    async fn request<T: Send>(
        &self,
        what: impl Fn() -> String + Send,
        effect: impl FnOnce(&Shelf) -> T + Send,
    ) -> Result<T, BucketFault> {
        let world = &self.shelf.world;
        self.life.alive().await;
        if world.strikes(Fault::BucketLost) {
            world.trace(|| format!("{} is lost", what()));
            tokio::time::sleep(REQUEST_TIMEOUT).await;
            return Err("the bucket did not answer".into());
        }
        let way = if world.strikes(Fault::BucketSlow) {
            world.millis(500, 2_800)
        } else {
            world.millis(0, 3)
        };
        tokio::time::sleep(way).await;
        self.life.alive().await;
        let done = effect(&self.shelf);
        if world.strikes(Fault::BucketReplyLost) {
            world.trace(|| format!("{} is done, its reply lost", what()));
            tokio::time::sleep(REQUEST_TIMEOUT.saturating_sub(way)).await;
            return Err("the bucket did not answer".into());
        }
        tokio::time::sleep(world.millis(0, 2)).await;
        self.life.alive().await;
        Ok(done)
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        revision: Option<u64>,
    ) -> Result<Option<u64>, BucketFault> {
        let world = &self.shelf.world;
        let what = || match self.shelf.kind {
            Kind::Ledger => format!("{key} <- {}", shown(key, &value)),
            _ => format!("{key} is written"),
        };
        if world.strikes(Fault::BucketLate) {
            self.life.alive().await;
            let (shelf, key, value) = (Arc::clone(&self.shelf), key.to_owned(), value.clone());
            let late = REQUEST_TIMEOUT + world.millis(1, 400);
            world.trace(|| format!("{} will come late", what()));
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                shelf.replace(&key, value, revision);
            });
            tokio::time::sleep(REQUEST_TIMEOUT).await;
            return Err("the bucket did not answer".into());
        }
        let kept = value.clone();
        let written = self
            .request(what, |shelf| shelf.replace(key, kept, revision))
            .await;
        world.trace(|| match &written {
            Ok(Some(now)) => format!("{} (revision {now})", what()),
            Ok(None) => format!("{} is fenced at revision {revision:?}", what()),
            Err(_) => format!("{} has no reply", what()),
        });
        written
    }
}

/// An entry in few words.
fn shown(key: &str, value: &Bytes) -> String {
    if key.contains(".order.") {
        let entry = OrderEntry::decode(value.clone()).unwrap_or_default();
        let intent = entry.intent.as_ref();
        return format!(
            "v{} client {} invoice {:?} payments {} refunds {} intent {:?}",
            entry.version_ms % 100_000_000,
            entry.client_id,
            entry.invoice.as_ref().map(|invoice| (
                invoice.invoice_id,
                invoice.sent,
                invoice.removed
            )),
            entry.payments.len(),
            entry.refunds.len(),
            intent.map(|open| (open.kind(), open.natural_key.clone(), open.attempt)),
        );
    }
    let entry = ClientEntry::decode(value.clone()).unwrap_or_default();
    let intent = entry.intent.as_ref();
    format!(
        "client {} intent {:?}",
        entry.client_id,
        intent.map(|open| (open.kind(), open.attempt))
    )
}

impl KeyValue for SimulatedBucket {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, BucketFault>> {
        Box::pin(self.request(
            move || format!("reading {key}"),
            move |shelf| shelf.read(key),
        ))
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<Option<u64>, BucketFault>> {
        Box::pin(self.write(key, value, Some(revision)))
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<u64, BucketFault>> {
        Box::pin(async move {
            let written = self.write(key, value, None).await?;
            written.ok_or_else(|| "an unconditional write was fenced".into())
        })
    }

    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, BucketFault>> {
        Box::pin(self.request(
            || "listing keys".to_owned(),
            |shelf| shelf.records().into_iter().map(|(key, _)| key).collect(),
        ))
    }

    fn changed<'a>(&'a self, key: &'a str, revision: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                let changed = self.shelf.changed.notified();
                let current = self.shelf.read(key).map_or(0, |record| record.revision);
                if current != revision {
                    return;
                }
                changed.await;
            }
        })
    }
}
