//! How far each list of a store has been swept, and whose turn it is.
//!
//! One record for a connection and list, changed by compare-and-set, so that of many processes
//! one sweeps at a time. Not here: what a sweep does (`ingest`).

use std::time::Duration;

use async_nats::jetstream;
use contracts::topology;
use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::{BindError, bind, json_record, now_ms};

/// The progress of all sweeps. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sweeps {
    bucket: Bucket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Nothing of before this moment is swept: it was there before Tillbook was.
    first_ms: u64,
    /// Every change up to this moment was seen.
    swept_to_ms: u64,
    /// Nobody begins before this moment.
    next_at_ms: u64,
}

/// Whether a list is to be swept now.
#[derive(Debug)]
pub enum Turn {
    /// By us, now.
    Ours(Claim),
    /// Not yet; ask again after this.
    After(Duration),
}

/// The right to sweep one list, as long as it is renewed.
#[derive(Debug)]
pub struct Claim {
    key: String,
    revision: u64,
    progress: Progress,
    interval: Duration,
    began_ms: u64,
    /// Unix milliseconds from which changes are to be looked for, overlap included.
    pub since_ms: u64,
}

/// The progress could not be read or written; the sweep is repeated.
#[derive(Debug, thiserror::Error)]
#[error("{what} the progress of sweep {key}")]
pub struct Error {
    what: &'static str,
    key: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Sweeps {
    /// Binds to the bucket that `tillbook bootstrap` made.
    pub async fn bind(jetstream: &jetstream::Context) -> Result<Self, BindError> {
        let bucket = bind(jetstream, topology::Bucket::Sweeps).await?;
        Ok(Self { bucket })
    }

    /// Takes the turn if it is due. The first time of all there is nothing to look for yet: the
    /// moment is noted, and the first turn is due after `interval`. `overlap` makes good for clocks that differ and rows that a list hid.
    pub async fn turn(
        &self,
        connection: &str,
        list: &str,
        interval: Duration,
        overlap: Duration,
    ) -> Result<Turn, Error> {
        let key = format!("{connection}.{list}");
        let (known, revision) = self.read(&key).await?;
        let now = now_ms();
        let next_at_ms = now.saturating_add(whole_ms(interval));
        let Some(known) = known else {
            let first = Progress {
                first_ms: now,
                swept_to_ms: now,
                next_at_ms,
            };
            self.put(&key, first, revision).await?;
            return Ok(Turn::After(interval));
        };
        if known.next_at_ms > now {
            return Ok(Turn::After(Duration::from_millis(known.next_at_ms - now)));
        }
        let progress = Progress {
            next_at_ms,
            ..known
        };
        let Some(revision) = self.put(&key, progress, revision).await? else {
            return Ok(Turn::After(interval));
        };
        let since = known.swept_to_ms.saturating_sub(whole_ms(overlap));
        Ok(Turn::Ours(Claim {
            key,
            revision,
            progress,
            interval,
            began_ms: now,
            since_ms: since.max(known.first_ms),
        }))
    }

    /// Keeps the turn for another interval; false when somebody else has it by now.
    pub async fn renew(&self, claim: &mut Claim) -> Result<bool, Error> {
        claim.progress.next_at_ms = now_ms().saturating_add(whole_ms(claim.interval));
        self.store(claim).await
    }

    /// Everything since [`Claim::since_ms`] was seen. False when somebody else has the turn by
    /// now; nothing is lost then, since they begin where the last finished one ended.
    pub async fn finish(&self, mut claim: Claim) -> Result<bool, Error> {
        claim.progress.swept_to_ms = claim.began_ms;
        self.store(&mut claim).await
    }

    async fn store(&self, claim: &mut Claim) -> Result<bool, Error> {
        let stored = self.put(&claim.key, claim.progress, claim.revision).await?;
        let is_ours = stored.is_some();
        claim.revision = stored.unwrap_or(claim.revision);
        Ok(is_ours)
    }

    async fn read(&self, key: &str) -> Result<(Option<Progress>, u64), Error> {
        let read = json_record::read(&*self.bucket, key).await;
        read.map_err(|source| failed("reading", key, source))
    }

    /// The new revision; `None` when somebody else was first.
    async fn put(
        &self,
        key: &str,
        progress: Progress,
        revision: u64,
    ) -> Result<Option<u64>, Error> {
        let written = json_record::replace(&*self.bucket, key, &progress, revision).await;
        written.map_err(|source| failed("writing", key, source))
    }
}

fn failed(
    what: &'static str,
    key: &str,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> Error {
    Error {
        what,
        key: key.to_owned(),
        source,
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
