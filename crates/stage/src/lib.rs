//! The stage runner: everything around a stage's own function, once.
//!
//! The way of a message: bounded pull, decode, trace continued, the stage's function under a
//! timeout with panics caught and progress acks sent; then one of three exits (see [`exit`]): the
//! next message stored and the source acked, a delayed retry, or a dead letter stored and the
//! source terminated. A service supplies a [`Stage`]. Not here: what any stage does.

pub mod bootstrap;
pub mod dead_letter;
mod delivery;
mod exit;
mod failure;
pub mod follow;
pub mod health;
mod journal;
mod metrics;
mod publish;
mod pull;
mod received;
mod retry;
mod runner;
mod slots;
mod source;
pub mod storing;
pub mod trouble;
pub mod vendor;

pub use delivery::{Delivery, Settle};
pub use failure::{Done, Failure, Reason};
pub use journal::{Journal, JournalError};
pub use metrics::StageMetrics;
pub use publish::{NotStored, Outlet, PublishError, Publisher};
pub use received::{Notes, Received};
pub use retry::RetryPolicy;
pub use runner::{Desk, RunError, Runner, StageContext, StageSettings, handle};
pub use slots::Shares;
pub use source::{Place, Source};

use contracts::contract::Contract;
use contracts::topology;

/// One step of the pipeline. Everything around it belongs to the runner.
pub trait Stage: Send + Sync + 'static {
    /// Names the input and output streams, the durable consumer, the span and the metric label.
    const STAGE: topology::Stage;
    type In: Contract;
    type Out: Contract;

    /// Does the stage's work for one message.
    ///
    /// Delivery is at least once: processing equal input twice must be safe, also in two
    /// processes at the same time.
    fn process(
        &self,
        input: Received<Self::In>,
    ) -> impl Future<Output = Result<Done<Self::Out>, Failure>> + Send;
}
