//! A validated order becomes the books it must show; what cannot is held with the reason.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

use std::collections::HashMap;
use std::time::Duration;

use anyhow::ensure;
use async_nats::HeaderMap;
use async_nats::jetstream;
use contracts::books::{DesiredBooks, Disposition};
use contracts::contract::Contract;
use contracts::dead_letter::{DeadLetter, DeadLetterKind};
use contracts::event::{Entity, Event};
use contracts::headers;
use contracts::order::{SnapshotState, ValidatedOrder};
use contracts::order_conversion;
use contracts::topology::{Sizing, Stream};
use domain::mapping::{BUILT_IN_DOCUMENT, Mapping};
use domain::policy::{Policy, StatusRule};
use prost::Message;
use runtime::metrics::Metrics;
use serde_json::{Value, json};
use servers::NatsServer;
use stage::{
    Failure, Journal, Publisher, RetryPolicy, Runner, StageContext, StageMetrics, StageSettings,
};
use store::mappings::{DEFAULT_KEY, Mappings, publish};
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use transform::{Transform, transform};

fn event(order_id: u64) -> Event {
    Event {
        event_id: format!("acme-{order_id}-1-1"),
        connection: "acme".to_owned(),
        entity: Entity::Order.into(),
        entity_id: order_id.to_string(),
        ..Event::default()
    }
}

/// One mug for 10.00, as the store shows it.
fn document(order_id: u64) -> Value {
    json!({
        "order": {
            "id": order_id, "customer_id": 7, "status_id": 11, "status": "Awaiting Fulfillment",
            "date_created": "Thu, 27 Aug 2020 23:47:22 +0000",
            "date_modified": "Fri, 28 Aug 2020 03:47:22 +0000",
            "default_currency_code": "USD", "is_deleted": false,
            "subtotal_ex_tax": "10.0000", "subtotal_inc_tax": "10.0000",
            "total_ex_tax": "10.0000", "total_inc_tax": "10.0000", "total_tax": "0.0000",
            "payment_method": "Credit Card",
            "billing_address": { "first_name": "Ada", "email": "Ada@Example.com" },
        },
        "products": [{ "id": 1, "product_id": 101, "name": "Mug", "type": "physical",
            "quantity": 1, "price_ex_tax": "10.00", "price_inc_tax": "10.00",
            "total_ex_tax": "10.00", "total_inc_tax": "10.00" }],
        "taxes": [], "fees": [], "refunds": [],
        "transactions": [{ "id": 501, "event": "purchase", "amount": 10, "status": "ok",
            "method": "credit_card", "gateway": "stripe", "currency": "USD", "test": false,
            "date_created": "2020-08-27T23:47:22Z" }],
        "store": { "time_zone": "America/New_York" },
    })
}

fn validated(order_id: u64, document: &Value) -> ValidatedOrder {
    let read = domain::validate::read_order(document).unwrap();
    ValidatedOrder {
        event: Some(event(order_id)),
        order: Some(order_conversion::to_wire(&read.order)),
        state: SnapshotState::Present.into(),
        ..ValidatedOrder::default()
    }
}

fn books_of(order: &ValidatedOrder, policy: &Policy) -> Result<DesiredBooks, Failure> {
    transform(event(1001), order, policy, &Mapping::built_in())
}

#[test]
fn a_paid_order_becomes_a_sent_invoice_with_its_payment() {
    let order = validated(1001, &document(1001));
    let books = books_of(&order, &Policy::default()).unwrap();
    assert_eq!(books.disposition(), Disposition::Sent);
    let invoice = books.invoice.as_ref().unwrap();
    assert_eq!(
        (invoice.currency_code.as_str(), invoice.lines.len()),
        ("USD", 1)
    );
    assert_eq!(invoice.create_date, "2020-08-27", "the store's own day");
    assert_eq!(invoice.expected_total.as_ref().unwrap().amount_minor, 1000);
    assert_eq!(books.payments.len(), 1);
    assert_eq!(
        books.payments[0].amount.as_ref().unwrap().amount_minor,
        1000
    );
    assert_eq!(books.client.as_ref().unwrap().email_key, "ada@example.com");
    assert_eq!(books.event, Some(event(1001)));
    let mapping = Mapping::built_in();
    assert_eq!(books.mapping_name, mapping.name());
    assert_eq!(books.mapping_version, mapping.version());
    assert_eq!(books.mapping_hash, mapping.hash());
}

#[test]
fn a_status_that_is_kept_out_asks_for_nothing() {
    let policy = Policy {
        status: [(11, StatusRule::None)].into_iter().collect(),
        ..Policy::default()
    };
    let books = books_of(&validated(1001, &document(1001)), &policy).unwrap();
    assert_eq!(books.disposition(), Disposition::Nothing);
    assert!(!books.disposition_reason.is_empty());
}

#[test]
fn an_order_that_is_gone_is_taken_out_of_the_books() {
    let gone = ValidatedOrder {
        event: Some(event(1001)),
        state: SnapshotState::Gone.into(),
        ..ValidatedOrder::default()
    };
    let books = books_of(&gone, &Policy::default()).unwrap();
    assert_eq!(books.disposition(), Disposition::Removed);
    let nameless = Event {
        entity_id: "x".to_owned(),
        ..event(1001)
    };
    let refused = transform(nameless, &gone, &Policy::default(), &Mapping::built_in());
    assert!(matches!(refused, Err(Failure::Rejected(_))), "{refused:?}");
}

#[test]
fn a_message_without_its_order_or_with_a_broken_amount_is_rejected() {
    let code = |order: &ValidatedOrder| match books_of(order, &Policy::default()) {
        Err(Failure::Rejected(reasons)) => reasons[0].code.clone(),
        other => panic!("it was not rejected: {other:?}"),
    };
    let empty = ValidatedOrder {
        event: Some(event(1001)),
        ..ValidatedOrder::default()
    };
    assert_eq!(code(&empty), "incomplete_order");
    let mut broken = validated(1001, &document(1001));
    broken.order.as_mut().unwrap().products[0].quantity = "many".to_owned();
    assert_eq!(code(&broken), "unreadable_order");
}

#[test]
fn an_order_whose_figures_contradict_each_other_is_held() {
    let mut document = document(1001);
    document["order"]["total_inc_tax"] = "99.0000".into();
    document["order"]["total_ex_tax"] = "99.0000".into();
    let held = books_of(&validated(1001, &document), &Policy::default());
    let Err(Failure::Held(reasons)) = held else {
        panic!("it was not held: {held:?}")
    };
    assert!(!reasons.is_empty());
    assert!(
        reasons.iter().all(|reason| !reason.message.contains("Ada")),
        "no customer data"
    );
}

/// A bound for broken code, not an expectation.
const LIMIT: Duration = Duration::from_secs(60);

fn context(jetstream: &jetstream::Context) -> StageContext {
    let publisher = Publisher::new(jetstream.clone());
    StageContext {
        jetstream: jetstream.clone(),
        publisher: publisher.clone(),
        journal: Journal::start(publisher, "transform"),
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
        shutdown: CancellationToken::new(),
    }
}

async fn put(jetstream: &jetstream::Context, order_id: u64) {
    let order = validated(order_id, &document(order_id));
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, ValidatedOrder::SCHEMA);
    let subject = Stream::Validated.subject("acme", "order", &order_id.to_string());
    let id = format!("acme-{order_id}-1-1:validate");
    let payload = order.encode_to_vec().into();
    let publisher = Publisher::new(jetstream.clone());
    publisher
        .publish(subject, Some(&id), header_map, payload)
        .await
        .unwrap();
}

async fn last(jetstream: &jetstream::Context, stream: Stream, sequence: u64) -> bytes::Bytes {
    let stored = eventually(LIMIT, stream.name(), async || {
        let handle = jetstream.get_stream(stream.name()).await?;
        let last = handle.cached_info().state.last_sequence;
        ensure!(last == sequence, "{last} of {sequence}");
        Ok(handle.get_raw_message(sequence).await?.payload)
    });
    stored.await.unwrap()
}

#[tokio::test]
async fn a_broken_mapping_holds_orders_until_a_mended_one_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(folder.path().join("nats"), None)
        .await
        .unwrap();
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let sizing = Sizing {
        replicas: 1,
        storage_gib: 1,
    };
    stage::bootstrap::bootstrap(&jetstream, sizing)
        .await
        .unwrap();
    publish(&jetstream, DEFAULT_KEY, "nonsense: true\n")
        .await
        .unwrap();
    let mappings = Mappings::load(&jetstream).await.unwrap();
    let policies = HashMap::from([("acme".to_owned(), Policy::default())]);
    let context = context(&jetstream);
    let shutdown = context.shutdown.clone();
    let stage = Transform {
        policies,
        mappings: mappings.clone(),
    };
    let running = tokio::spawn(Runner::bind(stage, context).await.unwrap().run());

    put(&jetstream, 1001).await;
    let letter = DeadLetter::decode(last(&jetstream, Stream::DeadLetters, 1).await).unwrap();
    assert_eq!(letter.kind(), DeadLetterKind::Held);
    assert_eq!(letter.reasons[0].code, "mapping_invalid");
    assert!(
        letter.reasons[0].message.contains("nonsense"),
        "{}",
        letter.reasons[0].message
    );

    publish(&jetstream, DEFAULT_KEY, BUILT_IN_DOCUMENT)
        .await
        .unwrap();
    let mended = eventually(LIMIT, "the mended mapping", async || {
        mappings.of("acme").map(drop).map_err(anyhow::Error::msg)
    });
    mended.await.unwrap();
    put(&jetstream, 1002).await;
    let books = DesiredBooks::decode(last(&jetstream, Stream::Transformed, 1).await).unwrap();
    assert_eq!(books.event, Some(event(1002)));
    shutdown.cancel();
    tokio::time::timeout(LIMIT, running).await.unwrap().unwrap();
}
