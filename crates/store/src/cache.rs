//! Redis in front of FreshBooks look-ups. Slower without it, never wrong.
//!
//! A hit is a hint about an id that FreshBooks once gave; a miss, an error or a lost cache means
//! "ask FreshBooks". Absence is never cached, so a stale answer cannot hide a client. Not here:
//! the look-ups themselves.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tracing::warn;

use crate::ledger::{ClientKey, ItemKey};
use crate::redis_address::{AddressError, RedisAddress};

/// The look-up cache of all connections.
#[derive(Debug)]
pub struct LookupCache {
    redis: Option<Guarded>,
    ttl: Duration,
}

/// A connection that is left alone for a while after a failure.
struct Guarded {
    manager: ConnectionManager,
    resting_until: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}

/// Longest wait for one answer; FreshBooks itself takes longer than this.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);
/// How long Redis is left alone after it failed.
const REST: Duration = Duration::from_secs(1);

impl LookupCache {
    /// A cache that is always empty.
    pub fn absent() -> Self {
        Self {
            redis: None,
            ttl: Duration::ZERO,
        }
    }

    /// Connects in the background; an unreachable Redis is a cache that is empty for now.
    pub async fn connect(address: &RedisAddress, ttl: Duration) -> Result<Self, AddressError> {
        let client = address.client()?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_connection_timeout(Some(ANSWER_TIMEOUT))
            .set_number_of_retries(1);
        let manager = ConnectionManager::new_lazy_with_config(client, config)?;
        let redis = Some(Guarded {
            manager,
            resting_until: Mutex::new(None),
        });
        Ok(Self { redis, ttl })
    }

    /// The FreshBooks client id remembered for a shopper, if any.
    pub async fn client(&self, connection: &str, key: &ClientKey) -> Option<u64> {
        self.get(cache_key(connection, key)).await
    }

    /// Remembers a client id for the cache's time to live.
    pub async fn remember_client(&self, connection: &str, key: &ClientKey, client_id: u64) {
        self.set(cache_key(connection, key), client_id).await;
    }

    /// The FreshBooks item id remembered for a SKU or variant, if any.
    pub async fn item(&self, connection: &str, key: &ItemKey) -> Option<u64> {
        self.get(item_key(connection, key)).await
    }

    /// Remembers an item id for the cache's time to live.
    pub async fn remember_item(&self, connection: &str, key: &ItemKey, item_id: u64) {
        self.set(item_key(connection, key), item_id).await;
    }

    /// Forgets an item id that FreshBooks no longer knows.
    pub async fn forget_item(&self, connection: &str, key: &ItemKey) {
        self.delete(item_key(connection, key)).await;
    }

    async fn get(&self, key: String) -> Option<u64> {
        let guarded = self
            .redis
            .as_ref()
            .filter(|guarded| !guarded.is_resting())?;
        let mut manager = guarded.manager.clone();
        let answer: redis::RedisResult<Option<u64>> = manager.get(key).await;
        guarded.settle(answer).flatten()
    }

    async fn set(&self, key: String, id: u64) {
        let Some(guarded) = self.redis.as_ref().filter(|guarded| !guarded.is_resting()) else {
            return;
        };
        let mut manager = guarded.manager.clone();
        let answer: redis::RedisResult<()> =
            manager.set_ex(key, id, self.ttl.as_secs().max(1)).await;
        guarded.settle(answer);
    }

    /// Forgets a client id that FreshBooks no longer knows.
    pub async fn forget_client(&self, connection: &str, key: &ClientKey) {
        self.delete(cache_key(connection, key)).await;
    }

    async fn delete(&self, key: String) {
        let Some(guarded) = self.redis.as_ref() else {
            return;
        };
        let mut manager = guarded.manager.clone();
        let answer: redis::RedisResult<()> = manager.del(key).await;
        guarded.settle(answer);
    }
}

impl Guarded {
    fn is_resting(&self) -> bool {
        let until = *self
            .resting_until
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn settle<T>(&self, answer: redis::RedisResult<T>) -> Option<T> {
        match answer {
            Ok(value) => Some(value),
            Err(error) => {
                warn!(error.kind = ?error.kind(), "Redis did not answer; FreshBooks is asked instead");
                let mut until = self
                    .resting_until
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                *until = Instant::now().checked_add(REST);
                None
            }
        }
    }
}

fn item_key(connection: &str, key: &ItemKey) -> String {
    format!("tillbook:{connection}:item:{}", key.token())
}

fn cache_key(connection: &str, key: &ClientKey) -> String {
    format!("tillbook:{connection}:client:{}", key.token())
}
