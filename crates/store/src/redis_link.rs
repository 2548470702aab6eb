//! One connection to Redis that is left alone for a while after a failure.
//!
//! Redis may vanish at any moment. Whoever asks gets nothing then, at once, and goes on without.
//! Not here: what is kept in Redis.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tracing::warn;

use crate::redis_address::{AddressError, RedisAddress};

/// Longest wait for one answer; the vendors take longer than this.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// How long Redis is left alone after it failed.
const REST: Duration = Duration::from_secs(1);

fn late() -> redis::RedisError {
    let text = "no answer in time";
    redis::RedisError::from((redis::ErrorKind::Io, text))
}

/// A connection to Redis, made when it is first needed. Clones share it.
#[derive(Clone)]
pub struct RedisLink {
    manager: ConnectionManager,
    resting_until: Arc<Mutex<Option<Instant>>>,
}

impl std::fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}

impl RedisLink {
    /// Connects in the background; an unreachable Redis is no error.
    pub async fn connect(address: &RedisAddress) -> Result<Self, AddressError> {
        let client = address.client()?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_connection_timeout(Some(ANSWER_TIMEOUT))
            .set_number_of_retries(1);
        let manager = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self {
            manager,
            resting_until: Arc::default(),
        })
    }

    /// The connection; `None` while Redis is left alone.
    pub(crate) fn open(&self) -> Option<ConnectionManager> {
        (!self.is_resting()).then(|| self.manager.clone())
    }

    /// The connection, also while Redis is left alone: for what must not stay there.
    pub(crate) fn open_anyway(&self) -> ConnectionManager {
        self.manager.clone()
    }

    /// What Redis answers to one call within [`ANSWER_TIMEOUT`]; `None` when it does not.
    ///
    /// The client's own time-outs do not bound a call that waits for a connection: while Redis was
    /// down each took 9.45 s, and 16.5 s while it hung. So the whole call is bounded here; what the
    /// client still does about the connection it does without us.
    pub(crate) async fn ask<T>(
        &self,
        call: impl Future<Output = redis::RedisResult<T>>,
    ) -> Option<T> {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, call).await;
        self.settle(answer.unwrap_or_else(|_| Err(late())))
    }

    /// What Redis answered; `None` when it did not, which leaves it alone for a while.
    fn settle<T>(&self, answer: redis::RedisResult<T>) -> Option<T> {
        match answer {
            Ok(value) => Some(value),
            Err(error) => {
                warn!(error.kind = ?error.kind(), "Redis did not answer; work goes on without it, more slowly");
                *self.resting() = Instant::now().checked_add(REST);
                None
            }
        }
    }

    fn is_resting(&self) -> bool {
        self.resting().is_some_and(|until| Instant::now() < until)
    }

    fn resting(&self) -> MutexGuard<'_, Option<Instant>> {
        self.resting_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
