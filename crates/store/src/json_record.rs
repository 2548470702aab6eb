//! A JSON record of a key-value bucket, changed by compare-and-set.
//!
//! Not here: what the record says, and what its absence means.

use async_nats::jetstream::kv;
use serde::Serialize;
use serde::de::DeserializeOwned;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The record, and the revision to replace; `None` when there is none, with 0 if there never was.
pub(crate) async fn read<T: DeserializeOwned>(
    bucket: &kv::Store,
    key: &str,
) -> Result<(Option<T>, u64), Error> {
    match bucket.entry(key).await? {
        None => Ok((None, 0)),
        Some(entry) if entry.operation != kv::Operation::Put => Ok((None, entry.revision)),
        Some(entry) => Ok((Some(serde_json::from_slice(&entry.value)?), entry.revision)),
    }
}

/// The new revision; `None` when the record no longer has `revision`: somebody else was first.
pub(crate) async fn replace<T: Serialize>(
    bucket: &kv::Store,
    key: &str,
    record: &T,
    revision: u64,
) -> Result<Option<u64>, Error> {
    let bytes = serde_json::to_vec(record)?;
    match bucket.update(key, bytes.into(), revision).await {
        Ok(revision) => Ok(Some(revision)),
        Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(None),
        Err(error) => Err(error.into()),
    }
}
