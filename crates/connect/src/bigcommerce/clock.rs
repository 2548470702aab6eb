//! How far the store's clock is behind ours, from the `Date` of its replies.
//!
//! The store's own stamps can then be compared with moments of ours. Not here: who compares
//! (sweeps).

use std::sync::atomic::{AtomicI64, Ordering};

use http::HeaderMap;
use http::header::DATE;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Learned from each reply.
#[derive(Debug, Default)]
pub(super) struct StoreClock {
    behind_ms: AtomicI64,
}

impl StoreClock {
    /// Milliseconds, at most: too much by the reply's way and by less than the second that `Date`
    /// cuts off. 0 before the first reply that tells, and when the store is ahead: whoever then
    /// takes its stamps for ours errs on the late side.
    pub(super) fn behind_ms(&self) -> i64 {
        self.behind_ms.load(Ordering::Relaxed)
    }

    /// Learns from a reply that arrived at `now`.
    pub(super) fn learn(&self, headers: &HeaderMap, now: Timestamp) {
        if let Some(date) = date(headers) {
            let behind = now
                .as_millisecond()
                .saturating_sub(date.as_millisecond())
                .max(0);
            self.behind_ms.store(behind, Ordering::Relaxed);
        }
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_that_names_its_time_tells_how_far_the_store_is_behind() {
        let clock = StoreClock::default();
        assert_eq!(clock.behind_ms(), 0);
        let now: Timestamp = "2026-11-27T12:00:10.5Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Fri, 27 Nov 2026 12:00:00 GMT".parse().unwrap());
        clock.learn(&headers, now);
        assert_eq!(clock.behind_ms(), 10_500);
        headers.insert(DATE, "yesterday".parse().unwrap());
        clock.learn(&headers, now);
        assert_eq!(clock.behind_ms(), 10_500);
        headers.insert(DATE, "Fri, 27 Nov 2026 12:01:10 GMT".parse().unwrap());
        clock.learn(&headers, now);
        assert_eq!(clock.behind_ms(), 0);
    }
}
