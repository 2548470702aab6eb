//! Whole orders with the invoice they must become, spelled out.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod discounts;
mod lines;
mod rounding;
mod samples;
mod taxes;

use common::shown;
use domain::policy::Policy;

#[track_caller]
pub(crate) fn becomes(document: &serde_json::Value, expected: &str) {
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(
        shown(document, &Policy::default()).trim(),
        expected.join("\n")
    );
}
