//! Putting one dead letter back into the stage it left, or its entity back to the beginning.
//!
//! The record says "releasing" before anything is published and "released" after, so a crash at
//! any line loses nothing: a letter whose process died rests again and is published under the
//! same id. Not here: which letters, how many and how fast (`bulk`).

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::contract::Contract;
use contracts::dead_letter::DeadLetter;
use contracts::event::Origin;
use contracts::headers;
use contracts::hint::Hint;
use contracts::journal::JournalKind;
use contracts::topology::{Stage, Stream, is_token};
use prost::Message;
use serde_json::{Value, json};
use store::now_ms;

use crate::audit;
use crate::catalogue::Key;
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::states::{Fate, State};

/// How a letter is released.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How<'a> {
    pub(crate) by: By<'a>,
    /// Not the letter's message goes on: its entity is read from the store again.
    pub(crate) refetch: bool,
    /// The release of many that this is part of.
    pub(crate) release: Option<&'a str>,
}

/// What was published for a letter.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) message_id: String,
    pub(crate) at_ms: u64,
    stream_sequence: u64,
}

/// Publishes the letter under a new id, and journals who did it and why.
pub(crate) async fn release(
    desk: &Desk,
    letter: &DeadLetter,
    how: How<'_>,
) -> Result<Published, Error> {
    how.by.check("a release")?;
    let (subject, schema) = destination(letter, how.refetch)?;
    let id = letter.dead_letter_id.as_str();
    let (state, revision) = desk.states.get(id).await?;
    let (releasing, at_ms) = begin(id, state, how)?;
    let Some(revision) = desk.states.put(id, &releasing, revision).await? else {
        return Error::refused(format!(
            "letter {id} was changed by somebody else; look again"
        ));
    };
    let payload = if how.refetch {
        hint(letter, at_ms)
    } else {
        let edited = desk.states.edited(id, &releasing).await?;
        edited.unwrap_or_else(|| letter.original_payload.clone())
    };
    let message_id = releasing.message_id.clone();
    let published = desk.context.publisher.publish(
        subject,
        Some(&message_id),
        replayed_headers(letter, schema, at_ms),
        payload,
    );
    let stream_sequence = published.await?;
    let released = State {
        fate: Fate::Released,
        ..releasing
    };
    // Nobody else touches a letter that is being released; if they do, it is out all the same.
    desk.states.put(id, &released, revision).await?;
    let key = [
        letter.connection.clone(),
        letter.entity.clone(),
        letter.entity_id.clone(),
    ];
    journal(desk, letter, &key, how, &message_id, at_ms).await?;
    Ok(Published {
        message_id,
        at_ms,
        stream_sequence,
    })
}

impl Published {
    /// What a person sees of it.
    pub(crate) fn shown(&self, letter: &DeadLetter) -> Value {
        json!({
            "dead_letter_id": letter.dead_letter_id,
            "letters": 1,
            "released": 1,
            "left": 0,
            "summary": "1 letter was released.",
            "stage": letter.stage,
            "message_id": self.message_id,
            "stream_sequence": self.stream_sequence,
        })
    }
}

/// Where the message goes, and what it says it is.
fn destination(
    letter: &DeadLetter,
    refetch: bool,
) -> Result<(String, Option<&'static str>), Error> {
    if refetch {
        let [connection, entity, id] = [&letter.connection, &letter.entity, &letter.entity_id];
        if audit::entity_of(entity).token() != entity || !is_token(connection) || !is_token(id) {
            return Error::refused(format!(
                "letter {} names no entity that could be read again; purge it",
                letter.dead_letter_id
            ));
        }
        let subject = Stream::Hints.subject(connection, entity, id);
        return Ok((subject, Some(Hint::SCHEMA)));
    }
    let Some(stage) = Stage::from_name(&letter.stage) else {
        return Error::refused(format!(
            "this version has no stage named {:?}",
            letter.stage
        ));
    };
    let subject = letter.original_subject.clone();
    if !subject.starts_with(&stage.input().filter().replace('>', "")) {
        return Error::refused(format!("{} does not consume {subject}", letter.stage));
    }
    Ok((subject, None))
}

/// The state of a letter whose publishing begins. A release that was cut off goes on under its id.
fn begin(id: &str, state: State, how: How<'_>) -> Result<(State, u64), Error> {
    if state.fate.is_settled() {
        return Error::refused(format!(
            "letter {id} {} already, by {} ({}); look for a newer letter of the same order, or \
             run a backfill of its day",
            state.fate.word(),
            state.who,
            state.why
        ));
    }
    let now = now_ms();
    let begun = state.message_id.rsplit_once(":r");
    let begun_at_ms = begun.and_then(|(_, at)| at.parse().ok());
    let at_ms: u64 = match (state.fate, begun_at_ms) {
        (Fate::Releasing, Some(at_ms)) => at_ms,
        _ => now,
    };
    let releasing = State {
        fate: Fate::Releasing,
        at_ms: now,
        who: how.by.who.to_owned(),
        why: how.by.why.to_owned(),
        message_id: format!("{id}:r{at_ms}"),
        release: how.release.map(str::to_owned),
        edits: state.edits,
    };
    Ok((releasing, at_ms))
}

/// "Read it again", in place of what the letter holds.
fn hint(letter: &DeadLetter, at_ms: u64) -> Bytes {
    let hint = Hint {
        connection: letter.connection.clone(),
        entity: audit::entity_of(&letter.entity).into(),
        entity_id: letter.entity_id.clone(),
        origin: Origin::Replay.into(),
        received_at_ms: at_ms,
        ..Hint::default()
    };
    hint.encode_to_vec().into()
}

/// The original's own headers, without ids and counts of its first life.
fn replayed_headers(letter: &DeadLetter, schema: Option<&str>, at_ms: u64) -> HeaderMap {
    let mut header_map = HeaderMap::new();
    for header in &letter.original_headers {
        let is_own = !header.name.starts_with("Nats-")
            && ![
                headers::ATTEMPTS,
                headers::FIRST_SEEN_MS,
                headers::TRACEPARENT,
                headers::REPLAY,
                headers::REPLAY_OF,
            ]
            .contains(&header.name.as_str());
        if is_own {
            header_map.append(header.name.as_str(), header.value.as_str());
        }
    }
    if let Some(schema) = schema {
        header_map.insert(headers::SCHEMA, schema);
    }
    header_map.insert(headers::REPLAY, format!("r{at_ms}").as_str());
    if !letter.traceparent.is_empty() {
        header_map.insert(headers::REPLAY_OF, letter.traceparent.as_str());
    }
    header_map
}

async fn journal(
    desk: &Desk,
    letter: &DeadLetter,
    key: &Key,
    how: How<'_>,
    message_id: &str,
    at_ms: u64,
) -> Result<(), Error> {
    let about = audit::About {
        id: &letter.dead_letter_id,
        key,
        event_id: &letter.event_id,
    };
    let mut entry = audit::of_letter(JournalKind::Replayed, &about, message_id, how.by, at_ms);
    let mut add = |name: &str, value: &str| {
        entry.attributes.insert(name.to_owned(), value.to_owned());
    };
    add("message_id", message_id);
    if how.refetch {
        add("refetch", "true");
    }
    if let Some(release) = how.release {
        add("release_id", release);
    }
    Ok(desk.context.journal.store(vec![entry]).await?)
}
