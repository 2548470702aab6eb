//! FreshBooks as the facts describe it, trap by trap.
#![allow(clippy::unwrap_used)] // also in helpers, which clippy does not count as tests

mod account;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod invoices;
mod lists;
mod oauth;
mod payments;
mod refunds;
mod trouble;
