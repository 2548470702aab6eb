//! Making a dead letter: all that is needed to understand and replay what could not go on.

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::contract::About;
use contracts::dead_letter::{self, DeadLetter, DeadLetterKind, Header};
use contracts::headers;
use contracts::topology::{Stream, is_token};
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
    /// Deterministic: a second try to bury the same delivery is stored once.
    pub(crate) fn id(&self) -> String {
        let incarnation = self.source.first_seen_ms;
        format!(
            "{}-{}-{}-{incarnation}",
            self.stage, self.source.stream, self.source.sequence
        )
    }

    /// Stores the dead letter; returns its id. Only then may the source be terminated.
    pub(crate) async fn bury(
        &self,
        publisher: &Publisher,
        kind: DeadLetterKind,
        reasons: &[Reason],
    ) -> Result<String, PublishError> {
        let id = self.id();
        let letter = self.letter(&id, kind, reasons);
        let mut header_map = HeaderMap::new();
        header_map.insert(headers::SCHEMA, "tillbook.dead_letter.v1.DeadLetter");
        if !self.traceparent.is_empty() {
            header_map.insert(headers::TRACEPARENT, self.traceparent.as_str());
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

    fn letter(&self, id: &str, kind: DeadLetterKind, reasons: &[Reason]) -> DeadLetter {
        let about = self.about.cloned();
        DeadLetter {
            dead_letter_id: id.to_owned(),
            stage: self.stage.to_owned(),
            kind: kind.into(),
            reasons: reasons.iter().map(wire_reason).collect(),
            connection: about
                .as_ref()
                .map(|a| a.connection.clone())
                .unwrap_or_default(),
            entity: about
                .as_ref()
                .map(|a| a.entity.token().to_owned())
                .unwrap_or_default(),
            entity_id: about
                .as_ref()
                .map(|a| a.entity_id.clone())
                .unwrap_or_default(),
            event_id: about.map(|a| a.event_id).unwrap_or_default(),
            attempts: self.source.attempt,
            first_seen_at_ms: self.source.first_seen_ms,
            dead_at_ms: ambient::now_ms(),
            original_stream: self.source.stream.clone(),
            original_subject: self.source.subject.clone(),
            original_sequence: self.source.sequence,
            original_headers: self.headers.map(wire_headers).unwrap_or_default(),
            original_payload: self.payload.clone(),
            traceparent: self.traceparent.clone(),
        }
    }
}

fn wire_reason(reason: &Reason) -> dead_letter::Reason {
    dead_letter::Reason {
        code: reason.code.clone(),
        message: reason.message.clone(),
        path: reason.path.clone(),
    }
}

fn wire_headers(header_map: &HeaderMap) -> Vec<Header> {
    header_map
        .iter()
        .flat_map(|(name, values)| {
            values.iter().map(move |value| Header {
                name: name.to_string(),
                value: value.as_str().to_owned(),
            })
        })
        .collect()
}

fn token_or_unknown(text: &str) -> &str {
    if is_token(text) { text } else { "unknown" }
}
