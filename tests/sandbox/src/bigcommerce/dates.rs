//! The date spellings of the two API generations, written and read.

use jiff::{Timestamp, civil, fmt::rfc2822, tz::TimeZone};

/// V2: `Thu, 27 Aug 2020 23:47:22 +0000`, always UTC.
pub(crate) fn rfc2822_utc(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

/// V3: `2020-08-27T23:47:22Z`, always UTC.
pub(crate) fn iso_utc(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Reads a filter's or a request's date: RFC 2822, ISO 8601 with or without an offset, or a day.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(at);
    }
    // A `+` that was not percent-encoded arrives as a space.
    if let Some((head, zone)) = text.rsplit_once(' ')
        && zone.len() >= 4
        && zone.bytes().all(|b| b.is_ascii_digit() || b == b':')
    {
        let plus = format!("{head}+{zone}");
        let spaced = format!("{head} +{zone}");
        if let Ok(at) = plus.parse::<Timestamp>() {
            return Some(at);
        }
        if let Ok(at) = rfc2822::DateTimeParser::new().parse_timestamp(&spaced) {
            return Some(at);
        }
    }
    let moment = text
        .parse::<civil::DateTime>()
        .or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from))
        .ok()?;
    moment
        .to_zoned_datetime(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_as_the_same_moment() {
        let at: Timestamp = "2020-08-27T23:47:22Z".parse().unwrap();
        assert_eq!(rfc2822_utc(at), "Thu, 27 Aug 2020 23:47:22 +0000");
        assert_eq!(iso_utc(at), "2020-08-27T23:47:22Z");
        for text in [
            "Thu, 27 Aug 2020 23:47:22 +0000",
            "Thu, 27 Aug 2020 23:47:22  0000",
            "2020-08-27T23:47:22Z",
            "2020-08-27T23:47:22+00:00",
            "2020-08-27T23:47:22 00:00",
            "2020-08-27T23:47:22",
        ] {
            assert_eq!(read(text), Some(at), "{text}");
        }
        assert_eq!(read("yesterday"), None);
    }
}
