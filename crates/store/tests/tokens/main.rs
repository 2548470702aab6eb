//! One refresh per rotation across processes, and no pair that is lost on our side.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod grants;
mod oauth;
mod sealed;

use anyhow::{Context, ensure};
use common::{Bench, LIMIT};
use connect::VendorError;
use connect::freshbooks::{TokenError, TokenSource};
use contracts::topology::Bucket;
use futures::StreamExt;
use oauth::OAuth;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use store::sealing::Keyring;
use testkit::eventually;

const KEY: [u8; 32] = [7; 32];
const NEXT_KEY: [u8; 32] = [8; 32];

fn keyring(current: &[u8; 32], previous: Option<&[u8; 32]>) -> Keyring {
    Keyring::new(current, previous)
}

/// The stored record as it stands in the bucket, and its key.
async fn stored(bench: &Bench) -> anyhow::Result<(String, bytes::Bytes)> {
    let bucket = bench.bucket(Bucket::Tokens).await;
    let mut keys = bucket.keys().await?;
    let key = keys.next().await.context("there is no record")??;
    let bytes = bucket.get(&key).await?.context("it is gone")?;
    Ok((key, bytes))
}

/// The same, opened with the key that all processes have.
async fn record(bench: &Bench) -> anyhow::Result<(String, Value)> {
    let (key, bytes) = stored(bench).await?;
    let opened = keyring(&KEY, None).open(&format!("tokens/{key}"), &bytes)?;
    let opened = opened.context("it is not sealed")?;
    Ok((key, serde_json::from_slice(&opened.plain)?))
}

#[tokio::test]
async fn twenty_tasks_in_two_processes_make_one_refresh_per_rotation() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let processes = [
        oauth.process(&bench.jetstream, "seed").await,
        oauth.process(&bench.another().await, "seed").await,
    ];
    let mut rejected: Option<SecretString> = None;
    for rotation in 1..=3 {
        let tasks = (0..20).map(|task| {
            let (tokens, rejected) = (processes[task % 2].clone(), rejected.clone());
            async move {
                match rejected {
                    Some(rejected) => tokens.refresh(&rejected).await,
                    None => tokens.access_token().await,
                }
            }
        });
        for token in futures::future::join_all(tasks).await {
            assert_eq!(token.unwrap().expose_secret(), format!("access-{rotation}"));
        }
        assert_eq!(oauth.calls(), rotation);
        rejected = Some(format!("access-{rotation}").into());
    }
}

#[tokio::test]
async fn a_token_that_still_works_is_not_refreshed() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let first = oauth.process(&bench.jetstream, "seed").await;
    for _ in 0..5 {
        assert_eq!(
            first.access_token().await.unwrap().expose_secret(),
            "access-1"
        );
    }
    let restarted = oauth.process(&bench.another().await, "seed").await;
    assert_eq!(
        restarted.access_token().await.unwrap().expose_secret(),
        "access-1"
    );
    assert_eq!(oauth.calls(), 1);
}

#[tokio::test]
async fn a_pair_is_stored_before_it_is_handed_out() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    let token = tokens.access_token().await.unwrap();
    let (_, record) = record(&bench).await.unwrap();
    assert_eq!(record["access_token"], token.expose_secret());
    assert_eq!(record["refresh_token"], "refresh-1");
    assert_eq!(record["claim"], Value::Null);
}

#[tokio::test]
async fn a_pair_that_cannot_be_stored_is_not_handed_out_until_it_is() {
    let mut bench = Bench::start().await;
    let oauth = OAuth::start().await;
    oauth.hold_replies();
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    let asked = tokio::spawn(async move { tokens.access_token().await });
    oauth.was_called(1).await;
    bench.nats.kill9();
    oauth.let_replies_go();
    bench.nats.restart().await.unwrap();
    let token = asked.await.unwrap().unwrap();
    let (_, record) = record(&bench).await.unwrap();
    assert_eq!(record["access_token"], token.expose_secret());
    assert_eq!(oauth.calls(), 1);
}

#[tokio::test]
async fn a_lost_reply_is_not_taken_for_a_revoked_grant() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    oauth.lose_replies(1);
    let lost = tokens.access_token().await.unwrap_err();
    assert!(
        matches!(lost, TokenError::Vendor(VendorError::UnknownOutcome { .. })),
        "{lost:?}"
    );
    let (_, record) = record(&bench).await.unwrap();
    assert_eq!(
        (&record["revoked"], &record["claim"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        tokens.access_token().await.unwrap().expose_secret(),
        "access-2"
    );
}

#[tokio::test]
async fn a_claim_of_a_dead_process_is_taken_over_after_it_ends() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    // The process dies between its claim and its call: the call never arrives.
    oauth.lose_replies(1);
    oauth.hold_replies();
    let process = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let dying = oauth.process(&bench.jetstream, "seed").await;
    process.spawn(async move { dying.access_token().await });
    oauth.was_called(1).await;
    process.shutdown_background();
    oauth.let_replies_go();
    let (key, mut left) = record(&bench).await.unwrap();
    assert_ne!(left["claim"], Value::Null);
    // Its own end is most of a minute away; this is the same record shortly before it.
    let until_ms = store::now_ms() + 300;
    left["claim"]["until_ms"] = json!(until_ms);
    let bucket = bench.bucket(Bucket::Tokens).await;
    let sealed = keyring(&KEY, None).seal(&format!("tokens/{key}"), left.to_string().as_bytes());
    bucket.put(&key, sealed.unwrap().into()).await.unwrap();
    let heir = oauth.process(&bench.another().await, "seed").await;
    assert_eq!(
        heir.access_token().await.unwrap().expose_secret(),
        "access-2"
    );
    assert!(
        store::now_ms() >= until_ms,
        "not before the claim had ended"
    );
    assert_eq!(oauth.calls(), 2);
}

#[tokio::test]
async fn a_caller_that_is_cut_off_does_not_take_the_new_pair_with_it() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    oauth.hold_replies();
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    let asking = tokens.clone();
    let cut_off = tokio::spawn(async move { asking.access_token().await });
    oauth.was_called(1).await;
    cut_off.abort();
    assert!(cut_off.await.unwrap_err().is_cancelled());
    oauth.let_replies_go();
    let stored = eventually(LIMIT, "the pair to be stored", async || {
        let (_, record) = record(&bench).await?;
        ensure!(record["refresh_token"] == "refresh-1", "not yet");
        Ok(())
    });
    stored.await.unwrap();
    assert_eq!(
        tokens.access_token().await.unwrap().expose_secret(),
        "access-1"
    );
    assert_eq!(oauth.calls(), 1);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_left_alone() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    tokens.access_token().await.unwrap();
    let (key, _) = record(&bench).await.unwrap();
    let bucket = bench.bucket(Bucket::Tokens).await;
    bucket
        .put(&key, "from a newer version".into())
        .await
        .unwrap();
    let restarted = oauth.process(&bench.another().await, "seed").await;
    let error = restarted.access_token().await.unwrap_err();
    assert_eq!(error, TokenError::Unavailable);
    assert_eq!(
        bucket.get(&key).await.unwrap().unwrap(),
        "from a newer version"
    );
    assert_eq!(oauth.calls(), 1);
}

#[tokio::test]
async fn without_the_store_no_token_is_spent() {
    let mut bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    bench.nats.kill9();
    assert_eq!(
        tokens.access_token().await.unwrap_err(),
        TokenError::Unavailable
    );
    assert_eq!(oauth.calls(), 0);
    bench.nats.restart().await.unwrap();
    let token = eventually(LIMIT, "a token", async || Ok(tokens.access_token().await?));
    assert_eq!(token.await.unwrap().expose_secret(), "access-1");
}
