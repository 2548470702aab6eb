//! Invoices: birth, numbers, status, lines, sums, deletion.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod birth;
mod deletion;
#[path = "../freshbooks_support/mod.rs"]
mod freshbooks_support;
mod lines;
mod status;
