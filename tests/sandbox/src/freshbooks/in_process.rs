//! The emulator without a listener: each call is answered at once, in the caller's thread, at the
//! moment the caller says it is.
//!
//! For simulations whose time is not the machine's. The same gate, books and control surface as
//! behind the socket; what happens to connections (resets, hangs) is the caller's to play.

use axum::body::Bytes;
use axum::http::{Method, header};
use jiff::Timestamp;

use super::call::{Call, Reply, pairs};
use super::state::Shared;
use super::{clock, control, gate};

/// A FreshBooks in the caller's own thread. Clones share the books.
#[derive(Clone, Debug, Default)]
pub struct InProcess {
    world: Shared,
}

/// An answer, as it would travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A question, as it would travel.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    /// Encoded, without the question mark.
    pub query: Option<&'a str>,
    pub authorization: Option<&'a str>,
    pub content_type: &'a str,
    pub body: &'a [u8],
}

impl InProcess {
    /// Answers one call, which arrives at `at_ms` (Unix milliseconds).
    #[must_use]
    pub fn answer(&self, at_ms: u64, question: &Question<'_>) -> Answer {
        let call = Call {
            method: question.method.clone(),
            path: question.path.to_owned(),
            query: question.query.map(pairs).unwrap_or_default(),
            bearer: question
                .authorization
                .and_then(|value| value.strip_prefix("Bearer "))
                .map(|token| token.trim().to_owned()),
            content_type: question.content_type.to_owned(),
            body: Bytes::copy_from_slice(question.body),
        };
        let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
        let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::MAX);
        clock::at(at, || answered(&self.process(&call)))
    }

    fn process(&self, call: &Call) -> Reply {
        let mut world = self.world.lock();
        if call.path.starts_with("/_sandbox") {
            return control::answer(&mut world, call);
        }
        let reply = gate::process(&mut world, call);
        // Nobody listens for webhooks here.
        gate::collect(&mut world);
        reply
    }
}

fn answered(reply: &Reply) -> Answer {
    let body = reply.body.as_ref().map(ToString::to_string);
    let mut headers = reply.headers.clone();
    if body.is_some() {
        headers.push((header::CONTENT_TYPE.as_str(), "application/json".to_owned()));
    }
    Answer {
        status: reply.status,
        headers,
        body: body.unwrap_or_default().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ask(books: &InProcess, at_ms: u64, method: &Method, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let answer = books.answer(
            at_ms,
            &Question {
                method,
                path,
                query: None,
                authorization: None,
                content_type: "application/json",
                body: body.as_bytes(),
            },
        );
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    #[test]
    fn calls_are_answered_at_the_callers_time() {
        let books = InProcess::default();
        let account = json!({"account_id": "a1", "client_id": "id", "client_secret": "secret",
            "refresh_token": "first"});
        ask(&books, 0, &Method::POST, "/_sandbox/accounts", &account);
        let grant = json!({"client_id": "id", "client_secret": "secret",
            "grant_type": "refresh_token", "refresh_token": "first"});
        let pair = ask(&books, 5_000, &Method::POST, "/auth/oauth/token", &grant);
        assert_eq!(pair["created_at"], 5);
    }
}
