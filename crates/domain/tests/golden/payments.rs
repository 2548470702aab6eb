//! What came in: in parts, outside of the store, as certificates and credit.

use serde_json::json;

use crate::becomes;
use crate::common::{document, product, set_total, transaction};

#[test]
fn parts_of_an_authorisation_are_a_payment_each_on_their_own_days() {
    let mut order = document();
    order["order"]["status_id"] = json!(3);
    let mut first = transaction(502, "capture", "4.00");
    first["reference_transaction_id"] = json!(501);
    let mut second = transaction(503, "capture", "3.50");
    second["reference_transaction_id"] = json!(501);
    second["date_created"] = json!("2020-09-03T12:00:00+00:00");
    // 2.50 of the 10.00 is not captured and stays open.
    order["transactions"] = json!([second, transaction(501, "authorization", "10.00"), first]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:502 VISA 4.00 USD on 2020-08-27
         txn:503 VISA 3.50 USD on 2020-09-03",
    );
}

#[test]
fn paid_outside_of_the_store_is_paid_in_full_on_the_day_of_its_status() {
    let mut order = document();
    order["order"]["payment_method"] = json!("Bank Deposit");
    order["order"]["date_modified"] = json!("Tue, 01 Sep 2020 12:00:00 +0000");
    order["transactions"] = json!([]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         offline:1001 Bank Transfer 10.00 USD on 2020-09-01",
    );
}

#[test]
fn a_certificate_over_everything_is_the_only_payment() {
    let mut order = document();
    order["order"]["gift_certificate_amount"] = json!("10.0000");
    order["order"]["payment_method"] = json!("Gift Certificate");
    order["transactions"] = json!([]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         tender:gift_certificate Credit 10.00 USD on 2020-08-27",
    );
}

#[test]
fn one_certificate_is_bought_and_another_spent_in_one_order() {
    let mut order = document();
    let mut bought = product(2, "Gift certificate", "1", "25.00", "25.00");
    bought["type"] = json!("giftcertificate");
    order["products"] = json!([product(1, "Mug", "1", "10.00", "10.00"), bought]);
    set_total(&mut order, "35.0000", "0.0000", "35.0000");
    order["order"]["gift_certificate_amount"] = json!("5.0000");
    order["transactions"] = json!([transaction(501, "purchase", "30.00")]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         Product Gift certificate | 1 x 25.00
         total 35.00 USD with tax 0.00 USD
         tender:gift_certificate Credit 5.00 USD on 2020-08-27
         txn:501 VISA 30.00 USD on 2020-08-27",
    );
}

#[test]
fn store_credit_that_is_also_a_transaction_is_paid_once() {
    let mut order = document();
    order["order"]["store_credit_amount"] = json!("3.0000");
    let mut credit = transaction(501, "purchase", "3.00");
    credit["method"] = json!("store_credit");
    credit["gateway"] = json!("storecredit");
    credit["credit_card"] = json!(null);
    order["transactions"] = json!([credit, transaction(502, "purchase", "7.00")]);
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:501 Credit 3.00 USD on 2020-08-27
         txn:502 VISA 7.00 USD on 2020-08-27",
    );
}

#[test]
fn a_failed_attempt_a_test_and_a_void_are_no_money() {
    let mut order = document();
    let mut failed = transaction(501, "purchase", "10.00");
    failed["status"] = json!("error");
    let mut test = transaction(502, "purchase", "10.00");
    test["test"] = json!(true);
    let mut void = transaction(504, "void", "10.00");
    void["reference_transaction_id"] = json!(503);
    let rows = [
        failed,
        test,
        transaction(503, "authorization", "10.00"),
        void,
    ];
    order["transactions"] = json!(rows);
    order["transactions"]
        .as_array_mut()
        .unwrap()
        .push(transaction(505, "purchase", "10.00"));
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00
         total 10.00 USD with tax 0.00 USD
         txn:505 VISA 10.00 USD on 2020-08-27",
    );
}
