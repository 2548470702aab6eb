//! Whether a connection is held: its vendor refuses us until a person acts.
//!
//! Work of a held connection waits and is not lost. Not here: the waiting (`stage`).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::jetstream;
use connect::{Vendor, VendorError};
use contracts::topology;
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::bucket::Bucket;
use crate::{BindError, bind, json_record, now_ms};

/// The hold states of all connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    bucket: Bucket,
    /// Which vendors answered last, so that a hold is looked for once and not at every call.
    answering: Arc<Mutex<HashSet<(String, &'static str)>>>,
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
        let bucket = bind(jetstream, topology::Bucket::Connections).await?;
        Ok(Self::over(bucket))
    }

    /// The hold states in this bucket.
    pub fn over(bucket: Bucket) -> Self {
        Self {
            bucket,
            answering: Arc::default(),
        }
    }

    /// The hold that is in force, if any.
    pub async fn hold(&self, connection: &str) -> Result<Option<Hold>, Error> {
        Ok(self.read(connection).await?.0)
    }

    /// The hold in force with the revision a change must name.
    async fn read(&self, connection: &str) -> Result<(Option<Hold>, u64), Error> {
        let read = json_record::read(&*self.bucket, connection).await;
        let (hold, revision): (Option<Hold>, u64) = read.map_err(|source| Error {
            what: "reading",
            connection: connection.to_owned(),
            source,
        })?;
        Ok((hold.filter(|hold| hold.ended_ms.is_none()), revision))
    }

    /// A vendor call failed. If the vendor refuses the whole connection by it, the connection is
    /// put on hold, and people are told once; any other failure is the message's own.
    pub async fn failed(&self, connection: &str, vendor: Vendor, error: &VendorError) {
        if !error.refuses_connection() {
            return;
        }
        self.remember(connection, vendor, false);
        let name = vendor.as_str();
        let remedy = match error {
            VendorError::AccountInactive { .. } => {
                "See to the account at the vendor; work goes on by itself when it is active again"
            }
            VendorError::GrantRevoked => {
                "Give `tillbook grant` the refresh token of the new grant; no restart is needed"
            }
            _ => "Put working credentials into tillbook.toml and restart the services",
        };
        let reason = format!(
            "{name} refuses connection {connection} ({error}). {remedy}. Nothing is lost: work waits"
        );
        let hold = Hold {
            code: format!("{name}_{}", error.class()),
            reason: reason.clone(),
            since_ms: now_ms(),
            ended_ms: None,
        };
        let stored = match self.read(connection).await {
            Ok((Some(_), _)) => return,
            Ok((None, revision)) => self.put(connection, &hold, revision).await,
            Err(error) => Err(error),
        };
        match stored {
            // Somebody else was first, and has told people.
            Ok(false) => {}
            Ok(true) => error!(alert = "connection_held", connection, "{reason}"),
            Err(error) => warn!(error = %error, "a hold could not be stored; it is tried again"),
        }
    }

    /// A vendor answered work that began at that moment: a hold that it caused before has ended.
    ///
    /// An answer to older work says nothing: it may have come before the refusal.
    pub async fn answered(&self, connection: &str, vendor: Vendor, began_ms: u64) {
        if !self.remember(connection, vendor, true) {
            return;
        }
        let ended = match self.read(connection).await {
            Ok((Some(hold), _)) if hold.since_ms > began_ms => {
                self.remember(connection, vendor, false);
                return;
            }
            Ok((Some(hold), revision)) if hold.code.starts_with(vendor.as_str()) => {
                let ended = Hold {
                    ended_ms: Some(now_ms()),
                    ..hold
                };
                self.put(connection, &ended, revision).await
            }
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match ended {
            Ok(false) => {}
            Ok(true) => info!(connection, vendor = vendor.as_str(), "the hold has ended"),
            Err(error) => {
                self.remember(connection, vendor, false);
                warn!(error = %error, "a hold could not be ended; it is tried again");
            }
        }
    }

    /// True when this is news.
    fn remember(&self, connection: &str, vendor: Vendor, answers: bool) -> bool {
        let mut answering = self
            .answering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = (connection.to_owned(), vendor.as_str());
        if answers {
            answering.insert(key)
        } else {
            answering.remove(&key)
        }
    }

    /// Changes the state if it still has `revision`; false when somebody else was first.
    async fn put(&self, connection: &str, hold: &Hold, revision: u64) -> Result<bool, Error> {
        let written = json_record::replace(&*self.bucket, connection, hold, revision).await;
        let written = written.map_err(|source| Error {
            what: "writing",
            connection: connection.to_owned(),
            source,
        })?;
        Ok(written.is_some())
    }
}
