//! One sweep of a list at a time, from where the last whole one ended, and never from before it.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::time::Duration;

use common::Bench;
use store::sweeps::{Claim, Sweeps, Turn};

const OVERLAP: Duration = Duration::from_secs(3600);
const LONG: Duration = Duration::from_secs(600);

/// Progress of `acme`'s orders that has begun, with its first turn due.
async fn begun(bench: &Bench) -> Sweeps {
    let sweeps = Sweeps::bind(&bench.jetstream).await.unwrap();
    let none = ours(&sweeps, Duration::ZERO, OVERLAP).await;
    assert!(none.is_none(), "there is nothing to look for yet");
    sweeps
}

async fn ours(sweeps: &Sweeps, interval: Duration, overlap: Duration) -> Option<Claim> {
    match sweeps.turn("acme", "orders", interval, overlap).await {
        Ok(Turn::Ours(claim)) => Some(claim),
        Ok(Turn::After(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_first_sweep_looks_for_nothing_of_before() {
    let bench = Bench::start().await;
    let before = store::now_ms();
    let sweeps = begun(&bench).await;
    let first = ours(&sweeps, Duration::ZERO, OVERLAP).await.unwrap();
    assert!(first.since_ms >= before);
    let began = first.since_ms;
    assert!(sweeps.finish(first).await.unwrap());
    // The overlap would reach far behind the first sweep.
    let second = ours(&sweeps, Duration::ZERO, OVERLAP).await.unwrap();
    assert_eq!(second.since_ms, began);
}

#[tokio::test]
async fn a_sweep_that_did_not_end_is_begun_again_where_it_began() {
    let bench = Bench::start().await;
    let sweeps = begun(&bench).await;
    let died = ours(&sweeps, Duration::ZERO, Duration::ZERO).await.unwrap();
    let from = died.since_ms;
    drop(died);
    // So that a later beginning is a later millisecond.
    while store::now_ms() <= from {
        tokio::task::yield_now().await;
    }
    let again = ours(&sweeps, Duration::ZERO, Duration::ZERO).await.unwrap();
    assert_eq!(again.since_ms, from);
    assert!(sweeps.finish(again).await.unwrap());
    let next = ours(&sweeps, Duration::ZERO, Duration::ZERO).await.unwrap();
    assert!(next.since_ms > from);
}

#[tokio::test]
async fn of_two_processes_one_sweeps_and_the_other_waits() {
    let bench = Bench::start().await;
    let sweeps = begun(&bench).await;
    let other = Sweeps::bind(&bench.another().await).await.unwrap();
    let mut claim = ours(&sweeps, LONG, OVERLAP).await.unwrap();
    assert!(ours(&other, LONG, OVERLAP).await.is_none());
    assert!(sweeps.renew(&mut claim).await.unwrap());
    assert!(ours(&other, LONG, OVERLAP).await.is_none());
    // Another list is another turn.
    let mut refunds = other.turn("acme", "refunds", Duration::ZERO, OVERLAP).await;
    assert!(matches!(refunds, Ok(Turn::After(_))));
    refunds = other.turn("acme", "refunds", LONG, OVERLAP).await;
    assert!(matches!(refunds, Ok(Turn::Ours(_))));
    assert!(sweeps.finish(claim).await.unwrap());
    assert!(ours(&other, LONG, OVERLAP).await.is_none(), "not due yet");
}

#[tokio::test]
async fn who_lost_the_turn_neither_renews_nor_finishes() {
    let bench = Bench::start().await;
    let sweeps = begun(&bench).await;
    let mut slow = ours(&sweeps, Duration::ZERO, OVERLAP).await.unwrap();
    let quick = ours(&sweeps, Duration::ZERO, OVERLAP).await.unwrap();
    assert!(!sweeps.renew(&mut slow).await.unwrap());
    assert!(sweeps.finish(quick).await.unwrap());
    assert!(!sweeps.finish(slow).await.unwrap());
}
