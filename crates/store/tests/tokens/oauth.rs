//! FreshBooks' token endpoint, and processes that refresh there.

use std::sync::{Arc, Mutex};

use anyhow::ensure;
use async_nats::jetstream;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use axum::routing::post;
use connect::NoObserver;
use connect::freshbooks::Config;
use secrecy::SecretString;
use serde_json::json;
use store::sealing::Keyring;
use store::tokens::Tokens;
use testkit::eventually;
use tokio::sync::Semaphore;
use url::Url;

use crate::common::LIMIT;
use crate::{KEY, keyring};

/// A FreshBooks token endpoint: every refresh token works once.
#[derive(Clone)]
pub(crate) struct OAuth {
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
    pub(crate) async fn start() -> Self {
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

    pub(crate) async fn answer(&self, refresh_token: &str) -> Response<Body> {
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

    pub(crate) fn calls(&self) -> u32 {
        self.state.lock().unwrap().calls
    }

    pub(crate) fn lose_replies(&self, count: u32) {
        self.state.lock().unwrap().lost = count;
    }

    pub(crate) fn let_replies_go(&self) {
        self.open.add_permits(100);
    }

    pub(crate) fn hold_replies(&self) {
        self.open.forget_permits(usize::MAX);
    }

    pub(crate) async fn was_called(&self, count: u32) {
        let called = eventually(LIMIT, "the refresh call", async || {
            ensure!(self.calls() == count, "{} calls", self.calls());
            Ok(())
        });
        called.await.unwrap();
    }

    /// The tokens as one process has them.
    pub(crate) async fn process(&self, jetstream: &jetstream::Context, seed: &str) -> Arc<Tokens> {
        let tokens = self.bind(jetstream, seed, keyring(&KEY, None)).await;
        Arc::new(tokens.unwrap())
    }

    pub(crate) async fn bind(
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
