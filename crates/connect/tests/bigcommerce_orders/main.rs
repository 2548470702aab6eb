//! How few calls an order takes, and that nothing is lost by it.
#![allow(clippy::unwrap_used)] // also in helpers, which clippy does not count as tests

mod calls;
#[path = "../common/mod.rs"]
mod common;
mod lists;
mod pages;
mod store;
mod trouble;
