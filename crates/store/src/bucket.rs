//! A key-value bucket as the rooms of this crate use one: read, and change by compare-and-set.
//!
//! Production's is JetStream's ([`kv::Store`]); the simulation brings one of its own that fails
//! where a network can. Not here: what the records say.

use std::fmt::Debug;
use std::sync::Arc;

use async_nats::jetstream::kv;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};

/// Whatever kept a bucket from answering.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A bucket that many rooms share.
pub type Bucket = Arc<dyn KeyValue>;

/// A record with the revision that a change must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `None` where it was deleted: the deletion has a revision to name, but no content.
    pub value: Option<Bytes>,
    pub revision: u64,
}

/// A bucket. Every change is durable before its future resolves; one whose future failed or was
/// dropped may have happened or not.
pub trait KeyValue: Debug + Send + Sync {
    /// The latest record; `None` when the key never had one.
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, Fault>>;

    /// Replaces the record if it still has `revision` (0: there must be none). The new revision;
    /// `None` when somebody else was first.
    fn replace<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<Option<u64>, Fault>>;

    /// Stores the record whatever stands there. The new revision.
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<u64, Fault>>;

    /// Every key that has a record, in no order.
    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, Fault>>;

    /// Returns when the record has another revision than this one, or when that cannot be
    /// watched; the caller looks again either way.
    fn changed<'a>(&'a self, key: &'a str, revision: u64) -> BoxFuture<'a, ()>;
}

impl KeyValue for kv::Store {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, Fault>> {
        Box::pin(async move {
            let entry = self.entry(key).await?;
            Ok(entry.map(|entry| Record {
                value: (entry.operation == kv::Operation::Put).then_some(entry.value),
                revision: entry.revision,
            }))
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<Option<u64>, Fault>> {
        Box::pin(async move {
            match self.update(key, value, revision).await {
                Ok(revision) => Ok(Some(revision)),
                Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<u64, Fault>> {
        Box::pin(async move { Ok(kv::Store::put(self, key, value).await?) })
    }

    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, Fault>> {
        Box::pin(async move {
            let keys = kv::Store::keys(self).await?;
            keys.try_collect().await.map_err(Fault::from)
        })
    }

    fn changed<'a>(&'a self, key: &'a str, revision: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let next = revision.saturating_add(1);
            if let Ok(mut watch) = self.watch_from_revision(key, next).await {
                watch.next().await;
            }
        })
    }
}
