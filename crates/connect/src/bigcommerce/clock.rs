//! How far the store's clock is behind ours, from the `Date` of its replies.
//!
//! The store's own stamps can then be compared with moments of ours. Not here: who compares
//! (sweeps).

use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use http::header::{DATE, HeaderName};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Learned from each reply.
#[derive(Debug, Default)]
pub(super) struct StoreClock {
    /// At most so many milliseconds; negative when the store is ahead.
    behind_ms: Mutex<Option<i64>>,
}

/// `Date` cuts the rest of its second off.
const GRAIN_MS: i64 = 1_000;

impl StoreClock {
    /// Milliseconds, never too few. 0 before the first reply that tells, and when the store is
    /// ahead: whoever then takes its stamps for ours errs on the late side.
    pub(super) fn behind_ms(&self) -> i64 {
        let behind = self.behind_ms.lock();
        let behind = behind.unwrap_or_else(PoisonError::into_inner);
        behind.unwrap_or(0).max(0)
    }

    /// Learns from a reply to a call that was sent and answered at these moments.
    ///
    /// Each says too much by its way back and by what `Date` cut off, so the least stands until a
    /// reply shows that a clock was set.
    pub(super) fn learn(&self, headers: &HeaderMap, sent_ms: u64, now_ms: u64) {
        let Some(date_ms) = date(headers, DATE).map(Timestamp::as_millisecond) else {
            return;
        };
        let after_date_ms = |ms: u64| ms.cast_signed().saturating_sub(date_ms);
        let most = after_date_ms(now_ms);
        let least = after_date_ms(sent_ms).saturating_sub(GRAIN_MS);
        let behind = self.behind_ms.lock();
        let mut behind = behind.unwrap_or_else(PoisonError::into_inner);
        if behind.is_none_or(|known| most < known || known < least) {
            *behind = Some(most);
        }
    }
}

/// The moment that a header names.
pub(super) fn date(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    let text = headers.get(name)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "Fri, 27 Nov 2026 12:00:00 GMT";

    /// A reply that says so, to a call of that long, which arrived so long after noon.
    fn learn(clock: &StoreClock, date: &str, took_ms: i64, after_noon_ms: i64) {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, date.parse().unwrap());
        let noon: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let at = |ms: i64| (noon.as_millisecond() + ms).cast_unsigned();
        clock.learn(&headers, at(after_noon_ms - took_ms), at(after_noon_ms));
    }

    #[test]
    fn the_reply_that_says_least_stands_until_a_clock_is_set() {
        let clock = StoreClock::default();
        assert_eq!(clock.behind_ms(), 0);
        learn(&clock, NOON, 300, 10_900);
        assert_eq!(clock.behind_ms(), 10_900);
        learn(&clock, NOON, 20, 10_050);
        assert_eq!(clock.behind_ms(), 10_050);
        // A slow reply says nothing new, and neither does one without a date.
        learn(&clock, NOON, 5_000, 15_000);
        learn(&clock, "yesterday", 20, 500);
        assert_eq!(clock.behind_ms(), 10_050);
        learn(&clock, NOON, 20, 20_500);
        assert_eq!(clock.behind_ms(), 20_500, "the store's clock was put back");
        learn(&clock, NOON, 20, -9_000);
        assert_eq!(clock.behind_ms(), 0, "it was put ahead of ours");
    }
}
