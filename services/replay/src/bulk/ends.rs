//! How released letters end: an outcome, or a new letter.
//!
//! Both streams are followed from a known place, so a process that goes on with a release learns
//! what happened meanwhile. Not here: what an end means for the release.

use async_nats::jetstream;
use contracts::books::{Outcome, OutcomeKind};
use contracts::dead_letter::DeadLetter;
use contracts::topology::Stream;
use prost::Message;
use stage::follow::{self, Followed, Track};

use crate::catalogue::Key;
use crate::error::Error;
use crate::streams;

/// Ends that wait to be looked at; more wait in the streams.
const QUEUE_MAX: usize = 1024;
const WHAT: &str = "following how released letters end";

/// One message that left the pipeline.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) key: Key,
    pub(super) event_id: String,
    /// Unix milliseconds, by the server's clock.
    pub(super) stored_at_ms: u64,
    /// The first reason of a new letter; `None` when the books are right.
    pub(super) trouble: Option<String>,
}

/// The last outcome's sequence now.
pub(super) async fn last_outcome(jetstream: &jetstream::Context) -> Result<u64, Error> {
    let stream = jetstream.get_stream(Stream::Outcomes.name()).await;
    let stream = stream.map_err(Error::nats(WHAT))?;
    Ok(stream.cached_info().state.last_sequence)
}

/// Follows both streams, of one connection or of all, until what it returns is dropped.
pub(super) fn follow(
    jetstream: &jetstream::Context,
    connection: Option<&str>,
    outcomes_after: u64,
    letters_after: u64,
) -> Followed<End> {
    let track = |stream: Stream, after: u64| Track {
        stream,
        filter: match connection {
            Some(name) => stream.filter().replace('>', &format!("{name}.>")),
            None => stream.filter(),
        },
        after,
    };
    let tracks = [
        track(Stream::Outcomes, outcomes_after),
        track(Stream::DeadLetters, letters_after),
    ];
    follow::follow(jetstream, tracks, QUEUE_MAX, read)
}

fn read(stream: Stream, message: &jetstream::Message) -> Option<End> {
    let published = message.info().ok()?.published;
    let stored_at_ms = streams::unix_ms(published.unix_timestamp_nanos());
    match stream {
        Stream::Outcomes => outcome(&message.payload, stored_at_ms),
        _ => letter(&message.payload, stored_at_ms),
    }
}

fn outcome(payload: &[u8], stored_at_ms: u64) -> Option<End> {
    let outcome = Outcome::decode(payload).ok()?;
    let is_right = outcome.kind() != OutcomeKind::Unspecified;
    let event = outcome.event?;
    Some(End {
        key: [
            event.connection.clone(),
            event.entity().token().to_owned(),
            event.entity_id.clone(),
        ],
        event_id: event.event_id,
        stored_at_ms,
        trouble: (!is_right).then(|| "the outcome is unknown to this version".to_owned()),
    })
}

fn letter(payload: &[u8], stored_at_ms: u64) -> Option<End> {
    let letter = DeadLetter::decode(payload).ok()?;
    let reason = letter.reasons.first();
    let words =
        reason.map(|reason| format!("{}: {}: {}", letter.stage, reason.code, reason.message));
    Some(End {
        key: [letter.connection, letter.entity, letter.entity_id],
        event_id: letter.event_id,
        stored_at_ms,
        trouble: Some(words.unwrap_or_default()),
    })
}
