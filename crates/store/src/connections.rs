//! Whether a connection is held: its vendor refuses us until a person acts.
//!
//! Work of a held connection waits and is not lost. Not here: the waiting (`stage`), or deciding
//! that a connection is to be held (`deliver`, `ingest`).

use async_nats::jetstream::{self, kv};
use contracts::topology::Bucket;
use serde::{Deserialize, Serialize};

use crate::{BindError, bind, now_ms};

/// The hold states of all connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    bucket: kv::Store,
}

/// Why a connection is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Stable, e.g. `grant_revoked`.
    pub code: String,
    /// Plain words with the remedy.
    pub reason: String,
    pub since_ms: u64,
    /// Set when the hold has ended; kept for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
}

/// The state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what} the state of connection {connection}")]
pub struct Error {
    what: &'static str,
    connection: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Connections {
    /// Binds to the bucket that `tillbook bootstrap` made.
    pub async fn bind(jetstream: &jetstream::Context) -> Result<Self, BindError> {
        Ok(Self { bucket: bind(jetstream, Bucket::Connections).await? })
    }

    /// The hold that is in force, if any.
    pub async fn hold(&self, connection: &str) -> Result<Option<Hold>, Error> {
        let failed = |source| Error { what: "reading", connection: connection.to_owned(), source };
        let Some(bytes) = self.bucket.get(connection).await.map_err(|e| failed(e.into()))? else {
            return Ok(None);
        };
        let hold: Hold = serde_json::from_slice(&bytes).map_err(|e| failed(e.into()))?;
        Ok(hold.ended_ms.is_none().then_some(hold))
    }

    /// Puts the connection on hold. True when it was not held before: alert then, once.
    pub async fn put_on_hold(
        &self,
        connection: &str,
        code: &str,
        reason: &str,
    ) -> Result<bool, Error> {
        if self.hold(connection).await?.is_some() {
            return Ok(false);
        }
        let hold = Hold {
            code: code.to_owned(),
            reason: reason.to_owned(),
            since_ms: now_ms(),
            ended_ms: None,
        };
        self.put(connection, &hold).await?;
        Ok(true)
    }

    /// Ends the hold. True when there was one.
    pub async fn release(&self, connection: &str) -> Result<bool, Error> {
        let Some(hold) = self.hold(connection).await? else {
            return Ok(false);
        };
        self.put(connection, &Hold { ended_ms: Some(now_ms()), ..hold }).await?;
        Ok(true)
    }

    async fn put(&self, connection: &str, hold: &Hold) -> Result<(), Error> {
        let failed = |source| Error { what: "writing", connection: connection.to_owned(), source };
        let bytes = serde_json::to_vec(hold).map_err(|e| failed(e.into()))?;
        self.bucket.put(connection, bytes.into()).await.map_err(|e| failed(e.into()))?;
        Ok(())
    }
}
