//! Lists are read to their end, page by page, whatever the server makes of the page size.

use connect::bigcommerce::{Change, ChangeList};
use jiff::Timestamp;
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
async fn changed_orders_are_paged_by_id_until_there_are_none() {
    let stub = Stub::start(|asked| match asked.param("min_id").as_deref() {
        None => json(json!([{"id": 100, "status_id": 11,
            "date_modified": "Thu, 27 Aug 2020 23:47:22 +0000", "is_deleted": false}])),
        _ => status(204, ""),
    })
    .await;
    let client = client(&stub, &Watch::default());
    let since: Timestamp = "2020-08-27T03:04:05Z".parse().unwrap();
    let page = client.changes(ChangeList::Orders, since, 0).await.unwrap();
    let change = Change {
        id: 100,
        at: Some("2020-08-27T23:47:22Z".parse().unwrap()),
    };
    assert_eq!((page.changes, page.next), (vec![change], Some(101)));
    let end = client
        .changes(ChangeList::Orders, since, 101)
        .await
        .unwrap();
    assert_eq!((end.changes, end.next), (vec![], None));
    let asked = &stub.asked()[0];
    let min = asked.param("min_date_modified");
    assert_eq!(min.as_deref(), Some("2020-08-27T03:04:05Z"));
    assert_eq!(asked.param("sort").as_deref(), Some("id:asc"));
}

#[tokio::test]
async fn other_changes_are_paged_by_number_and_refunds_name_their_order() {
    let stub = Stub::start(|asked| {
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        let row = match asked.path.as_str() {
            path if path.ends_with("/refunds") => {
                json!({"id": 9, "order_id": 100 + page, "created": "2020-08-27T23:47:22+00:00"})
            }
            _ => json!({"id": page, "date_modified": "2020-08-27T23:47:22Z"}),
        };
        json(json!({"data": [row], "meta": {"pagination": {"total_pages": 2}}}))
    })
    .await;
    let client = client(&stub, &Watch::default());
    let since: Timestamp = "2020-08-27T03:04:05Z".parse().unwrap();
    let at = Some("2020-08-27T23:47:22Z".parse().unwrap());
    for (list, first, min) in [
        (ChangeList::Refunds, 101, "created:min"),
        (ChangeList::Customers, 1, "date_modified:min"),
        (ChangeList::Products, 1, "date_modified:min"),
    ] {
        let page = client.changes(list, since, 0).await.unwrap();
        assert_eq!(page.changes, [Change { id: first, at }]);
        assert_eq!(page.next, Some(2));
        let last = client.changes(list, since, 2).await.unwrap();
        assert_eq!((last.changes[0].id, last.next), (first + 1, None));
        let asked = stub.asked();
        let min = asked.last().unwrap().param(min);
        assert_eq!(min.as_deref(), Some("2020-08-27T03:04:05Z"));
    }
}
