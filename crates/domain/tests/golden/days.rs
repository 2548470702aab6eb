//! Days are the store's, whatever day it is in UTC.

use serde_json::json;

use crate::becomes;
use crate::common::{document, number, refund};

#[test]
fn an_evening_in_utc_is_the_next_day_in_tokyo() {
    let mut order = document();
    order["store"]["time_zone"] = json!("Asia/Tokyo");
    // 23:47 UTC of the 27th is 08:47 of the 28th; 15:30 UTC of the 28th is 00:30 of the 29th.
    order["transactions"][0]["date_created"] = json!("2020-08-28T15:30:00+00:00");
    becomes(
        &order,
        "1001 on 2020-08-28
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-08-29",
    );
}

#[test]
fn a_morning_in_utc_is_the_day_before_in_honolulu() {
    let mut order = document();
    order["store"]["time_zone"] = json!("Pacific/Honolulu");
    order["order"]["date_created"] = json!("Tue, 01 Sep 2020 09:59:59 +0000");
    order["transactions"][0]["date_created"] = json!("2020-09-01T10:00:00+00:00");
    becomes(
        &order,
        "1001 on 2020-08-31
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-09-01",
    );
}

#[test]
fn midnight_moves_with_the_clocks_of_the_store() {
    let mut order = document();
    order["order"]["status_id"] = json!(14);
    // New York leaves summer time on 1 November 2020 at 06:00 UTC.
    order["order"]["date_created"] = json!("Sun, 01 Nov 2020 03:59:59 +0000");
    order["transactions"][0]["date_created"] = json!("2020-11-01T04:00:00+00:00");
    let items = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": number("4.00")}]);
    order["refunds"] = json!([refund(7, "4.00", "0", items)]);
    order["refunds"][0]["created"] = json!("2020-11-02T04:59:59+00:00");
    becomes(
        &order,
        "1001 on 2020-10-31
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 VISA 10.00 USD on 2020-11-01
         refund:7 1001-R7 CreditNote 4.00 USD with tax 0.00 USD on 2020-11-01
           Refund Refund | 1 x 4.00",
    );
}
