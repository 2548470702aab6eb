//! Messages that cannot be read, named or stored: none is lost, none goes in circles.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use async_nats::HeaderMap;
use common::{Bench, INPUT, pass, passed, reason_codes, settings, snapshot};
use contracts::contract::Contract;
use contracts::dead_letter::{DeadLetter, DeadLetterKind};
use contracts::headers;
use contracts::journal::JournalKind;
use contracts::order::{Flag, OrderSnapshot, ValidatedOrder};
use contracts::topology::{HEADER_BYTES_MAX, Stream, TAKEN_HEADER_BYTES_MAX};
use prost::Message;
use stage::{Done, Failure, Reason};

/// Puts bytes on the stage's input as they are.
async fn put_bytes(bench: &Bench, schema: &str, bytes: &'static [u8]) {
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, schema);
    let subject = INPUT.subject("acme", "order", "7");
    bench
        .publisher()
        .publish(subject, None, header_map, bytes.into())
        .await
        .unwrap();
}

#[tokio::test]
async fn unreadable_bytes_become_a_dead_letter_that_keeps_them() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), pass).await;
    put_bytes(&bench, OrderSnapshot::SCHEMA, b"\xff\xff\xff").await;
    let letter = bench.letter().await;
    assert_eq!(letter.kind(), DeadLetterKind::Unreadable);
    assert_eq!(reason_codes(&letter), ["unreadable"]);
    assert_eq!(letter.original_payload, &b"\xff\xff\xff"[..]);
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn a_schema_the_stage_does_not_read_becomes_a_dead_letter() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), pass).await;
    put_bytes(&bench, "tillbook.order.v9.OrderSnapshot", b"").await;
    let letter = bench.letter().await;
    assert_eq!(reason_codes(&letter), ["unknown_schema"]);
    assert!(
        letter.reasons[0].message.contains("v9"),
        "{}",
        letter.reasons[0].message
    );
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn names_that_cannot_stand_in_a_subject_become_dead_letters() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), pass).await;
    let mut wild = snapshot(7);
    wild.event.as_mut().unwrap().connection = "acme.>".to_owned();
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, OrderSnapshot::SCHEMA);
    for input in [wild, OrderSnapshot::default()] {
        let subject = INPUT.subject("acme", "order", "7");
        let payload = input.encode_to_vec().into();
        let publisher = bench.publisher();
        publisher
            .publish(subject, None, header_map.clone(), payload)
            .await
            .unwrap();
    }
    let letters = bench.awaited(Stream::DeadLetters, 2).await;
    for letter in &letters {
        assert_eq!(
            letter.subject, "tillbook.dead_letter.acme.order.7",
            "as the subject it came by says"
        );
        let letter = DeadLetter::decode(letter.payload.clone()).unwrap();
        assert_eq!(reason_codes(&letter), ["nameless_message"]);
    }
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn a_next_message_the_stream_does_not_take_becomes_a_dead_letter() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |received| async move {
        // Above the stream's limit, below the server's.
        let message = "x".repeat(950 * 1024);
        let flags = vec![Flag {
            code: "long".to_owned(),
            message,
        }];
        Ok(Done::Next(ValidatedOrder {
            flags,
            ..passed(&received)
        }))
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    let letter = bench.letter().await;
    assert_eq!(reason_codes(&letter), ["message_too_large"]);
    assert_eq!(letter.original_payload, snapshot(7).encode_to_vec());
    bench.settled().await;
    assert!(
        bench.journal(JournalKind::StagePassed).await.is_empty(),
        "it did not pass"
    );
    stage.stop().await;
}

#[tokio::test]
async fn a_next_message_the_server_does_not_take_becomes_a_dead_letter() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |received| async move {
        let message = "x".repeat(3 * 1024 * 1024);
        let flags = vec![Flag {
            code: "long".to_owned(),
            message,
        }];
        Ok(Done::Next(ValidatedOrder {
            flags,
            ..passed(&received)
        }))
    });
    let stage = stage.await;
    bench.put(&snapshot(7)).await;
    assert_eq!(reason_codes(&bench.letter().await), ["message_too_large"]);
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn the_largest_message_a_stage_takes_still_fits_into_a_dead_letter() {
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |_| async {
        Err(Failure::held(Reason::new("held", "a person must decide")))
    });
    let stage = stage.await;
    let mut input = snapshot(7);
    input.document = vec![b'x'; 895 * 1024].into();
    bench.put(&input).await;
    let letter = bench.letter().await;
    assert_eq!(letter.original_payload.len(), input.encode_to_vec().len());
    bench.settled().await;
    stage.stop().await;
}

#[tokio::test]
async fn headers_beyond_their_bound_are_refused_and_those_without_room_for_ours_buried() {
    let bench = Bench::start().await;
    let mut header_map = HeaderMap::new();
    header_map.insert("A-Strangers", "x".repeat(HEADER_BYTES_MAX).as_str());
    let subject = INPUT.subject("acme", "order", "7");
    let payload = snapshot(7).encode_to_vec();
    let refused = bench
        .publisher()
        .publish(
            subject.clone(),
            None,
            header_map.clone(),
            payload.clone().into(),
        )
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("65535 bytes"), "{refused}");
    // What the server takes, but leaves no room for those of another attempt.
    header_map.insert("A-Strangers", "x".repeat(TAKEN_HEADER_BYTES_MAX).as_str());
    let stored = bench
        .jetstream
        .publish_with_headers(subject, header_map, payload.clone().into());
    stored.await.unwrap().await.unwrap();
    let stage = bench.run(settings(), pass).await;
    let letter = bench.letter().await;
    assert_eq!(reason_codes(&letter), ["headers_too_large"]);
    assert_eq!(letter.original_payload, payload);
    assert_eq!(letter.original_headers.len(), 1);
    bench.settled().await;
    stage.stop().await;
}
