//! Letters that clear themselves: a newer state of the same entity is in the books.
//!
//! Outcomes are followed durably; a new letter also looks back at the last outcome of its entity,
//! which may have come before it. Nothing is cleared on a guess: the outcome must say that the
//! books are right, and its event must be newer than the letter's. Not here: the outcome of a
//! released letter, which no longer rests.

use std::sync::Arc;
use std::time::Duration;

use contracts::books::{Outcome, OutcomeKind};
use contracts::journal::JournalKind;
use contracts::topology::{REPLAY_CONSUMER, Stream, is_token};
use futures::StreamExt;
use prost::Message;
use store::now_ms;
use tracing::info;

use crate::audit;
use crate::catalogue::{Key, Resting};
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::states::{Fate, State};
use crate::streams;

/// Outcomes looked at together.
const BATCH_MAX: usize = 256;
/// How often new letters look back.
const LOOK_BACK_EVERY: Duration = Duration::from_secs(2);
/// Pause before a stream is followed again.
const PAUSE: Duration = Duration::from_secs(1);
const WHO: &str = "replay";

/// An outcome that says that the books are right.
#[derive(Clone, Debug)]
struct Right {
    key: Key,
    event_id: String,
    version_ms: u64,
    stored_at_ms: u64,
    word: &'static str,
}

impl Right {
    fn read(payload: &[u8], stored_at_ms: u64) -> Option<Self> {
        let outcome = Outcome::decode(payload).ok()?;
        let kind = outcome.kind();
        let is_right = matches!(
            kind,
            OutcomeKind::Written
                | OutcomeKind::Unchanged
                | OutcomeKind::NothingDue
                | OutcomeKind::Removed
                | OutcomeKind::Superseded
        );
        let event = outcome.event.filter(|_| is_right)?;
        Some(Self {
            key: [
                event.connection.clone(),
                event.entity().token().to_owned(),
                event.entity_id.clone(),
            ],
            version_ms: event.version_ms,
            event_id: event.event_id,
            stored_at_ms,
            word: kind.as_str_name(),
        })
    }

    /// Whether the letter says nothing that the books do not show by now.
    fn settles(&self, letter: &Resting) -> bool {
        if !letter.event_id.is_empty() && letter.event_id == self.event_id {
            return self.stored_at_ms > letter.dead_at_ms;
        }
        // An undo asks for something that no state of the store says.
        if letter.event_id.starts_with("undo-") {
            return false;
        }
        match letter.cause.version_ms {
            // A hint: only what was fetched after its death has surely seen what it told.
            0 => self.version_ms > letter.dead_at_ms,
            version_ms => self.version_ms > version_ms,
        }
    }
}

/// Follows the outcomes until shutdown.
pub(crate) async fn follow(desk: Arc<Desk>) {
    let trouble = "outcomes are not followed; begun again";
    loop {
        let followed = desk.until_shutdown(outcomes(&desk)).await;
        if !desk.goes_on(followed, trouble, PAUSE).await {
            return;
        }
    }
}

async fn outcomes(desk: &Desk) -> Result<(), Error> {
    let what = "following the outcomes";
    let consumer: async_nats::jetstream::consumer::PullConsumer = desk
        .context
        .jetstream
        .get_consumer_from_stream(REPLAY_CONSUMER, Stream::Outcomes.name())
        .await
        .map_err(Error::nats(what))?;
    let messages = consumer
        .stream()
        .max_messages_per_batch(BATCH_MAX)
        .heartbeat(Duration::from_secs(10))
        .messages()
        .await
        .map_err(Error::nats(what))?;
    let mut chunks = messages.ready_chunks(BATCH_MAX);
    while let Some(chunk) = chunks.next().await {
        let mut messages = Vec::with_capacity(chunk.len());
        for message in chunk {
            messages.push(message.map_err(Error::nats(what))?);
        }
        let right: Vec<Right> = messages
            .iter()
            .filter_map(|message| {
                let published = message.info().ok()?.published;
                let stored_at_ms = streams::unix_ms(published.unix_timestamp_nanos());
                Right::read(&message.payload, stored_at_ms)
            })
            .collect();
        settle(desk, &right).await?;
        for message in messages {
            message.ack().await.map_err(Error::nats(what))?;
        }
    }
    Ok(())
}

async fn settle(desk: &Desk, right: &[Right]) -> Result<(), Error> {
    let settled: Vec<(Resting, Right)> = {
        let letters = desk.catalogue.now().await?;
        let pairs = right.iter().flat_map(|outcome| {
            let of_key = letters.of_key(&outcome.key);
            let settled = of_key.filter(|letter| outcome.settles(letter));
            settled.map(|letter| (letter.clone(), outcome.clone()))
        });
        pairs.collect()
    };
    for (letter, outcome) in settled {
        clear(desk, &letter, &outcome).await?;
    }
    Ok(())
}

async fn clear(desk: &Desk, letter: &Resting, outcome: &Right) -> Result<(), Error> {
    let (state, revision) = desk.states.get(&letter.id).await?;
    if state.fate != Fate::Resting {
        return Ok(());
    }
    let why = format!(
        "the books are right since: outcome {} of event {}",
        outcome.word, outcome.event_id
    );
    let at_ms = now_ms();
    let cleared = State {
        fate: Fate::Cleared,
        at_ms,
        who: WHO.to_owned(),
        why: why.clone(),
        ..state
    };
    if desk
        .states
        .put(&letter.id, &cleared, revision)
        .await?
        .is_none()
    {
        // Somebody works on it; the next outcome looks again.
        return Ok(());
    }
    let about = audit::About {
        id: &letter.id,
        key: &letter.key,
        event_id: &letter.event_id,
    };
    let by = By {
        who: WHO,
        why: &why,
    };
    let unique = format!("clear:{}", letter.id);
    let entry = audit::of_letter(JournalKind::LetterCleared, &about, &unique, by, at_ms);
    desk.context.journal.store(vec![entry]).await?;
    info!(dead_letter.id = letter.id, "a dead letter cleared itself");
    Ok(())
}

/// Lets each new letter look at the last outcome of its entity, until shutdown.
pub(crate) async fn look_back(desk: Arc<Desk>) {
    let trouble = "new letters could not look back; again soon";
    let mut looked_to = 0;
    loop {
        let looked = look_back_once(&desk, &mut looked_to).await;
        if !desk.goes_on(looked, trouble, LOOK_BACK_EVERY).await {
            return;
        }
    }
}

async fn look_back_once(desk: &Desk, looked_to: &mut u64) -> Result<(), Error> {
    let what = "reading the last outcome of an entity";
    let (keys, end) = {
        let letters = desk.catalogue.now().await?;
        let keys: Vec<Key> = letters.after(*looked_to).map(|l| l.key.clone()).collect();
        (keys, letters.end())
    };
    if !keys.is_empty() {
        let stream = desk
            .context
            .jetstream
            .get_stream_no_info(Stream::Outcomes.name())
            .await
            .map_err(Error::nats(what))?;
        for [connection, entity, id] in keys {
            if ![&connection, &entity, &id]
                .into_iter()
                .all(|name| is_token(name))
            {
                continue;
            }
            let subject = Stream::Outcomes.subject(&connection, &entity, &id);
            let Ok(last) = stream.direct_get_last_for_subject(subject).await else {
                // Usually there is none; an outcome that comes later is followed anyway.
                continue;
            };
            let stored_at_ms = streams::unix_ms(last.time.unix_timestamp_nanos());
            let right = Right::read(&last.payload, stored_at_ms);
            settle(desk, right.as_slice()).await?;
        }
    }
    *looked_to = end;
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::dead_letter::{Cause, DeadLetter};

    use super::*;

    fn letter(event_id: &str, version_ms: u64) -> Resting {
        Resting::of(
            1,
            DeadLetter {
                event_id: event_id.to_owned(),
                dead_at_ms: 5_000,
                cause: Some(Cause {
                    fingerprint: "f".to_owned(),
                    version_ms,
                    ..Cause::default()
                }),
                ..DeadLetter::default()
            },
        )
    }

    fn right(event_id: &str, version_ms: u64, stored_at_ms: u64) -> Right {
        Right {
            key: Key::default(),
            event_id: event_id.to_owned(),
            version_ms,
            stored_at_ms,
            word: "",
        }
    }

    #[test]
    fn only_a_newer_state_in_the_books_settles_a_letter() {
        let table = [
            (letter("e1", 1_000), right("e2", 1_001, 4_000), true),
            (letter("e1", 1_000), right("e2", 1_000, 9_000), false),
            (letter("e2", 1_000), right("e1", 900, 9_000), false),
            // The same event, after it died.
            (letter("e1", 1_000), right("e1", 1_000, 5_001), true),
            (letter("e1", 1_000), right("e1", 1_000, 4_999), false),
            // A hint.
            (letter("", 0), right("e1", 5_001, 9_000), true),
            (letter("", 0), right("e1", 4_999, 9_000), false),
            (letter("undo-7", 1_000), right("e2", 2_000, 9_000), false),
        ];
        for (letter, outcome, settles) in table {
            assert_eq!(outcome.settles(&letter), settles, "{letter:?} {outcome:?}");
        }
    }
}
