//! The clocks of FreshBooks: accounting speaks US/Eastern without a zone, sign-up dates speak UTC.

use std::cell::Cell;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

static EASTERN: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get("America/New_York")
        .or_else(|_| TimeZone::posix("EST5EDT,M3.2.0,M11.1.0"))
        .unwrap_or(TimeZone::UTC)
});

thread_local! {
    /// Set while a call is answered that brings its own time.
    static GIVEN: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

/// Lets it be that moment for as long as `work` takes.
pub(super) fn at<T>(moment: Timestamp, work: impl FnOnce() -> T) -> T {
    let before = GIVEN.replace(Some(moment));
    let done = work();
    GIVEN.set(before);
    done
}

fn now() -> Timestamp {
    GIVEN.get().unwrap_or_else(crate::clock::now)
}

/// Now, `YYYY-MM-DD HH:MM:SS` in US/Eastern.
pub(super) fn eastern() -> String {
    format_eastern(now())
}

/// Now in UTC, same format.
pub(super) fn utc() -> String {
    now()
        .to_zoned_datetime(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// Now with microseconds, US/Eastern: an invoice's `version`.
pub(super) fn version() -> String {
    let at = now();
    format!(
        "{}.{:06}",
        format_eastern(at),
        at.subsec_nanosecond().unsigned_abs() / 1000
    )
}

/// Now as ISO 8601 in UTC, as the events family writes it.
pub(super) fn iso() -> String {
    now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Today's date in US/Eastern.
pub(super) fn today() -> Date {
    now().to_zoned_datetime(EASTERN.clone()).date()
}

/// Seconds since the epoch.
pub(super) fn unix_s() -> i64 {
    now().as_second()
}

/// The day `days` after `date`; None when either is no date.
pub(super) fn days_after(date: &str, days: i64) -> Option<String> {
    let date: Date = date.parse().ok()?;
    let later = date.checked_add(Span::new().try_days(days).ok()?).ok()?;
    Some(later.to_string())
}

fn format_eastern(at: Timestamp) -> String {
    at.to_zoned_datetime(EASTERN.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The facts page's capture: 12:48 here, 16:48 there, in June.
    #[test]
    fn eastern_is_four_hours_behind_in_summer() {
        let at: Timestamp = "2026-06-29T16:48:00Z".parse().unwrap();
        assert_eq!(format_eastern(at), "2026-06-29 12:48:00");
    }

    #[test]
    fn due_dates_cross_months() {
        assert_eq!(days_after("2026-01-31", 1).as_deref(), Some("2026-02-01"));
    }
}
