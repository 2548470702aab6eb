//! The net below the stages: what was delivered too often becomes a dead letter.
//!
//! A message that kills its worker never reaches the runner's own exits. The server gives it up
//! after `topology::DELIVERIES_MAX` deliveries and says so; its words are kept in a stream, so
//! nothing is lost while replay is down. Not here: failures that the runner sees.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{consumer, message::StreamMessage, stream::RawMessageErrorKind};
use contracts::cause::WORKER_DIED;
use contracts::dead_letter::{DeadLetter, DeadLetterKind, Reason};
use contracts::headers;
use contracts::journal::{JournalEntry, JournalKind};
use contracts::original::{Original, schema_taken_by};
use contracts::topology::{REPLAY_CONSUMER, Stage, Stream};
use futures::StreamExt;
use serde::Deserialize;
use stage::dead_letter;
use store::now_ms;
use tracing::warn;

use crate::audit;
use crate::desk::Desk;
use crate::error::Error;
use crate::states::State;
use crate::streams;

/// Pause before a stream is followed again.
const PAUSE: Duration = Duration::from_secs(1);
const WHAT: &str = "following the server's advisories";

/// "This message was delivered as often as it may be."
#[derive(Debug, Deserialize)]
struct MaxDeliveries {
    stream: String,
    consumer: String,
    stream_seq: u64,
    deliveries: u64,
}

/// Follows the advisories until shutdown.
pub(crate) async fn follow(desk: Arc<Desk>) {
    let trouble = "the net is down; it is spread again";
    loop {
        let followed = desk.until_shutdown(advisories(&desk)).await;
        if !desk.goes_on(followed, trouble, PAUSE).await {
            return;
        }
    }
}

async fn advisories(desk: &Desk) -> Result<(), Error> {
    let consumer: consumer::PullConsumer = desk
        .context
        .jetstream
        .get_consumer_from_stream(REPLAY_CONSUMER, Stream::Advisories.name())
        .await
        .map_err(Error::nats(WHAT))?;
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(16)
        .heartbeat(Duration::from_secs(10))
        .messages()
        .await
        .map_err(Error::nats(WHAT))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(Error::nats(WHAT))?;
        // On an error the advisory stays and comes again.
        catch(desk, &message.payload).await?;
        message.double_ack().await.map_err(Error::nats(WHAT))?;
    }
    Ok(())
}

/// Makes a dead letter of the message an advisory is about; returns when it is stored.
async fn catch(desk: &Desk, payload: &[u8]) -> Result<(), Error> {
    let Ok(advisory) = serde_json::from_slice::<MaxDeliveries>(payload) else {
        warn!("an advisory cannot be read; it is left out");
        return Ok(());
    };
    let stage = Stage::from_name(&advisory.consumer);
    let is_ours = |stage: &Stage| {
        [stage.input(), Stream::Retries]
            .map(Stream::name)
            .contains(&advisory.stream.as_str())
    };
    let Some(stage) = stage.filter(is_ours) else {
        return Ok(());
    };
    let stream = desk.context.jetstream.get_stream(&advisory.stream).await;
    let stream = stream.map_err(Error::nats(WHAT))?;
    let message = match stream.get_raw_message(advisory.stream_seq).await {
        Ok(message) => message,
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
            // A hint that a later one replaced, or a message that expired: nothing is left to keep.
            warn!(
                stream = advisory.stream,
                sequence = advisory.stream_seq,
                "a message that was delivered too often is gone"
            );
            return Ok(());
        }
        Err(error) => return Err(Error::nats(WHAT)(error)),
    };
    bury(desk, letter(stage, &advisory, &message)).await?;
    if advisory.stream == Stream::Retries.name() {
        // In a work queue nothing else would ever take it out.
        let deleted = stream.delete_message(advisory.stream_seq).await;
        deleted.map_err(Error::nats(WHAT))?;
    }
    Ok(())
}

fn letter(stage: Stage, advisory: &MaxDeliveries, message: &StreamMessage) -> DeadLetter {
    let header = |name: &str| message.headers.get(name).map(|value| value.as_str());
    let number = |name| header(name).and_then(|text| text.parse::<u64>().ok());
    let first_seen_at_ms = number(headers::FIRST_SEEN_MS)
        .unwrap_or_else(|| streams::unix_ms(message.time.unix_timestamp_nanos()));
    let subject = stage.input_subject(&message.subject);
    let schema = header(headers::SCHEMA).unwrap_or(schema_taken_by(stage));
    let about = Original::decode(schema, &message.payload).and_then(|o| o.about());
    let [connection, entity, entity_id] = match &about {
        Some(about) => [
            about.connection.clone(),
            about.entity.token().to_owned(),
            about.entity_id.clone(),
        ],
        None => dead_letter::subject_names(&subject),
    };
    let attempts = number(headers::ATTEMPTS)
        .unwrap_or_default()
        .saturating_add(advisory.deliveries);
    DeadLetter {
        dead_letter_id: dead_letter::id(
            stage.name(),
            &advisory.stream,
            advisory.stream_seq,
            first_seen_at_ms,
        ),
        stage: stage.name().to_owned(),
        kind: DeadLetterKind::Exhausted.into(),
        reasons: vec![reason(advisory.deliveries)],
        connection,
        entity,
        entity_id,
        event_id: about.map(|about| about.event_id).unwrap_or_default(),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        first_seen_at_ms,
        dead_at_ms: now_ms(),
        original_stream: advisory.stream.clone(),
        original_subject: subject,
        original_sequence: advisory.stream_seq,
        original_headers: dead_letter::wire_headers(&message.headers),
        original_payload: message.payload.clone(),
        traceparent: traceparent(&message.headers),
        cause: None,
    }
}

fn reason(deliveries: u64) -> Reason {
    Reason {
        code: WORKER_DIED.to_owned(),
        message: format!(
            "it was delivered {deliveries} times, and each time its worker ended before it was \
             done with it; it may end its worker, or was under way beside one that does"
        ),
        path: String::new(),
    }
}

fn traceparent(header_map: &HeaderMap) -> String {
    let value = header_map.get(headers::TRACEPARENT);
    value
        .map(|value| value.as_str().to_owned())
        .unwrap_or_default()
}

/// Stores the letter once, however often its advisory comes.
async fn bury(desk: &Desk, letter: DeadLetter) -> Result<(), Error> {
    let id = letter.dead_letter_id.clone();
    let is_known = desk.catalogue.now().await?.of_id(&id).is_some()
        || desk.states.get(&id).await?.0 != State::default();
    if is_known {
        return Ok(());
    }
    let at_ms = letter.dead_at_ms;
    let entry = JournalEntry {
        entry_id: format!("net:{id}"),
        connection: letter.connection.clone(),
        entity: audit::entity_of(&letter.entity).into(),
        entity_id: letter.entity_id.clone(),
        event_id: letter.event_id.clone(),
        at_ms,
        stage: letter.stage.clone(),
        kind: JournalKind::DeadLettered.into(),
        detail: letter
            .reasons
            .first()
            .map(|r| r.message.clone())
            .unwrap_or_default(),
        attempt: letter.attempts,
        attributes: BTreeMap::from([
            ("dead_letter_id".to_owned(), id.clone()),
            ("kind".to_owned(), letter.kind().as_str_name().to_owned()),
            ("reasons".to_owned(), WORKER_DIED.to_owned()),
        ]),
        ..JournalEntry::default()
    };
    dead_letter::store(&desk.context.publisher, letter).await?;
    warn!(
        dead_letter.id = id,
        "a message was delivered too often; dead letter stored"
    );
    Ok(desk.context.journal.store(vec![entry]).await?)
}
