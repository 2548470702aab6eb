//! How a stage's function ends: done, later, or a failure that says what to do next.
//!
//! The author of an error decides the exit; the runner never reads texts. Not here: how the
//! exits are performed.

use std::time::Duration;

/// A good end.
#[derive(Debug)]
pub enum Done<Out> {
    /// Hand this to the next stage.
    Next(Out),
    /// Nothing is left to do; plain words why.
    Closed(String),
    /// Not a failure: look again after the delay (coalescing). The message stays where it is.
    Later { after: Duration, why: &'static str },
}

/// A bad end.
#[derive(Debug)]
pub enum Failure {
    /// May pass later; counts as an attempt. `after` is the far side's own hint.
    Retry {
        after: Option<Duration>,
        reason: Reason,
    },
    /// Someone else's limit or outage: waits without counting as an attempt. Bounded by age.
    Wait { after: Duration, reason: Reason },
    /// The vendor refuses the whole connection until a person acts. Waits longer and longer,
    /// without counting as an attempt. Bounded by age.
    Blocked { reason: Reason },
    /// A person must decide. Every reason, not only the first.
    Held(Vec<Reason>),
    /// Will never pass. Every reason.
    Rejected(Vec<Reason>),
}

/// One reason in plain words: the thing, the reason, the remedy. No personal data, no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Stable, e.g. `missing_customer`.
    pub code: String,
    pub message: String,
    /// Where in the document; may be empty.
    pub path: String,
}

impl Reason {
    /// A reason that points nowhere in a document.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            path: String::new(),
        }
    }

    /// The same reason, pointing at a place.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
}

impl Failure {
    /// A retry on the runner's own schedule.
    pub fn retry(reason: Reason) -> Self {
        Self::Retry {
            after: None,
            reason,
        }
    }

    /// Held for one reason.
    pub fn held(reason: Reason) -> Self {
        Self::Held(vec![reason])
    }

    /// Rejected for one reason.
    pub fn rejected(reason: Reason) -> Self {
        Self::Rejected(vec![reason])
    }

    /// The stable word for metrics and logs.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Wait { .. } => "wait",
            Self::Blocked { .. } => "blocked",
            Self::Held(_) => "held",
            Self::Rejected(_) => "rejected",
        }
    }
}
