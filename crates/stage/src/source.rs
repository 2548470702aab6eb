//! What the server says of a delivered message: where it lies, how often it was delivered.

use async_nats::HeaderMap;
use async_nats::jetstream;
use contracts::headers;
use contracts::topology::Stage;

/// The delivery's own facts, copied out so that the message can be settled later.
#[derive(Clone, Debug)]
pub struct Source {
    pub stream: String,
    pub sequence: u64,
    /// In the stage's input stream, also when the message came as due from the retries.
    pub subject: String,
    /// Attempts so far, this one included: deliveries here plus those before it was rescheduled.
    pub attempt: u32,
    /// Deliveries of the message as it is stored now, this one included.
    pub delivered: u32,
    pub first_seen_ms: u64,
}

/// Where a message lies, and how often it was delivered from there.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub stream: &'a str,
    pub sequence: u64,
    pub subject: &'a str,
    pub delivered: u32,
    pub published_ms: u64,
}

impl Source {
    /// Reads the facts; `None` when the message did not come from JetStream.
    pub(crate) fn of(stage: Stage, message: &jetstream::Message) -> Option<Self> {
        let info = message.info().ok()?;
        let published_ms = u64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).ok();
        let place = Place {
            stream: info.stream,
            sequence: info.stream_sequence,
            subject: &message.subject,
            delivered: u32::try_from(info.delivered).unwrap_or(u32::MAX),
            published_ms: published_ms.unwrap_or_else(ambient::now_ms),
        };
        Some(Self::at(stage, &place, message.headers.as_ref()))
    }

    /// The facts of a message that lies there, with what its headers say of earlier attempts.
    pub fn at(stage: Stage, place: &Place<'_>, header_map: Option<&HeaderMap>) -> Self {
        let header = |name| header_number(header_map, name);
        let earlier = u32::try_from(header(headers::ATTEMPTS).unwrap_or(0)).unwrap_or(u32::MAX);
        let delivered = place.delivered.max(1);
        Self {
            stream: place.stream.to_owned(),
            sequence: place.sequence,
            subject: stage.input_subject(place.subject),
            attempt: earlier.saturating_add(delivered),
            delivered,
            first_seen_ms: header(headers::FIRST_SEEN_MS).unwrap_or(place.published_ms),
        }
    }

    /// Connection and entity id as the subject names them.
    pub(crate) fn names(&self) -> (Option<&str>, Option<&str>) {
        let mut tokens = self.subject.split('.').skip(2);
        (tokens.next(), tokens.nth(1))
    }
}

fn header_number(header_map: Option<&HeaderMap>, name: &str) -> Option<u64> {
    header_map?.get(name)?.as_str().parse().ok()
}
