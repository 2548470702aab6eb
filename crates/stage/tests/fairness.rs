//! Places shared out among connections: one that is stuck leaves room for another.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use common::{Bench, LIMIT, OUTPUT, pass, settings, snapshot};
use contracts::headers;
use contracts::order::OrderSnapshot;
use contracts::topology::Stream;
use stage::{Shares, StageSettings};
use testkit::eventually;
use tokio::sync::Semaphore;

const SHARES: Shares = Shares {
    connections: 2,
    most: usize::MAX,
};

fn of(connection: &str, order_id: u64) -> OrderSnapshot {
    let mut snapshot = snapshot(order_id);
    let event = snapshot.event.as_mut().unwrap();
    event.connection = connection.to_owned();
    event.event_id = format!("{connection}-{}", event.event_id);
    snapshot
}

#[tokio::test]
async fn a_stuck_connection_leaves_another_its_places_and_is_made_good_later() {
    let bench = Bench::start().await;
    let open = Arc::new(Semaphore::new(0));
    let stuck = Arc::new(AtomicU64::new(0));
    let (gate, inside) = (open.clone(), stuck.clone());
    let script = move |received: stage::Received<OrderSnapshot>| {
        let (gate, inside) = (gate.clone(), inside.clone());
        async move {
            if received.about.connection == "beta" {
                inside.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
            }
            pass(received).await
        }
    };
    let settings = StageSettings {
        in_flight: 4,
        ..settings()
    };
    let stage = bench.run_shared(SHARES, settings, script).await;
    // Far more than may be pulled at once, and before ours in the stream.
    for order_id in 1..=60 {
        bench.put(&of("beta", order_id)).await;
    }
    eventually(LIMIT, "beta in all places it may have", async || {
        let inside = stuck.load(Ordering::SeqCst);
        ensure!(inside == 3, "{inside} inside");
        Ok(())
    })
    .await
    .unwrap();
    for order_id in 101..=105 {
        bench.put(&of("acme", order_id)).await;
    }
    let passed = bench.awaited(OUTPUT, 5).await;
    assert!(passed.iter().all(|one| one.subject.contains(".acme.")));
    assert_eq!(stuck.load(Ordering::SeqCst), 3, "no more than its share");
    // What made way has spent no attempt by it.
    let waiting = bench.stored(Stream::Retries).await.unwrap();
    assert!(!waiting.is_empty());
    let spent = |one: &common::Stored| one.header(headers::ATTEMPTS).map(str::to_owned);
    assert!(
        waiting.iter().all(|one| spent(one).as_deref() == Some("0")),
        "{:?}",
        waiting.iter().map(spent).collect::<Vec<_>>()
    );
    open.add_permits(1_000);
    bench.awaited(OUTPUT, 65).await;
    bench.settled().await;
    stage.stop().await;
}
