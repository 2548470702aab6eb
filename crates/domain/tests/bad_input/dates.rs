//! What is no date, dates no order can have, and zones nobody knows.

use domain::validate::read_order;
use serde_json::json;

use crate::common::document;
use crate::{is_fault, only_fault, only_hold, with};

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
fn a_time_zone_nobody_knows_is_a_fault_and_a_missing_one_is_utc() {
    is_fault(
        &with("/store/time_zone", json!("Mars/Base")),
        "unknown_time_zone",
        "store.time_zone",
    );
    let mut order = document();
    order.as_object_mut().unwrap().remove("store");
    let read = read_order(&order).unwrap();
    assert_eq!(read.order.store_time_zone, "UTC");
    assert!(
        read.flags
            .iter()
            .any(|flag| flag.code == "time_zone_missing")
    );
}
