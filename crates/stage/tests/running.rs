//! The runner's bounds: how much at once, how long, and what a shutdown or a crash leaves.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use async_nats::jetstream::consumer;
use common::{Bench, INPUT, LIMIT, OUTPUT, pass, settings, snapshot};
use contracts::topology::{Stage, Stream};
use futures::StreamExt;
use stage::{RunError, StageSettings};
use testkit::eventually;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// A stage whose messages wait inside it until they are let out.
#[derive(Clone)]
struct Gate {
    open: Arc<Semaphore>,
    inside: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    /// Order and attempt of each call.
    calls: Arc<Mutex<Vec<(String, u32)>>>,
}

impl Gate {
    fn shut() -> Self {
        let open = Arc::new(Semaphore::new(0));
        Self {
            open,
            inside: Arc::default(),
            most: Arc::default(),
            calls: Arc::default(),
        }
    }

    async fn run(&self, bench: &Bench, settings: StageSettings) -> common::Running {
        self.run_on(&Handle::current(), bench, settings).await
    }

    async fn run_on(
        &self,
        runtime: &Handle,
        bench: &Bench,
        settings: StageSettings,
    ) -> common::Running {
        let gate = self.clone();
        let script = move |received: stage::Received<_>| {
            let gate = gate.clone();
            async move {
                let order = received.about.entity_id.clone();
                gate.calls.lock().unwrap().push((order, received.attempt));
                let inside = gate.inside.fetch_add(1, Ordering::SeqCst) + 1;
                gate.most.fetch_max(inside, Ordering::SeqCst);
                gate.open.acquire().await.unwrap().forget();
                gate.inside.fetch_sub(1, Ordering::SeqCst);
                pass(received).await
            }
        };
        bench.run_on(runtime, settings, script).await
    }

    fn let_out(&self, count: usize) {
        self.open.add_permits(count);
    }

    async fn holds(&self, count: usize) {
        eventually(LIMIT, "messages inside the stage", async || {
            let inside = self.inside.load(Ordering::SeqCst);
            ensure!(inside == count, "{inside} of {count}");
            Ok(())
        })
        .await
        .unwrap();
    }

    fn calls(&self) -> Vec<(String, u32)> {
        let mut calls = self.calls.lock().unwrap().clone();
        calls.sort();
        calls
    }
}

#[tokio::test]
async fn no_more_than_in_flight_messages_are_worked_on_at_once() {
    let bench = Bench::start().await;
    let gate = Gate::shut();
    let stage = gate
        .run(
            &bench,
            StageSettings {
                in_flight: 3,
                ..settings()
            },
        )
        .await;
    for order_id in 1..=12 {
        bench.put(&snapshot(order_id)).await;
    }
    gate.holds(3).await;
    assert!(bench.metric("tillbook_stage_in_flight{stage=\"validate\"}") >= 3);
    gate.let_out(12);
    bench.awaited(OUTPUT, 12).await;
    bench.settled().await;
    assert_eq!(gate.most.load(Ordering::SeqCst), 3);
    stage.stop().await;
}

/// Gives the stage's consumers a short ack wait, as an operator might.
async fn shorten_ack_wait(bench: &Bench, ack_wait: Duration) {
    for (mut config, stream) in [
        (Stage::Validate.consumer(), INPUT),
        (Stage::Validate.due_consumer(), Stream::Retries),
    ] {
        config.ack_wait = ack_wait;
        bench
            .jetstream
            .create_consumer_on_stream(config, stream.name())
            .await
            .unwrap();
    }
}

/// Returns when the server itself has let the ack wait of the first message pass `count` times.
async fn ack_waits_passed(bench: &Bench, ack_wait: Duration, count: i64) {
    let config = consumer::pull::Config {
        ack_policy: consumer::AckPolicy::Explicit,
        ack_wait,
        ..consumer::pull::Config::default()
    };
    let stream = bench.jetstream.get_stream(INPUT.name()).await.unwrap();
    let clock = stream.create_consumer(config).await.unwrap();
    let mut ticks = clock.messages().await.unwrap();
    let tick = async {
        loop {
            let message = ticks.next().await.unwrap().unwrap();
            if message.info().unwrap().delivered > count {
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, tick).await.unwrap();
}

const ACK_WAIT: Duration = Duration::from_millis(900);

#[tokio::test]
async fn a_long_message_is_kept_alive_beyond_the_ack_wait() {
    let bench = Bench::start().await;
    shorten_ack_wait(&bench, ACK_WAIT).await;
    let gate = Gate::shut();
    let stage = gate.run(&bench, settings()).await;
    bench.put(&snapshot(7)).await;
    gate.holds(1).await;
    ack_waits_passed(&bench, ACK_WAIT, 3).await;
    gate.let_out(9);
    bench.awaited(OUTPUT, 1).await;
    bench.settled().await;
    assert_eq!(gate.calls(), [("7".to_owned(), 1)]);
    stage.stop().await;
}

#[tokio::test]
async fn messages_that_wait_for_their_turn_spend_no_attempts() {
    let bench = Bench::start().await;
    shorten_ack_wait(&bench, ACK_WAIT).await;
    let gate = Gate::shut();
    for order_id in 1..=6 {
        bench.put(&snapshot(order_id)).await;
    }
    let stage = gate
        .run(
            &bench,
            StageSettings {
                in_flight: 2,
                ..settings()
            },
        )
        .await;
    gate.holds(2).await;
    ack_waits_passed(&bench, ACK_WAIT, 3).await;
    gate.let_out(6);
    bench.awaited(OUTPUT, 6).await;
    bench.settled().await;
    let once: Vec<_> = (1..=6).map(|order_id| (order_id.to_string(), 1)).collect();
    assert_eq!(gate.calls(), once);
    stage.stop().await;
}

#[tokio::test]
async fn a_shutdown_finishes_work_under_way_and_hands_the_rest_back() {
    let bench = Bench::start().await;
    // So long that only a message handed back can be delivered again.
    shorten_ack_wait(&bench, Duration::from_secs(3600)).await;
    let gate = Gate::shut();
    for order_id in 1..=8 {
        bench.put(&snapshot(order_id)).await;
    }
    let stage = gate
        .run(
            &bench,
            StageSettings {
                in_flight: 4,
                ..settings()
            },
        )
        .await;
    gate.holds(4).await;
    eventually(LIMIT, "messages taken ahead", async || {
        let taken = bench.consumer(INPUT).await?.num_ack_pending;
        ensure!(taken > 4, "{taken}");
        Ok(())
    })
    .await
    .unwrap();
    stage.shutdown.cancel();
    // Another worker gets what was not begun, while the work under way still goes on.
    let second = bench.run(settings(), pass).await;
    bench.awaited(OUTPUT, 4).await;
    gate.let_out(4);
    stage.stop().await;
    assert_eq!(
        gate.calls().len(),
        4,
        "nothing was begun after the shutdown"
    );
    bench.awaited(OUTPUT, 8).await;
    bench.settled().await;
    second.stop().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_longer_than_its_bound() {
    let bench = Bench::start().await;
    let gate = Gate::shut();
    for order_id in 1..=4 {
        bench.put(&snapshot(order_id)).await;
    }
    let drain_timeout = Duration::from_millis(10);
    let never = Duration::from_secs(24 * 3600);
    let settings = StageSettings {
        in_flight: 1,
        process_timeout: never,
        drain_timeout,
        ..settings()
    };
    let stage = gate.run(&bench, settings).await;
    gate.holds(1).await;
    stage.stop().await;
    bench.awaited(OUTPUT, 0).await;
}

#[tokio::test]
async fn a_killed_process_loses_nothing() {
    let bench = Bench::start().await;
    shorten_ack_wait(&bench, ACK_WAIT).await;
    let gate = Gate::shut();
    for order_id in 1..=5 {
        bench.put(&snapshot(order_id)).await;
    }
    let process = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let bounds = StageSettings {
        in_flight: 2,
        ..settings()
    };
    let _first = gate.run_on(process.handle(), &bench, bounds).await;
    gate.holds(2).await;
    // Everything of it stops where it is: nothing is acked, nothing is handed back.
    process.shutdown_background();
    let second = bench.run(settings(), pass).await;
    let out = bench.awaited(OUTPUT, 5).await;
    assert_eq!(ids(&out).len(), 5);
    bench.settled().await;
    second.stop().await;
}

fn ids(stored: &[common::Stored]) -> BTreeSet<&str> {
    stored.iter().map(common::Stored::id).collect()
}

#[tokio::test]
async fn a_restart_of_nats_in_the_middle_lets_everything_arrive_exactly_once() {
    const ORDERS: u64 = 300;
    let mut bench = Bench::start().await;
    shorten_ack_wait(&bench, Duration::from_secs(2)).await;
    for order_id in 1..=ORDERS {
        bench.put(&snapshot(order_id)).await;
    }
    let gate = Gate::shut();
    let stage = gate
        .run(
            &bench,
            StageSettings {
                in_flight: 16,
                ..settings()
            },
        )
        .await;
    gate.let_out(100);
    eventually(LIMIT, "some messages through", async || {
        let through = bench.stored(OUTPUT).await?.len();
        ensure!(through >= 50, "{through}");
        Ok(())
    })
    .await
    .unwrap();
    bench.nats.kill9();
    gate.let_out(100_000);
    bench.nats.restart().await.unwrap();
    let arrived = eventually(LIMIT, "all messages", async || {
        let out = bench.stored(OUTPUT).await?;
        ensure!(
            ids(&out).len() as u64 == ORDERS,
            "{} of {ORDERS}",
            ids(&out).len()
        );
        Ok(out)
    });
    assert_eq!(arrived.await.unwrap().len() as u64, ORDERS, "each once");
    bench.settled().await;
    bench
        .awaited(OUTPUT, usize::try_from(ORDERS).unwrap())
        .await;
    bench.awaited(Stream::DeadLetters, 0).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_stage_on_a_server_that_was_not_laid_out_says_what_to_run() {
    let bench = Bench::empty().await;
    let context = bench.context(settings());
    let Err(RunError::Bind { stream, .. }) = stage::Runner::bind(Nothing, context).await else {
        panic!("it was bound")
    };
    assert_eq!(stream, INPUT.name());
}

struct Nothing;

impl stage::Stage for Nothing {
    const STAGE: Stage = Stage::Validate;
    type In = contracts::order::OrderSnapshot;
    type Out = contracts::order::ValidatedOrder;

    async fn process(
        &self,
        _input: stage::Received<Self::In>,
    ) -> Result<stage::Done<Self::Out>, stage::Failure> {
        Ok(stage::Done::Closed(String::new()))
    }
}
