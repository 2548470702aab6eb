//! A hook made by hand, to be signed rightly or wrongly.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Connection, House};

/// The header that carries the second factor.
const SECOND_FACTOR: &str = "x-tillbook-hook-secret";

/// One delivery of a hook, right in every way until it is spoilt.
#[derive(Clone, Debug)]
pub struct Hook {
    pub url: String,
    pub id: String,
    pub signed_with: String,
    pub timestamp_s: i64,
    pub second_factor: Option<String>,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

impl Hook {
    /// An `updated` hook of an order, as the connection's store would send it.
    pub async fn of(house: &House, connection: &Connection, order_id: u64) -> anyhow::Result<Self> {
        let registered = registered(house, connection).await?;
        let text = |pointer: &str| registered.pointer(pointer).and_then(Value::as_str);
        let second_factor = text(&format!("/headers/{SECOND_FACTOR}"));
        let body = json!({
            "producer": format!("stores/{}", connection.store_hash),
            "hash": format!("hand-made-{order_id}"),
            "created_at": now_s(),
            "store_id": "1",
            "scope": "store/order/updated",
            "data": {"type": "order", "id": order_id},
        });
        Ok(Self {
            url: text("/destination")
                .context("a hook without address")?
                .to_owned(),
            id: format!("hand-made-{order_id}"),
            signed_with: connection.client_secret(),
            timestamp_s: now_s(),
            second_factor: Some(
                second_factor
                    .context("a hook without second factor")?
                    .to_owned(),
            ),
            content_type: Some("application/json".to_owned()),
            body: body.to_string().into_bytes(),
        })
    }

    /// Delivers it; the answer's status and JSON.
    pub async fn send(&self) -> anyhow::Result<(StatusCode, Value)> {
        let signature =
            sandbox::bigcommerce::sign(&self.signed_with, &self.id, self.timestamp_s, &self.body);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut request = client
            .post(&self.url)
            .header("webhook-id", &self.id)
            .header("webhook-timestamp", self.timestamp_s.to_string())
            .header("webhook-signature", signature)
            .body(self.body.clone());
        if let Some(secret) = &self.second_factor {
            request = request.header(SECOND_FACTOR, secret);
        }
        if let Some(content_type) = &self.content_type {
            request = request.header("content-type", content_type);
        }
        let reply = request.send().await.context("sending a hook")?;
        let status = reply.status();
        let text = reply.text().await.context("the answer to a hook")?;
        let answer = serde_json::from_str(&text);
        Ok((status, answer.with_context(|| format!("answer {text:?}"))?))
    }
}

/// The hook for changed orders as the store has it registered.
async fn registered(house: &House, connection: &Connection) -> anyhow::Result<Value> {
    let url = format!(
        "{}/stores/{}/v3/hooks?limit=250",
        house.vendors.bigcommerce, connection.store_hash
    );
    let request = reqwest::Client::builder().no_proxy().build()?.get(&url);
    let reply = request
        .header("x-auth-token", connection.access_token())
        .header("accept", "application/json")
        .send()
        .await?
        .error_for_status()?;
    let hooks: Value = reply.json().await?;
    let hooks = hooks.get("data").and_then(Value::as_array);
    let found = hooks
        .into_iter()
        .flatten()
        .find(|hook| hook.get("scope").and_then(Value::as_str) == Some("store/order/updated"));
    found
        .cloned()
        .context("no hook for changed orders is registered")
}

fn now_s() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
