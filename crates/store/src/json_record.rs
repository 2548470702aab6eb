//! A JSON record of a key-value bucket, changed by compare-and-set.
//!
//! Not here: what the record says, and what its absence means.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bucket::{Fault, KeyValue};

/// The record, and the revision to replace; `None` when there is none, with 0 if there never was.
pub async fn read<T: DeserializeOwned>(
    bucket: &dyn KeyValue,
    key: &str,
) -> Result<(Option<T>, u64), Fault> {
    let Some(record) = bucket.read(key).await? else {
        return Ok((None, 0));
    };
    let value = record.value.map(|bytes| serde_json::from_slice(&bytes));
    Ok((value.transpose()?, record.revision))
}

/// The new revision; `None` when the record no longer has `revision`: somebody else was first.
pub async fn replace<T: Serialize>(
    bucket: &dyn KeyValue,
    key: &str,
    record: &T,
    revision: u64,
) -> Result<Option<u64>, Fault> {
    let bytes = serde_json::to_vec(record)?;
    bucket.replace(key, bytes.into(), revision).await
}
