//! How released letters end: an outcome, or a new letter.
//!
//! Both streams are followed from a known place, so a process that goes on with a release learns
//! what happened meanwhile. Not here: what an end means for the release.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::DeliverPolicy, consumer::pull};
use contracts::books::{Outcome, OutcomeKind};
use contracts::dead_letter::DeadLetter;
use contracts::topology::Stream;
use futures::StreamExt;
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::catalogue::Key;
use crate::error::Error;

/// Ends that wait to be looked at; more wait in the streams.
const QUEUE_MAX: usize = 1024;
/// Pause before a stream is followed again.
const PAUSE: Duration = Duration::from_secs(1);
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

/// Follows both streams until it is dropped.
pub(super) struct Ends {
    pub(super) queue: mpsc::Receiver<End>,
    _tasks: JoinSet<()>,
}

impl Ends {
    pub(super) fn follow(
        jetstream: &jetstream::Context,
        connection: Option<&str>,
        outcomes_after: u64,
        letters_after: u64,
    ) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let mut tasks = JoinSet::new();
        for (stream, after) in [
            (Stream::Outcomes, outcomes_after),
            (Stream::DeadLetters, letters_after),
        ] {
            let filter = match connection {
                Some(name) => stream.filter().replace('>', &format!("{name}.>")),
                None => stream.filter(),
            };
            let (jetstream, sender) = (jetstream.clone(), sender.clone());
            tasks.spawn(async move {
                let mut after = after;
                while !sender.is_closed() {
                    let followed = follow(&jetstream, stream, &filter, &mut after, &sender);
                    if let Err(error) = followed.await {
                        warn!(stream = stream.name(), error = error.words(), "begun again");
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
    filter: &str,
    after: &mut u64,
    sender: &mpsc::Sender<End>,
) -> Result<(), Error> {
    let found = jetstream.get_stream(stream.name()).await;
    let found = found.map_err(Error::nats(WHAT))?;
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: after.saturating_add(1),
        },
        filter_subject: filter.to_owned(),
        ..pull::OrderedConfig::default()
    };
    let consumer = found.create_consumer(config).await;
    let consumer = consumer.map_err(Error::nats(WHAT))?;
    let mut messages = consumer.messages().await.map_err(Error::nats(WHAT))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(Error::nats(WHAT))?;
        let Ok(info) = message.info() else { continue };
        let stored_at_ms = info.published.unix_timestamp_nanos() / 1_000_000;
        let stored_at_ms = u64::try_from(stored_at_ms).unwrap_or(0);
        let end = match stream {
            Stream::Outcomes => outcome(&message.payload, stored_at_ms),
            _ => letter(&message.payload, stored_at_ms),
        };
        let sequence = info.stream_sequence;
        if let Some(end) = end
            && sender.send(end).await.is_err()
        {
            return Ok(());
        }
        *after = sequence;
    }
    Ok(())
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
