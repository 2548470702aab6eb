//! Until when a write may be sent: its call must have ended before anybody looks it up.
//!
//! Every call is cut off at three quarters of `settle`, counted from its sending. A worker that was
//! held up between its intent and the call (stopped by its machine, waiting for the ledger's reply)
//! must therefore not send any more: another may have looked the intent up by then, and written.
//! Not here: the looking up (`open_intent`).

use std::time::Duration;

use stage::{Failure, Reason};
use tokio::time::Instant;

/// The moment an intent began, and how long its write may take to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendBy {
    began: Instant,
    settle: Duration,
}

impl SendBy {
    /// To be taken before the intent is stored. The monotonic clock goes on while a process is
    /// stopped, and nobody steps it.
    pub(crate) fn start(settle: Duration) -> Self {
        Self {
            began: Instant::now(),
            settle,
        }
    }

    /// To be asked right before the call; an error leaves the intent to be looked up.
    pub(crate) fn check(self) -> Result<(), Failure> {
        // The last eighth of the delay is left for clocks that differ and for a vendor that goes on
        // with a request which was cut off.
        if self.began.elapsed() < self.settle / 8 {
            return Ok(());
        }
        Err(Failure::Wait {
            after: self.settle,
            reason: Reason::new(
                "held_up",
                "this worker was held up between noting a write and sending it; it is looked up first",
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_up_for_an_eighth_of_the_settling_is_not_sent() {
        let settle = Duration::from_secs(4);
        assert!(SendBy::start(settle).check().is_ok());
        let held_up = SendBy {
            began: Instant::now().checked_sub(settle / 8).unwrap(),
            settle,
        };
        assert!(matches!(
            held_up.check(),
            Err(Failure::Wait { after, .. }) if after == settle
        ));
    }
}
