//! What became of the orders of a run: read from the outcomes and the dead letters.
//!
//! Followed from a known place in each stream, so a process that takes a run up again learns what
//! happened meanwhile. Not here: what a conclusion means for the run.

use async_nats::jetstream;
use contracts::books::{Outcome, OutcomeKind};
use contracts::dead_letter::DeadLetter;
use contracts::event::Origin;
use contracts::topology::Stream;
use prost::Message;
use stage::follow::{self, Followed, Track};

use crate::Error;

/// Conclusions that wait to be looked at; more wait in the streams.
const QUEUE_MAX: usize = 256;

/// How one order left the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conclusion {
    pub(crate) order_id: u64,
    /// Unix milliseconds: when the change was heard of, or the letter's time of death.
    pub(crate) at_ms: u64,
    /// The event was made by an undo.
    pub(crate) is_undo: bool,
    pub(crate) end: End,
}

/// The ways out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Outcome {
        kind: OutcomeKind,
        detail: String,
    },
    /// Held, refused or given up, with the first reason.
    DeadLetter {
        code: String,
        message: String,
    },
}

/// The last sequences of both streams now: what comes later belongs to whatever begins now.
pub(crate) async fn ends(jetstream: &jetstream::Context) -> Result<(u64, u64), Error> {
    let last = async |stream: Stream| {
        let what = "reading where the streams end";
        let mut found = jetstream
            .get_stream(stream.name())
            .await
            .map_err(Error::nats(what))?;
        let info = found.info().await.map_err(Error::nats(what))?;
        Ok::<_, Error>(info.state.last_sequence)
    };
    Ok((
        last(Stream::Outcomes).await?,
        last(Stream::DeadLetters).await?,
    ))
}

/// The ends of a connection's orders from known places on, until it is dropped.
pub(crate) type Conclusions = Followed<Conclusion>;

/// Follows both streams of a connection.
pub(crate) fn follow(
    jetstream: &jetstream::Context,
    connection: &str,
    outcomes_after: u64,
    letters_after: u64,
) -> Conclusions {
    let track = |stream: Stream, after: u64| Track {
        stream,
        filter: stream.subject(connection, "order", "*"),
        after,
    };
    let tracks = [
        track(Stream::Outcomes, outcomes_after),
        track(Stream::DeadLetters, letters_after),
    ];
    follow::follow(
        jetstream,
        tracks,
        QUEUE_MAX,
        |stream, message| match stream {
            Stream::Outcomes => outcome(&message.payload),
            _ => letter(&message.payload),
        },
    )
}

fn outcome(payload: &[u8]) -> Option<Conclusion> {
    let outcome = Outcome::decode(payload).ok()?;
    let event = outcome.event.as_ref()?;
    Some(Conclusion {
        order_id: event.entity_id.parse().ok()?,
        at_ms: event.hinted_at_ms,
        is_undo: event.origin() == Origin::Undo,
        end: End::Outcome {
            kind: outcome.kind(),
            detail: outcome.detail.clone(),
        },
    })
}

fn letter(payload: &[u8]) -> Option<Conclusion> {
    let letter = DeadLetter::decode(payload).ok()?;
    let (code, message) = letter
        .reasons
        .first()
        .map(|reason| (reason.code.clone(), reason.message.clone()))
        .unwrap_or_default();
    Some(Conclusion {
        order_id: letter.entity_id.parse().ok()?,
        at_ms: letter.dead_at_ms,
        is_undo: letter.event_id.starts_with("undo-"),
        end: End::DeadLetter { code, message },
    })
}
