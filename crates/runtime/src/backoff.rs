//! Exponential backoff with full jitter, in integer arithmetic.
//!
//! It only computes delays: it neither waits nor counts attempts.

use std::time::Duration;

use rand::RngExt;

/// Delays that double from `base` up to `cap`, each drawn evenly from zero to
/// its ceiling ("full jitter"), so that a crowd of retries spreads out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base_ms: u64,
    cap_ms: u64,
}

/// Why a pair of base and cap is no backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackoffError {
    /// A base of zero would retry in a tight loop.
    #[error("the first retry delay is under a millisecond; give at least 1 ms")]
    BaseZero,
    /// The cap lies under the base.
    #[error("the longest retry delay ({cap_ms} ms) is under the first ({base_ms} ms)")]
    CapUnderBase {
        /// The first delay's ceiling.
        base_ms: u64,
        /// The longest delay.
        cap_ms: u64,
    },
    /// A delay of more than a year is a mistyped number.
    #[error("the longest retry delay ({cap_ms} ms) is over a year; was another unit meant?")]
    CapTooLong {
        /// The longest delay.
        cap_ms: u64,
    },
}

const YEAR_MS: u64 = 366 * 24 * 60 * 60 * 1000;

impl Backoff {
    /// A backoff whose first ceiling is `base` and whose last is `cap`.
    ///
    /// Errors: a base under 1 ms, a cap under the base, a cap over a year.
    pub fn new(base: Duration, cap: Duration) -> Result<Self, BackoffError> {
        let base_ms = u64::try_from(base.as_millis()).unwrap_or(u64::MAX);
        let cap_ms = u64::try_from(cap.as_millis()).unwrap_or(u64::MAX);
        if base_ms == 0 {
            return Err(BackoffError::BaseZero);
        }
        if cap_ms < base_ms {
            return Err(BackoffError::CapUnderBase { base_ms, cap_ms });
        }
        if cap_ms > YEAR_MS {
            return Err(BackoffError::CapTooLong { cap_ms });
        }
        Ok(Self { base_ms, cap_ms })
    }

    /// The longest delay that [`Backoff::delay`] may draw for this attempt.
    ///
    /// Attempts count from 1; 0 is read as 1.
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1);
        let ceiling_ms = 1_u64
            .checked_shl(doublings)
            .and_then(|factor| self.base_ms.checked_mul(factor))
            .map_or(self.cap_ms, |ms| ms.min(self.cap_ms));
        Duration::from_millis(ceiling_ms)
    }

    /// How long to wait after failed attempt number `attempt` (from 1).
    pub fn delay(&self, attempt: u32) -> Duration {
        self.delay_from(attempt, &mut rand::rng())
    }

    /// As [`Backoff::delay`], with the source of chance given.
    pub fn delay_from(&self, attempt: u32, chance: &mut impl rand::Rng) -> Duration {
        let ceiling_ms = u64::try_from(self.ceiling(attempt).as_millis()).unwrap_or(self.cap_ms);
        Duration::from_millis(chance.random_range(0..=ceiling_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(base_ms: u64, cap_ms: u64) -> Result<Backoff, BackoffError> {
        Backoff::new(
            Duration::from_millis(base_ms),
            Duration::from_millis(cap_ms),
        )
    }

    #[test]
    fn ceilings_double_from_the_base_and_stop_at_the_cap() {
        let backoff = backoff(100, 1_000).unwrap();
        let ceilings: Vec<u128> = (0..8)
            .map(|attempt| backoff.ceiling(attempt).as_millis())
            .collect();
        assert_eq!(ceilings, [100, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
    }

    #[test]
    fn the_thousandth_attempt_does_not_overflow() {
        let backoff = backoff(250, 900_000).unwrap();
        for attempt in [53, 63, 64, 65, 1_000, u32::MAX] {
            assert_eq!(backoff.ceiling(attempt), Duration::from_secs(900));
        }
    }

    #[test]
    fn delays_fill_the_whole_span_and_never_leave_it() {
        let backoff = backoff(8, 8).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            seen.insert(backoff.delay(1).as_millis());
        }
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            (0..=8).collect::<Vec<_>>()
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(backoff(0, 10), Err(BackoffError::BaseZero));
        assert_eq!(
            backoff(10, 9),
            Err(BackoffError::CapUnderBase {
                base_ms: 10,
                cap_ms: 9
            })
        );
        assert!(matches!(
            backoff(1, u64::MAX),
            Err(BackoffError::CapTooLong { .. })
        ));
    }
}
