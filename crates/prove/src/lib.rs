//! The proof: reads both vendors afresh and says whether the books are what the store says.
//!
//! It judges from the vendors' own figures alone: `total_inc_tax`, `total_tax`, transactions and
//! refunds against invoice amount, lines, payments, credit notes and expenses. Rooms: [`terms`]
//! (the part of the policy it needs), `survey` (both sides' lists), `evidence` (all that is
//! known of one order), `judge` (evidence in, verdict out; pure), `runner` (day by day, with
//! [`forecast`] and [`state`]), [`report`] and [`render`].
//!
//! Not here, on purpose: the ledger, the journal, and the accounting of `domain`. A fault in any
//! of them must not be able to hide itself. Only currencies and their decimals are shared.

mod amounts;
pub mod arithmetic;
mod evidence;
pub mod forecast;
mod judge;
mod pace;
pub mod render;
pub mod report;
mod runner;
pub mod state;
mod survey;
pub mod terms;

pub use forecast::Forecast;
pub use pace::Pace;
pub use report::{Explained, Known, Report};
pub use runner::{Error, Progress, Proof, Vendors};
pub use terms::{Standing, Terms};
