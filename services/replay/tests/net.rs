//! A message that kills its worker ends as a dead letter, also when replay is down meanwhile.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use async_nats::HeaderMap;
use common::{Bench, LIMIT, context_on, snapshot_of};
use contracts::contract::Contract;
use contracts::dead_letter::{DeadLetter, DeadLetterKind};
use contracts::headers;
use contracts::journal::JournalKind;
use contracts::order::{OrderSnapshot, ValidatedOrder};
use contracts::topology::{self, DELIVERIES_MAX, Stream};
use prost::Message;
use stage::{Done, Failure, Publisher, Received, Runner, Stage};
use testkit::eventually;
use tokio_util::sync::CancellationToken;

/// Set in the worker's process: the server it works for.
const SERVER: &str = "TILLBOOK_TEST_WORKER_OF";
/// The order whose message ends the process.
const BOMB: &str = "13";
/// Deliveries the test's consumer allows: as the real one's, only fewer.
const DELIVERIES: i64 = 4;

/// Ends its whole process on one order, as a bug in a library written in C would.
struct Fragile;

impl Stage for Fragile {
    const STAGE: topology::Stage = topology::Stage::Validate;
    type In = OrderSnapshot;
    type Out = ValidatedOrder;

    async fn process(
        &self,
        input: Received<OrderSnapshot>,
    ) -> Result<Done<ValidatedOrder>, Failure> {
        if input.about.entity_id == BOMB && std::env::var_os(SERVER).is_some() {
            std::process::abort();
        }
        let event = input.message.event;
        Ok(Done::Next(ValidatedOrder {
            event,
            ..ValidatedOrder::default()
        }))
    }
}

/// Not a test of its own: the process of the worker, which the test below starts again and again.
#[tokio::test]
async fn worker_process() {
    let Ok(url) = std::env::var(SERVER) else {
        return;
    };
    let client = async_nats::connect(url).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let context = context_on(&jetstream, CancellationToken::new());
    Runner::bind(Fragile, context).await.unwrap().run().await;
}

/// Killed when dropped.
struct Worker(Child);

impl Worker {
    fn start(url: &str) -> Self {
        let mut command = servers::bound_to_parent(std::env::current_exe().unwrap());
        command.args(["--exact", "worker_process"]).env(SERVER, url);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().unwrap())
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

async fn put(bench: &Bench, order_id: &str) {
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, OrderSnapshot::SCHEMA);
    header_map.insert(headers::TRACEPARENT, common::TRACEPARENT);
    let subject = Stream::Ingested.subject("acme", "order", order_id);
    let payload = snapshot_of(order_id).encode_to_vec().into();
    Publisher::new(bench.jetstream.clone())
        .publish(subject, None, header_map, payload)
        .await
        .unwrap();
}

/// Keeps a worker alive until the server has given the message up; how many were started.
async fn until_given_up(bench: &Bench) -> usize {
    let mut workers = 1;
    let mut worker = Worker::start(&bench.url);
    let given_up = eventually(LIMIT, "the server gives the message up", async || {
        if worker.has_ended() {
            worker = Worker::start(&bench.url);
            workers += 1;
        }
        let stream = bench
            .jetstream
            .get_stream(Stream::Advisories.name())
            .await?;
        ensure!(stream.cached_info().state.messages > 0, "{workers} workers");
        Ok(())
    });
    given_up.await.unwrap();
    workers
}

#[tokio::test]
async fn a_message_that_kills_its_worker_becomes_a_dead_letter_within_its_bound() {
    let bench = Bench::without_replay().await;
    let mut config = topology::Stage::Validate.consumer();
    assert_eq!(config.max_deliver, DELIVERIES_MAX);
    config.max_deliver = DELIVERIES;
    config.ack_wait = Duration::from_millis(300);
    bench
        .jetstream
        .create_consumer_on_stream(config, Stream::Ingested.name())
        .await
        .unwrap();
    for order_id in ["1", BOMB, "2"] {
        put(&bench, order_id).await;
    }
    let workers = until_given_up(&bench).await;
    assert!(workers > 1, "the worker must have died");
    bench.stored(Stream::DeadLetters, 0).await;

    // Replay was down all the while; what the server said waits for it.
    bench.start_replay().await;
    let letters = bench.stored_at_least(Stream::DeadLetters, 1).await;
    let letters: Vec<DeadLetter> = letters
        .iter()
        .map(|stored| DeadLetter::decode(stored.payload.clone()).unwrap())
        .collect();
    let letter = letters.iter().find(|l| l.entity_id == BOMB).unwrap();
    assert_eq!(letter.kind(), DeadLetterKind::Exhausted);
    assert_eq!(letter.reasons[0].code, "worker_died");
    assert_eq!(i64::from(letter.attempts), DELIVERIES);
    assert_eq!(letter.original_payload, snapshot_of(BOMB).encode_to_vec());
    assert_eq!(letter.traceparent, common::TRACEPARENT);
    assert_eq!(letter.event_id, "acme-13-1-1");
    assert_eq!(letter.cause.as_ref().unwrap().class, "crash");
    let told = bench.entries(JournalKind::DeadLettered).await;
    assert!(told.iter().any(|entry| entry.entity_id == BOMB), "{told:?}");

    // A version with a mend: this process is not ended by it.
    let context = context_on(&bench.jetstream, bench.shutdown.clone());
    tokio::spawn(Runner::bind(Fragile, context).await.unwrap().run());
    for letter in &letters {
        bench
            .release(&letter.dead_letter_id, "mended")
            .await
            .unwrap();
    }
    eventually(LIMIT, "all three have passed", async || {
        let stream = bench.jetstream.get_stream(Stream::Validated.name()).await?;
        for order_id in ["1", BOMB, "2"] {
            let subject = Stream::Validated.subject("acme", "order", order_id);
            stream
                .direct_get_last_for_subject(subject)
                .await
                .with_context(|| format!("order {order_id}"))?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_advisory_that_comes_twice_makes_one_letter_and_empties_the_retries() {
    let bench = Bench::without_replay().await;
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, OrderSnapshot::SCHEMA);
    header_map.insert(headers::ATTEMPTS, "7");
    header_map.insert(headers::FIRST_SEEN_MS, "1000");
    let input = Stream::Ingested.subject("acme", "order", "7");
    let publisher = Publisher::new(bench.jetstream.clone());
    let payload = snapshot_of("7").encode_to_vec();
    let sequence = publisher
        .publish(
            topology::Stage::Validate.due_subject(&input),
            None,
            header_map,
            payload.clone().into(),
        )
        .await
        .unwrap();
    let advisory = serde_json::json!({
        "stream": "RETRIES", "consumer": "validate", "stream_seq": sequence, "deliveries": 40,
    });
    let subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.RETRIES.validate";
    let tell = async |text: String| {
        let told = bench.client.publish(subject, text.into()).await;
        told.unwrap();
        bench.client.flush().await.unwrap();
    };
    tell(advisory.to_string()).await;
    tell("no json".to_owned()).await;
    tell(advisory.to_string().replace("validate", "somebody")).await;
    bench.start_replay().await;
    let letters = bench.stored(Stream::DeadLetters, 1).await;
    let letter = DeadLetter::decode(letters[0].payload.clone()).unwrap();
    assert_eq!(letter.original_subject, input);
    assert_eq!((letter.attempts, letter.first_seen_at_ms), (47, 1000));
    let emptied = async |stream: Stream| {
        eventually(LIMIT, stream.name(), async || {
            let info = bench.jetstream.get_stream(stream.name()).await?;
            let left = info.cached_info().state.messages;
            ensure!(left == 0, "{left} are left");
            Ok(())
        })
        .await
        .unwrap();
    };
    emptied(Stream::Advisories).await;
    emptied(Stream::Retries).await;
    // Long after, or told by another server of the cluster.
    tell(advisory.to_string()).await;
    emptied(Stream::Advisories).await;
    bench.stored(Stream::DeadLetters, 1).await;
}
