//! Storing journal entries: many in one message, each caller told when its own are stored.
//!
//! Whatever waits is stored together, so the journal costs one publish per batch at a peak and
//! adds no timer when it is quiet. Not here: reading the journal (`monitor`).

use async_nats::HeaderMap;
use contracts::headers;
use contracts::journal::{JournalBatch, JournalEntry};
use contracts::topology::{SUBJECT_ROOT, Stream};
use prost::Message;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::publish::{PublishError, Publisher};

/// Hands entries to the task that stores them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Request>,
}

/// Entries could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal's task has ended; the process is shutting down")]
    Closed,
    #[error("storing journal entries: {0}")]
    NotStored(String),
}

#[derive(Debug)]
struct Request {
    entries: Vec<JournalEntry>,
    stored: oneshot::Sender<Result<(), String>>,
}

/// Requests that may wait; a full queue slows the stages down.
const QUEUE_MAX: usize = 1024;
/// Requests in one message.
const BATCH_MAX: usize = 64;
/// Messages whose acks are awaited at the same time. Few, so that entries gather while they wait:
/// with many slots a busy process would store nearly every entry in a message of its own.
const IN_FLIGHT_MAX: usize = 2;

impl Journal {
    /// Starts the storing task; it ends when the last handle is dropped.
    pub fn start(publisher: Publisher, service: &'static str) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(store_batches(publisher, service, requests));
        Self { queue }
    }

    /// Hands entries over without waiting; false when the queue is full and they are left out.
    ///
    /// For work that answers somebody: the journal is for people and may not slow it down.
    pub fn offer(&self, entries: Vec<JournalEntry>) -> bool {
        let (stored, _) = oneshot::channel();
        self.queue.try_send(Request { entries, stored }).is_ok()
    }

    /// Returns when the entries are stored.
    pub async fn store(&self, entries: Vec<JournalEntry>) -> Result<(), JournalError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (stored, outcome) = oneshot::channel();
        let request = Request { entries, stored };
        self.queue
            .send(request)
            .await
            .map_err(|_| JournalError::Closed)?;
        match outcome.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(JournalError::NotStored(why)),
            Err(_) => Err(JournalError::Closed),
        }
    }
}

async fn store_batches(
    publisher: Publisher,
    service: &'static str,
    mut requests: mpsc::Receiver<Request>,
) {
    let subject = format!("{SUBJECT_ROOT}.{}.{service}", Stream::Journal.token());
    let slots = std::sync::Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let mut waiting = Vec::new();
        if requests.recv_many(&mut waiting, BATCH_MAX).await == 0 {
            return;
        }
        let (publisher, subject) = (publisher.clone(), subject.clone());
        tokio::spawn(async move {
            store_one(&publisher, subject, waiting).await;
            drop(slot);
        });
    }
}

async fn store_one(publisher: &Publisher, subject: String, waiting: Vec<Request>) {
    let mut entries = Vec::new();
    let mut callers = Vec::with_capacity(waiting.len());
    for request in waiting {
        entries.extend(request.entries);
        callers.push(request.stored);
    }
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, "tillbook.journal.v1.JournalBatch");
    let payload = JournalBatch { entries }.encode_to_vec().into();
    // No message id: the projection upserts by entry id, so a repeat changes nothing.
    let outcome = publisher.publish(subject, None, header_map, payload).await;
    let outcome = outcome
        .map(|_| ())
        .map_err(|error: PublishError| error.to_string());
    for caller in callers {
        // A caller that went away no longer needs the answer.
        let _ = caller.send(outcome.clone());
    }
}
