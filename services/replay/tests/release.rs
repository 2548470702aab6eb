//! A released letter goes back to the stage it left, once, with a reason.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::HeaderMap;
use common::{Bench, LIMIT, TRACEPARENT, letter, snapshot};
use contracts::contract::Contract;
use contracts::dead_letter::DeadLetter;
use contracts::headers;
use contracts::journal::JournalKind;
use contracts::order::{OrderSnapshot, ValidatedOrder};
use contracts::topology::{self, Stream};
use prost::Message;
use replay::{AskError, Filter, Request};
use serde_json::Value;
use stage::{Done, Failure, Publisher, Reason, Received, Runner, Stage};

#[tokio::test]
async fn a_release_puts_the_original_back_under_a_new_id_and_links_its_trace() {
    let bench = Bench::start().await;
    // The first life of the message is still inside the stream's duplicate window.
    let mut first = HeaderMap::new();
    first.insert(headers::SCHEMA, OrderSnapshot::SCHEMA);
    let publisher = Publisher::new(bench.jetstream.clone());
    let subject = "tillbook.ingested.acme.order.7".to_owned();
    let payload = snapshot().encode_to_vec().into();
    publisher
        .publish(subject, Some("acme-7-1-1:fetch"), first, payload)
        .await
        .unwrap();
    bench.bury(&letter()).await;

    let answer = bench
        .release("validate-INGESTED-1-5", "the customer was added")
        .await
        .unwrap();
    assert_eq!(answer["dead_letter_id"], "validate-INGESTED-1-5");
    assert_eq!(
        (&answer["released"], &answer["left"]),
        (&1.into(), &0.into())
    );
    assert_eq!(answer["summary"], "1 letter was released.");
    assert_eq!(
        (&answer["stage"], &answer["stream_sequence"]),
        (&"validate".into(), &2.into())
    );

    let ingested = bench.stored(Stream::Ingested, 2).await;
    let released = &ingested[1];
    assert_eq!(released.subject.as_str(), "tillbook.ingested.acme.order.7");
    assert_eq!(released.payload, snapshot().encode_to_vec());
    let header = |name: &str| released.headers.get(name).map(|value| value.as_str());
    assert_eq!(header(headers::MESSAGE_ID), answer["message_id"].as_str());
    assert_ne!(header(headers::MESSAGE_ID), Some("acme-7-1-1:fetch"));
    assert_eq!(header(headers::SCHEMA), Some(OrderSnapshot::SCHEMA));
    assert_eq!(header("Tillbook-Test"), Some("kept"));
    assert_eq!(header(headers::REPLAY_OF), Some(TRACEPARENT));
    for gone in [
        headers::ATTEMPTS,
        headers::FIRST_SEEN_MS,
        headers::TRACEPARENT,
    ] {
        assert_eq!(header(gone), None, "{gone} belongs to the first life");
    }
    assert_eq!(header("Nats-Expected-Stream"), None);

    let entries = bench.journal().await;
    assert_eq!(entries[0].kind(), JournalKind::Replayed);
    assert_eq!(entries[0].detail, "the customer was added");
    assert_eq!(entries[0].attributes["who"], "jo");
    assert_eq!(entries[0].entity_id, "7");
}

#[tokio::test]
async fn a_release_without_a_reason_or_of_an_unknown_letter_is_refused() {
    let bench = Bench::start().await;
    bench.bury(&letter()).await;
    assert!(
        bench
            .refusal("validate-INGESTED-1-5", " \n")
            .await
            .contains("reason")
    );
    let unknown = bench.refusal("validate-INGESTED-9-9", "because").await;
    assert!(unknown.contains("validate-INGESTED-9-9"), "{unknown}");
    bench.stored(Stream::Ingested, 0).await;
    bench.stored(Stream::Journal, 0).await;
}

#[tokio::test]
async fn a_letter_that_no_stage_of_this_version_takes_is_refused() {
    let bench = Bench::start().await;
    let of = |id: &str, stage: &str, subject: &str| DeadLetter {
        dead_letter_id: id.to_owned(),
        stage: stage.to_owned(),
        original_subject: subject.to_owned(),
        ..letter()
    };
    bench
        .bury(&of("a", "enrich", "tillbook.ingested.acme.order.7"))
        .await;
    bench
        .bury(&of("b", "deliver", "tillbook.ingested.acme.order.7"))
        .await;
    bench
        .bury(&of("c", "validate", "tillbook.control.replay"))
        .await;
    assert!(bench.refusal("a", "because").await.contains("enrich"));
    assert!(
        bench
            .refusal("b", "because")
            .await
            .contains("does not consume")
    );
    assert!(
        bench
            .refusal("c", "because")
            .await
            .contains("does not consume")
    );
    bench.stored(Stream::Ingested, 0).await;
}

#[tokio::test]
async fn letters_are_listed_newest_first() {
    let bench = Bench::start().await;
    for (connection, number) in [("acme", 1), ("other", 2), ("acme", 3)] {
        let letter = DeadLetter {
            dead_letter_id: format!("letter-{number}"),
            connection: connection.to_owned(),
            ..letter()
        };
        bench.bury(&letter).await;
    }
    let ids = |answer: &Value| -> Vec<String> {
        let letters = answer["dead_letters"].as_array().unwrap();
        letters
            .iter()
            .map(|l| l["dead_letter_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = bench
        .ask(Request::List {
            filter: Filter::default(),
            limit: 2,
        })
        .await
        .unwrap();
    assert_eq!(
        (ids(&all), &all["total"]),
        (vec!["letter-3".into(), "letter-2".into()], &3.into())
    );
    let of = |connection: &str| Filter {
        connection: Some(connection.to_owned()),
        ..Filter::default()
    };
    let acme = bench
        .ask(Request::List {
            filter: of("acme"),
            limit: 10,
        })
        .await
        .unwrap();
    assert_eq!(ids(&acme), ["letter-3", "letter-1"]);
    let wild = bench
        .ask(Request::List {
            filter: of("a.>"),
            limit: 10,
        })
        .await;
    assert!(matches!(wild, Err(AskError::Refused(_))), "{wild:?}");
    let id = "letter-1".to_owned();
    let shown = bench
        .ask(Request::Show { dead_letter_id: id })
        .await
        .unwrap();
    assert_eq!(shown["original_bytes"], snapshot().encode_to_vec().len());
    assert_eq!(shown["original_payload"]["event"]["entityId"], "7");
}

#[tokio::test]
async fn one_unreadable_letter_keeps_no_other_from_being_released() {
    let bench = Bench::start().await;
    let publisher = Publisher::new(bench.jetstream.clone());
    let subject = Stream::DeadLetters.subject("acme", "order", "6");
    let bytes = bytes::Bytes::from_static(b"\xff\xff");
    publisher
        .publish(subject, None, HeaderMap::new(), bytes)
        .await
        .unwrap();
    bench.bury(&letter()).await;
    bench
        .release("validate-INGESTED-1-5", "because")
        .await
        .unwrap();
    bench.stored(Stream::Ingested, 1).await;
}

#[tokio::test]
async fn without_letters_the_list_is_empty() {
    let bench = Bench::start().await;
    let all = bench
        .ask(Request::List {
            filter: Filter::default(),
            limit: 10,
        })
        .await
        .unwrap();
    assert_eq!(all["total"], 0);
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_answered_with_an_error() {
    let bench = Bench::start().await;
    let answer = bench
        .client
        .request("tillbook.control.replay", "{\"request\":\"burn\"}".into())
        .await;
    let answer: Value = serde_json::from_slice(&answer.unwrap().payload).unwrap();
    assert!(
        answer["error"].as_str().unwrap().contains("cannot be read"),
        "{answer}"
    );
}

/// Holds orders until a person has acted.
struct Strict {
    mended: Arc<AtomicBool>,
}

impl Stage for Strict {
    const STAGE: topology::Stage = topology::Stage::Validate;
    type In = OrderSnapshot;
    type Out = ValidatedOrder;

    async fn process(
        &self,
        input: Received<OrderSnapshot>,
    ) -> Result<Done<ValidatedOrder>, Failure> {
        if !self.mended.load(Ordering::SeqCst) {
            return Err(Failure::held(Reason::new("held", "a person must decide")));
        }
        let event = input.message.event;
        Ok(Done::Next(ValidatedOrder {
            event,
            ..ValidatedOrder::default()
        }))
    }
}

#[tokio::test]
async fn a_held_order_goes_on_after_its_release_through_the_same_stage() {
    let bench = Bench::start().await;
    let mended = Arc::new(AtomicBool::new(false));
    let stage = Strict {
        mended: mended.clone(),
    };
    let runner = Runner::bind(stage, bench.context()).await.unwrap();
    let running = tokio::spawn(runner.run());
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, OrderSnapshot::SCHEMA);
    let publisher = Publisher::new(bench.jetstream.clone());
    let subject = Stream::Ingested.subject("acme", "order", "7");
    let payload = snapshot().encode_to_vec().into();
    publisher
        .publish(subject, Some("acme-7-1-1:fetch"), header_map, payload)
        .await
        .unwrap();
    let letters = bench.stored(Stream::DeadLetters, 1).await;
    let letter = DeadLetter::decode(letters[0].payload.clone()).unwrap();
    // A release before the cause is mended only makes another letter.
    bench
        .release(&letter.dead_letter_id, "let us see")
        .await
        .unwrap();
    let letters = bench.stored(Stream::DeadLetters, 2).await;
    let second = DeadLetter::decode(letters[1].payload.clone()).unwrap();
    assert_ne!(second.dead_letter_id, letter.dead_letter_id);
    assert_eq!(second.attempts, 1, "a new life");
    mended.store(true, Ordering::SeqCst);
    bench
        .release(&second.dead_letter_id, "mended")
        .await
        .unwrap();
    let out = bench.stored(Stream::Validated, 1).await;
    assert_eq!(out[0].subject.as_str(), "tillbook.validated.acme.order.7");
    bench.shutdown.cancel();
    tokio::time::timeout(LIMIT, running).await.unwrap().unwrap();
}
