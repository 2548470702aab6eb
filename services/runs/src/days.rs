//! A range of whole days in a store's time zone.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The longest range one run takes; a bound on memory, not on what can be done in several runs.
const DAYS_MAX: i32 = 3 * 366;

/// From the beginning of one day to the end of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct DayRange {
    pub from: Date,
    /// The last day, inclusive.
    pub to: Date,
}

/// A range as records keep it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Written {
    from: String,
    to: String,
}

impl From<DayRange> for Written {
    fn from(days: DayRange) -> Self {
        Self {
            from: days.from.to_string(),
            to: days.to.to_string(),
        }
    }
}

impl TryFrom<Written> for DayRange {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self, Error> {
        Self::read(&written.from, &written.to)
    }
}

impl DayRange {
    /// Reads both days as `YYYY-MM-DD`.
    pub fn read(from: &str, to: &str) -> Result<Self, Error> {
        let day = |text: &str| {
            text.parse::<Date>()
                .map_err(|_| Error::Refused(format!("{text:?} is no day; write it as 2026-01-31")))
        };
        let range = Self {
            from: day(from)?,
            to: day(to)?,
        };
        let days = range.from.until(range.to).map_or(0, |span| span.get_days());
        match days {
            ..0 => Err(Error::Refused(format!(
                "the range ends ({to}) before it begins ({from})"
            ))),
            DAYS_MAX.. => Err(Error::Refused(format!(
                "a run takes at most {DAYS_MAX} days; divide the range"
            ))),
            _ => Ok(range),
        }
    }

    /// The first and the last second of the range in a time zone, by its IANA name.
    pub fn seconds_in(&self, time_zone: &str) -> Result<(Timestamp, Timestamp), Error> {
        let unreadable = |error: jiff::Error| {
            Error::Refused(format!("the range in time zone {time_zone}: {error}"))
        };
        let begins = |day: Date| Ok(day.in_tz(time_zone)?.timestamp());
        let first = begins(self.from).map_err(unreadable)?;
        let after = self
            .to
            .tomorrow()
            .and_then(begins)
            .and_then(|at| at.checked_sub(1.second()))
            .map_err(unreadable)?;
        Ok((first, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_whole_days_of_the_store() {
        let range = DayRange::read("2026-03-08", "2026-03-08").unwrap();
        let (first, last) = range.seconds_in("America/New_York").unwrap();
        // The day the clocks go forward has 23 hours.
        assert_eq!(first.to_string(), "2026-03-08T05:00:00Z");
        assert_eq!(last.to_string(), "2026-03-09T03:59:59Z");
    }

    #[test]
    fn what_is_no_range_is_refused_in_plain_words() {
        for (from, to) in [
            ("2026-02-01", "2026-01-31"),
            ("yesterday", "2026-01-31"),
            ("2020-01-01", "2026-01-31"),
        ] {
            assert!(matches!(DayRange::read(from, to), Err(Error::Refused(_))));
        }
    }
}
