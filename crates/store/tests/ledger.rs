//! The ledger's fence: of two writers with the same knowledge, one writes.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use common::Bench;
use contracts::ledger::{ClientEntry, OrderEntry};
use contracts::topology::Bucket;
use domain::books::DesiredClient;
use store::ledger::{ClientKey, Error, Ledger};

fn entry(version_ms: u64) -> OrderEntry {
    OrderEntry {
        version_ms,
        ..OrderEntry::default()
    }
}

#[tokio::test]
async fn an_entry_is_created_once_and_changed_by_its_revision() {
    let bench = Bench::start().await;
    let ledger = Ledger::bind(&bench.jetstream).await.unwrap();
    let absent = ledger.order("acme", "7").await.unwrap();
    assert_eq!((absent.revision, absent.value), (0, OrderEntry::default()));
    let first = ledger.put_order("acme", "7", &entry(1), 0).await.unwrap();
    let second = ledger
        .put_order("acme", "7", &entry(2), first)
        .await
        .unwrap();
    assert!(second > first);
    let read = ledger.order("acme", "7").await.unwrap();
    assert_eq!((read.revision, read.value), (second, entry(2)));
    assert_eq!(
        ledger.order("other", "7").await.unwrap().revision,
        0,
        "connections are apart"
    );
}

#[tokio::test]
async fn the_second_of_two_writers_is_fenced_and_changes_nothing() {
    let bench = Bench::start().await;
    let ours = Ledger::bind(&bench.jetstream).await.unwrap();
    let theirs = Ledger::bind(&bench.another().await).await.unwrap();
    let created = ours.put_order("acme", "7", &entry(1), 0).await.unwrap();
    let again = theirs
        .put_order("acme", "7", &entry(9), 0)
        .await
        .unwrap_err();
    assert!(
        matches!(&again, Error::Fenced { key } if key == "acme.order.7"),
        "{again}"
    );
    ours.put_order("acme", "7", &entry(2), created)
        .await
        .unwrap();
    let late = theirs
        .put_order("acme", "7", &entry(9), created)
        .await
        .unwrap_err();
    assert!(matches!(late, Error::Fenced { .. }), "{late}");
    assert_eq!(theirs.order("acme", "7").await.unwrap().value, entry(2));
}

#[tokio::test]
async fn of_many_writers_at_once_exactly_one_creates() {
    let bench = Bench::start().await;
    let ledger = Ledger::bind(&bench.jetstream).await.unwrap();
    let writes = (1..=16).map(|version| {
        let ledger = ledger.clone();
        async move {
            ledger
                .put_order("acme", "7", &entry(version), 0)
                .await
                .is_ok()
        }
    });
    let written = futures::future::join_all(writes).await;
    assert_eq!(written.iter().filter(|written| **written).count(), 1);
}

#[tokio::test]
async fn a_deleted_entry_is_empty_but_has_a_revision_to_name() {
    let bench = Bench::start().await;
    let ledger = Ledger::bind(&bench.jetstream).await.unwrap();
    let created = ledger.put_order("acme", "7", &entry(1), 0).await.unwrap();
    bench
        .bucket(Bucket::Ledger)
        .await
        .delete("acme.order.7")
        .await
        .unwrap();
    let deleted = ledger.order("acme", "7").await.unwrap();
    assert_eq!(deleted.value, OrderEntry::default());
    assert!(deleted.revision > created);
    ledger
        .put_order("acme", "7", &entry(2), created)
        .await
        .unwrap_err();
    ledger
        .put_order("acme", "7", &entry(2), deleted.revision)
        .await
        .unwrap();
    assert_eq!(ledger.order("acme", "7").await.unwrap().value, entry(2));
}

#[tokio::test]
async fn bytes_of_a_newer_version_are_an_error_and_no_empty_entry() {
    let bench = Bench::start().await;
    let ledger = Ledger::bind(&bench.jetstream).await.unwrap();
    let bucket = bench.bucket(Bucket::Ledger).await;
    bucket
        .put("acme.order.7", b"\xff\xff".as_slice().into())
        .await
        .unwrap();
    let error = ledger.order("acme", "7").await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreadable { .. }) && error.to_string().contains("acme.order.7")
    );
}

#[tokio::test]
async fn every_kind_of_shopper_has_an_entry_of_its_own() {
    let bench = Bench::start().await;
    let ledger = Ledger::bind(&bench.jetstream).await.unwrap();
    let same = "jane@example.com".to_owned();
    let keys = [
        ClientKey::Email(same.clone()),
        ClientKey::Customer(4),
        ClientKey::Name(same),
    ];
    for (client_id, key) in (1..).zip(&keys) {
        let entry = ClientEntry {
            client_id,
            ..ClientEntry::default()
        };
        ledger.put_client("acme", key, &entry, 0).await.unwrap();
    }
    for (client_id, key) in (1..).zip(&keys) {
        assert_eq!(
            ledger.client("acme", key).await.unwrap().value.client_id,
            client_id
        );
    }
    let mut stored = bench.bucket(Bucket::Ledger).await.keys().await.unwrap();
    while let Some(key) = futures::StreamExt::next(&mut stored).await {
        assert!(!key.unwrap().contains("jane"), "no personal data in keys");
    }
}

#[test]
fn a_guest_and_a_customer_of_one_e_mail_share_the_widest_key() {
    let of = |customer_id, email: Option<&str>, name: Option<&str>| {
        ClientKey::of(&DesiredClient {
            customer_id,
            email_key: email.map(str::to_owned),
            name_key: name.map(str::to_owned),
            ..DesiredClient::default()
        })
    };
    let guest = of(None, Some("jane@example.com"), Some("jane"));
    let customer = of(Some(4), Some("jane@example.com"), Some("jane"));
    assert_eq!(guest, [ClientKey::Email("jane@example.com".to_owned())]);
    assert_eq!(customer[0], ClientKey::Customer(4));
    assert_eq!(customer.last(), guest.last());
    assert_eq!(
        of(None, None, Some("jane")),
        [ClientKey::Name("jane".to_owned())]
    );
    assert!(of(None, None, None).is_empty());
}
