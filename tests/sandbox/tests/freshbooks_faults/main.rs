//! Trouble on order, rate limits, the tally.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../freshbooks_support/mod.rs"]
mod freshbooks_support;
mod limits;
mod orders;
mod slow;
mod tally;

use std::time::Duration;

use freshbooks_support::Shop;

pub(crate) async fn clients(shop: &Shop) -> usize {
    shop.books().await["clients"].as_array().unwrap().len()
}

/// Keeps a condition that never comes from hanging the suite.
pub(crate) async fn within(condition: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(20), condition)
        .await
        .expect("the condition comes");
}
