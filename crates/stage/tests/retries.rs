//! Messages that wait: scheduled in RETRIES, out of the way, and back with what they were.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::AckKind;
use common::{Bench, INPUT, OUTPUT, pass, reason_codes, settings, snapshot};
use contracts::contract::Contract;
use contracts::dead_letter::DeadLetterKind;
use contracts::headers;
use contracts::order::OrderSnapshot;
use contracts::topology::{Stage, Stream};
use prost::Message;
use stage::{Failure, Reason};

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(50);

fn waiting(after: Duration) -> Failure {
    Failure::Wait {
        after,
        reason: Reason::new("throttled", "the far side asks to wait"),
    }
}

#[tokio::test]
async fn a_long_retry_is_scheduled_and_holds_no_ack_pending_slot() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |_| async {
        let reason = Reason::new("away", "the far side is away for an hour");
        Err(Failure::Retry {
            after: Some(HOUR),
            reason,
        })
    });
    let stage = stage.await;
    let before_ms = ambient::now_ms();
    bench.put(&snapshot(7)).await;
    let scheduled = bench.awaited(Stream::Retries, 1).await;
    assert_eq!(scheduled[0].payload, snapshot(7).encode_to_vec());
    assert_eq!(
        scheduled[0].header(headers::SCHEMA),
        Some(OrderSnapshot::SCHEMA)
    );
    assert_eq!(scheduled[0].header(headers::ATTEMPTS), Some("1"));
    let first_seen: u64 = scheduled[0]
        .header(headers::FIRST_SEEN_MS)
        .unwrap()
        .parse()
        .unwrap();
    assert!((before_ms.saturating_sub(1)..=ambient::now_ms()).contains(&first_seen));
    let target = scheduled[0].header("Nats-Schedule-Target").unwrap();
    assert_eq!(target, "tillbook.due.validate.acme.order.7");
    let at = scheduled[0]
        .header("Nats-Schedule")
        .unwrap()
        .strip_prefix("@at ")
        .unwrap();
    let at: jiff::Timestamp = at.parse().unwrap();
    assert!(
        at.as_millisecond() >= i64::try_from(before_ms).unwrap() + 3_600_000,
        "{at}"
    );
    bench.settled().await;
    bench.awaited(Stream::DeadLetters, 0).await;
    stage.stop().await;
}

/// What the stage saw of one delivery.
type Seen = Arc<Mutex<Vec<(u32, u64)>>>;

#[tokio::test]
async fn waiting_spends_no_attempts_and_keeps_the_first_sight() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let noted = seen.clone();
    // More waits than the stage has attempts.
    let stage = bench.run(settings(), move |received| {
        let mut seen = noted.lock().unwrap();
        seen.push((received.attempt, received.first_seen_ms));
        let again = seen.len() <= 4;
        async move {
            if again {
                Err(waiting(SOON))
            } else {
                pass(received).await
            }
        }
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    let out = bench.awaited(OUTPUT, 1).await;
    assert_eq!(out[0].id(), "acme-7-1-1:validate");
    bench.settled().await;
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, vec![(1, seen[0].1); 5]);
    bench.awaited(Stream::Retries, 0).await;
    bench.awaited(Stream::DeadLetters, 0).await;
    stage.stop().await;
}

#[tokio::test]
async fn attempts_made_before_and_after_a_wait_add_up() {
    let bench = Bench::start().await;
    let seen = Seen::default();
    let noted = seen.clone();
    let stage = bench.run(settings(), move |received| {
        let mut seen = noted.lock().unwrap();
        seen.push((received.attempt, received.first_seen_ms));
        let waits = seen.len() == 2;
        async move {
            if waits {
                Err(waiting(SOON))
            } else {
                Err(Failure::retry(Reason::new("away", "away")))
            }
        }
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    let letter = bench.letter().await;
    assert_eq!(letter.kind(), DeadLetterKind::Exhausted);
    assert_eq!(letter.attempts, 3);
    let attempts: Vec<u32> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(attempt, _)| *attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 2, 3]);
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn age_ends_even_waiting() {
    let bench = Bench::start().await;
    let stage = bench
        .run(settings(), |_| async { Err(waiting(SOON)) })
        .await;
    let mut header_map = HeaderMap::new();
    let first_seen_ms = ambient::now_ms() - 2 * 3_600_000;
    header_map.insert(headers::FIRST_SEEN_MS, first_seen_ms.to_string().as_str());
    bench.put_with(&snapshot(7), header_map).await;
    let letter = bench.letter().await;
    assert_eq!(letter.kind(), DeadLetterKind::Exhausted);
    assert_eq!(reason_codes(&letter), ["throttled", "retries_spent"]);
    assert_eq!(
        (letter.attempts, letter.first_seen_at_ms),
        (1, first_seen_ms)
    );
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn the_dead_letter_of_a_due_message_names_the_stages_real_input_and_its_own_bytes() {
    let bench = Bench::start().await;
    let calls = Arc::new(Mutex::new(0));
    let stage = bench.run(settings(), move |_| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        let first = *calls == 1;
        async move {
            if first {
                return Err(waiting(SOON));
            }
            Err(Failure::rejected(Reason::new("no", "it never passes")))
        }
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    let letter = bench.letter().await;
    assert_eq!(letter.original_stream, Stream::Retries.name());
    assert_eq!(letter.original_subject, "tillbook.ingested.acme.order.7");
    assert_eq!(letter.original_payload, snapshot(7).encode_to_vec());
    bench.settled().await;
    bench.awaited(Stream::Retries, 0).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_crash_between_schedule_and_ack_schedules_once() {
    let bench = Bench::start().await;
    bench.put(&snapshot(7)).await;
    let stage = bench
        .run(settings(), |_| async { Err(waiting(HOUR)) })
        .await;
    bench.awaited(Stream::Retries, 1).await;
    bench.settled().await;
    stage.stop().await;
    // The ack is lost with the server's memory: the consumer begins anew.
    let stream = bench.jetstream.get_stream(INPUT.name()).await.unwrap();
    stream.delete_consumer("validate").await.unwrap();
    let config = Stage::Validate.consumer();
    bench
        .jetstream
        .create_consumer_on_stream(config, INPUT.name())
        .await
        .unwrap();
    let message = bench.pulled().await;
    message.ack_with(AckKind::Nak(None)).await.unwrap();
    let stage = bench.run(settings(), |received| async move {
        assert_eq!(received.attempt, 2);
        Err(waiting(HOUR))
    });
    let stage = stage.await;
    bench.settled().await;
    bench.awaited(Stream::Retries, 1).await;
    stage.stop().await;
}
