//! Takes each message through its stage and out by an exit. Not here: pulling ([`crate::pull`]).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer};
use connect::budget::Class;
use contracts::contract::{About, Contract};
use contracts::dead_letter::DeadLetterKind;
use contracts::event::Origin;
use contracts::{headers, topology};
use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info, warn};

use crate::Stage;
use crate::delivery::Delivery;
use crate::exit::{Exit, has_subject_tokens};
use crate::failure::{Done, Failure, Reason};
use crate::journal::Journal;
use crate::metrics::StageMetrics;
use crate::publish::Publisher;
use crate::pull::{Turn, Workshop};
use crate::received::{Notes, Received, with_notes};
use crate::retry::RetryPolicy;
use crate::slots::Shares;
use crate::source::Source;

/// Bounds of one stage.
#[derive(Clone, Copy, Debug)]
pub struct StageSettings {
    /// Messages in the stage's function at the same time.
    pub in_flight: usize,
    /// Longest the stage's function may take.
    pub process_timeout: Duration,
    /// Longest a shutdown waits for work under way.
    pub drain_timeout: Duration,
    pub retry: RetryPolicy,
}

/// What every stage of a process shares, and its own bounds.
#[derive(Clone)]
pub struct StageContext {
    pub jetstream: jetstream::Context,
    pub publisher: Publisher,
    pub journal: Journal,
    pub metrics: StageMetrics,
    pub settings: StageSettings,
    pub shutdown: CancellationToken,
}

/// What a delivery needs of its process, from its bytes to its exit.
#[derive(Clone, Debug)]
pub struct Desk {
    pub publisher: Publisher,
    pub journal: Journal,
    pub metrics: StageMetrics,
    pub settings: StageSettings,
}

impl StageContext {
    fn desk(&self) -> Desk {
        Desk {
            publisher: self.publisher.clone(),
            journal: self.journal.clone(),
            metrics: self.metrics.clone(),
            settings: self.settings,
        }
    }
}

/// A stage could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(
        "consumer {consumer} of stream {stream} cannot be bound; run `tillbook bootstrap` first"
    )]
    Bind {
        stream: &'static str,
        consumer: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Runs one stage until shutdown.
pub struct Runner<S> {
    stage: Arc<S>,
    context: Arc<StageContext>,
    shares: Shares,
    /// The stage's own stream first, then its messages among the retries.
    consumers: [consumer::PullConsumer; 2],
}

impl<S: Stage> Runner<S> {
    /// Binds the stage to its durable consumers, which `tillbook bootstrap` made.
    pub async fn bind(stage: S, context: StageContext) -> Result<Self, RunError> {
        let bind = async |stream: topology::Stream| {
            let (stream, name) = (stream.name(), S::STAGE.name());
            let bound = context
                .jetstream
                .get_consumer_from_stream(name, stream)
                .await;
            bound.map_err(|source| RunError::Bind {
                stream,
                consumer: name,
                source: source.into(),
            })
        };
        let consumers = [
            bind(S::STAGE.input()).await?,
            bind(topology::Stream::Retries).await?,
        ];
        Ok(Self {
            stage: Arc::new(stage),
            context: Arc::new(context),
            shares: Shares::ALL_IN_ONE,
            consumers,
        })
    }

    /// Shares the places out among connections.
    #[must_use]
    pub fn shared_out(mut self, shares: Shares) -> Self {
        self.shares = shares;
        self
    }

    /// Processes messages until the shutdown token is cancelled, then drains within bounds.
    pub async fn run(self) {
        let settings = &self.context.settings;
        let shutdown = self.context.shutdown.clone();
        let workshop = Workshop::new(settings.in_flight, self.shares, shutdown);
        let stage = S::STAGE.name();
        let (worker, desk) = (self.stage.clone(), Arc::new(self.context.desk()));
        let work = move |message: Arc<jetstream::Message>, turn: Turn| {
            let (stage, desk) = (worker.clone(), desk.clone());
            // Boxed: the state of one delivery is large, and it is moved through several wrappers.
            Box::pin(async move {
                let Some(delivery) = Delivery::of(S::STAGE, &message) else {
                    warn!(
                        stage = S::STAGE.name(),
                        "a message without JetStream's reply subject was ignored"
                    );
                    return;
                };
                match turn {
                    Turn::Place => handle(stage.as_ref(), &desk, &delivery).await,
                    Turn::Crowded => make_way::<S>(&desk, &delivery).await,
                }
            })
        };
        let [own, due] = &self.consumers;
        let publisher = &self.context.publisher;
        tokio::join!(
            workshop.follow(S::STAGE, own, publisher, work.clone()),
            workshop.follow(S::STAGE, due, publisher, work)
        );
        workshop.tasks.close();
        let drained = tokio::time::timeout(settings.drain_timeout, workshop.tasks.wait()).await;
        if drained.is_err() {
            warn!(
                stage,
                left = workshop.tasks.len(),
                "work under way did not end in time; the server delivers it again"
            );
        }
        info!(stage, "stage stopped");
    }
}

/// Puts a message off whose connection has all its places taken, so that others are pulled.
async fn make_way<S: Stage>(desk: &Desk, delivery: &Delivery<'_>) {
    let span = Span::none();
    let exit = Exit {
        desk,
        stage: S::STAGE,
        delivery,
        about: None,
        notes: None,
        span: &span,
    };
    let reason = Reason::new(
        "connection_busy",
        "as many messages of the connection are worked on as may be at once",
    );
    let after = CROWDED_PAUSE;
    let failure = Failure::Wait { after, reason };
    Box::pin(exit.take::<S::Out>(Err(failure), Duration::ZERO)).await;
}

/// How long a message stays away that made way; the runner's jitter comes on top.
const CROWDED_PAUSE: Duration = Duration::from_secs(2);

/// One delivery, from its bytes to its exit.
pub async fn handle<S: Stage>(stage: &S, desk: &Desk, delivery: &Delivery<'_>) {
    let source = &delivery.source;
    // Known before the payload is read; a field that is recorded later costs the log layer more
    // than the whole span.
    let (connection, order_id) = source.names();
    let span = tracing::info_span!(
        "process",
        otel.name = format!("process {}", S::STAGE.input().token()),
        otel.kind = "consumer",
        tillbook.stage = S::STAGE.name(),
        tillbook.connection = connection,
        order.id = order_id,
        messaging.system = "nats",
        messaging.destination.name = S::STAGE.input().token(),
        messaging.nats.stream_sequence = source.sequence,
        messaging.nats.delivery_count = source.attempt,
    );
    continue_trace(&span, delivery.headers);
    desk.metrics.started(S::STAGE.name());
    deliver(stage, desk, delivery, &span)
        .instrument(span.clone())
        .await;
    desk.metrics.ended(S::STAGE.name());
}

async fn deliver<S: Stage>(stage: &S, desk: &Desk, delivery: &Delivery<'_>, span: &Span) {
    let mut exit = Exit {
        desk,
        stage: S::STAGE,
        delivery,
        about: None,
        notes: None,
        span,
    };
    let (decoded, about) = match decode::<S::In>(delivery) {
        Ok(decoded) => decoded,
        Err(reason) => {
            let buried = Box::pin(exit.bury(DeadLetterKind::Unreadable, vec![reason])).await;
            if let Err(why) = buried {
                Box::pin(exit.take::<S::Out>(Err(not_buried(why)), Duration::ZERO)).await;
            }
            return;
        }
    };
    let trace_id = runtime::telemetry::trace_id(span).unwrap_or_default();
    let notes = Notes::new(S::STAGE.name(), about.clone(), &delivery.source, trace_id);
    exit.about = Some(&about);
    exit.notes = Some(&notes);
    let class = class_of(&decoded, delivery.headers);
    let started = Instant::now();
    let outcome = work(
        stage,
        desk,
        &delivery.source,
        decoded,
        &about,
        &notes,
        class,
    )
    .await;
    let elapsed = started.elapsed();
    desk.metrics.processed(S::STAGE.name(), elapsed);
    exit.take(outcome, elapsed).await;
}

/// Runs the stage's function under its bounds; a panic is a failure like any other.
async fn work<S: Stage>(
    stage: &S,
    desk: &Desk,
    source: &Source,
    decoded: S::In,
    about: &About,
    notes: &Notes,
    class: Class,
) -> Result<Done<S::Out>, Failure> {
    let received = Received {
        message: decoded,
        about: about.clone(),
        attempt: source.attempt,
        stream_sequence: source.sequence,
        first_seen_ms: source.first_seen_ms,
        notes: notes.clone(),
    };
    // Boxed: a stage's state can be large, and it is moved through several wrappers.
    let function = with_notes(notes.clone(), Box::pin(stage.process(received)));
    let function = connect::budget::in_class(class, function);
    let function = AssertUnwindSafe(function).catch_unwind();
    match tokio::time::timeout(desk.settings.process_timeout, function).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Failure::retry(Reason::new(
            "panic",
            "the stage panicked on this message; that is a bug: please report it with the dead letter",
        ))),
        Err(_elapsed) => Err(Failure::retry(Reason::new(
            "timeout",
            format!(
                "the stage took longer than process_timeout ({} s)",
                desk.settings.process_timeout.as_secs()
            ),
        ))),
    }
}

/// How urgent a message's vendor calls are.
fn class_of<In: Contract>(decoded: &In, header_map: Option<&async_nats::HeaderMap>) -> Class {
    match decoded.origin() {
        Origin::Backfill | Origin::Undo => Class::Backfill,
        Origin::Sweep | Origin::Replay => Class::Replay,
        _ if header_map.is_some_and(|h| h.get(headers::REPLAY).is_some()) => Class::Replay,
        Origin::Unspecified | Origin::Hook => Class::Live,
    }
}

fn decode<In: Contract>(delivery: &Delivery<'_>) -> Result<(In, About), Reason> {
    // A message could be put off to another attempt with no more than these.
    let bytes = delivery.headers.map_or(0, crate::publish::header_bytes);
    if bytes > topology::TAKEN_HEADER_BYTES_MAX {
        return Err(Reason::new(
            "headers_too_large",
            format!(
                "the message's headers have {bytes} bytes, and may have {}; the letter \
                 keeps what fits. Find out who writes to this stream beside Tillbook, then release it",
                topology::TAKEN_HEADER_BYTES_MAX
            ),
        ));
    }
    let schema = delivery.headers.and_then(|h| h.get(headers::SCHEMA));
    if let Some(schema) = schema.filter(|schema| schema.as_str() != In::SCHEMA) {
        return Err(Reason::new(
            "unknown_schema",
            format!(
                "the message says it is {:?}, this stage reads {}; was it written by another version?",
                schema.as_str(),
                In::SCHEMA
            ),
        ));
    }
    let decoded = In::decode(delivery.payload.clone()).map_err(|error| {
        Reason::new(
            "unreadable",
            format!("the bytes are no {}: {error}", In::SCHEMA),
        )
    })?;
    match decoded.about() {
        Some(about) if has_subject_tokens(&about) => Ok((decoded, about)),
        _ => Err(Reason::new(
            "nameless_message",
            "the message names no connection and entity that could stand in a subject",
        )),
    }
}

fn not_buried(why: String) -> Failure {
    Failure::retry(Reason::new("dead_letter_not_stored", why))
}

/// A message is handled in the trace it came in; a replay starts its own and links to the old.
fn continue_trace(span: &Span, header_map: Option<&async_nats::HeaderMap>) {
    let Some(header_map) = header_map else { return };
    runtime::telemetry::set_parent(span, runtime::telemetry::extract(header_map));
    if let Some(replayed) = header_map.get(headers::REPLAY_OF) {
        let mut old = async_nats::HeaderMap::new();
        old.insert(headers::TRACEPARENT, replayed.as_str());
        let old = runtime::telemetry::extract(&old);
        runtime::telemetry::add_link(span, &old);
    }
}
