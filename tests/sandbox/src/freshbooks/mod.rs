//! A FreshBooks to test against: in memory, many accounts in one process, oddities included.
//!
//! Written from the published facts alone; FRESHBOOKS.md says what is emulated, what is assumed
//! and how to order trouble. Not here: the console pages, reports, projects and payroll families.

mod accounting;
pub mod arithmetic;
mod call;
mod clock;
mod control;
mod courier;
mod errors;
mod events;
mod faults;
mod gate;
pub mod in_process;
mod limits;
mod oauth;
mod server;
mod state;
mod table;
mod users;
mod writes;

pub use server::Sandbox;
