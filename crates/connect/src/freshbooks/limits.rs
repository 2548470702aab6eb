//! FreshBooks' rate limits, as its headers tell them.
//!
//! Creates have a window of their own (250 a minute against 600 when measured). The headers come
//! on every reply, `Retry-After` included, so they say "stop" only on a 429 or at zero.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use crate::gate::{Gate, Sharing};
use crate::window::Told;

/// Length of the measured window, for replies that do not say when it ends.
const WINDOW: Duration = Duration::from_secs(60);

/// What to wait on a 429 that names no time.
const OVERLOAD_WAIT: Duration = Duration::from_secs(5);

/// No hint may park an account for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The account's windows.
pub(super) struct Limits {
    pub(super) creates: Gate,
    pub(super) others: Gate,
}

impl Limits {
    pub(super) fn new(account_id: &str, sharing: &Sharing) -> Self {
        let gate =
            |name: &str| Gate::new(format!("freshbooks:{account_id}:{name}"), sharing.clone());
        Self {
            creates: gate("creates"),
            others: gate("others"),
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Requests left in the window.
pub(super) fn requests_left(headers: &HeaderMap) -> Option<u64> {
    number(headers, "x-ratelimit-remaining")
}

/// What a reply says about its window.
pub(super) fn told(headers: &HeaderMap, now: Timestamp) -> Option<Told> {
    let resets_in = hint(headers, now).unwrap_or(WINDOW);
    Some(Told {
        left: requests_left(headers)?,
        quota: number(headers, "x-ratelimit-limit"),
        resets_in: resets_in.min(WINDOW),
    })
}

/// How long a 429 asks to wait.
pub(super) fn wait(headers: &HeaderMap, now: Timestamp) -> Duration {
    hint(headers, now)
        .unwrap_or(OVERLOAD_WAIT)
        .min(LONGEST_WAIT)
}

/// `Retry-After` is relative and so safe from clocks that differ; the reset time is the second
/// choice.
fn hint(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let relative = number(headers, "retry-after").map(Duration::from_secs);
    let absolute = || {
        let reset_s = i64::try_from(number(headers, "x-ratelimit-reset")?).ok()?;
        let seconds = reset_s.saturating_sub(now.as_second()).max(0);
        Some(Duration::from_secs(seconds.unsigned_abs()))
    };
    relative.or_else(absolute)
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
    fn the_wait_comes_from_either_header_and_is_bounded() {
        let now = Timestamp::from_second(1000).unwrap();
        let seconds = |pairs: &[_]| wait(&headers(pairs), now).as_secs();
        assert_eq!(seconds(&[("Retry-After", "7")]), 7);
        assert_eq!(seconds(&[("X-RateLimit-Reset", "1012")]), 12);
        assert_eq!(seconds(&[("X-RateLimit-Reset", "12")]), 0);
        assert_eq!(seconds(&[]), OVERLOAD_WAIT.as_secs());
        assert_eq!(seconds(&[("Retry-After", "99999")]), LONGEST_WAIT.as_secs());
    }

    #[test]
    fn a_window_is_told_by_every_reply_that_counts() {
        let now = Timestamp::from_second(1000).unwrap();
        let full = headers(&[
            ("X-RateLimit-Limit", "250"),
            ("X-RateLimit-Remaining", "249"),
            ("X-RateLimit-Reset", "1030"),
            ("Retry-After", "30"),
        ]);
        let expected = Told {
            left: 249,
            quota: Some(250),
            resets_in: Duration::from_secs(30),
        };
        assert_eq!(told(&full, now), Some(expected));
        assert_eq!(told(&headers(&[("Retry-After", "30")]), now), None);
    }
}
