//! Lists are read to their end, page by page, whatever the server makes of the page size.

use connect::bigcommerce::OrderFilter;
use serde_json::{Value, json};

use crate::common::{Asked, Stub, Watch, json, status};
use crate::store::{client, fetched, is_order, line, order, parts};

#[tokio::test]
async fn a_thousand_lines_are_read_in_pages_of_250() {
    let stub = Stub::start(|asked| {
        if is_order(asked) {
            let mut order = order();
            order["items_total"] = json!(1000);
            return json(order);
        }
        if !asked.path.ends_with("/products") {
            return parts(asked);
        }
        assert_eq!(asked.param("limit").as_deref(), Some("250"));
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        if page > 4 {
            return status(204, "");
        }
        json(Value::Array(
            (0..250)
                .map(|row| line((page - 1) * 250 + row + 1, 1))
                .collect(),
        ))
    })
    .await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(document["products"].as_array().unwrap().len(), 1000);
}

#[tokio::test]
async fn a_server_that_ignores_the_page_size_or_the_page_is_survived() {
    let small = |asked: &Asked| {
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        let rows = if page == 1 { 50 } else { 10 };
        json(Value::Array(
            (0..rows).map(|row| line(page * 100 + row, 1)).collect(),
        ))
    };
    let stub = Stub::start(move |asked| match is_order(asked) {
        true => json(order()),
        false if asked.path.ends_with("/products") => small(asked),
        false if asked.path.ends_with("/taxes") => json(Value::Array(
            (0..250).map(|row| json!({"id": row})).collect(),
        )),
        false => parts(asked),
    })
    .await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(document["products"].as_array().unwrap().len(), 60);
    assert_eq!(document["taxes"].as_array().unwrap().len(), 250);
}

#[tokio::test]
async fn a_list_is_stable_and_ends_with_no_content() {
    let stub = Stub::start(|asked| match asked.param("page").as_deref() {
        Some("1") => json(json!([{"id": 100, "status_id": 11, "date_modified": "Thu, 27 Aug 2020 23:47:22 +0000", "is_deleted": false}])),
        _ => status(204, ""),
    })
    .await;
    let client = client(&stub, &Watch::default());
    let filter = OrderFilter {
        min_date_modified: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        ..Default::default()
    };
    let rows = client.list_orders(filter, 1, 250).await.unwrap();
    assert_eq!((rows[0].id, rows[0].status_id), (100, Some(11)));
    assert!(client.list_orders(filter, 2, 250).await.unwrap().is_empty());
    let asked = &stub.asked()[0];
    assert_eq!(
        asked.param("min_date_modified").as_deref(),
        Some("2026-01-02T03:04:05Z")
    );
    assert_eq!(asked.param("sort").as_deref(), Some("id:asc"));
}
