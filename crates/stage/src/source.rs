//! What the server says of a delivered message: where it lies, how often it was delivered.

use async_nats::HeaderMap;
use async_nats::jetstream;
use contracts::headers;
use contracts::topology::Stage;

use crate::journal::now_ms;

/// The delivery's own facts, copied out so that the message can be settled later.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub stream: String,
    pub sequence: u64,
    /// In the stage's input stream, also when the message came as due from the retries.
    pub subject: String,
    /// Attempts so far, this one included: deliveries here plus those before it was rescheduled.
    pub attempt: u32,
    pub first_seen_ms: u64,
}

impl Source {
    /// Reads the facts; `None` when the message did not come from JetStream.
    pub(crate) fn of(stage: Stage, message: &jetstream::Message) -> Option<Self> {
        let info = message.info().ok()?;
        let header = |name| header_number(message.headers.as_ref(), name);
        let earlier = u32::try_from(header(headers::ATTEMPTS).unwrap_or(0)).unwrap_or(u32::MAX);
        let delivered = u32::try_from(info.delivered.max(1)).unwrap_or(u32::MAX);
        let published_ms = u64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).ok();
        Some(Self {
            stream: info.stream.to_owned(),
            sequence: info.stream_sequence,
            subject: stage.input_subject(&message.subject),
            attempt: earlier.saturating_add(delivered),
            first_seen_ms: header(headers::FIRST_SEEN_MS)
                .or(published_ms)
                .unwrap_or_else(now_ms),
        })
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
