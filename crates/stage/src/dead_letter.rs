//! Making a dead letter: all that is needed to understand and replay what could not go on.
//!
//! What its cause is, `contracts::cause` works out. Not here: when a letter is made.

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::cause;
use contracts::contract::About;
use contracts::dead_letter::{self, DeadLetter, DeadLetterKind, Header};
use contracts::headers;
use contracts::topology::{HEADER_BYTES_MAX, Stream, is_token};
use prost::Message;

use crate::failure::Reason;
use crate::publish::{PublishError, Publisher};
use crate::source::Source;

/// What the runner holds of the message that could not go on.
#[derive(Debug)]
pub(crate) struct Remains<'a> {
    pub stage: &'static str,
    pub source: &'a Source,
    pub about: Option<&'a About>,
    pub headers: Option<&'a HeaderMap>,
    pub payload: &'a Bytes,
    pub traceparent: String,
}

impl Remains<'_> {
    fn id(&self) -> String {
        let Source {
            stream,
            sequence,
            first_seen_ms,
            ..
        } = self.source;
        id(self.stage, stream, *sequence, *first_seen_ms)
    }

    /// Stores the dead letter; returns its id. Only then may the source be terminated.
    pub(crate) async fn bury(
        &self,
        publisher: &Publisher,
        kind: DeadLetterKind,
        reasons: &[Reason],
    ) -> Result<String, PublishError> {
        store(publisher, self.letter(kind, reasons)).await
    }

    fn letter(&self, kind: DeadLetterKind, reasons: &[Reason]) -> DeadLetter {
        let [connection, entity, entity_id] = self.names();
        DeadLetter {
            dead_letter_id: self.id(),
            stage: self.stage.to_owned(),
            kind: kind.into(),
            reasons: reasons.iter().map(wire_reason).collect(),
            connection,
            entity,
            entity_id,
            event_id: self.about.map(|a| a.event_id.clone()).unwrap_or_default(),
            attempts: self.source.attempt,
            first_seen_at_ms: self.source.first_seen_ms,
            dead_at_ms: ambient::now_ms(),
            original_stream: self.source.stream.clone(),
            original_subject: self.source.subject.clone(),
            original_sequence: self.source.sequence,
            original_headers: self.headers.map(wire_headers).unwrap_or_default(),
            original_payload: self.payload.clone(),
            traceparent: self.traceparent.clone(),
            cause: None,
        }
    }

    /// Connection, entity and its id: as the message says, else as its subject says.
    fn names(&self) -> [String; 3] {
        match self.about {
            Some(about) => [
                about.connection.clone(),
                about.entity.token().to_owned(),
                about.entity_id.clone(),
            ],
            None => subject_names(&self.source.subject),
        }
    }
}

/// Connection, entity and its id as a stage's input subject names them; empty where it does not.
pub fn subject_names(subject: &str) -> [String; 3] {
    let mut tokens = subject.split('.').skip(2);
    let mut next = || tokens.next().unwrap_or_default().to_owned();
    [next(), next(), next()]
}

/// Stores a letter with its cause; returns its id. The same id inside the stream's duplicate
/// window is stored once.
pub async fn store(publisher: &Publisher, mut letter: DeadLetter) -> Result<String, PublishError> {
    letter.cause = Some(cause::work_out(&letter));
    let id = letter.dead_letter_id.clone();
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, "tillbook.dead_letter.v1.DeadLetter");
    if !letter.traceparent.is_empty() {
        header_map.insert(headers::TRACEPARENT, letter.traceparent.as_str());
    }
    let subject = Stream::DeadLetters.subject(
        token_or_unknown(&letter.connection),
        token_or_unknown(&letter.entity),
        token_or_unknown(&letter.entity_id),
    );
    let payload = letter.encode_to_vec().into();
    publisher
        .publish(subject, Some(&id), header_map, payload)
        .await?;
    Ok(id)
}

/// Deterministic: a second try to bury the same message is stored once. The first sight keeps
/// apart what a stream that was made anew stores under the same sequence.
pub fn id(stage: &str, stream: &str, sequence: u64, first_seen_ms: u64) -> String {
    format!("{stage}-{stream}-{sequence}-{first_seen_ms}")
}

fn wire_reason(reason: &Reason) -> dead_letter::Reason {
    dead_letter::Reason {
        code: reason.code.clone(),
        message: reason.message.clone(),
        path: reason.path.clone(),
    }
}

/// The headers of a message as a letter keeps them: the smallest of them, within
/// [`HEADER_BYTES_MAX`] in all, so that Tillbook's own stay and the letter can be stored.
pub fn wire_headers(header_map: &HeaderMap) -> Vec<Header> {
    let all = header_map.iter().flat_map(|(name, values)| {
        values.iter().map(move |value| Header {
            name: name.to_string(),
            value: value.as_str().to_owned(),
        })
    });
    let mut kept: Vec<Header> = all.collect();
    let bytes = |header: &Header| header.name.len().saturating_add(header.value.len());
    if kept.iter().map(bytes).sum::<usize>() <= HEADER_BYTES_MAX {
        return kept;
    }
    kept.sort_by_key(bytes);
    let mut room = HEADER_BYTES_MAX;
    kept.retain(|header| match room.checked_sub(bytes(header)) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
    kept
}

fn token_or_unknown(text: &str) -> &str {
    if is_token(text) { text } else { "unknown" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_keeps_our_headers_beside_one_that_is_too_large() {
        let mut header_map = HeaderMap::new();
        header_map.insert("A-Strangers", "x".repeat(HEADER_BYTES_MAX).as_str());
        header_map.insert(headers::SCHEMA, "ours");
        header_map.insert(headers::ATTEMPTS, "3");
        let kept = wire_headers(&header_map);
        let mut names: Vec<&str> = kept.iter().map(|header| header.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, [headers::ATTEMPTS, headers::SCHEMA]);
        header_map.insert("A-Strangers", "x".repeat(1024).as_str());
        assert_eq!(wire_headers(&header_map).len(), 3);
    }
}
