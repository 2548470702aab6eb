//! The record of a grant in the bucket: what it says, and that it stands there sealed.
//!
//! Not here: when it is changed (`tokens`).

use async_nats::jetstream::{self, kv};
use contracts::topology::Bucket;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::bind_store;
use crate::sealing::{Keyring, SealError};

/// A new grant in the configuration begins a new one. Its `Debug` would show secrets, so it has
/// none.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    /// Unix seconds; somewhat before the access token ends.
    pub(super) refresh_at_s: i64,
    /// FreshBooks refused the refresh token: only a new grant helps.
    pub(super) revoked: bool,
    pub(super) claim: Option<Claim>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) owner: String,
    pub(super) until_ms: u64,
}

/// Why a record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the record of the tokens cannot be opened")]
    Sealed(#[source] SealError),
    /// Never begun anew over it: it may hold the live token.
    #[error("the record of the tokens cannot be read; was it written by a newer version?")]
    Unreadable,
}

impl Record {
    pub(super) fn seal(&self, keyring: &Keyring, key: &str) -> Result<bytes::Bytes, RecordError> {
        let plain = serde_json::to_vec(self).map_err(|_| RecordError::Unreadable)?;
        let sealed = keyring.seal(&place(key), &plain);
        Ok(sealed.map_err(RecordError::Sealed)?.into())
    }

    /// Reads what stands under `key`: sealed, or written before records were sealed.
    pub(super) fn open(keyring: &Keyring, key: &str, stored: &[u8]) -> Result<Self, RecordError> {
        let opened = keyring
            .open(&place(key), stored)
            .map_err(RecordError::Sealed)?;
        let plain = opened.as_ref().map_or(stored, |opened| &opened.plain);
        serde_json::from_slice(plain).map_err(|_| RecordError::Unreadable)
    }
}

/// What a sealed record is bound to.
fn place(key: &str) -> String {
    format!("{}/{key}", Bucket::Tokens.name())
}

/// Records could not be sealed again.
#[derive(Debug, thiserror::Error)]
#[error("sealing the tokens with the present key; run `tillbook bootstrap` again")]
pub struct ResealError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Seals with the current key every record that is not; how many there were.
///
/// Afterwards the previous key is needed no more. Safe beside running services: a record that
/// changes meanwhile is sealed by whoever changed it.
pub async fn reseal(
    jetstream: &jetstream::Context,
    keyring: &Keyring,
) -> Result<usize, ResealError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ResealError(source);
    let bucket = bind_store(jetstream, Bucket::Tokens)
        .await
        .map_err(|error| failed(error.into()))?;
    let mut keys = bucket.keys().await.map_err(|error| failed(error.into()))?;
    let mut count = 0_usize;
    while let Some(key) = keys.next().await {
        let key = key.map_err(|error| failed(error.into()))?;
        if reseal_one(&bucket, keyring, &key).await.map_err(failed)? {
            count = count.saturating_add(1);
        }
    }
    Ok(count)
}

async fn reseal_one(
    bucket: &kv::Store,
    keyring: &Keyring,
    key: &str,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let Some(entry) = bucket.entry(key).await? else {
        return Ok(false);
    };
    let opened = keyring.open(&place(key), &entry.value)?;
    if entry.operation != kv::Operation::Put || opened.is_some_and(|opened| opened.is_current) {
        return Ok(false);
    }
    let record = Record::open(keyring, key, &entry.value)?;
    let sealed = record.seal(keyring, key)?;
    match bucket.update(key, sealed, entry.revision).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(false),
        Err(error) => Err(error.into()),
    }
}
