//! What is no date, dates no order can have, and zones nobody knows.

use domain::validate::read_order;
use serde_json::json;

use crate::{only_fault, only_hold, with};

#[test]
fn what_is_no_date_is_a_fault_with_its_place() {
    for text in [
        "0000-00-00 00:00:00",
        "2020-02-30T00:00:00Z",
        "2020-13-01",
        "Thu, 32 Aug 2020 00:00:00 +0000",
        "tomorrow",
        "99999-01-01T00:00:00Z",
        "1e99",
    ] {
        let (code, path) = only_fault(&with("/order/date_created", json!(text)));
        assert_eq!(
            (code, path.as_str()),
            ("not_a_date", "order.date_created"),
            "{text}"
        );
    }
}

#[test]
fn days_outside_the_years_of_any_order_are_held() {
    for text in [
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2100-01-02T00:00:00Z",
        "9999-12-30T00:00:00Z",
    ] {
        for place in ["/order/date_created", "/transactions/0/date_created"] {
            let (code, message) = only_hold(&with(place, json!(text)));
            assert_eq!(code, "date_out_of_range", "{place} {text}");
            assert!(message.contains("2000 to 2099"), "{message}");
        }
    }
    let (code, _) = only_hold(&with(
        "/order/date_created",
        json!(253_402_207_200_i64.to_string()),
    ));
    assert_eq!(code, "date_out_of_range");
}

#[test]
fn a_time_zone_that_nobody_knows_or_tells_is_utc_and_says_so() {
    let known = |zone| json!({"time_zone": zone, "time_zone_known": true});
    for (store, code) in [
        (known(json!("Mars/Base")), "unknown_time_zone"),
        (known(json!("")), "time_zone_missing"),
        (known(json!(null)), "time_zone_missing"),
        (known(json!({})), "time_zone_missing"),
        // The store could not be asked; UTC stands in.
        (
            json!({"time_zone": "UTC", "time_zone_known": false}),
            "time_zone_missing",
        ),
        (json!([]), "time_zone_missing"),
        (json!(null), "time_zone_missing"),
        (json!(""), "time_zone_missing"),
    ] {
        let read = read_order(&with("/store", store.clone())).unwrap();
        assert_eq!(read.order.store_time_zone, "UTC", "{store}");
        let found: Vec<_> = read.flags.iter().map(|flag| flag.code).collect();
        assert!(found.contains(&code), "{store}: {found:?}");
    }
}
