//! The ledger protocol under virtual time: the real `lookup` and `deliver` stages, the real runner
//! with its exits, the real tokens, against FreshBooks' emulator, in one thread and from one seed.
//!
//! A schedule ([`schedule::run`]) lets a few processes work on a few orders while whatever can
//! fail does: processes die between two polls, calls, ledger writes and publishes are lost before
//! or after they took effect, messages come twice and in any order, tokens end, the ledger
//! vanishes. When all is calm again the books are compared with what the stores say, to the cent
//! ([`verdict`]). The same seed is the same schedule. [`plant`] holds the bugs that the tests
//! switch on to see them caught; they live in these surroundings, never in production code.
//!
//! Not here: real servers and real processes (`xtask chaos`), and what the books should say
//! (`domain`).

mod bucket;
mod fault;
mod feed;
mod library;
mod plant;
mod process;
mod report;
pub mod schedule;
mod streams;
mod vendor;
mod verdict;
mod world;

pub use fault::Fault;
pub use library::Library;
pub use plant::Plant;
pub use report::Report;
pub use schedule::{Broken, Passed, run};
