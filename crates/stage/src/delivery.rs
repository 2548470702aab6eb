//! One delivery of a message: what it carries, what the server says of it, and how it is settled.
//!
//! Production's comes from JetStream; the simulation makes its own. Not here: what becomes of it
//! (`exit`).

use std::fmt::Debug;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, AckKind};
use bytes::Bytes;
use contracts::topology::Stage;
use futures::future::BoxFuture;

use crate::source::Source;

/// A message as it was delivered.
#[derive(Debug)]
pub struct Delivery<'a> {
    pub source: Source,
    pub headers: Option<&'a HeaderMap>,
    pub payload: &'a Bytes,
    pub settler: &'a dyn Settle,
}

/// Tells the server what became of a delivery.
pub trait Settle: Debug + Send + Sync {
    /// Returns when the server was told; whether it will remember is not known.
    fn settle(&self, kind: AckKind) -> BoxFuture<'_, Result<(), async_nats::Error>>;
}

impl Settle for jetstream::Message {
    fn settle(&self, kind: AckKind) -> BoxFuture<'_, Result<(), async_nats::Error>> {
        Box::pin(self.ack_with(kind))
    }
}

impl<'a> Delivery<'a> {
    /// The delivery of a message; `None` when it did not come from JetStream.
    pub(crate) fn of(stage: Stage, message: &'a jetstream::Message) -> Option<Self> {
        Some(Self {
            source: Source::of(stage, message)?,
            headers: message.headers.as_ref(),
            payload: &message.payload,
            settler: message,
        })
    }
}
