//! Reading what a stream holds, from a place to its present end.
//!
//! Not here: what the messages say, and following a stream that grows (`stage::follow`).

use std::time::Duration;

use async_nats::jetstream::{self, consumer::DeliverPolicy, consumer::pull};
use futures::StreamExt;

use crate::error::Error;

/// Longest wait for the next stored message.
const NEXT_LIMIT: Duration = Duration::from_secs(5);
const WHAT: &str = "reading what the stream holds";

/// Hands every message from `start_sequence` on to `visit`, oldest first, until it returns false
/// or the end is reached that the stream has now. False when messages that were counted did not
/// come in time: some may have expired meanwhile, or the server is slow.
pub(crate) async fn read(
    jetstream: &jetstream::Context,
    stream: &str,
    filter_subject: String,
    start_sequence: u64,
    mut visit: impl FnMut(u64, jetstream::Message) -> bool,
) -> Result<bool, Error> {
    let stream = jetstream.get_stream(stream).await;
    let stream = stream.map_err(Error::nats(WHAT))?;
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: start_sequence.max(1),
        },
        filter_subject,
        ..pull::OrderedConfig::default()
    };
    let consumer = stream.create_consumer(config).await;
    let consumer = consumer.map_err(Error::nats(WHAT))?;
    let mut left = consumer.cached_info().num_pending;
    if left == 0 {
        return Ok(true);
    }
    let mut messages = consumer.messages().await.map_err(Error::nats(WHAT))?;
    while left > 0 {
        let next = tokio::time::timeout(NEXT_LIMIT, messages.next()).await;
        let Ok(Some(message)) = next else {
            return Ok(false);
        };
        let message = message.map_err(Error::nats(WHAT))?;
        left = left.saturating_sub(1);
        let sequence = message.info().map(|info| info.stream_sequence);
        if !visit(sequence.unwrap_or(0), message) {
            return Ok(true);
        }
    }
    Ok(true)
}

/// A server's time of a message in milliseconds; 0 before 1970.
pub(crate) fn unix_ms(unix_nanos: i128) -> u64 {
    u64::try_from(unix_nanos / 1_000_000).unwrap_or(0)
}
