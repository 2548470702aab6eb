//! A connection is held once, by the vendor that refuses it, and until that vendor answers.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use common::Bench;
use connect::{Vendor, VendorError};
use store::connections::Connections;

#[tokio::test]
async fn a_refused_connection_is_held_until_the_same_vendor_answers() {
    let bench = Bench::start().await;
    let connections = Connections::bind(&bench.jetstream).await.unwrap();
    assert_eq!(connections.hold("acme").await.unwrap(), None);
    let refusal = VendorError::GrantRevoked;
    connections
        .failed("acme", Vendor::FreshBooks, &refusal)
        .await;
    let hold = connections.hold("acme").await.unwrap().unwrap();
    assert_eq!(
        hold.code,
        format!("{}_grant_revoked", Vendor::FreshBooks.as_str())
    );
    assert!(
        hold.reason.contains("acme") && hold.reason.contains("Nothing is lost"),
        "{}",
        hold.reason
    );
    connections
        .answered("acme", Vendor::BigCommerce, store::now_ms())
        .await;
    assert_eq!(connections.hold("acme").await.unwrap(), Some(hold));
    assert_eq!(connections.hold("other").await.unwrap(), None);
    let before = store::now_ms().saturating_sub(60_000);
    connections
        .answered("acme", Vendor::FreshBooks, before)
        .await;
    let still = connections.hold("acme").await.unwrap();
    assert!(still.is_some(), "ended by an answer from before");
    connections
        .answered("acme", Vendor::FreshBooks, store::now_ms())
        .await;
    assert_eq!(connections.hold("acme").await.unwrap(), None);
}

#[tokio::test]
async fn a_second_refusal_does_not_begin_the_hold_anew() {
    let bench = Bench::start().await;
    let ours = Connections::bind(&bench.jetstream).await.unwrap();
    let theirs = Connections::bind(&bench.another().await).await.unwrap();
    ours.failed("acme", Vendor::FreshBooks, &VendorError::GrantRevoked)
        .await;
    let first = ours.hold("acme").await.unwrap();
    theirs
        .failed("acme", Vendor::FreshBooks, &VendorError::Unauthorized)
        .await;
    assert_eq!(theirs.hold("acme").await.unwrap(), first);
}

#[tokio::test]
async fn a_hold_outlives_the_process_and_ends_with_another_ones_success() {
    let bench = Bench::start().await;
    let dead = Connections::bind(&bench.jetstream).await.unwrap();
    dead.failed("acme", Vendor::FreshBooks, &VendorError::GrantRevoked)
        .await;
    drop(dead);
    let restarted = Connections::bind(&bench.another().await).await.unwrap();
    assert!(restarted.hold("acme").await.unwrap().is_some());
    restarted
        .answered("acme", Vendor::FreshBooks, store::now_ms())
        .await;
    assert_eq!(restarted.hold("acme").await.unwrap(), None);
}
