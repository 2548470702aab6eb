//! A laid-out NATS server with a replay service on it, and a letter to release.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers fail by panicking"
)]

use std::time::Duration;

use anyhow::ensure;
use async_nats::HeaderMap;
use async_nats::jetstream;
use contracts::contract::Contract;
use contracts::dead_letter::{DeadLetter, DeadLetterKind, Header};
use contracts::event::{Entity, Event};
use contracts::headers;
use contracts::journal::{JournalBatch, JournalEntry};
use contracts::order::OrderSnapshot;
use contracts::topology::{Sizing, Stream};
use prost::Message;
use replay::{AskError, Request, ask};
use runtime::metrics::Metrics;
use serde_json::Value;
use servers::NatsServer;
use stage::{Journal, Publisher, RetryPolicy, StageContext, StageMetrics, StageSettings};
use tempfile::TempDir;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

/// A bound for broken code, not an expectation.
pub const LIMIT: Duration = Duration::from_secs(60);
pub const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub struct Bench {
    _nats: NatsServer,
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
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path().join("nats"), None)
            .await
            .unwrap();
        let client = async_nats::connect(nats.url()).await.unwrap();
        let jetstream = jetstream::new(client.clone());
        let sizing = Sizing {
            replicas: 1,
            storage_gib: 1,
        };
        stage::bootstrap::bootstrap(&jetstream, sizing)
            .await
            .unwrap();
        let shutdown = CancellationToken::new();
        let bench = Self {
            _nats: nats,
            client,
            jetstream,
            shutdown,
            _folder: folder,
        };
        let answering = replay::start(bench.client.clone(), bench.context())
            .await
            .unwrap();
        tokio::spawn(answering);
        bench
    }

    pub fn context(&self) -> StageContext {
        let publisher = Publisher::new(self.jetstream.clone());
        StageContext {
            jetstream: self.jetstream.clone(),
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
            shutdown: self.shutdown.clone(),
        }
    }

    pub async fn ask(&self, request: Request) -> Result<Value, AskError> {
        let answer = ask(&self.client, &request).await?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    pub async fn release(&self, id: &str, reason: &str) -> Result<Value, AskError> {
        let (dead_letter_id, reason) = (id.to_owned(), reason.to_owned());
        self.ask(Request::Release {
            dead_letter_id,
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

    pub async fn stored(
        &self,
        stream: Stream,
        count: usize,
    ) -> Vec<jetstream::message::StreamMessage> {
        let all = eventually(LIMIT, stream.name(), async || {
            let handle = self.jetstream.get_stream(stream.name()).await?;
            let last = handle.cached_info().state.last_sequence;
            let mut stored = Vec::new();
            for sequence in 1..=last {
                stored.push(handle.get_raw_message(sequence).await?);
            }
            ensure!(stored.len() == count, "{} of {count}", stored.len());
            Ok(stored)
        });
        all.await.unwrap()
    }

    pub async fn journal(&self) -> Vec<JournalEntry> {
        let batches = self.stored(Stream::Journal, 1).await;
        JournalBatch::decode(batches[0].payload.clone())
            .unwrap()
            .entries
    }
}

pub fn snapshot() -> OrderSnapshot {
    OrderSnapshot {
        event: Some(Event {
            event_id: "acme-7-1-1".to_owned(),
            connection: "acme".to_owned(),
            entity: Entity::Order.into(),
            entity_id: "7".to_owned(),
            ..Event::default()
        }),
        ..OrderSnapshot::default()
    }
}

/// A letter of `validate` as its runner writes it.
pub fn letter() -> DeadLetter {
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
        original_payload: snapshot().encode_to_vec().into(),
        traceparent: TRACEPARENT.to_owned(),
        ..DeadLetter::default()
    }
}
