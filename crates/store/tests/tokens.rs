//! One refresh per rotation across processes, and no pair that is lost on our side.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use async_nats::jetstream;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use axum::routing::post;
use common::{Bench, LIMIT};
use connect::freshbooks::{Config, TokenError, TokenSource};
use connect::{NoObserver, VendorError};
use contracts::topology::Bucket;
use futures::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use store::sealing::Keyring;
use store::tokens::{Tokens, reseal};
use testkit::eventually;
use tokio::sync::Semaphore;
use url::Url;

/// A FreshBooks token endpoint: every refresh token works once.
#[derive(Clone)]
struct OAuth {
    url: Url,
    state: Arc<Mutex<State>>,
    /// Replies wait for this.
    open: Arc<Semaphore>,
}

struct State {
    /// The one refresh token that works.
    live: String,
    calls: u32,
    /// Replies that get lost on the way, the token being spent or not.
    lost: u32,
}

impl OAuth {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let state = State {
            live: "seed".to_owned(),
            calls: 0,
            lost: 0,
        };
        let open = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let oauth = Self {
            url,
            state: Arc::new(Mutex::new(state)),
            open,
        };
        let endpoint = oauth.clone();
        let app = Router::new().route(
            "/auth/oauth/token",
            post(move |body: Bytes| {
                let oauth = endpoint.clone();
                async move {
                    let mut form = url::form_urlencoded::parse(&body);
                    let (_, token) = form.find(|(name, _)| name == "refresh_token").unwrap();
                    oauth.answer(&token).await
                }
            }),
        );
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        oauth
    }

    async fn answer(&self, refresh_token: &str) -> Response<Body> {
        let (status, body) = {
            let mut state = self.state.lock().unwrap();
            state.calls += 1;
            if state.lost > 0 {
                state.lost -= 1;
                (StatusCode::BAD_GATEWAY, json!({}))
            } else if refresh_token == state.live {
                let rotation = state.calls;
                state.live = format!("refresh-{rotation}");
                let body = json!({
                    "access_token": format!("access-{rotation}"),
                    "refresh_token": state.live,
                    "expires_in": 43_200,
                });
                (StatusCode::OK, body)
            } else {
                (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }))
            }
        };
        self.open.acquire().await.unwrap().forget();
        let response = Response::builder()
            .status(status)
            .header("content-type", "application/json");
        response.body(Body::from(body.to_string())).unwrap()
    }

    fn calls(&self) -> u32 {
        self.state.lock().unwrap().calls
    }

    fn lose_replies(&self, count: u32) {
        self.state.lock().unwrap().lost = count;
    }

    fn hold_replies(&self) {
        self.open.forget_permits(usize::MAX);
    }

    async fn was_called(&self, count: u32) {
        let called = eventually(LIMIT, "the refresh call", async || {
            ensure!(self.calls() == count, "{} calls", self.calls());
            Ok(())
        });
        called.await.unwrap();
    }

    /// The tokens as one process has them.
    async fn process(&self, jetstream: &jetstream::Context, seed: &str) -> Arc<Tokens> {
        let tokens = self.bind(jetstream, seed, keyring(&KEY, None)).await;
        Arc::new(tokens.unwrap())
    }

    async fn bind(
        &self,
        jetstream: &jetstream::Context,
        seed: &str,
        keyring: Keyring,
    ) -> Result<Tokens, store::tokens::Error> {
        let config = Config::new(
            self.url.clone(),
            self.url.clone(),
            "account1".to_owned(),
            "app".to_owned(),
            "secret".into(),
            Url::parse("https://tillbook.example/callback").unwrap(),
        );
        let seed = SecretString::from(seed.to_owned());
        let (keyring, observer) = (Arc::new(keyring), Arc::new(NoObserver));
        Tokens::bind(jetstream, "acme", config, seed, keyring, observer).await
    }
}

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
    oauth.open.add_permits(100);
    bench.nats.restart().await.unwrap();
    let token = asked.await.unwrap().unwrap();
    let (_, record) = record(&bench).await.unwrap();
    assert_eq!(record["access_token"], token.expose_secret());
    assert_eq!(oauth.calls(), 1);
}

fn is_revoked<T>(token: &Result<T, TokenError>) -> bool {
    matches!(token, Err(TokenError::Vendor(VendorError::GrantRevoked)))
}

#[tokio::test]
async fn a_refused_refresh_is_remembered_until_the_configuration_brings_a_new_grant() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let stale = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert!(is_revoked(&stale.access_token().await));
    let restarted = oauth
        .process(&bench.another().await, "spent elsewhere")
        .await;
    for tokens in [&stale, &restarted] {
        assert!(is_revoked(&tokens.access_token().await));
        assert!(is_revoked(&tokens.refresh(&"any".into()).await));
    }
    assert_eq!(oauth.calls(), 1, "nobody asked again");
    let granted = oauth.process(&bench.jetstream, "seed").await;
    assert_eq!(
        granted.access_token().await.unwrap().expose_secret(),
        "access-2"
    );
}

#[tokio::test]
async fn a_new_grant_is_used_by_every_process_that_runs() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let stale = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert!(is_revoked(&stale.access_token().await));
    let person = oauth
        .process(&bench.another().await, "spent elsewhere")
        .await;
    let refused = person.take_grant("not a grant".into()).await;
    assert!(is_revoked(&refused));
    assert!(is_revoked(&stale.access_token().await));
    person.take_grant("seed".into()).await.unwrap();
    let token = stale.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-3");
    let restarted = oauth
        .process(&bench.another().await, "spent elsewhere")
        .await;
    let token = restarted.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-3");
    assert_eq!(oauth.calls(), 3);
}

#[tokio::test]
async fn a_refused_grant_leaves_one_that_works_as_it_was() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    tokens.access_token().await.unwrap();
    let refused = tokens.take_grant("not a grant".into()).await;
    assert!(is_revoked(&refused));
    let token = tokens.refresh(&"access-1".into()).await.unwrap();
    assert_eq!(token.expose_secret(), "access-3");
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
    oauth.open.add_permits(100);
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
    oauth.open.add_permits(100);
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

#[tokio::test]
async fn neither_token_stands_in_the_bucket_in_plain() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    tokens.access_token().await.unwrap();
    let (_, bytes) = stored(&bench).await.unwrap();
    let shown = String::from_utf8(bytes.to_vec()).unwrap();
    for secret in ["access-1", "refresh-1", "seed", "access_token"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_record_written_before_sealing_is_read_and_sealed_by_the_next_write() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let before = oauth.process(&bench.jetstream, "seed").await;
    before.access_token().await.unwrap();
    let (key, plain) = record(&bench).await.unwrap();
    let bucket = bench.bucket(Bucket::Tokens).await;
    bucket.put(&key, plain.to_string().into()).await.unwrap();

    let upgraded = oauth.process(&bench.another().await, "seed").await;
    let token = upgraded.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-1");
    assert_eq!(oauth.calls(), 1, "the plain record served");
    let fresh = upgraded.refresh(&token).await.unwrap();
    assert_eq!(fresh.expose_secret(), "access-2");
    assert_eq!(
        record(&bench).await.unwrap().1["refresh_token"],
        "refresh-2"
    );
}

#[tokio::test]
async fn a_turned_key_reads_the_old_records_and_reseal_makes_the_old_key_needless() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let before = oauth.process(&bench.jetstream, "seed").await;
    before.access_token().await.unwrap();

    let alone = oauth
        .bind(&bench.jetstream, "seed", keyring(&NEXT_KEY, None))
        .await;
    let refused = alone.err().unwrap();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(refused.to_string().contains("acme"), "{refused}");
    assert!(cause.contains("previous_key under [encryption]"), "{cause}");

    let both = || keyring(&NEXT_KEY, Some(&KEY));
    let turned = oauth.bind(&bench.jetstream, "seed", both()).await.unwrap();
    let token = turned.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-1");
    assert_eq!(reseal(&bench.jetstream, &both()).await.unwrap(), 1);
    assert_eq!(reseal(&bench.jetstream, &both()).await.unwrap(), 0);
    let alone = oauth
        .bind(&bench.jetstream, "seed", keyring(&NEXT_KEY, None))
        .await
        .unwrap();
    assert_eq!(
        alone.access_token().await.unwrap().expose_secret(),
        "access-1"
    );
    assert_eq!(oauth.calls(), 1);
}

#[tokio::test]
async fn a_record_copied_to_another_grant_is_refused() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert!(is_revoked(&tokens.access_token().await));
    let (revoked, _) = stored(&bench).await.unwrap();
    let bucket = bench.bucket(Bucket::Tokens).await;
    bucket.purge(&revoked).await.unwrap();
    let good = oauth.process(&bench.jetstream, "seed").await;
    good.access_token().await.unwrap();
    let (_, bytes) = stored(&bench).await.unwrap();
    bucket.put(&revoked, bytes).await.unwrap();
    let fooled = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert_eq!(
        fooled.access_token().await.unwrap_err(),
        TokenError::Unavailable
    );
    assert_eq!(oauth.calls(), 2, "nothing was sent");
}
