//! The vendor's surface: shapes, filters, errors, quota and faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

mod bigcommerce_support;

use bigcommerce_support::{Shop, TOKEN, field};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

async fn value(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_missing_token_is_refused_in_the_generations_own_words() {
    let shop = Shop::open(json!({})).await;
    let v2 = shop
        .client
        .get(shop.url("/v2/orders/100"))
        .send()
        .await
        .unwrap();
    assert_eq!(v2.status(), 401);
    assert_eq!(value(v2).await[0]["status"], json!(401));
    let v3 = shop
        .client
        .get(shop.url("/v3/customers"))
        .send()
        .await
        .unwrap();
    assert_eq!(v3.status(), 401);
    assert_eq!(value(v3).await["status"], json!(401));
}

#[tokio::test]
async fn an_order_has_links_until_its_parts_are_included() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("order_fee", 5).await;
    let plain = shop.get(&format!("/v2/orders/{id}")).await;
    for name in [
        "products",
        "shipping_addresses",
        "coupons",
        "consignments",
        "fees",
    ] {
        let resource = format!("/orders/{id}/{name}");
        assert_eq!(plain[name]["resource"], json!(resource));
        assert_eq!(
            plain[name]["url"],
            json!(shop.url(&format!("/v2{resource}")))
        );
    }
    assert!(plain["date_created"].as_str().unwrap().ends_with(" +0000"));
    assert_eq!(plain["date_shipped"], json!(""));

    let query = "include=consignments,consignments.line_items,fees&consignment_structure=object";
    let full = shop.get(&format!("/v2/orders/{id}?{query}")).await;
    assert_eq!(full["fees"].as_array().unwrap().len(), 2);
    let shipping = &full["consignments"]["shipping"][0];
    let products = shop.get(&format!("/v2/orders/{id}/products")).await;
    assert_eq!(shipping["line_items"], products);
    assert_eq!(
        field(shipping, "cost_ex_tax"),
        field(&plain, "shipping_cost_ex_tax")
    );
    assert_eq!(shipping["email"], plain["billing_address"]["email"]);
    for part in ["pickups", "downloads"] {
        assert_eq!(full["consignments"][part], json!([]));
    }
    assert_eq!(
        full["consignments"]["email"]["gift_certificates"],
        json!([])
    );
}

#[tokio::test]
async fn downloads_and_gift_certificates_have_consignments_of_their_own() {
    let shop = Shop::open(json!({})).await;
    let query = "include=consignments.line_items&consignment_structure=object";
    let id = shop.order("digital_download", 1).await;
    let order = shop.get(&format!("/v2/orders/{id}?{query}")).await;
    assert_eq!(order["consignments"]["shipping"], json!([]));
    let lines = &order["consignments"]["downloads"][0]["line_items"];
    assert_eq!(lines[0]["type"], json!("digital"));

    let id = shop.order("gift_certificate_sold", 1).await;
    let order = shop.get(&format!("/v2/orders/{id}?{query}")).await;
    let lines = &order["consignments"]["email"]["gift_certificates"][0]["line_items"];
    assert_eq!(lines[0]["type"], json!("giftcertificate"));
}

#[tokio::test]
async fn empty_v2_lists_answer_204_without_a_body() {
    let shop = Shop::open(json!({})).await;
    let none = shop.vendor(Method::GET, "/v2/orders", None).await;
    assert_eq!(none.status(), 204);
    assert_eq!(none.text().await.unwrap(), "");
    let id = shop.order("paid_card_one_line", 1).await;
    for part in [
        "shipments",
        "coupons",
        "fees",
        "messages",
        "products?page=2",
    ] {
        let path = format!("/v2/orders/{id}/{part}");
        let response = shop.vendor(Method::GET, &path, None).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{part}");
    }
    for spelling in ["shipping_addresses", "shippingaddresses"] {
        let rows = shop.get(&format!("/v2/orders/{id}/{spelling}")).await;
        assert_eq!(rows.as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn sub_resources_come_in_pages_of_fifty_and_at_most_250() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("thousand_lines", 3).await;
    let count = async |query: &str| {
        let rows = shop.get(&format!("/v2/orders/{id}/products{query}")).await;
        rows.as_array().unwrap().len()
    };
    assert_eq!(count("").await, 50);
    assert_eq!(count("?limit=1000").await, 250);
    assert_eq!(count("?limit=250&page=4").await, 250);
    let past = format!("/v2/orders/{id}/products?limit=250&page=5");
    assert_eq!(shop.vendor(Method::GET, &past, None).await.status(), 204);
}

#[tokio::test]
async fn the_list_filters_sorts_and_refuses_what_it_does_not_know() {
    let shop = Shop::open(json!({})).await;
    let first = shop.order("paid_card_one_line", 1).await;
    let second = shop.order("awaiting_payment", 2).await;
    let third = shop.order("paid_card_one_line", 3).await;
    let ids = async |query: &str| -> Vec<u64> {
        let rows = shop.get(&format!("/v2/orders?{query}")).await;
        let rows = rows.as_array().unwrap();
        rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(first, 100, "order ids start at 100");
    assert_eq!(ids("limit=2").await, [first, second]);
    assert_eq!(ids("limit=2&page=2").await, [third]);
    assert_eq!(ids("sort=id:desc").await, [third, second, first]);
    assert_eq!(ids("status_id=7").await, [second]);
    assert_eq!(ids(&format!("min_id={second}")).await, [second, third]);
    let past = "Thu%2C%2027%20Aug%202020%2023%3A47%3A22%20%2B0000";
    assert_eq!(ids(&format!("min_date_modified={past}")).await.len(), 3);
    let nothing = format!("/v2/orders?max_date_modified={past}");
    assert_eq!(shop.vendor(Method::GET, &nothing, None).await.status(), 204);
    let unknown = shop.vendor(Method::GET, "/v2/orders?id=100", None).await;
    assert_eq!(unknown.status(), 400);
    let text = "The field 'id' is not supported by this resource.";
    assert_eq!(value(unknown).await[0]["message"], json!(text));
}

#[tokio::test]
async fn a_put_changes_the_status_and_custom_status_is_read_only() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("awaiting_payment", 1).await;
    let path = format!("/v2/orders/{id}");
    let done = shop
        .vendor(Method::PUT, &path, Some(json!({"status_id": 11})))
        .await;
    assert_eq!(done.status(), 200);
    assert_eq!(value(done).await["status"], json!("Awaiting Fulfillment"));
    let body = json!({"custom_status": "Mine"});
    assert_eq!(
        shop.vendor(Method::PUT, &path, Some(body)).await.status(),
        400
    );
    assert_eq!(shop.vendor(Method::DELETE, &path, None).await.status(), 204);
    assert_eq!(shop.get(&path).await["is_deleted"], json!(true));
}

#[tokio::test]
async fn refunds_and_transactions_agree_and_totals_stay() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("paid_card_many_lines", 4).await;
    let before = shop.get(&format!("/v2/orders/{id}")).await;
    let path = format!("/orders/{id}/actions");
    let items = json!([{"item": "product", "line": 0, "quantity": 1}, {"item": "shipping"}]);
    let body = json!({"action": "refund", "items": items});
    shop.ask(Method::POST, &path, Some(body)).await;
    let refunds = shop
        .get(&format!("/v3/orders/{id}/payment_actions/refunds"))
        .await;
    let refund = &refunds["data"][0];
    assert!(refund["total_amount"].is_number());
    assert_eq!(refund["items"][0]["item_type"], json!("PRODUCT"));
    let rows = shop.get(&format!("/v3/orders/{id}/transactions")).await;
    let back = &rows["data"][1];
    assert_eq!(back["event"], json!("refund"));
    assert_eq!(field(back, "amount"), field(refund, "total_amount"));
    assert_eq!(back["reference_transaction_id"], rows["data"][0]["id"]);
    let after = shop.get(&format!("/v2/orders/{id}")).await;
    assert_eq!(after["total_inc_tax"], before["total_inc_tax"]);
    assert_eq!(after["refunded_amount"], json!("0.0000"));
    assert_eq!(after["status_id"], json!(14));

    shop.ask(Method::POST, &path, Some(json!({"action": "refund"})))
        .await;
    let shown = shop.ask(Method::GET, &format!("/orders/{id}"), None).await;
    assert_eq!(shown["net"], json!("0.0000"));
    assert_eq!(shown["status_id"], json!(4));
    let all = format!("/v3/orders/payment_actions/refunds?order_id:in={id}");
    assert_eq!(shop.get(&all).await["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_authorisation_is_captured_in_parts_and_never_beyond() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("authorised_only", 4).await;
    let path = format!("/stores/{}/orders/{id}/actions", shop.hash);
    let capture = async |amount: Value| {
        let body = json!({"action": "capture", "amount": amount});
        shop.control(Method::POST, &path, Some(body)).await.status()
    };
    assert_eq!(capture(json!("1.00")).await, 200);
    assert_eq!(capture(json!("99999999")).await, 400);
    assert_eq!(capture(Value::Null).await, 200);
    let shown = shop.ask(Method::GET, &format!("/orders/{id}"), None).await;
    assert_eq!(shown["captured"], shown["total_inc_tax"]);
    assert_eq!(shown["status_id"], json!(11));
}

#[tokio::test]
async fn a_void_takes_back_the_latest_capture_or_else_the_authorisation() {
    let shop = Shop::open(json!({})).await;
    for (kind, captured) in [
        ("authorised_only", "0.0000"),
        ("paid_card_one_line", "0.0000"),
    ] {
        let id = shop.order(kind, 4).await;
        let rows = shop.get(&format!("/v3/orders/{id}/transactions")).await;
        let path = format!("/orders/{id}/actions");
        let after = shop
            .ask(Method::POST, &path, Some(json!({"action": "void"})))
            .await;
        assert_eq!(after["captured"], json!(captured), "{kind}");
        let now = shop.get(&format!("/v3/orders/{id}/transactions")).await;
        let void = now["data"].as_array().unwrap().last().unwrap();
        assert_eq!(void["event"], json!("void"));
        let last = rows["data"].as_array().unwrap().last().unwrap();
        assert_eq!(void["reference_transaction_id"], last["id"], "{kind}");
    }
}

#[tokio::test]
async fn edits_compute_again_and_a_deleted_order_is_gone() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("awaiting_payment", 9).await;
    let act = async |body: Value| {
        let path = format!("/orders/{id}/actions");
        shop.ask(Method::POST, &path, Some(body)).await
    };
    let before = shop.ask(Method::GET, &format!("/orders/{id}"), None).await;
    let line = json!({"action": "add_line", "name": "Late", "quantity": 2, "unit_price": "5.00"});
    let after = act(line).await;
    let tax = "10.83".parse().unwrap();
    let more = field(&after, "total_inc_tax") - field(&before, "total_inc_tax");
    assert_eq!(more, tax, "10.00 and 8.25 % of it");
    let less = act(json!({"action": "edit_line_quantity", "line": 2, "quantity": 0})).await;
    assert_eq!(less["total_inc_tax"], before["total_inc_tax"]);
    act(json!({"action": "change_billing_address", "address": {"city": "Oslo"}})).await;
    let order = shop.get(&format!("/v2/orders/{id}")).await;
    assert_eq!(order["billing_address"]["city"], json!("Oslo"));
    let other = act(json!({"action": "change_currency", "currency": "EUR"})).await;
    assert_eq!(other["currency"], json!("EUR"));
    assert_eq!(other["total_inc_tax"], before["total_inc_tax"]);
    act(json!({"action": "delete"})).await;
    let gone = shop
        .vendor(Method::GET, &format!("/v2/orders/{id}"), None)
        .await;
    assert_eq!(gone.status(), 404);
    let text = "The requested resource was not found.";
    assert_eq!(value(gone).await[0]["message"], json!(text));
}

#[tokio::test]
async fn a_raw_order_shows_exactly_what_was_given() {
    let shop = Shop::open(json!({})).await;
    let raw = json!({
        "order": {"id": 519, "status_id": 7, "total_inc_tax": "2400.0000", "total_tax": "125.1200",
                  "default_currency_code": "USD", "billing_address": {"email": "c@example.com"}},
        "products": [{"id": 537, "name": "Bottle", "quantity": 10, "total_tax": "125.1200"}],
        "transactions": [{"id": 1, "event": "purchase", "status": "ok", "test": false,
                          "amount": serde_json::from_str::<Value>("2400.10").unwrap()}],
        "hooks": "none",
    });
    let made = shop.ask(Method::POST, "/orders/raw", Some(raw)).await;
    assert_eq!(made["total_inc_tax"], json!("2400.0000"));
    assert_eq!(made["captured"], json!("2400.1000"));
    let order = shop
        .get("/v2/orders/519?include=consignments.line_items&consignment_structure=object")
        .await;
    assert_eq!(order["total_tax"], json!("125.1200"));
    assert_eq!(order["status"], json!("Awaiting Payment"));
    assert_eq!(
        order["consignments"]["shipping"][0]["line_items"][0]["id"],
        json!(537)
    );
    let rows = shop
        .vendor(Method::GET, "/v3/orders/519/transactions", None)
        .await;
    assert!(rows.text().await.unwrap().contains("\"amount\":2400.10"));
    assert_eq!(
        shop.order("pending", 1).await,
        520,
        "ids are never used again"
    );
}

#[tokio::test]
async fn customers_are_found_by_filter_and_missing_ones_are_no_error() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("returning_customer", 3).await;
    let again = shop.order("returning_customer", 11).await;
    let order = shop.get(&format!("/v2/orders/{id}")).await;
    let customer = order["customer_id"].as_u64().unwrap();
    assert!(customer > 0);
    let other = shop.get(&format!("/v2/orders/{again}")).await;
    assert_eq!(other["customer_id"], order["customer_id"]);
    let found = shop
        .get(&format!(
            "/v3/customers?id:in={customer},99&include=addresses"
        ))
        .await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert!(found["data"][0]["addresses"][0]["postal_code"].is_string());
    let none = shop.get("/v3/customers?id:in=99").await;
    assert_eq!(none["data"], json!([]));
    assert_eq!(none["meta"]["pagination"]["total"], json!(0));
}

#[tokio::test]
async fn catalog_prices_are_numbers_and_variants_are_found_by_sku() {
    let shop = Shop::open(json!({})).await;
    let products = shop
        .get("/v3/catalog/products?limit=10&include=variants")
        .await;
    assert_eq!(products["data"].as_array().unwrap().len(), 10);
    assert!(products["data"][0]["price"].is_number());
    let sku = products["data"][4]["variants"][1]["sku"].as_str().unwrap();
    let found = shop.get(&format!("/v3/catalog/variants?sku={sku}")).await;
    assert_eq!(found["data"][0]["product_id"], products["data"][4]["id"]);
    assert_eq!(
        shop.get("/v2/store").await["timezone"]["raw_offset"],
        json!(-18000)
    );
    let tax = shop.get("/v3/tax/settings").await;
    assert_eq!(tax["data"]["tax_entered_with_prices"], json!(false));
}

#[tokio::test]
async fn the_quota_is_told_on_every_answer_and_then_enforced() {
    let quota = json!({"requests": 2, "window_ms": 600_000, "retry_after": true});
    let shop = Shop::open(json!({"quota": quota})).await;
    let ok = shop.vendor(Method::GET, "/v2/orders", None).await;
    assert_eq!(ok.headers()["X-Rate-Limit-Requests-Left"], "1");
    assert_eq!(ok.headers()["X-Rate-Limit-Requests-Quota"], "2");
    assert_eq!(ok.headers()["X-Rate-Limit-Time-Window-Ms"], "600000");
    shop.vendor(Method::GET, "/v2/orders", None).await;
    let refused = shop.vendor(Method::GET, "/v3/customers", None).await;
    assert_eq!(refused.status(), 429);
    let reset: u64 = refused.headers()["X-Rate-Limit-Time-Reset-Ms"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(reset <= 600_000);
    assert!(refused.headers().contains_key("X-Retry-After"));
}

#[tokio::test]
async fn faults_strike_where_they_were_armed() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("paid_card_one_line", 1).await;
    let path = format!("/v2/orders/{id}");
    let arm = async |fault: Value| {
        let made = shop.control(Method::POST, "/faults", Some(fault)).await;
        assert_eq!(made.status(), 201);
    };
    let on = json!({"order_id": id});
    arm(json!({"kind": "overload", "match": on})).await;
    let overload = shop.vendor(Method::GET, &path, None).await;
    assert_eq!(overload.status(), 429);
    let bare = |name: &axum::http::HeaderName| !name.as_str().starts_with("x-rate-limit");
    assert!(overload.headers().keys().all(bare));

    arm(json!({"kind": "throttle", "reset_ms": 1234, "retry_after_s": 2, "match": on})).await;
    let throttle = shop.vendor(Method::GET, &path, None).await;
    assert_eq!(throttle.headers()["X-Rate-Limit-Time-Reset-Ms"], "1234");
    assert_eq!(throttle.headers()["X-Retry-After"], "2");

    arm(json!({"kind": "status", "status": 503, "match": on})).await;
    assert_eq!(shop.vendor(Method::GET, &path, None).await.status(), 503);

    arm(json!({"kind": "empty", "match": on})).await;
    assert_eq!(shop.vendor(Method::GET, &path, None).await.status(), 204);

    arm(json!({"kind": "truncate_json", "match": on})).await;
    let cut = shop.vendor(Method::GET, &path, None).await;
    assert_eq!(cut.status(), 200);
    assert!(serde_json::from_str::<Value>(&cut.text().await.unwrap()).is_err());

    arm(json!({"kind": "reset", "match": on})).await;
    let request = shop
        .client
        .get(shop.url(&path))
        .header("X-Auth-Token", TOKEN);
    let broken = match request.send().await {
        Err(_) => true,
        Ok(response) => response.text().await.is_err(),
    };
    assert!(broken, "the connection breaks");
    assert_eq!(
        shop.vendor(Method::GET, &path, None).await.status(),
        200,
        "all are spent"
    );
    assert_eq!(
        shop.control(Method::DELETE, "/faults", None).await.status(),
        204
    );
}

#[tokio::test]
async fn calls_are_counted_per_route_and_per_order() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("paid_card_one_line", 1).await;
    shop.get(&format!("/v2/orders/{id}")).await;
    shop.get(&format!("/v3/orders/{id}/transactions")).await;
    let calls = shop.ask(Method::GET, "/calls", None).await;
    assert_eq!(calls["by_order"][id.to_string()], json!(2));
    assert_eq!(calls["by_route"]["GET /v2/orders/{id}"], json!(1));
    shop.ask(Method::DELETE, "/calls", None).await;
    let calls = shop.ask(Method::GET, "/calls", None).await;
    assert_eq!(calls["total"], json!(0));
}

#[tokio::test]
async fn units_refunded_one_by_one_give_back_every_cent() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("three_of_one_product", 2).await;
    let path = format!("/orders/{id}/actions");
    let unit = json!({"action": "refund", "items": [{"item": "product", "quantity": 1}]});
    for _ in 0..3 {
        shop.ask(Method::POST, &path, Some(unit.clone())).await;
    }
    let spent = format!("/stores/{}{path}", shop.hash);
    assert_eq!(
        shop.control(Method::POST, &spent, Some(unit))
            .await
            .status(),
        400
    );
    let rest = json!({"action": "refund", "items": [{"item": "shipping"}]});
    let shown = shop.ask(Method::POST, &path, Some(rest)).await;
    assert_eq!(shown["net"], json!("0.0000"));
    let order = shop.get(&format!("/v2/orders/{id}")).await;
    let refunds = shop
        .get(&format!("/v3/orders/{id}/payment_actions/refunds"))
        .await;
    let rows = refunds["data"].as_array().unwrap();
    let tax: rust_decimal::Decimal = rows.iter().map(|row| field(row, "total_tax")).sum();
    assert_eq!(tax, field(&order, "total_tax"));
}
