//! A hand-written vendor: answers by a function and remembers what it was asked.
#![allow(dead_code)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
use connect::{CallObserver, VendorCall};
use futures::StreamExt as _;
use serde_json::Value;
use url::Url;

/// What the vendor was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the vendor answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Answered,
}

pub(crate) enum Answered {
    Text(String),
    /// Promises more than it sends, then breaks the connection.
    Truncated,
    /// Never comes.
    Never,
}

pub(crate) fn json(value: Value) -> Answer {
    status(200, &value.to_string())
}

pub(crate) fn status(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body: Answered::Text(body.to_owned()),
    }
}

impl Answer {
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

pub(crate) struct Stub {
    pub(crate) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stub {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let memory = Arc::clone(&asked);
        let answer = Arc::new(answer);
        let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (memory, answer) = (Arc::clone(&memory), Arc::clone(&answer));
            async move {
                let path = uri.path().to_owned();
                let query = uri.query().unwrap_or_default().to_owned();
                let asked = Asked {
                    method,
                    path,
                    query,
                    headers,
                    body,
                };
                memory.lock().unwrap().push(asked.clone());
                respond(answer(&asked)).await
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let app = Router::new().fallback(handler);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, asked, server }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Calls made, leaving out the store's own settings.
    pub(crate) fn lines(&self) -> Vec<String> {
        let settings = |line: &String| {
            let path = line.split('?').next().unwrap_or(line);
            ["/v2/store", "/v2/currencies", "/tax/settings"]
                .iter()
                .any(|end| path.ends_with(end))
        };
        self.asked()
            .iter()
            .map(Asked::line)
            .filter(|line| !settings(line))
            .collect()
    }
}

async fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    match answer.body {
        Answered::Text(text) => response.body(Body::from(text)).unwrap(),
        Answered::Truncated => {
            // The pause lets the server send the head and the first bytes before it breaks.
            let broken = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("broken"))
            };
            let start = futures::stream::iter([Ok(Bytes::from_static(b"{"))]);
            let stream = start.chain(futures::stream::once(broken));
            response.body(Body::from_stream(stream)).unwrap()
        }
        Answered::Never => std::future::pending().await,
    }
}

/// Remembers what was observed.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Vec<VendorCall>>>);

impl CallObserver for Watch {
    fn observed(&self, call: VendorCall) {
        self.0.lock().unwrap().push(call);
    }
}

impl Watch {
    pub(crate) fn calls(&self) -> Vec<VendorCall> {
        self.0.lock().unwrap().clone()
    }
}
