//! A stored message as rows of the projection. Pure: bytes in, rows out.
//!
//! What cannot be read is counted and left where it is, in the stream; monitor decides nothing,
//! so nothing is lost by going on. Not here: the database.

use contracts::books::Outcome;
use contracts::dead_letter::DeadLetter;
use contracts::headers;
use contracts::journal::{JournalBatch, JournalEntry};
use contracts::topology::Stream;
use prost::Message;

/// The streams the projection is made of.
pub const SOURCES: [Stream; 3] = [Stream::Journal, Stream::DeadLetters, Stream::Outcomes];

/// One message of a stream, with where it stood.
#[derive(Clone, Debug)]
pub struct Record {
    pub sequence: u64,
    pub content: Content,
}

/// What the message holds.
#[derive(Clone, Debug)]
pub enum Content {
    Journal(Vec<JournalEntry>),
    DeadLetter(Box<DeadLetter>),
    /// With the time it was stored, Unix milliseconds, and its trace id.
    Outcome {
        outcome: Box<Outcome>,
        at_ms: i64,
        trace_id: String,
    },
    Unreadable,
}

/// A message's parts that decoding needs.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    pub stream: Stream,
    pub sequence: u64,
    pub stored_at_ms: i64,
    pub headers: Option<&'a async_nats::HeaderMap>,
    pub payload: &'a [u8],
}

/// Reads one message.
pub fn decode(raw: Raw<'_>) -> Record {
    let expected = match raw.stream {
        Stream::Journal => "tillbook.journal.v1.JournalBatch",
        Stream::DeadLetters => "tillbook.dead_letter.v1.DeadLetter",
        _ => "tillbook.books.v1.Outcome",
    };
    let header = |name| {
        raw.headers
            .and_then(|map| map.get(name))
            .map(|value| value.as_str())
    };
    let foreign = header(headers::SCHEMA).is_some_and(|schema| schema != expected);
    let content = if foreign {
        None
    } else {
        decode_content(raw, header(headers::TRACEPARENT))
    };
    let content = content.unwrap_or_else(|| {
        tracing::warn!(
            stream = raw.stream.name(),
            sequence = raw.sequence,
            "a message is no {expected} and was left out; was it written by another version?"
        );
        Content::Unreadable
    });
    Record {
        sequence: raw.sequence,
        content,
    }
}

fn decode_content(raw: Raw<'_>, traceparent: Option<&str>) -> Option<Content> {
    match raw.stream {
        Stream::Journal => {
            let batch = JournalBatch::decode(raw.payload).ok()?;
            Some(Content::Journal(batch.entries))
        }
        Stream::DeadLetters => {
            let letter = DeadLetter::decode(raw.payload).ok()?;
            let named = !letter.dead_letter_id.is_empty();
            named.then(|| Content::DeadLetter(Box::new(letter)))
        }
        _ => {
            let outcome = Outcome::decode(raw.payload).ok()?;
            outcome.event.as_ref()?;
            Some(Content::Outcome {
                outcome: Box::new(outcome),
                at_ms: raw.stored_at_ms,
                trace_id: trace_id_of(traceparent.unwrap_or_default()),
            })
        }
    }
}

/// The trace id of a W3C `traceparent`; empty when there is none.
pub(super) fn trace_id_of(traceparent: &str) -> String {
    let id = traceparent.split('-').nth(1).unwrap_or_default();
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { id.to_owned() } else { String::new() }
}
