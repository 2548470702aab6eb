//! Durable and cached state: the ledger, token pairs, mapping documents, held connections, and
//! the look-up cache.
//!
//! The truth lives in JetStream key-value buckets and is changed by compare-and-set only; Redis
//! holds nothing that cannot be read again from FreshBooks. Not here: what the state means for the
//! books (`domain`), or when it is changed (`deliver`).

pub mod cache;
pub mod connections;
mod json_record;
pub mod keyed_locks;
pub mod ledger;
pub mod mappings;
pub mod redis_address;
pub mod sealing;
pub mod sweeps;
pub mod tokens;

use async_nats::jetstream::kv;
use contracts::topology::Bucket;

/// Unix milliseconds now.
pub fn now_ms() -> u64 {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A bucket could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("key-value bucket {bucket} cannot be bound; run `tillbook bootstrap` first")]
pub struct BindError {
    bucket: &'static str,
    #[source]
    source: async_nats::jetstream::context::KeyValueError,
}

async fn bind(
    jetstream: &async_nats::jetstream::Context,
    bucket: Bucket,
) -> Result<kv::Store, BindError> {
    let name = bucket.name();
    jetstream
        .get_key_value(name)
        .await
        .map_err(|source| BindError {
            bucket: name,
            source,
        })
}
