//! FreshBooks tokens of one connection, refreshed once across all processes.
//!
//! A refresh token works once, and a lost new one costs the grant. So: the record in KV is claimed
//! by compare-and-set before the call, the new pair is durable before it is used, and everyone
//! else waits for the claimant. Records are sealed (`sealing`). Not here: the call itself
//! (`connect`), or telling people (`deliver`).

mod grant;
mod record;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use connect::freshbooks::{BoxFuture, Config, TokenError, TokenPair, TokenSource, oauth};
use connect::{CallObserver, VendorError};
use contracts::topology;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tracing::{Instrument, error, info, warn};

use crate::bucket::{self, Bucket};
use crate::sealing::{Keyring, SealError};
use crate::{BindError, bind, now_ms};
use record::{Claim, Record};

pub use record::{RecordError, ResealError, reseal};

/// The tokens of one connection.
pub struct Tokens {
    inner: Arc<Inner>,
}

struct Inner {
    bucket: Bucket,
    connection: String,
    /// Key of the record: connections that share a grant share it, since its token works once.
    key: String,
    endpoint: oauth::Endpoint,
    config: Config,
    /// The refresh token of the configuration: the first one, or one from a new grant.
    seed: SecretString,
    keyring: Arc<Keyring>,
    owner: String,
    /// What this process knows; the lock is also its single flight.
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    access_token: SecretString,
    refresh_at_s: i64,
}

/// Why the tokens of a connection cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Bind(BindError),
    #[error(transparent)]
    Config(connect::ConfigError),
    #[error("the FreshBooks tokens of connection {connection} cannot be opened")]
    Sealed {
        connection: String,
        #[source]
        source: SealError,
    },
}

/// A token is refreshed at most this long before it ends.
const REFRESH_AHEAD_MAX_S: i64 = 60;
/// Longest a refresh call may take.
pub const REFRESH_TIMEOUT_MAX: Duration = Duration::from_secs(15);
/// Longer than the refresh call can take.
const CLAIM_MS: u64 = 45_000;
/// How long to wait for another process's refresh before the call is given back.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
/// Tries to store a new pair. It exists nowhere else, so this is tried hard.
const STORE_TRIES: u32 = 20;

impl Tokens {
    /// Binds to the bucket that `tillbook bootstrap` made.
    ///
    /// Errors: also when the record there is sealed with a key that `keyring` does not have.
    pub async fn bind(
        jetstream: &jetstream::Context,
        connection: &str,
        mut config: Config,
        seed: SecretString,
        keyring: Arc<Keyring>,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, Error> {
        let bucket = bind(jetstream, topology::Bucket::Tokens).await;
        let bucket = bucket.map_err(Error::Bind)?;
        config.http.request_timeout = config.http.request_timeout.min(REFRESH_TIMEOUT_MAX);
        let endpoint = oauth::Endpoint::new(&config, observer).map_err(Error::Config)?;
        let tokens = Self::over(bucket, connection, config, seed, keyring, endpoint);
        // Told at the start: later it would look like a vendor's trouble that never ends.
        if let Err(RecordError::Sealed(source @ SealError::UnknownKey { .. })) =
            tokens.inner.stored().await
        {
            return Err(Error::Sealed {
                connection: connection.to_owned(),
                source,
            });
        }
        Ok(tokens)
    }

    /// The tokens in this bucket, refreshed at this endpoint, whose calls end within
    /// [`REFRESH_TIMEOUT_MAX`].
    pub fn over(
        bucket: Bucket,
        connection: &str,
        config: Config,
        seed: SecretString,
        keyring: Arc<Keyring>,
        endpoint: oauth::Endpoint,
    ) -> Self {
        let inner = Inner {
            bucket,
            key: record_key(&config, &seed),
            connection: connection.to_owned(),
            endpoint,
            config,
            seed,
            keyring,
            owner: uuid::Uuid::new_v4().to_string(),
            known: Mutex::new(None),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl Inner {
    /// A usable token other than `rejected`.
    async fn obtain(
        self: &Arc<Self>,
        rejected: Option<&SecretString>,
    ) -> Result<SecretString, TokenError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| is_usable(known, rejected)) {
            return Ok(known.access_token.clone());
        }
        let waited_for = tokio::time::Instant::now();
        loop {
            let (record, revision) = self.read().await?;
            if let Some(fresh) = known_of(&record).filter(|fresh| is_usable(fresh, rejected)) {
                *known = Some(fresh.clone());
                return Ok(fresh.access_token);
            }
            if record.revoked {
                return Err(TokenError::Vendor(VendorError::GrantRevoked));
            }
            if self.waited_for_claim(&record, revision, waited_for).await? {
                continue;
            }
            let Some(claimed) = self.claim(&record, revision).await? else {
                continue;
            };
            let refresh_token = SecretString::from(record.refresh_token.clone());
            let fresh = self.spend_apart(record, claimed, refresh_token).await?;
            *known = Some(fresh.clone());
            return Ok(fresh.access_token);
        }
    }

    /// [`spend`](Self::spend) on a task of its own: a caller that is cut off must not cut off the
    /// refresh, or the new pair would be lost and the grant with it.
    async fn spend_apart(
        self: &Arc<Self>,
        record: Record,
        claimed: u64,
        refresh_token: SecretString,
    ) -> Result<Known, TokenError> {
        let inner = Arc::clone(self);
        let spending = async move { inner.spend(record, claimed, &refresh_token).await };
        let spent = tokio::spawn(spending.in_current_span());
        spent.await.map_err(|_| TokenError::Unavailable)?
    }

    /// Spends a refresh token under the claim, the record's own or one of a new grant, and makes
    /// the new pair durable.
    async fn spend(
        &self,
        record: Record,
        claimed: u64,
        refresh_token: &SecretString,
    ) -> Result<Known, TokenError> {
        match oauth::refresh(&self.endpoint, &self.config, refresh_token).await {
            Ok(pair) => {
                info!(
                    connection = self.connection,
                    "the FreshBooks token was refreshed"
                );
                self.keep(pair, &record.refresh_token, claimed).await
            }
            Err(error) => {
                // A grant that somebody offers and FreshBooks refuses says nothing of the present
                // one. Any other failure may be a lost reply; the next try will tell.
                let is_own = refresh_token.expose_secret() == record.refresh_token;
                let revoked = is_own && error == VendorError::GrantRevoked;
                if revoked {
                    warn!(
                        connection = self.connection,
                        "FreshBooks refused the refresh token"
                    );
                }
                let open = Record {
                    revoked: record.revoked || revoked,
                    claim: None,
                    ..record
                };
                self.write(&open, claimed).await?;
                Err(TokenError::Vendor(error))
            }
        }
    }

    /// Makes the new pair durable in place of the token that was spent for it.
    async fn keep(
        &self,
        pair: TokenPair,
        spent: &str,
        mut revision: u64,
    ) -> Result<Known, TokenError> {
        let record = Record {
            access_token: pair.access_token.expose_secret().to_owned(),
            refresh_token: pair.refresh_token.expose_secret().to_owned(),
            refresh_at_s: refresh_at_s(pair.expires_at_s),
            revoked: false,
            claim: None,
        };
        let bytes = self.sealed(&record)?;
        let mut tries = 0_u32;
        while tries < STORE_TRIES {
            let stored = self
                .bucket
                .replace(&self.key, bytes.clone(), revision)
                .await;
            match stored {
                Ok(Some(_)) => return known_of(&record).ok_or(TokenError::NotConnected),
                // Somebody was there, perhaps we ourselves with a write whose reply was lost.
                Ok(None) => match self.read().await {
                    // The pair is the only live one as long as the record names what it replaces.
                    Ok((found, now)) if found.refresh_token == spent => revision = now,
                    // Never over a later one: it was made with this pair, and ended it.
                    Ok(_) => return known_of(&record).ok_or(TokenError::NotConnected),
                    Err(_) => {}
                },
                Err(_) => {}
            }
            tries = tries.saturating_add(1);
            warn!(
                connection = self.connection,
                tries, "a new token pair could not be stored yet"
            );
            tokio::time::sleep(Duration::from_millis(100).saturating_mul(tries)).await;
        }
        Err(TokenError::Unavailable)
    }

    /// Whether somebody else has claimed the refresh; then the record may have changed by now.
    async fn waited_for_claim(
        &self,
        record: &Record,
        revision: u64,
        waited_for: tokio::time::Instant,
    ) -> Result<bool, TokenError> {
        let claim = record.claim.as_ref();
        let Some(claim) = claim.filter(|claim| claim.until_ms > now_ms()) else {
            return Ok(false);
        };
        if waited_for.elapsed() >= WAIT_LIMIT {
            return Err(TokenError::Unavailable);
        }
        self.await_change(revision, claim.until_ms).await;
        Ok(true)
    }

    /// Claims the refresh; `None` when somebody else changed the record first.
    async fn claim(&self, record: &Record, revision: u64) -> Result<Option<u64>, TokenError> {
        let claim = Claim {
            owner: self.owner.clone(),
            until_ms: now_ms().saturating_add(CLAIM_MS),
        };
        let claimed = Record {
            claim: Some(claim),
            ..record.clone()
        };
        let bytes = self.sealed(&claimed)?;
        let claimed = self.bucket.replace(&self.key, bytes, revision).await;
        claimed.map_err(|_| TokenError::Unavailable)
    }

    /// The record; begun with the configuration's refresh token when there is none.
    async fn read(&self) -> Result<(Record, u64), TokenError> {
        let entry = self.entry().await?;
        let revision = entry.as_ref().map_or(0, |entry| entry.revision);
        let record = match entry.and_then(|entry| entry.value) {
            // Never begun anew over a record that cannot be read: it may hold the live token.
            Some(bytes) => self.opened(&bytes).map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                error!(
                    connection = self.connection,
                    cause, "{error}; nothing is sent to FreshBooks until it can be"
                );
                TokenError::Unavailable
            })?,
            None => Record {
                refresh_token: self.seed.expose_secret().to_owned(),
                ..Record::default()
            },
        };
        Ok((record, revision))
    }

    /// Whether the record can be opened; one that is absent or cannot be asked for can.
    async fn stored(&self) -> Result<(), RecordError> {
        match self.entry().await {
            Ok(Some(bucket::Record {
                value: Some(bytes), ..
            })) => self.opened(&bytes).map(|_| ()),
            _ => Ok(()),
        }
    }

    async fn entry(&self) -> Result<Option<bucket::Record>, TokenError> {
        let entry = self.bucket.read(&self.key).await;
        entry.map_err(|_| TokenError::Unavailable)
    }

    fn opened(&self, bytes: &[u8]) -> Result<Record, RecordError> {
        Record::open(&self.keyring, &self.key, bytes)
    }

    fn sealed(&self, record: &Record) -> Result<bytes::Bytes, TokenError> {
        let sealed = record.seal(&self.keyring, &self.key);
        sealed.map_err(|_| TokenError::Unavailable)
    }

    async fn write(&self, record: &Record, revision: u64) -> Result<u64, TokenError> {
        let bytes = self.sealed(record)?;
        let written = self.bucket.replace(&self.key, bytes, revision).await;
        match written {
            Ok(Some(revision)) => Ok(revision),
            Ok(None) | Err(_) => Err(TokenError::Unavailable),
        }
    }

    /// Returns when the record changed, the claim ended, or a second passed.
    async fn await_change(&self, revision: u64, until_ms: u64) {
        let left = Duration::from_millis(until_ms.saturating_sub(now_ms()));
        let limit = left.min(Duration::from_secs(1));
        let changed = self.bucket.changed(&self.key, revision);
        // A timeout only means that the record is looked at again.
        let _ = tokio::time::timeout(limit, changed).await;
    }
}

impl TokenSource for Tokens {
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>> {
        Box::pin(self.inner.obtain(None))
    }

    fn refresh<'a>(
        &'a self,
        rejected: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>> {
        Box::pin(self.inner.obtain(Some(rejected)))
    }
}

fn known_of(record: &Record) -> Option<Known> {
    (!record.access_token.is_empty()).then(|| Known {
        access_token: SecretString::from(record.access_token.clone()),
        refresh_at_s: record.refresh_at_s,
    })
}

fn is_usable(known: &Known, rejected: Option<&SecretString>) -> bool {
    let is_rejected =
        rejected.is_some_and(|token| token.expose_secret() == known.access_token.expose_secret());
    !is_rejected && known.refresh_at_s > now_s()
}

fn now_s() -> i64 {
    i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX)
}

/// A tenth of the token's life before its end, at most [`REFRESH_AHEAD_MAX_S`].
fn refresh_at_s(expires_at_s: i64) -> i64 {
    let life_s = expires_at_s.saturating_sub(now_s()).max(0);
    expires_at_s.saturating_sub((life_s / 10).min(REFRESH_AHEAD_MAX_S))
}

/// Names the grant without showing it: application and first refresh token, hashed.
fn record_key(config: &Config, seed: &SecretString) -> String {
    let mut hash = Sha256::new();
    hash.update(config.client_id.as_bytes());
    hash.update([0]);
    hash.update(seed.expose_secret().as_bytes());
    let digest = hash.finalize();
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("grant.{hex}")
}
