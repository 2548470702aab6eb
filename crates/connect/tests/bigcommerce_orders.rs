//! How few calls an order takes, and that nothing is lost by it.
#![allow(clippy::unwrap_used)] // also in helpers, which clippy does not count as tests

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Answer, Answered, Asked, Stub, Watch, json, status};
use connect::VendorError;
use connect::bigcommerce::{Client, Config, FetchHints, FetchedOrder, OrderFilter};
use serde_json::{Value, json};

const TOKEN: &str = "secret-token-of-the-store";

fn client(stub: &Stub, watch: &Watch) -> Client {
    let mut config = Config::new(stub.url.clone(), "abc123".into(), TOKEN.into());
    config.http.request_timeout = Duration::from_secs(20);
    config.quota_max_wait = Duration::ZERO;
    Client::new(config, Arc::new(watch.clone())).unwrap()
}

fn line(id: u64, quantity: u64) -> Value {
    json!({
        "id": id, "product_id": 77, "name": "Mug", "sku": "MUG", "type": "physical",
        "quantity": quantity, "price_ex_tax": "10.0000", "price_inc_tax": "10.8000",
        "total_ex_tax": "20.0000", "total_inc_tax": "21.6000", "total_tax": "1.6000",
        "discounted_total_inc_tax": "21.6000", "applied_discounts": [], "quantity_refunded": 0,
    })
}

fn address() -> Value {
    json!({"id": 5, "first_name": "Ann", "last_name": "Lee", "street_1": "1 Road", "city": "Town",
        "country": "United States", "cost_inc_tax": "5.0000", "shipping_method": "Ground"})
}

/// A paid, taxed card order.
fn order() -> Value {
    json!({
        "id": 250, "status_id": 11, "payment_status": "captured", "items_total": 2,
        "shipping_address_count": 1, "total_tax": "1.6000", "subtotal_tax": "1.6000",
        "is_tax_inclusive_pricing": false,
        "subtotal_ex_tax": "20.0000", "shipping_cost_ex_tax": "5.0000",
        "handling_cost_ex_tax": "0.0000", "wrapping_cost_ex_tax": "0.0000",
        "total_ex_tax": "25.0000", "total_inc_tax": "26.6000",
        "discount_amount": "0.0000", "coupon_discount": "0.0000", "refunded_amount": "0.0000",
        "products": {"url": "x", "resource": "/orders/250/products"},
        "consignments": {"url": "x", "resource": "/orders/250/consignments"},
        "fees": {"url": "x", "resource": "/orders/250/fees"},
    })
}

fn included_order() -> Value {
    let mut order = order();
    let mut shipping = address();
    shipping["line_items"] = json!([line(9, 2)]);
    order["consignments"] = json!({"pickups": [], "shipping": [shipping], "downloads": [],
        "email": {"gift_certificates": []}});
    order["fees"] = json!([]);
    order
}

fn transaction(event: &str) -> Value {
    json!({"id": 1, "order_id": "250", "event": event, "method": "credit_card", "amount": 26.6,
        "status": "ok", "test": false})
}

fn v3(rows: Value) -> Answer {
    json(json!({"data": rows, "meta": {"pagination": {"total_pages": 1, "current_page": 1}}}))
}

/// Everything but the order itself.
fn parts(asked: &Asked) -> Answer {
    match asked.path.strip_prefix("/stores/abc123").unwrap() {
        "/v2/orders/250/products" => json(json!([line(9, 2)])),
        "/v2/orders/250/taxes" => {
            json(json!([{"id": 1, "rate": "8.0000", "line_amount": "1.6000"}]))
        }
        "/v2/orders/250/coupons" => json(json!([{"id": 1, "code": "TEN"}])),
        "/v2/orders/250/shipping_addresses" => json(json!([address()])),
        "/v2/orders/250/fees" => json(json!([{"id": 1, "cost_ex_tax": "3.0000"}])),
        "/v3/orders/250/transactions" => v3(json!([transaction("purchase")])),
        "/v3/orders/250/payment_actions/refunds" => v3(json!([{"id": 3, "order_id": 250}])),
        "/v2/store" => json(json!({"timezone": {"name": "America/Chicago", "raw_offset": -21600}})),
        "/v3/tax/settings" => {
            json(json!({"data": {"rounding_strategy": "RATE_ROUNDING"}, "meta": {}}))
        }
        other => panic!("unexpected call to {other}"),
    }
}

fn is_order(asked: &Asked) -> bool {
    asked.path == "/stores/abc123/v2/orders/250"
}

async fn fetched(client: &Client) -> Value {
    match client
        .fetch_order(250, FetchHints::default())
        .await
        .unwrap()
    {
        FetchedOrder::Present(document) => document,
        FetchedOrder::Gone => panic!("the order is there"),
    }
}

#[tokio::test]
async fn a_paid_card_order_with_includes_takes_three_calls() {
    let stub = Stub::start(|asked| {
        if is_order(asked) {
            json(included_order())
        } else {
            parts(asked)
        }
    })
    .await;
    let watch = Watch::default();
    let client = client(&stub, &watch);
    let document = fetched(&client).await;
    let mut lines = stub.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            "GET /stores/abc123/v2/orders/250",
            "GET /stores/abc123/v2/orders/250/taxes",
            "GET /stores/abc123/v3/orders/250/transactions",
        ]
    );
    assert_eq!(document["products"][0]["id"], 9);
    assert_eq!(
        document["shipping_addresses"][0]["shipping_method"],
        "Ground"
    );
    assert_eq!(document["taxes"][0]["rate"], "8.0000");
    assert_eq!(document["transactions"][0]["amount"].to_string(), "26.6");
    assert_eq!(document["store"]["time_zone"], "America/Chicago");
    assert_eq!(document["store"]["time_zone_known"], true);
    assert_eq!(
        document["store"]["tax_settings"]["rounding_strategy"],
        "RATE_ROUNDING"
    );
    assert_eq!(document["refunds"], json!([]));
    let order = stub.asked().into_iter().find(is_order).unwrap();
    assert_eq!(
        order.param("consignment_structure").as_deref(),
        Some("object")
    );
    assert_eq!(order.headers["accept"], "application/json");
    assert_eq!(order.headers["x-auth-token"], TOKEN);
    fetched(&client).await;
    let settings = stub
        .asked()
        .iter()
        .filter(|asked| asked.path.ends_with("/v2/store"))
        .count();
    assert_eq!(settings, 1, "the store's settings are kept");
    let call = &watch.calls()[0];
    assert_eq!(
        (call.path_template, call.status, call.outcome),
        ("/v2/orders/{id}", Some(200), "ok")
    );
}

#[tokio::test]
async fn an_incomplete_order_takes_one_call() {
    let stub =
        Stub::start(|_| json(json!({"id": 250, "status_id": 0, "total_tax": "9.0000"}))).await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(stub.asked().len(), 1);
    assert_eq!(document["order"]["id"], 250);
    assert_eq!(document["products"], json!([]));
}

#[tokio::test]
async fn a_store_that_ignores_includes_gives_the_same_parts_in_more_calls() {
    let stub = Stub::start(|asked| {
        if is_order(asked) {
            json(order())
        } else {
            parts(asked)
        }
    })
    .await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(stub.lines().len(), 5, "{:?}", stub.lines());
    assert_eq!(document["products"][0]["id"], 9);
    assert_eq!(document["shipping_addresses"][0]["id"], 5);
    assert_eq!(
        document["fees"],
        json!([]),
        "the total adds up without a fee"
    );
}

#[tokio::test]
async fn a_store_that_refuses_includes_is_asked_for_them_once() {
    let stub = Stub::start(|asked| match is_order(asked) {
        true if asked.query.is_empty() => json(order()),
        true => status(400, r#"[{"status":400,"message":"The field 'include' is not supported by this resource."}]"#),
        false => parts(asked),
    })
    .await;
    let client = client(&stub, &Watch::default());
    fetched(&client).await;
    assert_eq!(stub.lines().len(), 6);
    fetched(&client).await;
    let refused = stub
        .asked()
        .iter()
        .filter(|asked| asked.query.contains("include"))
        .count();
    assert_eq!((stub.lines().len(), refused), (11, 1));
}

#[tokio::test]
async fn incomplete_consignments_are_replaced_by_the_real_lists() {
    let stub = Stub::start(|asked| {
        if !is_order(asked) {
            return parts(asked);
        }
        let mut order = included_order();
        order["items_total"] = json!(3);
        order["consignments"]["shipping"][0]
            .as_object_mut()
            .unwrap()
            .remove("street_1");
        json(order)
    })
    .await;
    fetched(&client(&stub, &Watch::default())).await;
    let lines = stub.lines().join("\n");
    assert!(
        lines.contains("/products") && lines.contains("/shipping_addresses"),
        "{lines}"
    );
}

#[tokio::test]
async fn fees_coupons_and_refunds_are_read_when_a_figure_tells_of_them() {
    let stub = Stub::start(|asked| {
        if asked.path.ends_with("/transactions") {
            return v3(json!([transaction("purchase"), transaction("refund")]));
        }
        if !is_order(asked) {
            return parts(asked);
        }
        let mut order = order();
        order["coupon_discount"] = json!("2.0000");
        order["total_ex_tax"] = json!("26.0000");
        json(order)
    })
    .await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(document["fees"][0]["id"], 1);
    assert_eq!(document["coupons"][0]["code"], "TEN");
    assert_eq!(document["refunds"][0]["id"], 3);
}

#[tokio::test]
async fn a_hint_is_enough_to_read_refunds_and_none_are_no_error() {
    let stub = Stub::start(|asked| match is_order(asked) {
        true => json(included_order()),
        false if asked.path.ends_with("/refunds") => status(404, ""),
        false if asked.path.ends_with("/transactions") => status(204, ""),
        false => parts(asked),
    })
    .await;
    let hints = FetchHints {
        refunds_expected: true,
    };
    let fetched = client(&stub, &Watch::default())
        .fetch_order(250, hints)
        .await
        .unwrap();
    let FetchedOrder::Present(document) = fetched else {
        panic!("the order is there")
    };
    assert_eq!(
        (&document["refunds"], &document["transactions"]),
        (&json!([]), &json!([]))
    );
    assert!(stub.lines().join("\n").contains("/payment_actions/refunds"));
}

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
async fn a_missing_order_is_gone_but_missing_lines_are_not() {
    let stub = Stub::start(|_| {
        status(
            404,
            r#"[{"status":404,"message":"The requested resource was not found."}]"#,
        )
    })
    .await;
    let gone = client(&stub, &Watch::default())
        .fetch_order(250, FetchHints::default())
        .await;
    assert_eq!(gone, Ok(FetchedOrder::Gone));
    let stub = Stub::start(|asked| match is_order(asked) {
        true => json(order()),
        false if asked.path.ends_with("/products") => status(404, "[]"),
        false => parts(asked),
    })
    .await;
    let moved = client(&stub, &Watch::default())
        .fetch_order(250, FetchHints::default())
        .await;
    assert_eq!(moved.unwrap_err().class(), "unavailable");
}

#[tokio::test]
async fn store_settings_without_permission_are_unknown_and_when_unavailable_wait() {
    let stub = Stub::start(|asked| match is_order(asked) {
        true => json(included_order()),
        false if asked.path.ends_with("/v2/store") => status(403, ""),
        false => parts(asked),
    })
    .await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(document["store"]["time_zone"], "UTC");
    assert_eq!(document["store"]["time_zone_known"], false);
    let stub = Stub::start(|asked| match is_order(asked) {
        true => json(included_order()),
        false if asked.path.ends_with("/v2/store") => status(503, ""),
        false => parts(asked),
    })
    .await;
    let waiting = client(&stub, &Watch::default())
        .fetch_order(250, FetchHints::default())
        .await;
    assert_eq!(waiting.unwrap_err().class(), "unavailable");
}

#[tokio::test]
async fn a_429_closes_the_window_for_every_clone() {
    let stub = Stub::start(|_| status(429, "").with("X-Rate-Limit-Time-Reset-Ms", 15_000)).await;
    let client = client(&stub, &Watch::default());
    let clone = client.clone();
    let first = client
        .fetch_order(250, FetchHints::default())
        .await
        .unwrap_err();
    assert_eq!(first.retry_after(), Some(Duration::from_secs(15)));
    let second = clone
        .fetch_order(250, FetchHints::default())
        .await
        .unwrap_err();
    assert!(second.retry_after().is_some());
    assert_eq!(stub.asked().len(), 1, "the second was not sent");
}

#[tokio::test]
async fn a_window_nearly_used_up_is_not_used_up() {
    let stub = Stub::start(|_| {
        json(json!({"id": 250, "status_id": 0}))
            .with("X-Rate-Limit-Requests-Left", 3)
            .with("X-Rate-Limit-Requests-Quota", 150)
            .with("X-Rate-Limit-Time-Window-Ms", 30_000)
            .with("X-Rate-Limit-Time-Reset-Ms", 20_000)
    })
    .await;
    let watch = Watch::default();
    let client = client(&stub, &watch);
    fetched(&client).await;
    assert_eq!(watch.calls()[0].requests_left, Some(3));
    let refused = client
        .fetch_order(250, FetchHints::default())
        .await
        .unwrap_err();
    assert!(refused.retry_after().unwrap() > Duration::from_secs(10));
    assert_eq!(stub.asked().len(), 1);
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

#[tokio::test]
async fn broken_slow_and_oversized_answers_have_their_class() {
    let class = async |answered: fn() -> Answered| {
        let stub = Stub::start(move |_| Answer {
            status: 200,
            headers: vec![],
            body: answered(),
        })
        .await;
        let mut config = Config::new(stub.url.clone(), "abc123".into(), TOKEN.into());
        config.http.request_timeout = Duration::from_millis(300);
        config.http.max_body_bytes = 64;
        let client = Client::new(config, Arc::new(Watch::default())).unwrap();
        let error = client
            .fetch_order(250, FetchHints::default())
            .await
            .unwrap_err();
        assert!(!format!("{error} {error:?} {client:?}").contains(TOKEN));
        error.class()
    };
    assert_eq!(class(|| Answered::Truncated).await, "unavailable");
    assert_eq!(class(|| Answered::Never).await, "unavailable");
    assert_eq!(class(|| Answered::Text("x".repeat(65))).await, "unreadable");
    assert_eq!(
        class(|| Answered::Text("<html>".into())).await,
        "unreadable"
    );
}

#[tokio::test]
async fn a_vendor_that_is_down_was_never_reached() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = Config::new(url.parse().unwrap(), "abc123".into(), TOKEN.into());
    let client = Client::new(config, Arc::new(Watch::default())).unwrap();
    let error = client
        .fetch_order(250, FetchHints::default())
        .await
        .unwrap_err();
    assert!(matches!(error, VendorError::RetryLater { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stub =
        Stub::start(|_| status(301, "").with("location", "http://127.0.0.1:1/elsewhere")).await;
    let error = client(&stub, &Watch::default())
        .fetch_order(250, FetchHints::default())
        .await;
    assert!(matches!(
        error,
        Err(VendorError::Rejected { status: 301, .. })
    ));
    assert_eq!(stub.asked().len(), 1);
}
