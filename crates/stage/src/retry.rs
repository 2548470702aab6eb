//! When a message that failed is tried again, and when it is given up.

use std::time::Duration;

use runtime::backoff::Backoff;

/// Bounds of the retries of one stage.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Attempts before the message becomes a dead letter.
    pub attempts_max: u32,
    /// Age since the first delivery after which even waiting ends.
    pub age_max: Duration,
    /// First step of the exponential backoff.
    pub base: Duration,
    /// Longest single delay.
    pub cap: Duration,
}

/// The most that is added to a hint.
const HINT_SPREAD_MAX: Duration = Duration::from_secs(10);

impl RetryPolicy {
    /// The delay before the attempt that follows `attempt`: exponential, full jitter.
    ///
    /// The far side's hint is a floor, never shortened; jitter is added on top of it, an eighth of
    /// it or more, so that waiting messages do not return in one wave.
    pub fn delay(&self, attempt: u32, hint: Option<Duration>) -> Duration {
        let jitter = Backoff::new(self.base, self.cap).delay(attempt);
        match hint {
            Some(hint) => {
                let hint = hint.min(self.age_max);
                let spread =
                    Backoff::new((hint / 8).min(HINT_SPREAD_MAX), HINT_SPREAD_MAX).delay(1);
                hint.saturating_add(jitter.min(self.base).max(spread))
            }
            None => jitter,
        }
    }

    /// Whether attempts or age are spent.
    pub fn is_spent(&self, attempt: u32, counts: bool, age: Duration) -> bool {
        (counts && attempt >= self.attempts_max) || age >= self.age_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts_max: 5,
        age_max: Duration::from_secs(3600),
        base: Duration::from_millis(100),
        cap: Duration::from_secs(10),
    };

    #[test]
    fn backoff_stays_under_its_growing_ceiling_and_the_cap() {
        for attempt in [1, 2, 5, 40, u32::MAX] {
            let ceiling = POLICY
                .base
                .saturating_mul(1 << (attempt - 1).min(20))
                .min(POLICY.cap);
            for _ in 0..200 {
                assert!(POLICY.delay(attempt, None) <= ceiling);
            }
        }
    }

    #[test]
    fn a_hint_is_never_shortened() {
        let hint = Duration::from_secs(30);
        for _ in 0..200 {
            let delay = POLICY.delay(1, Some(hint));
            assert!(delay >= hint && delay <= hint + hint / 8);
        }
    }

    #[test]
    fn waiting_spends_age_but_no_attempts() {
        assert!(POLICY.is_spent(5, true, Duration::ZERO));
        assert!(!POLICY.is_spent(500, false, Duration::ZERO));
        assert!(POLICY.is_spent(1, false, Duration::from_secs(3600)));
    }
}
