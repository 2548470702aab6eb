//! Figures of many orders: paged by id, filtered again, and to an end.

use connect::bigcommerce::lists::OrderPage;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::common::{Stub, Watch, json, status};
use crate::store::client;

fn row(id: u64) -> Value {
    json!({"id": id, "status_id": 11, "date_created": "Thu, 27 Aug 2020 23:47:22 +0000",
        "total_inc_tax": "12.5000", "default_currency_code": "USD",
        "billing_address": {"email": "ann@example.com"}})
}

async fn page(stub: &Stub, after_id: u64) -> OrderPage {
    let client = client(stub, &Watch::default());
    let (min, max) = (Timestamp::UNIX_EPOCH, Timestamp::now());
    client.orders_created(min, max, after_id).await.unwrap()
}

#[tokio::test]
async fn orders_are_paged_by_id_until_a_page_is_short() {
    let stub = Stub::start(|asked| {
        let first: u64 = asked.param("min_id").unwrap().parse().unwrap();
        let rows = if first == 1 { 250 } else { 3 };
        json(Value::Array((first..first + rows).map(row).collect()))
    })
    .await;
    let first = page(&stub, 0).await;
    assert_eq!((first.rows.len(), first.next_after_id), (250, Some(250)));
    let last = page(&stub, 250).await;
    assert_eq!((last.rows.len(), last.next_after_id), (3, None));
    let order = &last.rows[0];
    assert_eq!(order.total_inc_tax, Some("12.5".parse().unwrap()));
    assert_eq!(order.created_at, "2020-08-27T23:47:22Z".parse().ok());
    assert!(!format!("{order:?}").contains("ann@"));
}

#[tokio::test]
async fn a_server_that_ignores_the_first_id_ends_the_list() {
    let stub = Stub::start(|_| json(Value::Array((1..=250).map(row).collect()))).await;
    assert_eq!(page(&stub, 250).await.next_after_id, None);
}

#[tokio::test]
async fn no_content_is_the_end_and_a_missing_order_is_none() {
    let stub = Stub::start(|asked| match asked.path.ends_with("/orders") {
        true => status(204, ""),
        false => status(404, "[]"),
    })
    .await;
    let empty = page(&stub, 0).await;
    assert_eq!((empty.rows.len(), empty.next_after_id), (0, None));
    let gone = client(&stub, &Watch::default()).order_row(9).await;
    assert_eq!(gone, Ok(None));
}

#[tokio::test]
async fn refunds_of_other_orders_are_left_out() {
    let stub = Stub::start(|asked| {
        assert_eq!(asked.param("order_id:in").as_deref(), Some("1,2"));
        let refund = |id: u64, order: u64| {
            json!({"id": id, "order_id": order, "total_amount": 5.25, "payments":
                [{"amount": 5.25, "is_declined": true}]})
        };
        json(json!({"data": [refund(10, 1), refund(11, 3)], "meta": {}}))
    })
    .await;
    let store = client(&stub, &Watch::default());
    let found = store.refunds_of_orders(&[1, 2]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].total_amount, Some("5.25".parse().unwrap()));
    assert!(found[0].payments[0].is_declined);
}
