//! What the BigCommerce sandbox tests share: a running sandbox with a store, and a receiver.
#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::{Method, Response};
use rust_decimal::Decimal;
use sandbox::bigcommerce::Sandbox;
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) const TOKEN: &str = "token-1";
pub(crate) const SECRET: &str = "test-client-secret-0123456789abcdef";

pub(crate) struct Shop {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: reqwest::Client,
    pub(crate) hash: String,
}

impl Shop {
    /// A sandbox with one store; `settings` are merged over the defaults.
    pub(crate) async fn open(settings: Value) -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let shop = Self {
            sandbox,
            client: reqwest::Client::new(),
            hash: "abc123".to_owned(),
        };
        let mut store = json!({
            "store_hash": shop.hash, "access_token": TOKEN, "client_secret": SECRET,
        });
        for (name, value) in settings.as_object().unwrap() {
            store[name] = value.clone();
        }
        let made = shop.control(Method::POST, "/stores", Some(store)).await;
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
        shop
    }

    /// A control request under `/_sandbox`.
    pub(crate) async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Response {
        let url = format!("{}/_sandbox{path}", self.sandbox.base_url());
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// A control request of this store that must succeed.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = format!("/stores/{}{path}", self.hash);
        let response = self.control(method, &path, body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/stores/{}{path}", self.sandbox.base_url(), self.hash)
    }

    /// A vendor request with the token.
    pub(crate) async fn vendor(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.client.request(method, self.url(path));
        let mut request = request.header("X-Auth-Token", TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// A vendor GET that must answer 200 with JSON.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.vendor(Method::GET, path, None).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Places an order without hooks and answers its id.
    pub(crate) async fn order(&self, kind: &str, seed: u64) -> u64 {
        let body = json!({"kind": kind, "seed": seed, "hooks": "none"});
        let made = self.ask(Method::POST, "/orders", Some(body)).await;
        made["order_id"].as_u64().unwrap()
    }

    pub(crate) async fn hook(&self, scope: &str, destination: &str) -> u64 {
        let body = json!({
            "scope": scope, "destination": destination, "headers": {"X-Own": "mine"},
        });
        let made = self.vendor(Method::POST, "/v3/hooks", Some(body)).await;
        assert_eq!(made.status(), 200);
        let made: Value = serde_json::from_str(&made.text().await.unwrap()).unwrap();
        made["data"]["id"].as_u64().unwrap()
    }
}

/// One hook as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Arrival {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn scope(&self) -> String {
        self.json()["scope"].as_str().unwrap().to_owned()
    }
}

/// An HTTP receiver of hooks that answers what it is told to.
pub(crate) struct Receiver {
    pub(crate) url: String,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    count: watch::Receiver<usize>,
    answer: watch::Sender<StatusCode>,
}

impl Receiver {
    pub(crate) async fn start(answer: StatusCode) -> Self {
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let (answer, told) = watch::channel(answer);
        let store = Arc::clone(&arrivals);
        let take = post(move |headers: HeaderMap, body: Bytes| {
            let headers = headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect();
            let body = String::from_utf8(body.to_vec()).unwrap();
            store.lock().unwrap().push(Arrival { headers, body });
            counted.send_modify(|n| *n += 1);
            let status = *told.borrow();
            async move { status }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", take);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            arrivals,
            count,
            answer,
        }
    }

    pub(crate) fn answer(&self, status: StatusCode) {
        self.answer.send_replace(status);
    }

    /// Waits until so many hooks arrived and answers all of them.
    pub(crate) async fn wait_for(&mut self, count: usize) -> Vec<Arrival> {
        self.count.wait_for(|n| *n >= count).await.unwrap();
        self.arrivals.lock().unwrap().clone()
    }

    pub(crate) fn seen(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap().clone()
    }
}

/// A money field, V2 text or V3 number.
pub(crate) fn money(value: &Value) -> Decimal {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{value} is no money"))
}

pub(crate) fn field(body: &Value, name: &str) -> Decimal {
    money(&body[name])
}
