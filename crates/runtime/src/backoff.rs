//! Exponential backoff with full jitter, in integer arithmetic.
//!
//! It only computes delays: it neither waits nor counts attempts.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Delays that double from `base` up to `cap`, each drawn evenly from zero to
/// its ceiling ("full jitter"), so that a crowd of retries spreads out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base_ms: u64,
    cap_ms: u64,
}

const YEAR_MS: u64 = 366 * 24 * 60 * 60 * 1000;

impl Backoff {
    /// A backoff whose first ceiling is `base` and whose last is `cap`, milliseconds each.
    ///
    /// Bounded whatever is given: `base` is at least 1 ms, since zero would retry in a tight loop;
    /// `cap` is at least `base` and at most a year.
    pub fn new(base: Duration, cap: Duration) -> Self {
        let whole_ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(YEAR_MS);
        let base_ms = whole_ms(base).clamp(1, YEAR_MS);
        Self {
            base_ms,
            cap_ms: whole_ms(cap).clamp(base_ms, YEAR_MS),
        }
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
        self.delay_from(attempt, &mut SmallRng::seed_from_u64(ambient::random()))
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

    fn backoff(base_ms: u64, cap_ms: u64) -> Backoff {
        Backoff::new(
            Duration::from_millis(base_ms),
            Duration::from_millis(cap_ms),
        )
    }

    #[test]
    fn ceilings_double_from_the_base_and_stop_at_the_cap() {
        let backoff = backoff(100, 1_000);
        let ceilings: Vec<u128> = (0..8)
            .map(|attempt| backoff.ceiling(attempt).as_millis())
            .collect();
        assert_eq!(ceilings, [100, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
    }

    #[test]
    fn the_thousandth_attempt_does_not_overflow() {
        let backoff = backoff(250, 900_000);
        for attempt in [53, 63, 64, 65, 1_000, u32::MAX] {
            assert_eq!(backoff.ceiling(attempt), Duration::from_secs(900));
        }
    }

    #[test]
    fn delays_fill_the_whole_span_and_never_leave_it() {
        let backoff = backoff(8, 8);
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
    fn nonsense_is_brought_into_bounds() {
        assert_eq!(backoff(0, 10), backoff(1, 10));
        assert_eq!(backoff(10, 9), backoff(10, 10));
        assert_eq!(backoff(1, u64::MAX), backoff(1, YEAR_MS));
    }
}
