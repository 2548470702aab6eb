//! Redis in front of FreshBooks look-ups. Slower without it, never wrong.
//!
//! A hit is a hint about an id that FreshBooks once gave; a miss, an error or a lost cache means
//! "ask FreshBooks". Absence is never cached, so a stale answer cannot hide a client. Not here:
//! the look-ups themselves.

use std::time::Duration;

use redis::AsyncCommands;

use crate::ledger::{ClientKey, ItemKey};
use crate::redis_address::{AddressError, RedisAddress};
use crate::redis_link::RedisLink;

/// The look-up cache of all connections.
#[derive(Debug)]
pub struct LookupCache {
    redis: Option<RedisLink>,
    ttl: Duration,
}

impl LookupCache {
    /// A cache that is always empty.
    pub fn absent() -> Self {
        Self {
            redis: None,
            ttl: Duration::ZERO,
        }
    }

    /// A cache with a connection of its own.
    pub async fn connect(address: &RedisAddress, ttl: Duration) -> Result<Self, AddressError> {
        Ok(Self::on(RedisLink::connect(address).await?, ttl))
    }

    /// A cache on a connection that others use too.
    pub fn on(link: RedisLink, ttl: Duration) -> Self {
        Self {
            redis: Some(link),
            ttl,
        }
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

    /// Forgets a client id that FreshBooks no longer knows.
    pub async fn forget_client(&self, connection: &str, key: &ClientKey) {
        self.delete(cache_key(connection, key)).await;
    }

    async fn get(&self, key: String) -> Option<u64> {
        let link = self.redis.as_ref()?;
        let mut redis = link.open()?;
        let answer: Option<Option<u64>> = link.ask(redis.get(key)).await;
        answer.flatten()
    }

    async fn set(&self, key: String, id: u64) {
        let Some((link, mut redis)) = self
            .redis
            .as_ref()
            .and_then(|link| Some((link, link.open()?)))
        else {
            return;
        };
        let ttl_s = self.ttl.as_secs().max(1);
        link.ask::<()>(redis.set_ex(key, id, ttl_s)).await;
    }

    async fn delete(&self, key: String) {
        if let Some(link) = &self.redis {
            link.ask::<()>(link.open_anyway().del(key)).await;
        }
    }
}

fn item_key(connection: &str, key: &ItemKey) -> String {
    format!("tillbook:{connection}:item:{}", key.token())
}

fn cache_key(connection: &str, key: &ClientKey) -> String {
    format!("tillbook:{connection}:client:{}", key.token())
}
