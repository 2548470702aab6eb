//! JSON over loopback, with errors that show what was asked and answered.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::Value;

const CALL_LIMIT: Duration = Duration::from_secs(30);
/// How much of a refusal an error repeats.
const REPLY_CHARS_MAX: usize = 500;

/// A client for the emulators' control calls and for Tillbook's own API.
#[derive(Clone, Debug)]
pub struct Http(reqwest::Client);

impl Http {
    pub fn new() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(CALL_LIMIT)
            .no_proxy()
            .build();
        client.map(Self).context("building the HTTP client")
    }

    /// The JSON of a 2xx reply; anything else is an error with the reply's text.
    pub async fn get(&self, url: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, url, None).await
    }

    pub async fn post(&self, url: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, url, Some(body)).await
    }

    pub async fn put(&self, url: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::PUT, url, Some(body)).await
    }

    pub async fn delete(&self, url: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, url, None).await
    }

    /// Any call; an empty reply is `null`.
    pub async fn call(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let mut request = self.0.request(method.clone(), url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = request
            .send()
            .await
            .with_context(|| format!("{method} {url}"))?;
        let status = reply.status();
        let text = reply
            .text()
            .await
            .with_context(|| format!("the reply of {method} {url}"))?;
        if !status.is_success() {
            let text: String = text.chars().take(REPLY_CHARS_MAX).collect();
            bail!("{method} {url} answered {status}: {text}");
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {url} answered no JSON"))
    }

    /// The text of a 2xx reply, such as metrics.
    pub async fn text(&self, url: &str) -> anyhow::Result<String> {
        let reply = self
            .0
            .get(url)
            .send()
            .await
            .with_context(|| format!("GET {url}"))?;
        let reply = reply
            .error_for_status()
            .with_context(|| format!("GET {url}"))?;
        reply
            .text()
            .await
            .with_context(|| format!("the reply of GET {url}"))
    }
}
