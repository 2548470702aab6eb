//! A bench: a NATS server of one test's own, laid out, and a stage that does as it is told.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its part; helpers fail by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream::{self, consumer};
use async_nats::{HeaderMap, header};
use contracts::contract::Contract;
use contracts::dead_letter::DeadLetter;
use contracts::event::{Entity, Event};
use contracts::headers;
use contracts::journal::{JournalBatch, JournalEntry, JournalKind};
use contracts::order::{OrderSnapshot, SnapshotState, ValidatedOrder};
use contracts::topology::{self, Sizing, Stream};
use futures::StreamExt;
use futures::future::BoxFuture;
use prost::Message;
use runtime::metrics::Metrics;
use servers::NatsServer;
use stage::{
    Done, Failure, Journal, Publisher, Received, RetryPolicy, Runner, Shares, Stage, StageContext,
    StageMetrics, StageSettings,
};
use tempfile::TempDir;
use testkit::eventually;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A bound for broken code, not an expectation.
pub const LIMIT: Duration = Duration::from_secs(60);
pub const SIZING: Sizing = Sizing {
    replicas: 1,
    storage_gib: 1,
};
pub const INPUT: Stream = Stream::Ingested;
pub const OUTPUT: Stream = Stream::Validated;

pub struct Bench {
    pub nats: NatsServer,
    pub client: async_nats::Client,
    pub jetstream: jetstream::Context,
    pub metrics: Metrics,
    // After the server: a server must be gone before its store is removed.
    _folder: TempDir,
}

/// Small bounds, so that a test sees every one of them.
pub fn settings() -> StageSettings {
    StageSettings {
        in_flight: 4,
        process_timeout: Duration::from_secs(30),
        drain_timeout: Duration::from_secs(30),
        retry: RetryPolicy {
            attempts_max: 3,
            age_max: Duration::from_secs(3600),
            base: Duration::from_millis(1),
            cap: Duration::from_millis(5),
        },
    }
}

impl Bench {
    /// A server with everything the pipeline needs on it.
    pub async fn start() -> Self {
        let bench = Self::empty().await;
        stage::bootstrap::bootstrap(&bench.jetstream, SIZING)
            .await
            .unwrap();
        bench
    }

    /// A server with nothing on it.
    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path().join("nats"), None)
            .await
            .unwrap();
        let client = async_nats::ConnectOptions::new()
            .connect(nats.url())
            .await
            .unwrap();
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(Duration::from_secs(2))
            .build(client.clone());
        Self {
            nats,
            client,
            jetstream,
            metrics: Metrics::new(),
            _folder: folder,
        }
    }

    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.jetstream.clone())
    }

    pub fn context(&self, settings: StageSettings) -> StageContext {
        StageContext {
            jetstream: self.jetstream.clone(),
            publisher: self.publisher(),
            journal: Journal::start(self.publisher(), "test"),
            metrics: StageMetrics::register(&self.metrics).unwrap(),
            settings,
            shutdown: CancellationToken::new(),
        }
    }

    /// Runs a stage that does what `script` says.
    pub async fn run<F, Fut>(&self, settings: StageSettings, script: F) -> Running
    where
        F: Fn(Received<OrderSnapshot>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Done<ValidatedOrder>, Failure>> + Send + 'static,
    {
        self.run_on(&Handle::current(), settings, script).await
    }

    /// The same on another runtime, which can be ended as a process is killed.
    pub async fn run_on<F, Fut>(
        &self,
        runtime: &Handle,
        settings: StageSettings,
        script: F,
    ) -> Running
    where
        F: Fn(Received<OrderSnapshot>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Done<ValidatedOrder>, Failure>> + Send + 'static,
    {
        let (runner, shutdown) = self.runner(settings, script).await;
        Running {
            shutdown,
            task: runtime.spawn(runner.run()),
        }
    }

    /// The same with places that are shared out among connections.
    pub async fn run_shared<F, Fut>(
        &self,
        shares: Shares,
        settings: StageSettings,
        script: F,
    ) -> Running
    where
        F: Fn(Received<OrderSnapshot>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Done<ValidatedOrder>, Failure>> + Send + 'static,
    {
        let (runner, shutdown) = self.runner(settings, script).await;
        Running {
            shutdown,
            task: tokio::spawn(runner.shared_out(shares).run()),
        }
    }

    async fn runner<F, Fut>(
        &self,
        settings: StageSettings,
        script: F,
    ) -> (Runner<Scripted>, CancellationToken)
    where
        F: Fn(Received<OrderSnapshot>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Done<ValidatedOrder>, Failure>> + Send + 'static,
    {
        let context = self.context(settings);
        let shutdown = context.shutdown.clone();
        let script: Script = Arc::new(move |received| Box::pin(script(received)));
        let runner = Runner::bind(Scripted(script), context).await.unwrap();
        (runner, shutdown)
    }

    /// Stores an input message as the stage before would have; its sequence.
    pub async fn put(&self, input: &OrderSnapshot) -> u64 {
        self.put_with(input, HeaderMap::new()).await
    }

    pub async fn put_with(&self, input: &OrderSnapshot, mut header_map: HeaderMap) -> u64 {
        let event = input.event.clone().unwrap();
        header_map.insert(headers::SCHEMA, OrderSnapshot::SCHEMA);
        let subject = INPUT.subject(&event.connection, "order", &event.entity_id);
        let id = format!("{}:fetch", event.event_id);
        let payload = input.encode_to_vec().into();
        self.publisher()
            .publish(subject, Some(&id), header_map, payload)
            .await
            .unwrap()
    }

    /// Every message a stream holds now, oldest first.
    pub async fn stored(&self, stream: Stream) -> anyhow::Result<Vec<Stored>> {
        let handle = self.jetstream.get_stream(stream.name()).await?;
        let state = handle.cached_info().state.clone();
        let mut stored = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            match handle.get_raw_message(sequence).await {
                Ok(message) => stored.push(Stored {
                    subject: message.subject.to_string(),
                    headers: message.headers,
                    payload: message.payload,
                }),
                Err(error) if error.to_string().contains("no message found") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stored)
    }

    /// Waits until a stream holds exactly `count` messages and gives them.
    pub async fn awaited(&self, stream: Stream, count: usize) -> Vec<Stored> {
        let what = format!("{count} messages in {}", stream.name());
        let look = async || {
            let stored = self.stored(stream).await?;
            ensure!(stored.len() == count, "there are {}", stored.len());
            Ok(stored)
        };
        eventually(LIMIT, &what, look).await.unwrap()
    }

    pub async fn letter(&self) -> DeadLetter {
        let letters = self.awaited(Stream::DeadLetters, 1).await;
        DeadLetter::decode(letters[0].payload.clone()).unwrap()
    }

    /// Journal entries of one kind.
    pub async fn journal(&self, kind: JournalKind) -> Vec<JournalEntry> {
        let batches = self.stored(Stream::Journal).await.unwrap();
        let batches = batches
            .iter()
            .map(|b| JournalBatch::decode(b.payload.clone()).unwrap());
        batches
            .flat_map(|batch| batch.entries)
            .filter(|entry| entry.kind() == kind)
            .collect()
    }

    /// What the server says of one of the stage's consumers.
    pub async fn consumer(&self, stream: Stream) -> anyhow::Result<consumer::Info> {
        let name = topology::Stage::Validate.name();
        let mut consumer: consumer::PullConsumer = self
            .jetstream
            .get_consumer_from_stream(name, stream.name())
            .await?;
        Ok(consumer
            .info()
            .await
            .context("asking for the consumer")?
            .clone())
    }

    /// Takes one message from the stage's input as its process would.
    pub async fn pulled(&self) -> jetstream::Message {
        let name = topology::Stage::Validate.name();
        let consumer: consumer::PullConsumer = self
            .jetstream
            .get_consumer_from_stream(name, INPUT.name())
            .await
            .unwrap();
        // One that waits: the server hands a message over some time after it stored it.
        let batch = consumer.batch().max_messages(1).expires(LIMIT);
        batch
            .messages()
            .await
            .unwrap()
            .next()
            .await
            .unwrap()
            .unwrap()
    }

    /// Waits until the stage has left nothing on its input: all delivered, all settled.
    pub async fn settled(&self) {
        for stream in [INPUT, Stream::Retries] {
            eventually(LIMIT, "everything settled", async || {
                let info = self.consumer(stream).await?;
                let (ahead, open) = (info.num_pending, info.num_ack_pending);
                ensure!(ahead == 0 && open == 0, "{ahead} ahead, {open} not settled");
                Ok(())
            })
            .await
            .unwrap();
        }
    }

    /// Limits what a stream holds; gives its true configuration to restore.
    pub async fn limit(&self, stream: Stream, bytes: i64) -> jetstream::stream::Config {
        let whole = stream.config(SIZING);
        let limited = jetstream::stream::Config {
            max_bytes: bytes,
            ..whole.clone()
        };
        self.jetstream.update_stream(limited).await.unwrap();
        whole
    }

    pub async fn restore(&self, config: jetstream::stream::Config) {
        self.jetstream.update_stream(config).await.unwrap();
    }

    /// One value of the metrics text, 0 when it is not there.
    pub fn metric(&self, line: &str) -> u64 {
        let text = self.metrics.encode().unwrap();
        let found = text
            .lines()
            .find_map(|l| l.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0)
    }

    pub fn left_by(&self, exit: &str) -> u64 {
        self.metric(&format!(
            "tillbook_stage_messages_total{{stage=\"validate\",exit=\"{exit}\"}}"
        ))
    }
}

#[derive(Clone, Debug)]
pub struct Stored {
    pub subject: String,
    pub headers: HeaderMap,
    pub payload: bytes::Bytes,
}

impl Stored {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    pub fn id(&self) -> &str {
        self.header(header::NATS_MESSAGE_ID.as_ref())
            .unwrap_or_default()
    }
}

/// A stage at work; it is stopped when dropped.
pub struct Running {
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Running {
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        tokio::time::timeout(LIMIT, &mut self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

type Script = Arc<
    dyn Fn(Received<OrderSnapshot>) -> BoxFuture<'static, Result<Done<ValidatedOrder>, Failure>>
        + Send
        + Sync,
>;

struct Scripted(Script);

impl Stage for Scripted {
    const STAGE: topology::Stage = topology::Stage::Validate;
    type In = OrderSnapshot;
    type Out = ValidatedOrder;

    async fn process(
        &self,
        input: Received<OrderSnapshot>,
    ) -> Result<Done<ValidatedOrder>, Failure> {
        (self.0)(input).await
    }
}

/// The snapshot of an order, as the fetcher makes it.
pub fn snapshot(order_id: u64) -> OrderSnapshot {
    OrderSnapshot {
        event: Some(Event {
            event_id: format!("acme-{order_id}-1-1"),
            connection: "acme".to_owned(),
            entity: Entity::Order.into(),
            entity_id: order_id.to_string(),
            version_ms: 1,
            ..Event::default()
        }),
        state: SnapshotState::Present.into(),
        ..OrderSnapshot::default()
    }
}

/// What a stage that passes everything makes of it.
pub fn passed(received: &Received<OrderSnapshot>) -> ValidatedOrder {
    ValidatedOrder {
        event: received.message.event.clone(),
        ..ValidatedOrder::default()
    }
}

/// A stage that passes everything.
pub async fn pass(received: Received<OrderSnapshot>) -> Result<Done<ValidatedOrder>, Failure> {
    Ok(Done::Next(passed(&received)))
}

pub fn reason_codes(letter: &DeadLetter) -> Vec<&str> {
    letter
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect()
}
