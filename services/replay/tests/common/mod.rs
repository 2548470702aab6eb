//! A laid-out NATS server with a replay service on it, and a letter to release.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers fail by panicking"
)]

pub mod books;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use async_nats::HeaderMap;
use async_nats::jetstream;
use contracts::contract::Contract;
use contracts::dead_letter::{DeadLetter, DeadLetterKind, Header};
use contracts::event::{Entity, Event};
use contracts::headers;
use contracts::journal::{JournalBatch, JournalEntry, JournalKind};
use contracts::order::OrderSnapshot;
use contracts::original::Original;
use contracts::topology::{Sizing, Stream};
use futures::future::{BoxFuture, FutureExt};
use prost::Message;
use replay::{AskError, Rehearse, Rehearsed, Request, ask};
use runtime::metrics::Metrics;
use serde_json::{Value, json};
use servers::NatsServer;
use stage::{Journal, Publisher, RetryPolicy, StageContext, StageMetrics, StageSettings};
use tempfile::TempDir;
use testkit::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A bound for broken code, not an expectation.
pub const LIMIT: Duration = Duration::from_secs(60);
pub const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub struct Bench {
    _nats: NatsServer,
    pub url: String,
    /// The replay service, if one runs.
    replay: Mutex<Option<JoinHandle<()>>>,
    pub client: async_nats::Client,
    pub jetstream: jetstream::Context,
    pub shutdown: CancellationToken,
    _folder: TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Bench {
    /// A laid-out server with a replay service on it.
    pub async fn start() -> Self {
        let bench = Self::without_replay().await;
        bench.start_replay().await;
        bench
    }

    /// A laid-out server.
    pub async fn without_replay() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path().join("nats"), None)
            .await
            .unwrap();
        let url = nats.url().to_owned();
        let client = async_nats::connect(&url).await.unwrap();
        let jetstream = jetstream::new(client.clone());
        let sizing = Sizing {
            replicas: 1,
            storage_gib: 1,
        };
        stage::bootstrap::bootstrap(&jetstream, sizing)
            .await
            .unwrap();
        Self {
            _nats: nats,
            url,
            replay: Mutex::default(),
            client,
            jetstream,
            shutdown: CancellationToken::new(),
            _folder: folder,
        }
    }

    pub async fn start_replay(&self) {
        let working = replay::start(self.client.clone(), self.context(), Arc::new(Blind))
            .await
            .unwrap();
        *self.replay.lock().unwrap() = Some(tokio::spawn(working));
    }

    /// Ends the replay service in the middle of whatever it does.
    pub async fn kill_replay(&mut self) {
        let running = self.replay.lock().unwrap().take().unwrap();
        running.abort();
        let _ = running.await;
    }

    pub fn context(&self) -> StageContext {
        context_on(&self.jetstream, self.shutdown.clone())
    }

    pub async fn ask(&self, request: Request) -> Result<Value, AskError> {
        ask(&self.client, &request).await
    }

    pub async fn release(&self, id: &str, reason: &str) -> Result<Value, AskError> {
        let (dead_letter_id, reason) = (id.to_owned(), reason.to_owned());
        self.ask(Request::Release {
            dead_letter_id,
            refetch: false,
            reason,
            who: "jo".to_owned(),
        })
        .await
    }

    /// Why a release was refused.
    pub async fn refusal(&self, id: &str, reason: &str) -> String {
        match self.release(id, reason).await {
            Err(AskError::Refused(why)) => why,
            other => panic!("it was not refused: {other:?}"),
        }
    }

    pub async fn bury(&self, letter: &DeadLetter) {
        let subject = Stream::DeadLetters.subject(&letter.connection, "order", &letter.entity_id);
        let publisher = Publisher::new(self.jetstream.clone());
        let payload = letter.encode_to_vec().into();
        let id = Some(letter.dead_letter_id.as_str());
        publisher
            .publish(subject, id, HeaderMap::new(), payload)
            .await
            .unwrap();
    }

    /// What the stream holds when it holds just so much.
    pub async fn stored(
        &self,
        stream: Stream,
        count: usize,
    ) -> Vec<jetstream::message::StreamMessage> {
        let all = eventually(LIMIT, stream.name(), async || {
            let stored = self.all(stream).await?;
            ensure!(stored.len() == count, "{} of {count}", stored.len());
            Ok(stored)
        });
        all.await.unwrap()
    }

    pub async fn stored_at_least(
        &self,
        stream: Stream,
        count: usize,
    ) -> Vec<jetstream::message::StreamMessage> {
        let all = eventually(LIMIT, stream.name(), async || {
            let stored = self.all(stream).await?;
            ensure!(stored.len() >= count, "{} of {count}", stored.len());
            Ok(stored)
        });
        all.await.unwrap()
    }

    async fn all(&self, stream: Stream) -> anyhow::Result<Vec<jetstream::message::StreamMessage>> {
        let handle = self.jetstream.get_stream(stream.name()).await?;
        let state = &handle.cached_info().state;
        let mut stored = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            if state.messages > 0 {
                stored.push(handle.get_raw_message(sequence).await?);
            }
        }
        Ok(stored)
    }

    /// The journal's entries of a kind, when there is one; whoever expects more asks after what
    /// they follow from.
    pub async fn entries(&self, kind: JournalKind) -> Vec<JournalEntry> {
        eventually(LIMIT, kind.as_str_name(), async || {
            let mut entries = Vec::new();
            for batch in self.all(Stream::Journal).await? {
                entries.extend(JournalBatch::decode(batch.payload)?.entries);
            }
            entries.retain(|entry| entry.kind() == kind);
            ensure!(!entries.is_empty(), "none yet");
            Ok(entries)
        })
        .await
        .unwrap()
    }

    pub async fn journal(&self) -> Vec<JournalEntry> {
        let batches = self.stored(Stream::Journal, 1).await;
        JournalBatch::decode(batches[0].payload.clone())
            .unwrap()
            .entries
    }
}

/// Rehearsals are the binary's; here nothing is known.
struct Blind;

impl Rehearse for Blind {
    fn rehearse<'a>(&'a self, _: &'a str, _: Original) -> BoxFuture<'a, Rehearsed> {
        async { Rehearsed::default() }.boxed()
    }
}

pub fn context_on(jetstream: &jetstream::Context, shutdown: CancellationToken) -> StageContext {
    let publisher = Publisher::new(jetstream.clone());
    StageContext {
        jetstream: jetstream.clone(),
        publisher: publisher.clone(),
        journal: Journal::start(publisher, "replay"),
        metrics: StageMetrics::register(&Metrics::new()).unwrap(),
        settings: StageSettings {
            in_flight: 4,
            process_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            retry: RetryPolicy {
                attempts_max: 3,
                age_max: Duration::from_secs(3600),
                base: Duration::from_millis(1),
                cap: Duration::from_millis(5),
            },
        },
        shutdown,
    }
}

pub fn snapshot() -> OrderSnapshot {
    snapshot_of("7")
}

pub fn snapshot_of(order_id: &str) -> OrderSnapshot {
    OrderSnapshot {
        event: Some(Event {
            event_id: format!("acme-{order_id}-1-1"),
            connection: "acme".to_owned(),
            entity: Entity::Order.into(),
            entity_id: order_id.to_owned(),
            ..Event::default()
        }),
        ..OrderSnapshot::default()
    }
}

/// One mug for 10.00, as the fetcher hands it on.
pub fn document(order_id: &str) -> Value {
    let id: u64 = order_id.parse().unwrap();
    json!({
        "order": {
            "id": id, "customer_id": 7, "status_id": 11, "status": "Awaiting Fulfillment",
            "date_created": "Thu, 27 Aug 2020 23:47:22 +0000",
            "date_modified": "Fri, 28 Aug 2020 03:47:22 +0000",
            "default_currency_code": "USD", "is_deleted": false,
            "subtotal_ex_tax": "10.0000", "subtotal_inc_tax": "10.0000",
            "total_ex_tax": "10.0000", "total_inc_tax": "10.0000", "total_tax": "0.0000",
            "billing_address": { "first_name": "Ada", "email": "Ada@Example.com" },
        },
        "products": [{ "id": 1, "product_id": 101, "name": "Mug", "type": "physical",
            "quantity": 1, "price_ex_tax": "10.00", "price_inc_tax": "10.00",
            "total_ex_tax": "10.00", "total_inc_tax": "10.00" }],
        "taxes": [], "fees": [], "refunds": [], "transactions": [],
        "store": { "time_zone": "America/New_York" },
    })
}

/// A letter of `validate` as its runner writes it.
pub fn letter() -> DeadLetter {
    letter_of(&snapshot())
}

pub fn letter_of(snapshot: &OrderSnapshot) -> DeadLetter {
    let header = |name: &str, value: &str| Header {
        name: name.into(),
        value: value.into(),
    };
    DeadLetter {
        dead_letter_id: "validate-INGESTED-1-5".to_owned(),
        stage: "validate".to_owned(),
        kind: DeadLetterKind::Held.into(),
        connection: "acme".to_owned(),
        entity: "order".to_owned(),
        entity_id: "7".to_owned(),
        event_id: "acme-7-1-1".to_owned(),
        attempts: 3,
        original_stream: Stream::Retries.name().to_owned(),
        original_subject: "tillbook.ingested.acme.order.7".to_owned(),
        original_sequence: 1,
        original_headers: vec![
            header(headers::SCHEMA, OrderSnapshot::SCHEMA),
            header(headers::MESSAGE_ID, "acme-7-1-1:fetch"),
            header("Nats-Expected-Stream", "ELSEWHERE"),
            header(headers::ATTEMPTS, "3"),
            header(headers::FIRST_SEEN_MS, "5"),
            header(headers::TRACEPARENT, "00-another-one-01"),
            header("Tillbook-Test", "kept"),
        ],
        original_payload: snapshot.encode_to_vec().into(),
        traceparent: TRACEPARENT.to_owned(),
        ..DeadLetter::default()
    }
}
