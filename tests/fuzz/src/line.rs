//! The line to a vendor: it carries each request to an answering function, and spoils the answers.
//!
//! Keeps every exchange, so that a target can compare what its client says with what was answered.
//! Not here: which calls are made (`freshbooks`, `bigcommerce`).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use connect::transport::{BodyFailure, BoxFuture, Outgoing, Reply, Transport, TransportFailure};
use connect::{Transient, Unreadable};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::bytes::pick;
use crate::structure;

/// In the access token, and in the vendors' words that may hold people's data.
pub const MARK: &str = "PLANTED-16180";

/// A whole answer, before it is spoiled.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A runtime whose waits take no time.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| format!("no runtime: {error}"))
}

/// What was asked, and what came back.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: Method,
    /// `None` when no reply came, with whether the request was surely never sent.
    pub reply: Result<(u16, Option<Bytes>), bool>,
}

/// Answers requests.
pub type Vendor = Box<dyn Fn(&Outgoing) -> Answer + Send + Sync>;

/// A line whose spoiling comes from a seed.
pub struct Line {
    vendor: Vendor,
    /// One exchange in so many is spoiled.
    one_in: u32,
    chance: Mutex<StdRng>,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Line {
    /// To `vendor`. Some lines spoil every answer, some few: a call of many exchanges should get to
    /// its end.
    pub fn to(vendor: Vendor, seed: u64) -> Arc<Self> {
        let mut chance = StdRng::seed_from_u64(seed);
        Arc::new(Self {
            vendor,
            one_in: *pick(&[1, 1, 4, 10], &mut chance),
            chance: Mutex::new(chance),
            exchanges: Mutex::default(),
        })
    }

    /// What went over the line.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let exchanges = self.exchanges.lock();
        exchanges.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn exchange_now(&self, outgoing: &Outgoing) -> Result<Reply, TransportFailure> {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let cause = *pick(
            &[Transient::Connect, Transient::Timeout, Transient::Broken],
            &mut chance,
        );
        let is_spoiled = chance.random_range(0..self.one_in) == 0;
        let result = if is_spoiled && chance.random_range(0..25) == 0 {
            let never_sent = chance.random();
            Err(TransportFailure { cause, never_sent })
        } else if !is_spoiled {
            Ok(whole((self.vendor)(outgoing)))
        } else {
            Ok(spoiled((self.vendor)(outgoing), &mut chance))
        };
        let reply = match &result {
            Ok(reply) => Ok((reply.status.as_u16(), reply.body.as_ref().ok().cloned())),
            Err(failure) => Err(failure.never_sent),
        };
        let mut exchanges = self
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        exchanges.push(Exchange {
            method: outgoing.method.clone(),
            reply,
        });
        result
    }
}

impl Transport for Line {
    fn exchange(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Reply, TransportFailure>> {
        Box::pin(std::future::ready(self.exchange_now(&outgoing)))
    }
}

fn whole(answer: Answer) -> Reply {
    Reply {
        status: StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK),
        headers: HeaderMap::new(),
        body: Ok(Bytes::from(answer.body)),
    }
}

/// An answer with another status, other headers, a spoiled body, or none.
fn spoiled(answer: Answer, chance: &mut StdRng) -> Reply {
    const STATUSES: [u16; 16] = [
        200, 201, 204, 301, 400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 503, 599,
    ];
    let mut status = answer.status;
    let mut body = answer.body;
    match chance.random_range(0..10) {
        0 => status = *pick(&STATUSES, chance),
        1 => {
            status = *pick(&STATUSES, chance);
            body = refusal(chance).to_string().into_bytes();
        }
        2 => crate::bytes::spoil(&mut body, b"{\"response\":{\"result\":{}}}", chance),
        3..8 => {
            if let Ok(mut tree) = serde_json::from_slice::<Value>(&body) {
                let donor = tree.clone();
                structure::spoil(&mut tree, &donor, chance);
                body = tree.to_string().into_bytes();
            }
        }
        _ => {}
    }
    let body = match chance.random_range(0..40) {
        0 => Err(BodyFailure::Lost(Transient::Broken)),
        1 => Err(BodyFailure::Unreadable(Unreadable::TooLong {
            limit_bytes: 1,
        })),
        _ => Ok(Bytes::from(body)),
    };
    Reply {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        headers: headers(chance),
        body,
    }
}

/// A vendor's refusal in one of its shapes, with words that nobody may log.
fn refusal(chance: &mut StdRng) -> Value {
    let errno = *pick(
        &[1003, 1004, 1012, 1029, 1042, 7005, 12001, 409, 500, 1],
        chance,
    );
    let words = format!("{MARK} is not allowed");
    match chance.random_range(0..5) {
        0 => json!({"response": {"errors": [{"errno": errno, "field": "email", "message": words,
            "value": words}]}}),
        1 => json!({"code": 5, "message": words, "details": [{"reason": errno.to_string(),
            "metadata": {"object": "client", "message": words, "field": "userid"}}]}),
        2 => json!({"error": pick(&["invalid_grant", "unauthenticated"], chance),
            "error_description": words}),
        3 => json!({"status": 422, "title": words, "errors": {"email": words}}),
        _ => json!([{"status": 404, "message": words}]),
    }
}

/// What vendors say about their limits, and what they never should.
fn headers(chance: &mut StdRng) -> HeaderMap {
    const NAMES: [&str; 8] = [
        "x-rate-limit-requests-left",
        "x-rate-limit-requests-quota",
        "x-rate-limit-time-reset-ms",
        "retry-after",
        "x-retry-after",
        "ratelimit-remaining",
        "ratelimit-reset",
        "ratelimit-limit",
    ];
    const VALUES: [&str; 10] = [
        "0",
        "1",
        "30000",
        "-1",
        "",
        "1e9",
        "18446744073709551615",
        "99999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "soon",
    ];
    let mut map = HeaderMap::new();
    if chance.random_range(0..4) == 0 {
        for _ in 0..chance.random_range(1..6) {
            let (name, value) = (pick(&NAMES, chance), pick(&VALUES, chance));
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
    }
    map
}
