//! The streams of a house, read and written past the services.

use anyhow::{Context, ensure};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::jetstream::{self, consumer};
use contracts::dead_letter::DeadLetter;
use contracts::journal::{JournalBatch, JournalEntry};
use contracts::ledger::ClientEntry;
use contracts::topology::{Stage, Stream};
use prost::Message;
use serde_json::Value;
use store::sealing::Keyring;
use testkit::{House, SECRET_KEY, TEST_USER, eventually};

use crate::LIMIT;

/// A connection of the test's own to the house's NATS.
#[derive(Clone, Debug)]
pub struct Streams(pub jetstream::Context);

impl Streams {
    pub async fn of(house: &House) -> anyhow::Result<Self> {
        let (user, password) = (TEST_USER.to_owned(), TEST_USER.to_owned());
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(house.servers.nats_url()).await?;
        Ok(Self(jetstream::new(client)))
    }

    /// Stores bytes in a stream under a subject of one order, with or without a schema header.
    pub async fn put(
        &self,
        stream: Stream,
        order_id: &str,
        schema: Option<&str>,
        payload: &[u8],
    ) -> anyhow::Result<()> {
        let subject = stream.subject("acme", "order", order_id);
        let mut headers = async_nats::HeaderMap::new();
        if let Some(schema) = schema {
            headers.insert(contracts::headers::SCHEMA, schema);
        }
        let payload = payload.to_vec().into();
        let stored = self.0.publish_with_headers(subject, headers, payload);
        stored.await?.await?;
        Ok(())
    }

    /// How many messages a stream holds.
    pub async fn count(&self, stream: Stream) -> anyhow::Result<u64> {
        let stream = self.0.get_stream(stream.name()).await?;
        Ok(stream.get_info().await?.state.messages)
    }

    /// Everything in a stream, a stage's or a bucket's: its subjects, headers and bytes.
    ///
    /// Read one by one: a work queue lets nobody else consume it.
    pub async fn messages(&self, stream: &str) -> anyhow::Result<Vec<StreamMessage>> {
        let stream = self.0.get_stream(stream).await?;
        let state = stream.get_info().await?.state;
        let mut messages = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            match stream.get_raw_message(sequence).await {
                Ok(message) => messages.push(message),
                // Deleted, or replaced by a later one under the same subject.
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(messages)
    }

    /// The token records that were ever stored, opened.
    pub async fn tokens(&self) -> anyhow::Result<Vec<Value>> {
        let keyring = Keyring::new(&SECRET_KEY, None);
        let mut records = Vec::new();
        for message in self.messages("KV_tokens").await? {
            let key = message.subject.as_str().trim_start_matches("$KV.");
            let (bucket, key) = key.split_once('.').context("no key")?;
            let opened = keyring.open(&format!("{bucket}/{key}"), &message.payload)?;
            let opened = opened.context("a token record is not sealed")?;
            records.push(serde_json::from_slice(&opened.plain)?);
        }
        Ok(records)
    }

    /// The dead letters, oldest first.
    pub async fn dead_letters(&self) -> anyhow::Result<Vec<DeadLetter>> {
        let messages = self.messages(Stream::DeadLetters.name()).await?;
        let read = |message: StreamMessage| DeadLetter::decode(message.payload.clone());
        Ok(messages.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The journal's entries, oldest first.
    pub async fn journal(&self) -> anyhow::Result<Vec<JournalEntry>> {
        let mut entries = Vec::new();
        for message in self.messages(Stream::Journal.name()).await? {
            entries.extend(JournalBatch::decode(message.payload)?.entries);
        }
        Ok(entries)
    }

    /// Waits for a dead letter about a customer or product, with this reason; the reason's words.
    pub async fn held(&self, entity: &str, code: &str) -> anyhow::Result<String> {
        eventually(LIMIT, &format!("a {entity} held for {code}"), async || {
            let letters = self.dead_letters().await?;
            let reasons = letters
                .iter()
                .filter(|letter| letter.entity == entity)
                .flat_map(|letter| &letter.reasons);
            let told: Vec<(String, String)> = reasons
                .map(|reason| (reason.code.clone(), reason.message.clone()))
                .collect();
            let found = told.iter().find(|(found, _)| found == code);
            ensure!(found.is_some(), "{told:?}");
            Ok(found.map(|(_, words)| words.clone()).unwrap_or_default())
        })
        .await
    }

    /// Waits until delivery has told this many outcomes in all.
    pub async fn outcomes(&self, count: u64) -> anyhow::Result<()> {
        eventually(LIMIT, "the outcomes", async || {
            let told = self.count(Stream::Outcomes).await?;
            ensure!(told >= count, "{told} of {count}");
            Ok(())
        })
        .await
    }

    /// What the ledger holds of an account's clients, under their own ids.
    pub async fn clients(&self) -> anyhow::Result<Vec<ClientEntry>> {
        let messages = self.messages("KV_ledger").await?;
        let of_ids = messages
            .iter()
            .filter(|message| message.subject.contains(".client.id."));
        Ok(of_ids
            .map(|message| ClientEntry::decode(message.payload.clone()))
            .collect::<Result<_, _>>()?)
    }

    /// Waits until every stage has worked off what its stream and its retries hold.
    pub async fn at_rest(&self) -> anyhow::Result<()> {
        eventually(LIMIT, "every stage at rest", async || {
            for stage in Stage::ALL {
                for stream in [stage.input(), Stream::Retries] {
                    let info = self.consumer(stage, stream).await?;
                    let left = info
                        .num_pending
                        .saturating_add(u64::try_from(info.num_ack_pending)?);
                    ensure!(
                        left == 0,
                        "{} has {left} of {}",
                        stage.name(),
                        stream.name()
                    );
                }
            }
            let scheduled = self.count(Stream::Retries).await?;
            ensure!(
                scheduled == 0,
                "{scheduled} messages wait for their next attempt"
            );
            Ok(())
        })
        .await
    }

    /// The same, and nothing was given up on the way.
    pub async fn at_rest_without_dead_letters(&self) -> anyhow::Result<()> {
        self.at_rest().await?;
        let letters = self.dead_letters().await?;
        let told = letters
            .iter()
            .map(|one| (&one.stage, &one.entity_id, &one.reasons));
        ensure!(
            letters.is_empty(),
            "dead letters: {:?}",
            told.collect::<Vec<_>>()
        );
        Ok(())
    }

    async fn consumer(&self, stage: Stage, stream: Stream) -> anyhow::Result<consumer::Info> {
        let bound = self
            .0
            .get_consumer_from_stream(stage.name(), stream.name())
            .await;
        let mut bound: consumer::PullConsumer =
            bound.map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(bound.info().await?.clone())
    }
}
