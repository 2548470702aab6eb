//! The three exits: what each leaves behind, and that nothing leaves by a fourth.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::AckKind;
use common::{Bench, INPUT, LIMIT, OUTPUT, pass, reason_codes, settings, snapshot};
use contracts::contract::Contract;
use contracts::dead_letter::{DeadLetterKind, Header};
use contracts::headers;
use contracts::journal::JournalKind;
use contracts::order::{OrderSnapshot, ValidatedOrder};
use contracts::topology::Stream;
use prost::Message;
use stage::{Done, Failure, Reason};

#[tokio::test]
async fn a_passed_message_is_stored_under_its_deterministic_id_and_the_source_is_acked() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), pass).await;
    bench.put(&snapshot(7)).await;
    let out = bench.awaited(OUTPUT, 1).await;
    assert_eq!(out[0].id(), "acme-7-1-1:validate");
    assert_eq!(out[0].subject, "tillbook.validated.acme.order.7");
    assert_eq!(out[0].header(headers::SCHEMA), Some(ValidatedOrder::SCHEMA));
    bench.settled().await;
    assert_eq!(bench.left_by("next"), 1);
    stage.stop().await;
}

#[tokio::test]
async fn the_journal_gets_one_entry_for_each_passed_message() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), pass).await;
    for order_id in 1..=20 {
        bench.put(&snapshot(order_id)).await;
    }
    bench.awaited(OUTPUT, 20).await;
    bench.settled().await;
    let passed = bench.journal(JournalKind::StagePassed).await;
    let mut orders: Vec<u64> = passed
        .iter()
        .map(|e| e.entity_id.parse().unwrap())
        .collect();
    orders.sort_unstable();
    assert_eq!(orders, (1..=20).collect::<Vec<_>>());
    assert!(
        passed
            .iter()
            .all(|entry| entry.stage == "validate" && entry.connection == "acme")
    );
    let mut ids: Vec<&str> = passed.iter().map(|entry| entry.entry_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    stage.stop().await;
}

/// Takes one message as the stage's process would, and publishes the next, but dies before the ack.
async fn crash_between_publish_and_ack(bench: &Bench) {
    let message = bench.pulled().await;
    let input = OrderSnapshot::decode(message.payload.clone()).unwrap();
    let event = input.event.unwrap();
    let next = ValidatedOrder {
        event: Some(event.clone()),
        ..ValidatedOrder::default()
    };
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, ValidatedOrder::SCHEMA);
    let subject = OUTPUT.subject(&event.connection, "order", &event.entity_id);
    let id = format!("{}:validate", event.event_id);
    let payload = next.encode_to_vec().into();
    bench
        .publisher()
        .publish(subject, Some(&id), header_map, payload)
        .await
        .unwrap();
    // Instead of waiting out the ack wait: the server delivers again either way.
    message.ack_with(AckKind::Nak(None)).await.unwrap();
}

#[tokio::test]
async fn a_crash_between_publish_and_ack_stores_the_next_message_once() {
    let bench = Bench::start().await;
    bench.put(&snapshot(7)).await;
    crash_between_publish_and_ack(&bench).await;
    let stage = bench.run(settings(), |received| async move {
        assert_eq!(received.attempt, 2);
        pass(received).await
    });
    let stage = stage.await;
    bench.settled().await;
    assert_eq!(bench.left_by("next"), 1);
    bench.awaited(OUTPUT, 1).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_closed_message_leaves_a_journal_entry_and_nothing_else() {
    let bench = Bench::start().await;
    let close = |_| async { Ok(Done::Closed("nothing to do".to_owned())) };
    let stage = bench.run(settings(), close).await;
    bench.put(&snapshot(7)).await;
    bench.settled().await;
    assert_eq!(
        bench.journal(JournalKind::Closed).await[0].detail,
        "nothing to do"
    );
    bench.awaited(OUTPUT, 0).await;
    bench.awaited(Stream::DeadLetters, 0).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_panic_is_retried_and_becomes_a_dead_letter_when_the_attempts_are_spent() {
    let bench = Bench::start().await;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let stage = bench.run(settings(), move |received| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert!(received.message.event.is_none(), "a bug of the stage");
            pass(received).await
        }
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    let letter = bench.letter().await;
    assert_eq!(letter.kind(), DeadLetterKind::Exhausted);
    assert_eq!(reason_codes(&letter), ["panic", "retries_spent"]);
    assert_eq!((letter.attempts, calls.load(Ordering::SeqCst)), (3, 3));
    bench.settled().await;
    assert_eq!(bench.journal(JournalKind::RetryScheduled).await.len(), 2);
    stage.stop().await;
}

#[tokio::test]
async fn a_stage_that_never_ends_is_cut_off_and_buried_alike() {
    let bench = Bench::start().await;
    let mut settings = settings();
    settings.process_timeout = Duration::from_millis(20);
    let stage = bench.run(settings, |_| std::future::pending()).await;
    bench.put(&snapshot(7)).await;
    let letter = bench.letter().await;
    assert_eq!(letter.kind(), DeadLetterKind::Exhausted);
    assert_eq!(reason_codes(&letter), ["timeout", "retries_spent"]);
    assert_eq!(letter.attempts, 3);
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn a_failure_that_passes_leaves_no_dead_letter() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |received| async move {
        if received.attempt < 3 {
            return Err(Failure::retry(Reason::new("away", "the far side is away")));
        }
        pass(received).await
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    bench.awaited(OUTPUT, 1).await;
    bench.settled().await;
    bench.awaited(Stream::DeadLetters, 0).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_held_message_is_kept_whole_with_every_reason() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |_| async {
        Err(Failure::Held(vec![
            Reason::new("missing_customer", "the order names no customer").at("order.customer_id"),
            Reason::new("bad_total", "the total is not the sum"),
        ]))
    });
    let stage = stage.await;
    let mut header_map = HeaderMap::new();
    header_map.insert("Tillbook-Test", "first");
    header_map.append("Tillbook-Test", "second");
    let input = snapshot(7);
    let sequence = bench.put_with(&input, header_map).await;
    let letter = bench.letter().await;
    assert_eq!(letter.kind(), DeadLetterKind::Held);
    assert_eq!(letter.stage, "validate");
    assert_eq!(letter.attempts, 1);
    assert_eq!(reason_codes(&letter), ["missing_customer", "bad_total"]);
    assert_eq!(letter.reasons[0].path, "order.customer_id");
    assert_eq!(letter.original_payload, input.encode_to_vec());
    assert_eq!(letter.original_stream, INPUT.name());
    assert_eq!(letter.original_subject, "tillbook.ingested.acme.order.7");
    assert_eq!(letter.original_sequence, sequence);
    assert_eq!(
        (letter.entity.as_str(), letter.entity_id.as_str()),
        ("order", "7")
    );
    assert_eq!(letter.event_id, "acme-7-1-1");
    for value in ["first", "second"] {
        let header = Header {
            name: "Tillbook-Test".to_owned(),
            value: value.to_owned(),
        };
        assert!(
            letter.original_headers.contains(&header),
            "{:?}",
            letter.original_headers
        );
    }
    bench.settled().await;
    let entries = bench.journal(JournalKind::DeadLettered).await;
    assert_eq!(
        entries[0].attributes["dead_letter_id"],
        letter.dead_letter_id
    );
    bench.awaited(OUTPUT, 0).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_rejected_message_is_terminated_after_its_dead_letter_is_stored() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |_| async {
        Err(Failure::rejected(Reason::new("no", "it never passes")))
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    let letter = bench.letter().await;
    assert_eq!(letter.kind(), DeadLetterKind::Rejected);
    bench.settled().await;
    assert_eq!(bench.left_by("dead_letter"), 1);
    stage.stop().await;
}

#[tokio::test]
async fn without_room_for_the_dead_letter_the_source_is_not_given_up() {
    let bench = Bench::start().await;
    let full = bench.limit(Stream::DeadLetters, 1).await;
    let stage = bench.run(settings(), |_| async {
        Err(Failure::rejected(Reason::new("no", "it never passes")))
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    testkit::eventually(LIMIT, "a failed exit", async || {
        anyhow::ensure!(bench.left_by("store_failed") >= 1);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(bench.consumer(INPUT).await.unwrap().num_ack_pending, 1);
    bench.restore(full).await;
    bench.letter().await;
    bench.settled().await;
    stage.stop().await;
}
