//! Reading the dead letters stream.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use contracts::dead_letter::DeadLetter;
use contracts::topology::Stream;
use futures::StreamExt;
use prost::Message;
use serde_json::{Value, json};
use stage::StageContext;
use tracing::warn;

/// The most letters one answer lists.
const LIST_MAX: usize = 1000;

/// Longest wait for the next stored letter.
const NEXT_LIMIT: Duration = Duration::from_secs(5);

/// The newest letters, at most `limit` of them.
pub(crate) async fn list(
    context: &StageContext,
    connection: Option<&str>,
    limit: usize,
) -> Result<Value, String> {
    let limit = limit.clamp(1, LIST_MAX);
    let mut newest = VecDeque::new();
    let mut total = 0_u64;
    each(context, connection, |letter| {
        total = total.saturating_add(1);
        newest.push_front(summary(&letter));
        newest.truncate(limit);
        true
    })
    .await?;
    Ok(json!({ "total": total, "dead_letters": newest }))
}

/// The letter of an id.
pub(crate) async fn find(context: &StageContext, id: &str) -> Result<DeadLetter, String> {
    let mut found = None;
    each(context, None, |letter| {
        if letter.dead_letter_id == id {
            found = Some(letter);
        }
        found.is_none()
    })
    .await?;
    found.ok_or_else(|| format!("no dead letter has the id {id}"))
}

/// Hands every stored letter to `visit`, oldest first, until it returns false.
async fn each(
    context: &StageContext,
    connection: Option<&str>,
    mut visit: impl FnMut(DeadLetter) -> bool,
) -> Result<(), String> {
    let plain = |error: &dyn std::error::Error| format!("the dead letters cannot be read: {error}");
    let stream = context
        .jetstream
        .get_stream(Stream::DeadLetters.name())
        .await;
    let stream = stream.map_err(|error| plain(&error))?;
    let filter_subject = match connection {
        Some(name) if contracts::topology::is_token(name) => Stream::DeadLetters
            .filter()
            .replace('>', &format!("{name}.>")),
        Some(name) => return Err(format!("{name:?} cannot be the name of a connection")),
        None => Stream::DeadLetters.filter(),
    };
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::All,
        filter_subject,
        ..pull::OrderedConfig::default()
    };
    let consumer = stream
        .create_consumer(config)
        .await
        .map_err(|error| plain(&error))?;
    let mut left = consumer.cached_info().num_pending;
    if left == 0 {
        return Ok(());
    }
    let mut messages = consumer.messages().await.map_err(|error| plain(&error))?;
    while left > 0 {
        // Letters may expire while they are read: the last of those counted may never come.
        let next = tokio::time::timeout(NEXT_LIMIT, messages.next()).await;
        let Ok(Some(message)) = next else { break };
        let message = message.map_err(|error| plain(&error))?;
        left = left.saturating_sub(1);
        match DeadLetter::decode(message.payload.clone()) {
            Ok(letter) => {
                if !visit(letter) {
                    return Ok(());
                }
            }
            // One broken letter must not keep all others from being released.
            Err(error) => {
                warn!(error = %error, subject = %message.subject, "a dead letter is not readable")
            }
        }
    }
    Ok(())
}

fn summary(letter: &DeadLetter) -> Value {
    json!({
        "dead_letter_id": letter.dead_letter_id,
        "stage": letter.stage,
        "kind": letter.kind().as_str_name(),
        "connection": letter.connection,
        "entity": letter.entity,
        "entity_id": letter.entity_id,
        "attempts": letter.attempts,
        "dead_at_ms": letter.dead_at_ms,
        "reasons": letter.reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>(),
    })
}

/// Everything but the original's bytes, of which only the length is shown.
pub(crate) fn shown(letter: &DeadLetter) -> Value {
    let mut shown = summary(letter);
    shown["reasons"] = letter
        .reasons
        .iter()
        .map(
            |reason| json!({ "code": reason.code, "message": reason.message, "path": reason.path }),
        )
        .collect();
    shown["event_id"] = json!(letter.event_id);
    shown["first_seen_at_ms"] = json!(letter.first_seen_at_ms);
    shown["original_stream"] = json!(letter.original_stream);
    shown["original_subject"] = json!(letter.original_subject);
    shown["original_sequence"] = json!(letter.original_sequence);
    shown["original_bytes"] = json!(letter.original_payload.len());
    shown["traceparent"] = json!(letter.traceparent);
    shown
}
