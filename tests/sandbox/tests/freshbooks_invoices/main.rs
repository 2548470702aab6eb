//! Invoices: birth, numbers, status, lines, sums, deletion.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../freshbooks_support/mod.rs"]
mod freshbooks_support;
mod birth;
mod deletion;
mod lines;
mod status;
