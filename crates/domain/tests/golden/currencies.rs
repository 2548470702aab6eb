//! Smallest units other than a hundredth.

use serde_json::json;

use crate::becomes;
use crate::common::{document, product, set_total, tax};

#[test]
fn won_have_no_cents_and_a_coupon_takes_its_tax_along() {
    let mut order = document();
    order["order"]["default_currency_code"] = json!("KRW");
    let mut tea = product(1, "녹차", "3", "9900.0000", "29700.0000");
    tea["applied_discounts"] = json!([{"id": "coupon", "amount": 2970, "name": "Ten",
        "code": "TEN", "target": "order"}]);
    order["products"] = json!([tea]);
    order["order"]["coupon_discount"] = json!("2970.0000");
    order["coupons"] = json!([{"code": "TEN", "amount": 10, "discount": 2970, "type": 1}]);
    order["taxes"] = json!([tax(1, "item", "VAT", "10.0000", "2673.0000")]);
    set_total(&mut order, "26730.0000", "2673.0000", "29403.0000");
    order["transactions"][0]["currency"] = json!("KRW");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product 녹차 | 3 x 9900 | VAT 10 %
         Discount Coupon TEN | 1 x -2970 | VAT 10 %
         total 29403 KRW with tax 2673 KRW
         txn:501 VISA 29403 KRW on 2020-08-27",
    );
}

#[test]
fn dinars_have_three_decimals() {
    let mut order = document();
    order["order"]["default_currency_code"] = json!("KWD");
    order["products"] = json!([product(1, "Dates", "2", "1.2350", "2.4700")]);
    order["taxes"] = json!([tax(1, "item", "VAT", "5.0000", "0.1235")]);
    // 0.1235 is rounded to 0.124, by the store and by FreshBooks.
    set_total(&mut order, "2.4700", "0.1240", "2.5940");
    order["transactions"][0]["currency"] = json!("KWD");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Dates | 2 x 1.235 | VAT 5 %
         total 2.594 KWD with tax 0.124 KWD
         txn:501 VISA 2.594 KWD on 2020-08-27",
    );
}

#[test]
fn what_the_shopper_pays_in_counts_and_not_what_the_page_shows() {
    let mut order = document();
    order["order"]["default_currency_code"] = json!("EUR");
    order["order"]["currency_code"] = json!("GBP");
    order["order"]["currency_exchange_rate"] = json!("0.8500000000");
    order["transactions"][0]["currency"] = json!("EUR");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 EUR with tax 0.00 EUR
         txn:501 VISA 10.00 EUR on 2020-08-27",
    );
}
