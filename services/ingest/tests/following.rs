//! Following hints: storms are gathered, orders that are gone are closed, hooks are kept.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::time::Duration;

use anyhow::ensure;
use common::{Bench, Choice, DESTINATION, HOOK_SECRET, LIMIT, Shop};
use contracts::journal::{JournalBatch, JournalEntry, JournalKind};
use contracts::ledger::{OrderEntry, WrittenInvoice};
use contracts::order::{OrderSnapshot, SnapshotState};
use contracts::topology::Stream;
use ingest::hooks::SECRET_HEADER;
use ingest::hooks::envelope::SCOPES;
use prost::Message;
use serde_json::json;
use store::ledger::Ledger;
use testkit::eventually;

async fn snapshots(bench: &Bench, count: usize) -> Vec<OrderSnapshot> {
    let arrived = eventually(LIMIT, "the snapshots", async || {
        let stored = bench.stored(Stream::Ingested).await?;
        ensure!(stored.len() == count, "{} of {count}", stored.len());
        Ok(stored)
    });
    let arrived = arrived.await.unwrap();
    arrived
        .into_iter()
        .map(|bytes| OrderSnapshot::decode(bytes).unwrap())
        .collect()
}

async fn journal(bench: &Bench, kind: JournalKind) -> Vec<JournalEntry> {
    let batches = bench.stored(Stream::Journal).await.unwrap();
    let batches = batches
        .into_iter()
        .map(|bytes| JournalBatch::decode(bytes).unwrap());
    batches
        .flat_map(|batch| batch.entries)
        .filter(|entry| entry.kind() == kind)
        .collect()
}

#[tokio::test]
async fn a_hint_becomes_the_order_as_it_is_now() {
    let bench = Bench::start(Choice::default()).await;
    bench.send_order(250).await;
    let snapshots = snapshots(&bench, 1).await;
    let snapshot = &snapshots[0];
    let event = snapshot.event.as_ref().unwrap();
    assert_eq!(
        (event.connection.as_str(), event.entity_id.as_str()),
        ("acme", "250")
    );
    assert_eq!(snapshot.state(), SnapshotState::Present);
    let document: serde_json::Value = serde_json::from_slice(&snapshot.document).unwrap();
    assert_eq!(document["order"]["id"], 250);
    assert_eq!(
        usize::try_from(snapshot.document_bytes).unwrap(),
        snapshot.document.len()
    );
    bench.settled().await;
    assert_eq!(journal(&bench, JournalKind::HookReceived).await.len(), 1);
    assert_eq!(journal(&bench, JournalKind::SnapshotStored).await.len(), 1);
    bench.stop().await;
}

#[tokio::test]
async fn four_hints_within_the_window_make_two_fetches() {
    // Long against four posts, also on a busy machine.
    let coalesce = Duration::from_secs(4);
    let bench = Bench::start(Choice {
        coalesce,
        ..Choice::default()
    })
    .await;
    bench.send_order(250).await;
    snapshots(&bench, 1).await;
    for _ in 0..3 {
        bench.send_order(250).await;
    }
    bench.send_order(251).await;
    snapshots(&bench, 3).await;
    bench.settled().await;
    let of = |id: &str| bench.shop.calls().iter().filter(|call| *call == id).count();
    assert_eq!((of("250"), of("251")), (2, 1));
    let ids: std::collections::BTreeSet<String> = snapshots(&bench, 3)
        .await
        .into_iter()
        .map(|snapshot| snapshot.event.unwrap().event_id)
        .collect();
    assert_eq!(ids.len(), 3, "each fetch is an event of its own");
    bench.stop().await;
}

#[tokio::test]
async fn an_order_that_is_gone_and_was_never_booked_is_closed() {
    let bench = Bench::start(Choice::default()).await;
    bench.shop.gone.lock().unwrap().push("250".to_owned());
    bench.send_order(250).await;
    let closed = eventually(LIMIT, "the hint to be closed", async || {
        let closed = journal(&bench, JournalKind::Closed).await;
        ensure!(closed.len() == 1, "{}", closed.len());
        Ok(closed)
    });
    assert!(closed.await.unwrap()[0].detail.contains("gone"));
    bench.settled().await;
    assert!(
        bench.shop.calls().len() > 1,
        "it may have been a race with the order's creation"
    );
    snapshots(&bench, 0).await;
    assert!(bench.stored(Stream::DeadLetters).await.unwrap().is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn an_order_that_is_gone_but_booked_goes_on_as_gone() {
    let bench = Bench::start(Choice::default()).await;
    bench.shop.gone.lock().unwrap().push("250".to_owned());
    let ledger = Ledger::bind(&bench.jetstream).await.unwrap();
    let invoice = Some(WrittenInvoice {
        invoice_id: 9,
        ..WrittenInvoice::default()
    });
    let entry = OrderEntry {
        version_ms: 1,
        invoice,
        ..OrderEntry::default()
    };
    ledger.put_order("acme", "250", &entry, 0).await.unwrap();
    bench.send_order(250).await;
    let snapshots = snapshots(&bench, 1).await;
    assert_eq!(snapshots[0].state(), SnapshotState::Gone);
    assert!(snapshots[0].document.is_empty());
    bench.settled().await;
    bench.stop().await;
}

fn guarded(guardian_interval: Duration) -> Choice {
    Choice {
        guarded: true,
        guardian_interval,
        ..Choice::default()
    }
}

const REGISTERED: &str = "tillbook_hooks_registered{connection=\"acme\"}";

#[tokio::test]
async fn the_guardian_registers_every_scope_with_the_second_factor() {
    let mut bench = Bench::start(guarded(Duration::from_secs(3600))).await;
    bench.hooks_settled().await;
    let hooks = bench.shop.hooks.lock().unwrap().clone();
    let scopes: Vec<&str> = hooks
        .iter()
        .map(|hook| hook["scope"].as_str().unwrap())
        .collect();
    assert_eq!(scopes, SCOPES);
    for hook in &hooks {
        assert_eq!(hook["destination"], DESTINATION);
        assert_eq!(hook["headers"][SECRET_HEADER], HOOK_SECRET);
        assert_eq!(hook["is_active"], true);
    }
    assert_eq!(bench.metric(REGISTERED), 1);
    bench.stop().await;
}

#[tokio::test]
async fn the_guardian_switches_a_hook_on_again_while_it_runs() {
    let mut bench = Bench::start(guarded(Duration::from_millis(50))).await;
    bench.hooks_settled().await;
    bench.shop.hooks.lock().unwrap()[2]["is_active"] = json!(false);
    let active = eventually(LIMIT, "the hook to be active again", async || {
        ensure!(
            bench.shop.hooks.lock().unwrap()[2]["is_active"] == true,
            "it is not"
        );
        Ok(())
    });
    active.await.unwrap();
    assert_eq!(bench.shop.hooks.lock().unwrap().len(), SCOPES.len());
    bench.stop().await;
}

#[tokio::test]
async fn a_hook_of_another_destination_is_left_alone() {
    let shop = Shop::start().await;
    let other = json!({ "id": 1, "scope": SCOPES[0], "destination": "https://other.example/",
        "is_active": false, "headers": null });
    shop.hooks.lock().unwrap().push(other.clone());
    let mut bench = Bench::start_at(guarded(Duration::from_secs(3600)), shop).await;
    bench.hooks_settled().await;
    let hooks = bench.shop.hooks.lock().unwrap().clone();
    assert_eq!(hooks[0], other);
    assert_eq!(hooks.len(), SCOPES.len() + 1);
    bench.stop().await;
}
