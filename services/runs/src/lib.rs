//! Runs over a range of days: backfill feeds the orders of a range into the pipeline, undo takes
//! what was written for them back out of the books.
//!
//! A run is a record in a bucket (`record`), so it can be paused, cancelled, and taken up by
//! another process where a killed one stopped. It works through the same streams as everything
//! else and awaits what the stages say (`conclusions`). Not here: any call that changes
//! FreshBooks; only `deliver` makes those.

mod audit;
pub mod backfill;
mod conclusions;
mod days;
mod feed;
mod live_work;
mod record;
mod results;
pub mod undo;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use domain::policy::Policy;
use serde_json::Value;
use stage::StageContext;
use store::ledger::Ledger;
use store::mappings::Mappings;

pub use crate::days::DayRange;
pub use crate::record::{Kind, Run, RunStore, State, Wish};
pub use crate::results::{Held, Results};

/// What a run works with, made by the binary for one connection.
pub struct Tools {
    pub connection: String,
    pub context: StageContext,
    pub ledger: Ledger,
    pub runs: RunStore,
    pub mappings: Mappings,
    pub policy: Policy,
    pub store: connect::bigcommerce::Client,
    pub account: connect::freshbooks::Client,
    /// Calls that this process made to BigCommerce, counted by the store client's observer.
    pub store_calls: Arc<AtomicU64>,
    /// From the configuration; wins over the store's own.
    pub time_zone: Option<String>,
    /// Takes each line of progress: a flat JSON object.
    pub progress: Box<dyn Fn(Value) + Send + Sync>,
}

/// How a run goes about its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Orders under way at the same time; a live hook waits behind no more.
    pub at_once: usize,
    /// Orders that a backfill reads to forecast what all will cost.
    pub sample: usize,
}

/// Who asked for a run, and why; kept in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub who: String,
    pub why: String,
}

/// A run could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request itself cannot be met; plain words.
    #[error("{0}")]
    Refused(String),
    #[error("{what}")]
    Vendor {
        what: &'static str,
        #[source]
        source: connect::VendorError,
    },
    #[error("{what}")]
    Nats {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("reading or writing the ledger")]
    Ledger(#[from] store::ledger::Error),
    #[error("storing a hint")]
    Publish(#[from] stage::PublishError),
    #[error("storing the journal's entry")]
    Journal(#[from] stage::JournalError),
    #[error("the run's record {id} is not readable; was it written by a newer version?")]
    Unreadable {
        id: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the run was taken over by another process; this one stops")]
    TakenOver,
}

impl Error {
    /// Wraps a failed call to NATS.
    pub(crate) fn nats<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Nats {
            what,
            source: source.into(),
        }
    }

    /// Wraps a failed call to a vendor.
    pub(crate) fn vendor(what: &'static str) -> impl FnOnce(connect::VendorError) -> Self {
        move |source| Self::Vendor { what, source }
    }
}
