//! Snapshots of every encoding are read, and broken ones say what is wrong with them.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

use contracts::event::{Entity, Event};
use contracts::order::{Encoding, OrderSnapshot, SnapshotState, ValidatedOrder};
use serde_json::{Value, json};
use stage::{Failure, Reason};
use validate::read;

fn event() -> Event {
    Event {
        event_id: "acme-1001-1-1".to_owned(),
        connection: "acme".to_owned(),
        entity: Entity::Order.into(),
        entity_id: "1001".to_owned(),
        ..Event::default()
    }
}

/// One mug for 10.00, paid.
fn document() -> Value {
    json!({
        "order": {
            "id": 1001, "customer_id": 7, "status_id": 11, "status": "Awaiting Fulfillment",
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

fn plain(bytes: Vec<u8>) -> OrderSnapshot {
    OrderSnapshot {
        document_bytes: u32::try_from(bytes.len()).unwrap(),
        document: bytes.into(),
        encoding: Encoding::Identity.into(),
        state: SnapshotState::Present.into(),
        ..OrderSnapshot::default()
    }
}

fn compressed(document: &Value) -> OrderSnapshot {
    let json = document.to_string();
    OrderSnapshot {
        document: zstd::encode_all(json.as_bytes(), 3).unwrap().into(),
        encoding: Encoding::Zstd.into(),
        ..plain(json.into_bytes())
    }
}

fn rejected(snapshot: OrderSnapshot) -> Vec<Reason> {
    match read(event(), snapshot) {
        Err(Failure::Rejected(reasons)) => reasons,
        other => panic!("it was not rejected: {other:?}"),
    }
}

fn only_code(snapshot: OrderSnapshot) -> String {
    let reasons = rejected(snapshot);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons[0].code.clone()
}

#[test]
fn a_compressed_document_is_read_like_a_plain_one() {
    let plain = read(event(), plain(document().to_string().into_bytes())).unwrap();
    let order = plain.order.as_ref().unwrap();
    assert_eq!((order.id, order.currency_code.as_str()), (1001, "USD"));
    assert_eq!(order.products.len(), 1);
    assert_eq!(plain.event, Some(event()));
    assert_eq!(plain.state(), SnapshotState::Present);
    assert_eq!(read(event(), compressed(&document())).unwrap(), plain);
}

#[test]
fn a_large_compressed_document_is_read_whole() {
    let mut large = document();
    let notes = "a word and another ".repeat(20_000);
    large["order"]["staff_notes"] = notes.clone().into();
    let order = read(event(), compressed(&large)).unwrap().order.unwrap();
    assert_eq!(order.staff_notes.trim(), notes.trim());
}

#[test]
fn every_fault_of_an_order_is_named_at_once() {
    let mut broken = document();
    broken["order"]["default_currency_code"] = "???".into();
    broken["products"][0]["quantity"] = "many".into();
    let snapshot = plain(broken.to_string().into_bytes());
    let Err(Failure::Held(reasons)) = read(event(), snapshot) else {
        panic!("it was not held")
    };
    assert!(reasons.len() >= 2, "{reasons:?}");
    assert!(
        reasons
            .iter()
            .any(|reason| reason.path.contains("products[0]")),
        "{reasons:?}"
    );
    assert!(
        reasons.iter().all(|reason| !reason.message.contains("Ada")),
        "no customer data"
    );
}

#[test]
fn what_is_no_json_is_rejected_without_repeating_it() {
    let reasons = rejected(plain(b"{\"order\": Ada Byron".to_vec()));
    assert_eq!(reasons[0].code, "document_not_json");
    assert!(!reasons[0].message.contains("Ada"), "{reasons:?}");
    assert_eq!(only_code(plain(Vec::new())), "document_not_json");
    assert_eq!(only_code(plain(vec![0xff, 0xfe])), "document_not_json");
}

#[test]
fn half_of_a_character_is_no_json_and_not_guessed() {
    // As a store writes a name that was cut in the middle of an emoji.
    let halved = document().to_string().replace("Mug", "Mug \\ud83d");
    assert_eq!(only_code(plain(halved.into_bytes())), "document_not_json");
}

#[test]
fn broken_compression_is_rejected() {
    let whole = compressed(&document());
    let noise = OrderSnapshot {
        document: vec![7; 40].into(),
        ..whole.clone()
    };
    assert_eq!(only_code(noise), "document_not_readable");
    let cut = OrderSnapshot {
        document: whole.document.slice(..20),
        ..whole.clone()
    };
    assert_eq!(only_code(cut), "document_not_readable");
    // More than it promised: a bomb is not unpacked.
    let bomb = OrderSnapshot {
        document_bytes: 10,
        ..whole.clone()
    };
    assert_eq!(only_code(bomb), "document_not_readable");
    let boast = OrderSnapshot {
        document_bytes: u32::MAX,
        ..whole
    };
    assert_eq!(only_code(boast), "document_too_large");
}

#[test]
fn an_encoding_of_a_newer_version_is_rejected() {
    let snapshot = OrderSnapshot {
        encoding: 9,
        ..plain(document().to_string().into_bytes())
    };
    assert_eq!(only_code(snapshot), "unknown_encoding");
}

#[test]
fn reading_twice_gives_the_same_bytes() {
    let bytes = |order: &ValidatedOrder| prost::Message::encode_to_vec(order);
    let first = read(event(), compressed(&document())).unwrap();
    let second = read(event(), compressed(&document())).unwrap();
    assert_eq!(bytes(&first), bytes(&second));
}
