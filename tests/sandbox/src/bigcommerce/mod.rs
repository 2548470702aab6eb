//! BigCommerce, in memory: many stores in one process, behind the vendor's own paths.
//!
//! `{base_url}/stores/{hash}/v2|v3/…` speaks as the vendor does: orders, transactions, refunds,
//! customers, catalog, tax settings, hooks, quotas, errors. `{base_url}/_sandbox/…` is the control
//! surface, which the vendor does not have: stores, orders by kind, edits, faults, counts. The
//! README beside this crate lists it with examples.
//!
//! Deliberately not here: checkout, OAuth, price lists, anything kept over a restart.

mod calls;
mod catalog;
mod control;
pub mod corpus;
mod dates;
mod faults;
mod gate;
mod hooks;
mod kinds;
mod money;
mod orders;
mod people;
mod quota;
mod reply;
mod routes;
mod server;
mod store;

pub use hooks::sign;
pub use server::Sandbox;
