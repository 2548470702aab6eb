//! Redis may go and come: slower without it, never wrong.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

use std::time::Duration;

use anyhow::ensure;
use secrecy::SecretString;
use servers::RedisServer;
use store::cache::LookupCache;
use store::ledger::ClientKey;
use store::redis_address::RedisAddress;
use testkit::eventually;

const LIMIT: Duration = Duration::from_secs(60);

async fn start() -> (tempfile::TempDir, RedisServer, LookupCache) {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::start(folder.path().join("redis"), None)
        .await
        .unwrap();
    let url = SecretString::from(redis.url());
    let cache = LookupCache::connect(&RedisAddress::plain(url), Duration::from_secs(600))
        .await
        .unwrap();
    (folder, redis, cache)
}

fn jane() -> ClientKey {
    ClientKey::Email("jane@example.com".to_owned())
}

#[tokio::test]
async fn an_id_is_remembered_per_connection_until_it_is_forgotten() {
    let (_folder, _redis, cache) = start().await;
    assert_eq!(cache.client("acme", &jane()).await, None);
    cache.remember_client("acme", &jane(), 42).await;
    assert_eq!(cache.client("acme", &jane()).await, Some(42));
    assert_eq!(cache.client("other", &jane()).await, None);
    cache.forget_client("acme", &jane()).await;
    assert_eq!(cache.client("acme", &jane()).await, None);
}

#[tokio::test]
async fn a_killed_redis_is_an_empty_cache_and_serves_again_when_it_is_back() {
    let (_folder, mut redis, cache) = start().await;
    cache.remember_client("acme", &jane(), 42).await;
    redis.kill9();
    // The bound is far above the cache's own; without one this would wait for a connection.
    let asked = tokio::time::timeout(Duration::from_secs(20), async {
        for _ in 0..50 {
            assert_eq!(cache.client("acme", &jane()).await, None);
            cache.remember_client("acme", &jane(), 42).await;
            cache.forget_client("acme", &jane()).await;
        }
    });
    asked.await.unwrap();
    redis.restart().await.unwrap();
    let served = eventually(LIMIT, "the cache to serve again", async || {
        cache.remember_client("acme", &jane(), 43).await;
        ensure!(
            cache.client("acme", &jane()).await == Some(43),
            "it is still empty"
        );
        Ok(())
    });
    served.await.unwrap();
}

#[tokio::test]
async fn a_redis_that_is_not_there_yet_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start(folder.path().join("redis"), None)
        .await
        .unwrap();
    redis.kill9();
    let url = SecretString::from(redis.url());
    let cache = LookupCache::connect(&RedisAddress::plain(url), Duration::from_secs(600))
        .await
        .unwrap();
    assert_eq!(cache.client("acme", &jane()).await, None);
    redis.restart().await.unwrap();
    let served = eventually(LIMIT, "the cache to serve", async || {
        cache.remember_client("acme", &jane(), 7).await;
        ensure!(
            cache.client("acme", &jane()).await == Some(7),
            "it is still empty"
        );
        Ok(())
    });
    served.await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_showing_it() {
    let url = SecretString::from("http://:hunter2@nowhere".to_owned());
    let error = LookupCache::connect(&RedisAddress::plain(url), Duration::from_secs(1))
        .await
        .unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("rediss://") && !shown.contains("hunter2"),
        "{shown}"
    );
}
