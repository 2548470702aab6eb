//! BigCommerce's quota headers.
//!
//! All apps of a store share one window of 30 seconds. Not here: who waits (`window`).

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;

use super::clock;
use crate::window::Told;

/// Length of the documented window, for replies that do not say when it ends.
const WINDOW: Duration = Duration::from_secs(30);

/// What to wait on a 429 that names no time: BigCommerce itself is overloaded.
const OVERLOAD_WAIT: Duration = Duration::from_secs(5);

/// No hint may park a store for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Requests left in the window.
pub(super) fn requests_left(headers: &HeaderMap) -> Option<u64> {
    number(headers, "x-rate-limit-requests-left")
}

/// What a reply says about the window.
pub(super) fn told(headers: &HeaderMap) -> Option<Told> {
    let resets_in = number(headers, "x-rate-limit-time-reset-ms").map(Duration::from_millis);
    Some(Told {
        left: requests_left(headers)?,
        quota: number(headers, "x-rate-limit-requests-quota"),
        resets_in: resets_in.unwrap_or(WINDOW).min(LONGEST_WAIT),
    })
}

/// How long a 429 asks to wait: the longest of its hints.
pub(super) fn wait(headers: &HeaderMap, now: Timestamp) -> Duration {
    let reset = number(headers, "x-rate-limit-time-reset-ms").map(Duration::from_millis);
    let own = number(headers, "x-retry-after").map(Duration::from_secs);
    let standard = number(headers, "retry-after").map(Duration::from_secs);
    let longest = reset.max(own).max(standard).max(retry_date(headers, now));
    longest.unwrap_or(OVERLOAD_WAIT).min(LONGEST_WAIT)
}

/// `Retry-After` may be a date.
fn retry_date(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let date = clock::date(headers, RETRY_AFTER)?;
    Duration::try_from(date.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_longest_hint_wins_and_no_hint_is_overload() {
        let now = Timestamp::UNIX_EPOCH;
        let both = headers(&[
            ("x-rate-limit-time-reset-ms", "1500"),
            ("x-retry-after", "4"),
        ]);
        assert_eq!(wait(&both, now), Duration::from_secs(4));
        let reset = headers(&[
            ("X-Rate-Limit-Time-Reset-Ms", "9000"),
            ("X-Retry-After", "4"),
        ]);
        assert_eq!(wait(&reset, now), Duration::from_secs(9));
        let date = headers(&[("retry-after", "Thu, 01 Jan 1970 00:00:07 GMT")]);
        assert_eq!(wait(&date, now), Duration::from_secs(7));
        assert_eq!(wait(&headers(&[]), now), OVERLOAD_WAIT);
        assert_eq!(
            wait(&headers(&[("x-retry-after", "999999")]), now),
            LONGEST_WAIT
        );
    }
}
