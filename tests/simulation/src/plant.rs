//! Bugs that tests switch on to see them caught.
//!
//! Each is planted in the surroundings: to the code under test it looks as if it had made the
//! mistake itself. Production code has no switches.

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// FreshBooks' searches find nothing, as if nobody had looked.
    SkipLookup,
    /// The ledger forgets open intents, as if what is in doubt were simply tried again.
    BlindRetry,
    /// The source is acked before the next message is stored.
    AckBeforePublish,
    /// The token record takes every write, as if nobody claimed the refresh.
    RefreshTwice,
    /// The ledger takes every write, whatever its revision.
    NoFence,
}

impl Plant {
    pub const ALL: [Self; 5] = [
        Self::SkipLookup,
        Self::BlindRetry,
        Self::AckBeforePublish,
        Self::RefreshTwice,
        Self::NoFence,
    ];
}
