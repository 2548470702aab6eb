//! Whole orders with the invoice they must become, spelled out.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod currencies;
mod days;
mod discounts;
mod exchanges;
mod goods;
mod ladder;
mod lines;
mod payments;
mod refunds;
mod rounding;
mod samples;
mod statuses;
mod tax_modes;
mod taxes;

use common::shown;
use domain::policy::Policy;

/// Under the default policy.
#[track_caller]
pub(crate) fn becomes(document: &serde_json::Value, expected: &str) {
    becomes_under(document, &Policy::default(), expected);
}

#[track_caller]
pub(crate) fn becomes_under(document: &serde_json::Value, policy: &Policy, expected: &str) {
    let bare = |text: &str| {
        let lines: Vec<_> = text.trim().lines().map(str::trim).collect();
        lines.join("\n")
    };
    assert_eq!(bare(&shown(document, policy)), bare(expected));
}
