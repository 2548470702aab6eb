//! Publishing with a deterministic id, awaited until JetStream stored the message.
//!
//! A publish whose ack did not come is repeated under the same id, so a repeat is stored once.
//! Not here: which message goes where.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, context::PublishErrorKind};
use bytes::Bytes;
use contracts::contract::Contract;
use contracts::headers;
use contracts::hint::Hint;
use contracts::topology::{HEADER_BYTES_MAX, MESSAGE_BYTES_MAX, Stream};
use futures::future::BoxFuture;
use prost::Message;
use tracing::Span;

use crate::storing::Storing;
use crate::trouble;

/// Publishes and awaits the PubAck.
#[derive(Clone, Debug)]
pub struct Publisher {
    outlet: Arc<dyn Outlet>,
    /// Where it is noted how publishes end; `None` when nobody watches that.
    storing: Option<Arc<Storing>>,
}

/// Where messages are stored: JetStream, or the simulation's streams.
pub trait Outlet: Debug + Send + Sync {
    /// One try to store a message; its stream sequence once it is durable. When the try failed or
    /// its future was dropped, the message may be stored or not.
    fn store(
        &self,
        subject: String,
        header_map: HeaderMap,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<u64, NotStored>>;
}

/// Why one try did not store a message.
#[derive(Debug)]
pub enum NotStored {
    /// It is larger than the stream takes; no other try will store it.
    TooLarge,
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl Outlet for jetstream::Context {
    fn store(
        &self,
        subject: String,
        header_map: HeaderMap,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<u64, NotStored>> {
        Box::pin(async move {
            let sent = self.publish_with_headers(subject, header_map, payload);
            let stored = async { sent.await?.await }.await;
            match stored {
                Ok(ack) => Ok(ack.sequence),
                Err(error) if is_too_large(&error) => Err(NotStored::TooLarge),
                Err(error) => Err(NotStored::Failed(error.into())),
            }
        })
    }
}

/// A message could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(
        "{subject}: the message of {bytes} bytes is larger than the stream takes ({limit} bytes); \
         shorten the order's texts, or raise the limit in the topology and the server"
    )]
    TooLarge {
        subject: String,
        bytes: usize,
        limit: i32,
    },
    #[error(
        "{subject}: the message's headers of {bytes} bytes are larger than headers may be \
         ({HEADER_BYTES_MAX} bytes, HEADER_BYTES_MAX); leave out what was added to them"
    )]
    HeadersTooLarge { subject: String, bytes: usize },
    #[error(
        "{subject}: JetStream did not store the message in {tries} tries; is the stream full or the server away?"
    )]
    NotStored {
        subject: String,
        tries: u32,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// [`MESSAGE_BYTES_MAX`] as a length.
pub(crate) const MESSAGE_BYTES_LIMIT: usize = MESSAGE_BYTES_MAX.unsigned_abs() as usize;

/// What the server counts of a message: its headers as they are written, and its payload.
pub(crate) fn stored_bytes(header_map: &HeaderMap, message_id: &str, payload: &[u8]) -> usize {
    let id = headers::MESSAGE_ID.len() + message_id.len() + FIELD;
    header_bytes(header_map) + id + payload.len()
}

const FRAME: usize = "NATS/1.0\r\n\r\n".len();
const FIELD: usize = ": \r\n".len();

/// Headers as they are written.
pub(crate) fn header_bytes(header_map: &HeaderMap) -> usize {
    let fields = header_map.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values
            .iter()
            .map(move |value| name.len() + value.as_str().len() + FIELD)
    });
    FRAME + fields.sum::<usize>()
}

/// Tries under the same id before a publish counts as failed.
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

impl Publisher {
    /// A publisher on a context whose timeout bounds each try.
    pub fn new(jetstream: jetstream::Context) -> Self {
        Self::over(Arc::new(jetstream))
    }

    /// A publisher to another place than JetStream.
    pub fn over(outlet: Arc<dyn Outlet>) -> Self {
        Self {
            outlet,
            storing: None,
        }
    }

    /// The same, noting how each publish ends for the process's watch ([`crate::health`]).
    #[must_use]
    pub fn watched(mut self, storing: Arc<Storing>) -> Self {
        self.storing = Some(storing);
        self
    }

    /// Returns when work may be taken, as far as is known.
    pub(crate) async fn storing(&self) {
        if let Some(storing) = &self.storing {
            storing.may_take().await;
        }
    }

    /// Stores `payload` under `message_id`; returns its stream sequence.
    ///
    /// The same id inside the stream's duplicate window is stored once.
    pub async fn publish(
        &self,
        subject: String,
        message_id: Option<&str>,
        mut header_map: HeaderMap,
        payload: Bytes,
    ) -> Result<u64, PublishError> {
        if let Some(id) = message_id {
            header_map.insert(headers::MESSAGE_ID, id);
        }
        let bytes = header_bytes(&header_map);
        if bytes > HEADER_BYTES_MAX {
            return Err(PublishError::HeadersTooLarge { subject, bytes });
        }
        let mut tries = 1;
        loop {
            let stored = self
                .outlet
                .store(subject.clone(), header_map.clone(), payload.clone())
                .await;
            match stored {
                Ok(sequence) => {
                    if let Some(storing) = &self.storing {
                        storing.note(&subject, None);
                    }
                    return Ok(sequence);
                }
                Err(NotStored::TooLarge) => {
                    let (bytes, limit) = (payload.len(), MESSAGE_BYTES_MAX);
                    return Err(PublishError::TooLarge {
                        subject,
                        bytes,
                        limit,
                    });
                }
                Err(NotStored::Failed(source)) if tries >= TRIES_MAX => {
                    if let Some(storing) = &self.storing {
                        storing.note(&subject, Some(trouble::of_one_stream(source.as_ref())));
                    }
                    return Err(PublishError::NotStored {
                        subject,
                        tries,
                        source,
                    });
                }
                Err(NotStored::Failed(_)) => {
                    tokio::time::sleep(PAUSE.saturating_mul(tries)).await;
                    tries = tries.saturating_add(1);
                }
            }
        }
    }

    /// Stores a hint; its trace goes on from `span`.
    ///
    /// Live hints carry no id: the stream keeps the last one of each entity, and two real changes
    /// may come with one webhook id (ADR 0004).
    pub async fn publish_hint(
        &self,
        hint: &Hint,
        message_id: Option<&str>,
        span: &Span,
    ) -> Result<u64, PublishError> {
        let subject =
            Stream::Hints.subject(&hint.connection, hint.entity().token(), &hint.entity_id);
        let mut header_map = HeaderMap::new();
        header_map.insert(headers::SCHEMA, Hint::SCHEMA);
        runtime::telemetry::inject(&mut header_map, span);
        let payload = hint.encode_to_vec().into();
        self.publish(subject, message_id, header_map, payload).await
    }
}

/// The client refuses what exceeds the server's limit, the stream what exceeds its own.
fn is_too_large(error: &jetstream::context::PublishError) -> bool {
    let refused_by_stream = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .is_some_and(|e| e.error_code() == jetstream::ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM);
    error.kind() == PublishErrorKind::MaxPayloadExceeded || refused_by_stream
}
