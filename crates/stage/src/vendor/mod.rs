//! Vendor calls inside a stage: noted in the journal, counted, and their failures given an exit.
//!
//! Rooms: `calls` (what is noted of each), `guards` (what is counted and told of budgets and
//! breakers), `remedy` (what a failure means for a message). Not here: which reply is which error
//! (`connect`).

mod calls;
mod guards;
mod remedy;

pub use calls::CallNotes;
pub use guards::{BreakerNotes, CountedBudget, GuardMetrics};
pub use remedy::{Remedy, failure, remedy};
