//! Hooks at the real door, behind its router: what is not believed leaves nothing.
//!
//! Whether a delivery must be believed is worked out here a second time, from the headers as they
//! were sent. Not here: sockets and JetStream (`services/ingest/tests/door.rs`).

use std::collections::HashMap;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::HeaderMap as NatsHeaders;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use contracts::event::{Entity, Origin};
use contracts::hint::Hint;
use contracts::topology::Stream;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use ingest::hooks::{Door, HookSecrets, Limits, SECRET_HEADER, envelope};
use prost::Message;
use rand::RngExt;
use rand::rngs::StdRng;
use runtime::metrics::Metrics;
use serde_json::{Value, json};
use sha2::Sha256;
use stage::{Journal, NotStored, Outlet, Publisher};
use tower::ServiceExt;

use crate::bytes::{Raw, pick, spoil};
use crate::run::Target;
use crate::structure;

const CONNECTION: &str = "acme";
const CLIENT_SECRET: &str = "client-secret-PLANTED-31415";
const HOOK_SECRET: &str = "hook-secret-PLANTED-27182";
/// The time of day at the door.
const NOW_S: u64 = 1_786_447_831;
const TOLERANCE_S: u64 = 300;
const BODY_LIMIT: usize = 64 * 1024;
/// Signatures that a header may hold.
const SIGNATURES_MAX: usize = 16;
const ANSWERS: [(u16, &str); 8] = [
    (200, "stored"),
    (200, "irrelevant"),
    (400, "broken_envelope"),
    (401, "unauthorized"),
    (404, "unknown_connection"),
    (413, "too_large"),
    (415, "unsupported_media_type"),
    (503, "store_unavailable"),
];

/// A delivery, as it is sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    connection: &'static str,
    headers: Vec<(&'static str, Raw)>,
    body: Raw,
    /// JetStream does not take the message.
    store_is_full: bool,
}

/// The front door.
#[derive(Debug)]
pub struct Hooks {
    envelopes: Vec<Value>,
}

impl Hooks {
    /// With an envelope of every scope that Tillbook registers.
    pub fn new() -> Self {
        let data = json!({
            "type": "order", "id": 250, "order_id": "250", "transaction_id": "8004",
            "address": {"customer_id": 9}, "sku": {"product_id": 5, "variant_id": 31},
            "inventory": {"product_id": 5, "method": "absolute", "value": 3},
            "status": {"previous_status_id": 7, "new_status_id": 11},
        });
        let others = ["store/channel/3/order/statusUpdated", "store/cart/created"];
        let scopes = envelope::SCOPES.iter().chain(&others);
        let envelopes = scopes.map(|scope| {
            json!({
                "producer": "stores/abc123", "hash": "0f1e2d3c", "created_at": 1_786_447_828,
                "store_id": "1003500001", "scope": scope, "data": data,
            })
        });
        Self {
            envelopes: envelopes.collect(),
        }
    }
}

impl Default for Hooks {
    fn default() -> Self {
        Self::new()
    }
}

impl Target for Hooks {
    const NAME: &'static str = "hooks";
    type Input = Delivery;

    fn input(&self, chance: &mut StdRng) -> Delivery {
        let mut envelope = pick(&self.envelopes, chance).clone();
        let donor = pick(&self.envelopes, chance);
        let body = match chance.random_range(0..4) {
            0 => envelope.to_string().into_bytes(),
            _ => {
                structure::spoil(&mut envelope, donor, chance);
                structure::text(&envelope, donor, chance)
            }
        };
        let mut delivery = signed(body);
        if chance.random() {
            forge(&mut delivery, chance);
        }
        delivery.store_is_full = chance.random_range(0..20) == 0;
        delivery
    }

    fn check(&self, delivery: &Delivery) -> Result<&'static str, String> {
        let _clock = ambient::surround(Rc::new(Noon));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| format!("no runtime: {error}"))?;
        runtime.block_on(deliver(delivery))
    }
}

/// A delivery as BigCommerce sends it.
fn signed(body: Vec<u8>) -> Delivery {
    let (id, timestamp) = ("msg-0f1e2d3c", NOW_S.to_string());
    let signature = format!(
        "v1,{}",
        signature(id.as_bytes(), timestamp.as_bytes(), &body)
    );
    let headers = [
        ("content-type", "application/json"),
        ("webhook-id", id),
        ("webhook-timestamp", &timestamp),
        ("webhook-signature", &signature),
        (SECRET_HEADER, HOOK_SECRET),
    ];
    Delivery {
        connection: CONNECTION,
        headers: headers
            .map(|(name, value)| (name, Raw(value.as_bytes().to_vec())))
            .to_vec(),
        body: Raw(body),
        store_is_full: false,
    }
}

fn signature(id: &[u8], timestamp: &[u8], body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(CLIENT_SECRET.as_bytes()) else {
        unreachable!("HMAC takes keys of every length");
    };
    for part in [id, b".", timestamp, b".", body] {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Spoils what was signed, after it was signed.
fn forge(delivery: &mut Delivery, chance: &mut StdRng) {
    match chance.random_range(0..8) {
        0 => spoil(&mut delivery.body.0, b"{\"scope\":", chance),
        1 => delivery.connection = *pick(&["nobody", "acme2", "ACME"], chance),
        2 => {
            let gone = chance.random_range(0..delivery.headers.len());
            delivery.headers.remove(gone);
        }
        3 => {
            let moments = [
                "0",
                "1786447531",
                "1786447530",
                "1786448132",
                "-1",
                "",
                "1e9",
            ];
            let moment = pick(&moments, chance).as_bytes();
            // Signed anew: only the age is wrong.
            let signature = signature(b"msg-0f1e2d3c", moment, &delivery.body.0);
            delivery.headers[2].1 = Raw(moment.to_vec());
            delivery.headers[3].1 = Raw(format!("v1,{signature}").into_bytes());
        }
        4 => {
            let good = delivery.headers[3].1.0.clone();
            let before = pick(&["v1,AAAA ", "v2,x ", "v1, "], chance);
            let mut many = before.repeat(chance.random_range(1..20)).into_bytes();
            many.extend(good);
            delivery.headers[3].1 = Raw(many);
        }
        _ => {
            let at = chance.random_range(0..delivery.headers.len());
            let donor = pick(&delivery.headers, chance).1.0.clone();
            spoil(&mut delivery.headers[at].1.0, &donor, chance);
        }
    }
}

async fn deliver(delivery: &Delivery) -> Result<&'static str, String> {
    let outlet = Arc::new(Kept {
        is_full: delivery.store_is_full,
        messages: Mutex::default(),
    });
    let router = door(&outlet)?;
    let request = request(delivery)?;
    let is_believed = is_believed(&request, &delivery.body.0);
    let response = router
        .oneshot(request)
        .await
        .unwrap_or_else(|never| match never {});
    let status = response.status().as_u16();
    let mut shown = format!("{:?}", response.headers());
    let reply = axum::body::to_bytes(response.into_body(), 4_096).await;
    let reply = reply.map_err(|error| format!("the answer cannot be read: {error}"))?;
    shown.push_str(&String::from_utf8_lossy(&reply));
    if shown.contains("PLANTED") {
        return Err(format!("a secret is in the answer: {shown}"));
    }
    let reply: Value = serde_json::from_slice(&reply)
        .map_err(|error| format!("the answer is no JSON ({error}): {shown}"))?;
    let word = reply["status"].as_str().or_else(|| reply["error"].as_str());
    let known = ANSWERS
        .iter()
        .find(|(code, known)| (*code, Some(*known)) == (status, word));
    let Some((_, word)) = known else {
        return Err(format!("{status} {word:?} is no known answer"));
    };
    let hints = outlet.hints()?;
    let is_stored = !hints.is_empty();
    if is_stored != (*word == "stored") {
        return Err(format!(
            "answered {word}, and {} hints are stored",
            hints.len()
        ));
    }
    if matches!(
        *word,
        "stored" | "irrelevant" | "broken_envelope" | "store_unavailable"
    ) && !is_believed
    {
        return Err(format!("a forged hook is answered {word}"));
    }
    if is_believed && *word == "unauthorized" {
        return Err("a believable hook is refused".to_owned());
    }
    hints
        .iter()
        .try_for_each(|(subject, hint)| sound(subject, hint))?;
    Ok(word)
}

fn door(outlet: &Arc<Kept>) -> Result<axum::Router, String> {
    let secrets = HookSecrets {
        client_secret: CLIENT_SECRET.into(),
        hook_secret: HOOK_SECRET.into(),
    };
    let limits = Limits {
        timestamp_tolerance_s: TOLERANCE_S,
        body_limit_bytes: BODY_LIMIT,
        in_flight_max: 4,
    };
    let publisher = Publisher::over(Arc::<Kept>::clone(outlet));
    let journal = Journal::start(publisher.clone(), "ingest");
    let connections = HashMap::from([(CONNECTION.to_owned(), secrets)]);
    Door::new(connections, limits, publisher, journal, &Metrics::new())
        .map(Door::router)
        .map_err(|error| format!("no door: {error}"))
}

/// A header that HTTP cannot carry is left out.
fn request(delivery: &Delivery) -> Result<Request<Body>, String> {
    let mut request = Request::post(format!("/hooks/{}", delivery.connection));
    for (name, value) in &delivery.headers {
        if let Ok(value) = HeaderValue::from_bytes(&value.0) {
            request = request.header(HeaderName::from_static(name), value);
        }
    }
    request
        .body(Body::from(delivery.body.0.clone()))
        .map_err(|error| format!("no request: {error}"))
}

/// What Standard Webhooks and the second factor ask for.
fn is_believed(request: &Request<Body>, body: &[u8]) -> bool {
    let field = |name: &str| {
        let value = request.headers().get(name).map(HeaderValue::as_bytes);
        let value = value.filter(|value| {
            value
                .iter()
                .all(|byte| (32..127).contains(byte) || *byte == b'\t')
        });
        value.unwrap_or_default()
    };
    let timestamp = field("webhook-timestamp");
    let good = format!("v1,{}", signature(field("webhook-id"), timestamp, body));
    let signatures = String::from_utf8_lossy(field("webhook-signature"));
    let mut looked_at = signatures.split_ascii_whitespace().take(SIGNATURES_MAX);
    let sent_s = std::str::from_utf8(timestamp)
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    let is_timely = sent_s.is_some_and(|sent_s| NOW_S.abs_diff(sent_s) <= TOLERANCE_S)
        && timestamp.iter().all(u8::is_ascii_digit);
    looked_at.any(|given| given == good)
        && is_timely
        && field(SECRET_HEADER) == HOOK_SECRET.as_bytes()
}

/// What a stored hint promises the stages behind.
fn sound(subject: &str, hint: &Hint) -> Result<(), String> {
    let is_id = (1..=20).contains(&hint.entity_id.len())
        && hint.entity_id.bytes().all(|byte| byte.is_ascii_digit());
    let expected = Stream::Hints.subject(CONNECTION, hint.entity().token(), &hint.entity_id);
    let holds = hint.connection == CONNECTION
        && is_id
        && hint.entity() != Entity::Unspecified
        && hint.origin() == Origin::Hook
        && hint.received_at_ms == NOW_S * 1000
        && subject == expected;
    if holds {
        Ok(())
    } else {
        Err(format!("stored under {subject}: {hint:?}"))
    }
}

/// Takes messages, or is full.
#[derive(Debug)]
struct Kept {
    is_full: bool,
    messages: Mutex<Vec<(String, Bytes)>>,
}

impl Kept {
    fn hints(&self) -> Result<Vec<(String, Hint)>, String> {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let prefix = Stream::Hints.subject("", "", "");
        let prefix = prefix.trim_end_matches('.');
        let hints = messages
            .iter()
            .filter(|(subject, _)| subject.starts_with(prefix));
        hints
            .map(|(subject, payload)| {
                let hint = Hint::decode(payload.clone());
                let hint = hint.map_err(|error| format!("{subject} holds no hint: {error}"))?;
                Ok((subject.clone(), hint))
            })
            .collect()
    }
}

impl Outlet for Kept {
    fn store(
        &self,
        subject: String,
        _headers: NatsHeaders,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<u64, NotStored>> {
        let stored = if self.is_full {
            Err(NotStored::Failed("the stream is full".into()))
        } else {
            let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
            messages.push((subject, payload));
            Ok(1)
        };
        Box::pin(std::future::ready(stored))
    }
}

struct Noon;

impl ambient::Surroundings for Noon {
    fn now_ms(&self) -> u64 {
        NOW_S * 1000
    }

    fn random(&self) -> u64 {
        7
    }
}
