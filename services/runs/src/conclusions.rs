//! What became of the orders of a run: read from the outcomes and the dead letters.
//!
//! Followed from a known place in each stream, so a process that takes a run up again learns what
//! happened meanwhile. Not here: what a conclusion means for the run.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::DeliverPolicy, consumer::pull};
use contracts::books::{Outcome, OutcomeKind};
use contracts::dead_letter::DeadLetter;
use contracts::event::Origin;
use contracts::topology::Stream;
use futures::StreamExt;
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::Error;

/// Conclusions that wait to be looked at; more wait in the streams.
const QUEUE_MAX: usize = 256;
/// Pause before a stream is followed again.
const PAUSE: Duration = Duration::from_secs(1);

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

/// Follows both streams of a connection until it is dropped.
pub(crate) struct Conclusions {
    pub(crate) queue: mpsc::Receiver<Conclusion>,
    _tasks: JoinSet<()>,
}

impl Conclusions {
    pub(crate) fn follow(
        jetstream: &jetstream::Context,
        connection: &str,
        outcomes_after: u64,
        letters_after: u64,
    ) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let mut tasks = JoinSet::new();
        for (stream, after) in [
            (Stream::Outcomes, outcomes_after),
            (Stream::DeadLetters, letters_after),
        ] {
            let subject = stream.subject(connection, "order", "*");
            let (jetstream, sender) = (jetstream.clone(), sender.clone());
            tasks.spawn(async move {
                let mut after = after;
                while !sender.is_closed() {
                    let followed = follow(&jetstream, stream, &subject, &mut after, &sender);
                    if let Err(error) = followed.await {
                        warn!(stream = stream.name(), error = %error, "not followed; begun again");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Self {
            queue,
            _tasks: tasks,
        }
    }
}

/// Hands on what comes after the sequence, and moves it.
async fn follow(
    jetstream: &jetstream::Context,
    stream: Stream,
    subject: &str,
    after: &mut u64,
    sender: &mpsc::Sender<Conclusion>,
) -> Result<(), Error> {
    let what = "following the streams' ends";
    let found = jetstream
        .get_stream(stream.name())
        .await
        .map_err(Error::nats(what))?;
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: after.saturating_add(1),
        },
        filter_subject: subject.to_owned(),
        ..pull::OrderedConfig::default()
    };
    let consumer = found
        .create_consumer(config)
        .await
        .map_err(Error::nats(what))?;
    let mut messages = consumer.messages().await.map_err(Error::nats(what))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(Error::nats(what))?;
        let read = match stream {
            Stream::Outcomes => outcome(&message.payload),
            _ => letter(&message.payload),
        };
        if let Some(conclusion) = read
            && sender.send(conclusion).await.is_err()
        {
            return Ok(());
        }
        if let Ok(info) = message.info() {
            *after = info.stream_sequence;
        }
    }
    Ok(())
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
