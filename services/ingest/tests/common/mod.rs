//! Ingest at work between a real NATS server and a hand-written BigCommerce.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its part; helpers fail by panicking"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use async_nats::jetstream::{self, consumer};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Response, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connect::NoObserver;
use connect::bigcommerce;
use contracts::topology::{Sizing, Stream};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ingest::guardian::Guarded;
use ingest::hooks::{HookSecrets, Limits, SECRET_HEADER};
use runtime::metrics::Metrics;
use serde_json::{Value, json};
use servers::NatsServer;
use sha2::Sha256;
use stage::{Journal, Publisher, RetryPolicy, StageContext, StageMetrics, StageSettings};
use store::connections::Connections;
use store::ledger::Ledger;
use store::sweeps::Sweeps;
use tempfile::TempDir;
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A bound for broken code, not an expectation.
pub const LIMIT: Duration = Duration::from_secs(60);
pub const CLIENT_SECRET: &str = "client-secret";
pub const HOOK_SECRET: &str = "hook-secret";
pub const DESTINATION: &str = "https://hooks.example/hooks/acme";

/// A store: orders that are incomplete (one call each), and hooks.
#[derive(Clone)]
pub struct Shop {
    pub url: Url,
    /// Path of each order call.
    pub calls: Arc<Mutex<Vec<String>>>,
    pub hooks: Arc<Mutex<Vec<Value>>>,
    /// Order ids that are gone.
    pub gone: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let shop = Self {
            url,
            calls: Arc::default(),
            hooks: Arc::default(),
            gone: Arc::default(),
        };
        let answering = shop.clone();
        let app = Router::new().fallback(move |method: Method, uri: Uri, body: Bytes| {
            let shop = answering.clone();
            async move { shop.answer(&method, uri.path(), &body) }
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        shop
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
        if let Some(id) = path.strip_prefix("/stores/abc123/v2/orders/") {
            self.calls.lock().unwrap().push(id.to_owned());
            if self.gone.lock().unwrap().iter().any(|gone| gone == id) {
                return reply(404, &json!([{ "status": 404, "message": "not found" }]));
            }
            let number: u64 = id.parse().unwrap();
            return reply(
                200,
                &json!({ "id": number, "status_id": 0, "total_inc_tax": "1.00" }),
            );
        }
        let mut hooks = self.hooks.lock().unwrap();
        match *method {
            Method::GET => {
                let page =
                    json!({ "data": *hooks, "meta": { "pagination": { "total_pages": 1 } } });
                reply(200, &page)
            }
            Method::POST => {
                let mut hook: Value = serde_json::from_slice(body).unwrap();
                hook["id"] = json!(hooks.len() + 1);
                hooks.push(hook.clone());
                reply(200, &json!({ "data": hook, "meta": {} }))
            }
            _ => {
                let id: usize = path.rsplit('/').next().unwrap().parse().unwrap();
                let change: Value = serde_json::from_slice(body).unwrap();
                for (name, value) in change.as_object().unwrap() {
                    hooks[id - 1][name] = value.clone();
                }
                reply(200, &json!({ "data": hooks[id - 1], "meta": {} }))
            }
        }
    }

    pub fn client(&self) -> bigcommerce::Client {
        let config = bigcommerce::Config::new(self.url.clone(), "abc123".into(), "token".into());
        bigcommerce::Client::new(config, Arc::new(NoObserver)).unwrap()
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

fn reply(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(Body::from(body.to_string()))
        .unwrap()
}

pub struct Bench {
    pub nats: NatsServer,
    pub jetstream: jetstream::Context,
    pub metrics: Metrics,
    pub shop: Shop,
    pub door: String,
    pub http: reqwest::Client,
    shutdown: CancellationToken,
    running: ingest::Running,
    _folder: TempDir,
}

/// What a test sets itself.
pub struct Choice {
    pub coalesce: Duration,
    pub in_flight_max: usize,
    pub body_limit_bytes: usize,
    pub guarded: bool,
    pub guardian_interval: Duration,
    pub sweep_interval: Duration,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            coalesce: Duration::ZERO,
            in_flight_max: 64,
            body_limit_bytes: 4096,
            guarded: false,
            guardian_interval: Duration::from_secs(3600),
            sweep_interval: Duration::from_secs(3600),
        }
    }
}

impl Bench {
    pub async fn start(choice: Choice) -> Self {
        Self::start_at(choice, Shop::start().await).await
    }

    pub async fn start_at(choice: Choice, shop: Shop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path().join("nats"), None)
            .await
            .unwrap();
        let client = async_nats::connect(nats.url()).await.unwrap();
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(Duration::from_secs(1))
            .build(client);
        let sizing = Sizing {
            replicas: 1,
            storage_gib: 1,
        };
        stage::bootstrap::bootstrap(&jetstream, sizing)
            .await
            .unwrap();
        let metrics = Metrics::new();
        let shutdown = CancellationToken::new();
        let context = context(&jetstream, &metrics, &shutdown);
        let ledger = Ledger::bind(&jetstream).await.unwrap();
        let connections = Connections::bind(&jetstream).await.unwrap();
        let settings = settings(&shop, &choice);
        let sweeps = Sweeps::bind(&jetstream).await.unwrap();
        let running = ingest::start(settings, context, ledger, connections, sweeps, &metrics)
            .await
            .unwrap();
        let door = format!("http://{}/hooks", running.address);
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(LIMIT)
            .build()
            .unwrap();
        Self {
            nats,
            jetstream,
            metrics,
            shop,
            door,
            http,
            shutdown,
            running,
            _folder: folder,
        }
    }

    /// Sends a hook as BigCommerce does; its status and the word of its answer.
    pub async fn send(&self, hook: Hook) -> (u16, String) {
        let response = hook.request(&self.http, &self.door).send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        let word = body["status"].as_str().or(body["error"].as_str()).unwrap();
        (status, word.to_owned())
    }

    pub async fn send_order(&self, order_id: u64) {
        assert_eq!(
            self.send(Hook::of(order_id)).await,
            (200, "stored".to_owned())
        );
    }

    pub fn hooks_counted(&self, connection: &str, reply: &str) -> u64 {
        self.metric(&format!(
            "tillbook_hooks_total{{connection=\"{connection}\",reply=\"{reply}\"}}"
        ))
    }

    /// One value of the metrics text, 0 when it is not there.
    pub fn metric(&self, line: &str) -> u64 {
        let text = self.metrics.encode().unwrap();
        let found = text
            .lines()
            .find_map(|l| l.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0)
    }

    pub async fn stored(&self, stream: Stream) -> anyhow::Result<Vec<Bytes>> {
        let handle = self.jetstream.get_stream(stream.name()).await?;
        let state = handle.cached_info().state.clone();
        let mut stored = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            match handle.get_raw_message(sequence).await {
                Ok(message) => stored.push(message.payload),
                Err(error) if error.to_string().contains("no message found") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stored)
    }

    /// Waits until the fetcher has settled every hint.
    pub async fn settled(&self) {
        let settled = eventually(LIMIT, "every hint settled", async || {
            for stream in [Stream::Hints, Stream::Retries] {
                let mut consumer: consumer::PullConsumer = self
                    .jetstream
                    .get_consumer_from_stream("fetch", stream.name())
                    .await?;
                let info = consumer.info().await?;
                let (ahead, open) = (info.num_pending, info.num_ack_pending);
                ensure!(ahead == 0 && open == 0, "{ahead} ahead, {open} not settled");
            }
            Ok(())
        });
        settled.await.unwrap();
    }

    /// Returns when every connection's hooks were looked after once.
    pub async fn hooks_settled(&mut self) {
        let settled = std::mem::replace(&mut self.running.hooks_settled, Box::pin(async {}));
        tokio::time::timeout(LIMIT, settled).await.unwrap();
    }

    pub async fn stop(mut self) {
        self.shutdown.cancel();
        let ended = async { while self.running.tasks.join_next().await.is_some() {} };
        tokio::time::timeout(LIMIT, ended).await.unwrap();
    }
}

fn settings(shop: &Shop, choice: &Choice) -> ingest::Settings {
    let secrets = HookSecrets {
        client_secret: CLIENT_SECRET.into(),
        hook_secret: HOOK_SECRET.into(),
    };
    let guarded = Guarded {
        connection: "acme".to_owned(),
        client: shop.client(),
        destination: Url::parse(DESTINATION).unwrap(),
        hook_secret: HOOK_SECRET.into(),
    };
    ingest::Settings {
        shares: stage::Shares::ALL_IN_ONE,
        listen: "127.0.0.1:0".parse().unwrap(),
        limits: Limits {
            timestamp_tolerance_s: 300,
            body_limit_bytes: choice.body_limit_bytes,
            in_flight_max: choice.in_flight_max,
        },
        coalesce: choice.coalesce,
        secrets: HashMap::from([("acme".to_owned(), secrets)]),
        stores: HashMap::from([("acme".to_owned(), shop.client())]),
        time_zones: HashMap::new(),
        guarded: if choice.guarded {
            vec![guarded]
        } else {
            Vec::new()
        },
        guardian_interval: choice.guardian_interval,
        sweep_interval: choice.sweep_interval,
    }
}

fn context(
    jetstream: &jetstream::Context,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> StageContext {
    let publisher = Publisher::new(jetstream.clone());
    StageContext {
        jetstream: jetstream.clone(),
        publisher: publisher.clone(),
        journal: Journal::start(publisher, "ingest"),
        metrics: StageMetrics::register(metrics).unwrap(),
        settings: StageSettings {
            in_flight: 8,
            process_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            retry: RetryPolicy {
                attempts_max: 1000,
                age_max: Duration::from_secs(3600),
                base: Duration::from_millis(1),
                cap: Duration::from_millis(100),
            },
        },
        shutdown: shutdown.clone(),
    }
}

/// A hook on its way, right in everything until a test breaks something.
#[derive(Clone, Debug)]
pub struct Hook {
    pub connection: &'static str,
    pub body: String,
    pub signed_body: Option<String>,
    pub client_secret: &'static str,
    pub hook_secret: Option<&'static str>,
    pub content_type: Option<&'static str>,
    pub age_s: u64,
}

impl Hook {
    pub fn of(order_id: u64) -> Self {
        Self::with(&json!({
            "producer": "stores/abc123", "hash": "x", "created_at": 1_786_447_828, "store_id": "1",
            "scope": "store/order/updated", "data": { "type": "order", "id": order_id },
        }))
    }

    pub fn with(body: &Value) -> Self {
        Self {
            connection: "acme",
            body: body.to_string(),
            signed_body: None,
            client_secret: CLIENT_SECRET,
            hook_secret: Some(HOOK_SECRET),
            content_type: Some("application/json"),
            age_s: 0,
        }
    }

    pub fn request(&self, http: &reqwest::Client, door: &str) -> reqwest::RequestBuilder {
        let timestamp = (store::now_ms() / 1000 - self.age_s).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.client_secret.as_bytes()).unwrap();
        let body = self.signed_body.as_ref().unwrap_or(&self.body);
        mac.update(format!("webhook-1.{timestamp}.{body}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let mut request = http
            .post(format!("{door}/{}", self.connection))
            .header("webhook-id", "webhook-1")
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", format!("v1,{signature}"))
            .body(self.body.clone());
        if let Some(secret) = self.hook_secret {
            request = request.header(SECRET_HEADER, secret);
        }
        if let Some(content_type) = self.content_type {
            request = request.header("content-type", content_type);
        }
        request
    }
}
