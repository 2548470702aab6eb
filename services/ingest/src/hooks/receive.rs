//! One hook, from its arrival to its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use contracts::event::Entity;
use contracts::hint::Hint;
use contracts::journal::{JournalEntry, JournalKind};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use tracing::{Instrument, Span, warn};

use super::envelope::{self, Envelope};
use super::reply::Reply;
use super::{Door, HookSecrets, ReplyLabels, SECRET_HEADER};

/// Longest a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest a hint may take to be stored; BigCommerce itself waits at least nine seconds.
const STORE_TIMEOUT: Duration = Duration::from_secs(8);

/// Answers one hook.
pub(super) async fn receive(
    State(door): State<Arc<Door>>,
    Path(connection): Path<String>,
    header_map: HeaderMap,
    body: Body,
) -> Reply {
    let started = Instant::now();
    let known = door.connections.contains_key(&connection);
    let span = tracing::info_span!(
        "receive_hook",
        otel.name = "POST /hooks/{connection}",
        otel.kind = "server",
        tillbook.service = "ingest",
        tillbook.connection = if known {
            connection.as_str()
        } else {
            "unknown"
        },
        order.id = tracing::field::Empty,
        http.response.status_code = tracing::field::Empty,
    );
    let reply = decide(&door, &connection, &header_map, body)
        .instrument(span)
        .await;
    let label = if known {
        connection
    } else {
        "unknown".to_owned()
    };
    let labels = ReplyLabels {
        connection: label,
        reply: reply.word(),
    };
    door.metrics.hooks.get_or_create(&labels).inc();
    let seconds = door
        .metrics
        .seconds
        .get_or_create(&[("reply", reply.word())]);
    seconds.observe(started.elapsed().as_secs_f64());
    reply
}

async fn decide(door: &Door, connection: &str, header_map: &HeaderMap, body: Body) -> Reply {
    let Ok(_slot) = door.slots.try_acquire() else {
        return Reply::Overloaded;
    };
    let Some(secrets) = door.connections.get(connection) else {
        return Reply::UnknownConnection;
    };
    let body = match read(body, door.limits.body_limit_bytes).await {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if !is_json(header_map) {
        return Reply::NotJson;
    }
    if !is_authentic(door, secrets, header_map, &body) {
        return Reply::Unauthorized;
    }
    let webhook_id = text(header_map, "webhook-id").unwrap_or_default();
    match envelope::read(connection, &body, webhook_id, store::now_ms()) {
        Ok(Envelope::Hint(hint)) => store(door, hint).await,
        Ok(Envelope::Irrelevant) => Reply::Irrelevant,
        Err(error) => {
            warn!(connection, error = %error, "an authentic hook could not be read");
            Reply::BrokenEnvelope
        }
    }
}

/// Reads the body within its limits of size and time.
async fn read(body: Body, limit_bytes: usize) -> Result<Bytes, Reply> {
    let read = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit_bytes)).await;
    match read {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_limit(&error) => Err(Reply::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Reply::BrokenEnvelope),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_json(header_map: &HeaderMap) -> bool {
    text(header_map, header::CONTENT_TYPE.as_str()).is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

fn is_authentic(door: &Door, secrets: &HookSecrets, header_map: &HeaderMap, body: &[u8]) -> bool {
    let field = |name| text(header_map, name).unwrap_or_default();
    let signed = connect::bigcommerce::signature::verify(
        secrets.client_secret.expose_secret().as_bytes(),
        field("webhook-id"),
        field("webhook-timestamp"),
        body,
        field("webhook-signature"),
        i64::try_from(store::now_ms() / 1000).unwrap_or(i64::MAX),
        door.limits.timestamp_tolerance_s,
    );
    let expected = secrets.hook_secret.expose_secret().as_bytes();
    let second_factor = bool::from(field(SECRET_HEADER).as_bytes().ct_eq(expected));
    if let Err(error) = &signed {
        tracing::debug!(error = %error, "a hook's signature was refused");
    }
    signed.is_ok() && second_factor
}

/// Stores the hint; only its PubAck makes the answer a 200.
async fn store(door: &Door, hint: Hint) -> Reply {
    let span = Span::current();
    if hint.entity() == Entity::Order {
        span.record("order.id", hint.entity_id.as_str());
    }
    let publish = door.publisher.publish_hint(&hint, None, &span);
    let Ok(published) = tokio::time::timeout(STORE_TIMEOUT, publish).await else {
        warn!("a hint took too long to be stored; the hook is refused");
        return Reply::StoreUnavailable;
    };
    if published.is_ok() && !door.journal.offer(vec![arrival(&hint, &span)]) {
        warn!("the journal's queue is full; a hook's arrival is missing from it");
    }
    match published {
        Ok(_) => Reply::Stored,
        Err(error) => {
            warn!(error = %error, "a hint could not be stored; the hook is refused");
            Reply::StoreUnavailable
        }
    }
}

fn arrival(hint: &Hint, span: &Span) -> JournalEntry {
    JournalEntry {
        entry_id: format!(
            "hook:{}:{}:{}",
            hint.connection, hint.webhook_id, hint.received_at_ms
        ),
        connection: hint.connection.clone(),
        entity: hint.entity,
        entity_id: hint.entity_id.clone(),
        event_id: String::new(),
        at_ms: hint.received_at_ms,
        stage: "ingest".to_owned(),
        kind: JournalKind::HookReceived.into(),
        detail: String::new(),
        trace_id: runtime::telemetry::trace_id(span).unwrap_or_default(),
        attempt: 1,
        duration_us: 0,
        attributes: BTreeMap::from([("scope".to_owned(), hint.scope.clone())]),
    }
}

fn text<'a>(header_map: &'a HeaderMap, name: &str) -> Option<&'a str> {
    header_map.get(name)?.to_str().ok()
}
