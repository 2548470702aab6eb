//! Durable and cached state: the ledger, token pairs, mapping documents, held connections, the
//! look-up cache, and the budget of the vendors' windows.
//!
//! The truth lives in JetStream key-value buckets and is changed by compare-and-set only; Redis
//! holds nothing that cannot be read again from FreshBooks. Not here: what the state means for the
//! books (`domain`), or when it is changed (`deliver`).

pub mod bucket;
pub mod budget;
pub mod cache;
pub mod connections;
pub mod json_record;
pub mod keyed_locks;
pub mod ledger;
pub mod mappings;
pub mod redis_address;
pub mod redis_link;
pub mod sealing;
pub mod sweeps;
pub mod tokens;

use std::sync::Arc;

use async_nats::jetstream::kv;
use contracts::topology;

pub use ambient::now_ms;

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
    bucket: topology::Bucket,
) -> Result<bucket::Bucket, BindError> {
    Ok(Arc::new(bind_store(jetstream, bucket).await?))
}

/// The bucket with what only JetStream has, such as a watch of all keys.
async fn bind_store(
    jetstream: &async_nats::jetstream::Context,
    bucket: topology::Bucket,
) -> Result<kv::Store, BindError> {
    let name = bucket.name();
    let bound = jetstream.get_key_value(name).await;
    bound.map_err(|source| BindError {
        bucket: name,
        source,
    })
}
