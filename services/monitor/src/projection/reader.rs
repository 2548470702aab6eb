//! Reads one stream from where the database stands, in bounded batches.
//!
//! The consumer is ephemeral and acknowledges nothing: the position in the database is the only
//! truth, so any doubt (a gap, an error, a silent server) ends the session and a new one starts
//! from it. Not here: what to do when the stream is another one (see the supervisor).

use runtime::telemetry::chain;
use std::time::Duration;

use async_nats::jetstream::{self, consumer};
use contracts::topology::Stream;
use futures::{FutureExt, StreamExt};
use runtime::backoff::Backoff;
use runtime::shutdown::CancellationToken;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::record::{Raw, Record, decode};
use super::status::Status;
use super::writer::Writer;
use crate::database::DatabaseError;

/// Messages in one transaction, and in one pull.
const BATCH_MESSAGES_MAX: usize = 128;
/// The same for dead letters, which carry whole messages.
const BATCH_LETTERS_MAX: usize = 16;
/// Payload bytes in one transaction; one message may exceed it.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How often an idle reader asks the server whether its consumer still stands.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Looks between two prunings: an hour.
const LOOKS_PER_PRUNE: u32 = 240;
/// The server removes our consumer after this long without us.
const CONSUMER_IDLE_MAX: Duration = Duration::from_secs(300);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(10);

/// Why a reader gave up for good.
#[derive(Debug)]
pub(super) enum End {
    Shutdown,
    /// The stream is not the one the rows came from.
    Foreign(Stream),
    Database(DatabaseError),
}

/// Why one session ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("the stream was made anew")]
    Foreign,
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("{what}")]
    Nats {
        what: &'static str,
        #[source]
        source: async_nats::Error,
    },
    #[error("a delivery is missing between {expected} and {found}")]
    Gap { expected: u64, found: u64 },
    #[error("a message without JetStream's reply subject came")]
    NoInfo,
    #[error("the server ended the subscription")]
    Ended,
}

impl SessionError {
    fn nats<E: Into<async_nats::Error>>(what: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::Nats {
            what,
            source: source.into(),
        }
    }
}

/// One stream's reader.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub jetstream: jetstream::Context,
    pub stream: Stream,
    pub writer: Writer,
    pub status: Status,
    pub shutdown: CancellationToken,
}

impl Reader {
    /// Reads until shutdown, a foreign stream or a failing database; outages are waited out.
    pub(super) async fn run(self) -> End {
        let backoff = Backoff::new(RETRY_FIRST, RETRY_LAST);
        let mut failures = 0_u32;
        loop {
            let mut progressed = false;
            let error = match self.session(&mut progressed).await {
                Ok(()) => return End::Shutdown,
                Err(SessionError::Foreign) => return End::Foreign(self.stream),
                Err(SessionError::Database(error)) => return End::Database(error),
                Err(error) => error,
            };
            self.status.detached(self.stream);
            failures = if progressed {
                1
            } else {
                failures.saturating_add(1)
            };
            let delay = backoff.delay(failures);
            tracing::warn!(stream = self.stream.name(), error = %chain(&error), "reading again soon; did tillbook bootstrap run?");
            tokio::select! {
                () = self.shutdown.cancelled() => return End::Shutdown,
                () = sleep(delay) => {}
            }
        }
    }

    fn batch_max(&self) -> usize {
        if self.stream == Stream::DeadLetters {
            BATCH_LETTERS_MAX
        } else {
            BATCH_MESSAGES_MAX
        }
    }

    async fn session(&self, progressed: &mut bool) -> Result<(), SessionError> {
        let mut open = self.open().await?;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked = 0_u32;
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Ok(()),
                message = open.messages.next() => {
                    self.store(&mut open, message).await?;
                    *progressed = true;
                }
                _ = looks.tick() => {
                    if looked.is_multiple_of(LOOKS_PER_PRUNE) {
                        self.prune(&open).await?;
                    }
                    looked = looked.wrapping_add(1);
                    self.look(&open).await?;
                }
            }
        }
    }

    /// Checks that the stream is the one we know and starts a consumer behind our position.
    async fn open(&self) -> Result<Session, SessionError> {
        let stream = self.jetstream.get_stream(self.stream.name()).await;
        let stream = stream.map_err(SessionError::nats("asking for the stream"))?;
        let info = stream.cached_info();
        let created = info.created.unix_timestamp_nanos().to_string();
        let position = self.writer.position(self.stream).await?;
        let foreign =
            |p: &super::Position| p.created != created || p.sequence > info.state.last_sequence;
        if position.as_ref().is_some_and(foreign) {
            return Err(SessionError::Foreign);
        }
        let sequence = position.map_or(0, |position| position.sequence);
        let config = consumer::pull::Config {
            description: Some("monitor's projection".to_owned()),
            deliver_policy: consumer::DeliverPolicy::ByStartSequence {
                start_sequence: sequence.saturating_add(1),
            },
            ack_policy: consumer::AckPolicy::None,
            inactive_threshold: CONSUMER_IDLE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..consumer::pull::Config::default()
        };
        let goal = info.state.last_sequence;
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(SessionError::nats("making a consumer"))?;
        self.status
            .attached(self.stream, sequence, consumer.cached_info().num_pending);
        let messages = consumer
            .stream()
            .max_messages_per_batch(self.batch_max())
            .messages()
            .await;
        let messages = messages.map_err(SessionError::nats("pulling"))?;
        Ok(Session {
            stream,
            consumer,
            messages,
            created,
            goal,
            sequence,
            delivered: 0,
        })
    }

    /// Stores the message that came and whatever else came with it.
    async fn store(&self, open: &mut Session, first: Option<Pulled>) -> Result<(), SessionError> {
        let mut records = Vec::new();
        let mut bytes = 0_usize;
        let mut pending = 0;
        let mut next = Some(first);
        while let Some(pulled) = next.take() {
            let message = pulled.ok_or(SessionError::Ended)?;
            let message = message.map_err(SessionError::nats("reading"))?;
            let (record, left) = self.take(open, &message)?;
            pending = left;
            records.push(record);
            bytes = bytes.saturating_add(message.payload.len());
            if records.len() < self.batch_max() && bytes < BATCH_BYTES_MAX {
                next = open.messages.next().now_or_never();
            }
        }
        let reached = records
            .last()
            .map_or(open.sequence, |record: &Record| record.sequence);
        self.writer
            .apply(self.stream, &open.created, records)
            .await?;
        open.sequence = reached;
        let caught_up = reached >= open.goal || pending == 0;
        self.status.stored(self.stream, reached, pending, caught_up);
        Ok(())
    }

    fn take(
        &self,
        open: &mut Session,
        message: &jetstream::Message,
    ) -> Result<(Record, u64), SessionError> {
        let info = message.info().map_err(|_| SessionError::NoInfo)?;
        let expected = open.delivered.saturating_add(1);
        if info.consumer_sequence != expected {
            return Err(SessionError::Gap {
                expected,
                found: info.consumer_sequence,
            });
        }
        open.delivered = expected;
        let stored_at_ms = info.published.unix_timestamp_nanos() / 1_000_000;
        let record = decode(Raw {
            stream: self.stream,
            sequence: info.stream_sequence,
            stored_at_ms: i64::try_from(stored_at_ms).unwrap_or(0),
            headers: message.headers.as_ref(),
            payload: &message.payload,
        });
        Ok((record, info.pending))
    }

    /// Fails when the consumer is gone, as it is with a server started anew or another stream.
    async fn look(&self, open: &Session) -> Result<(), SessionError> {
        let info = open.consumer.get_info().await;
        let info = info.map_err(SessionError::nats("asking for the consumer"))?;
        let undelivered = info
            .delivered
            .consumer_sequence
            .saturating_sub(open.delivered);
        let lag = info.num_pending.saturating_add(undelivered);
        self.status
            .stored(self.stream, open.sequence, lag, lag == 0);
        Ok(())
    }

    async fn prune(&self, open: &Session) -> Result<(), SessionError> {
        let info = open.stream.get_info().await;
        let first = info
            .map_err(SessionError::nats("asking for the stream"))?
            .state
            .first_sequence;
        while self.writer.prune(self.stream, first).await? {
            if self.shutdown.is_cancelled() {
                break;
            }
        }
        Ok(())
    }
}

type Pulled = Result<jetstream::Message, consumer::pull::MessagesError>;

/// An open consumer with how far it came.
struct Session {
    stream: jetstream::stream::Stream,
    consumer: consumer::PullConsumer,
    messages: consumer::pull::Stream,
    created: String,
    /// The stream's last sequence when the session began.
    goal: u64,
    /// The last stored stream sequence.
    sequence: u64,
    /// The last consumer sequence that came.
    delivered: u64,
}
