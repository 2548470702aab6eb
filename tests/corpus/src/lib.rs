//! The corpus: thousands of orders of every class through the pure core, against FreshBooks
//! arithmetic that Tillbook did not write.
//!
//! The orders and that arithmetic are the sandbox's; `domain` reads, accounts and predicts; this
//! room only compares. Not here: services and servers (see `tests/e2e` and `cargo xtask books`).

mod bound;
pub mod expect;
pub mod fuzz;
pub mod judge;
mod returned;
pub mod run;
pub mod table;
