//! What the sandbox tells of its traffic: faults that struck, and the order in which things happened.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod bigcommerce_support;

use axum::http::StatusCode;
use bigcommerce_support::{Receiver, Shop};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_slow_body_comes_whole_and_in_pieces() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("paid_card_one_line", 1).await;
    let path = format!("/v2/orders/{id}");
    let slow = json!({"kind": "slow_body", "ms": 160});
    let armed = shop.control(Method::POST, "/faults", Some(slow)).await;
    assert_eq!(armed.status(), 201);
    let mut reply = shop.vendor(Method::GET, &path, None).await;
    let (mut body, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = reply.chunk().await.unwrap() {
        body.extend_from_slice(&piece);
        pieces += 1;
    }
    assert!(pieces > 1, "{pieces}");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, shop.get(&path).await);
}

#[tokio::test]
async fn a_spent_fault_still_tells_what_it_struck_when_others_are_armed() {
    let shop = Shop::open(json!({})).await;
    for status in [503, 500] {
        let fault = json!({"kind": "status", "status": status});
        shop.control(Method::POST, "/faults", Some(fault)).await;
        let struck = shop.vendor(Method::GET, "/v2/orders", None).await;
        assert_eq!(struck.status(), status);
    }
    let told = shop.control(Method::GET, "/faults", None).await;
    let told: Value = serde_json::from_str(&told.text().await.unwrap()).unwrap();
    assert_eq!(json!([told[0]["struck"], told[1]["struck"]]), json!([1, 1]));
}

#[tokio::test]
async fn a_hook_that_was_overtaken_is_known_by_the_place_of_its_event() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    shop.hook("store/order/*", &receiver.url).await;
    let late = json!({"kind": "hook_delay", "ms": 300, "match": {"scope": "created"}});
    shop.control(Method::POST, "/faults", Some(late)).await;
    for what in ["created", "updated"] {
        let event = json!({"scope": format!("store/order/{what}"), "order_id": 100,
            "data": {"type": "order", "id": 100}, "age_s": 7200});
        shop.ask(Method::POST, "/hooks/fire", Some(event)).await;
    }
    let arrivals = receiver.wait_for(2).await;
    assert_eq!(arrivals[0].scope(), "store/order/updated");
    for arrival in &arrivals {
        let sent: i64 = arrival.headers["webhook-timestamp"].parse().unwrap();
        let age_s = sent - arrival.json()["created_at"].as_i64().unwrap();
        assert!((7200..7300).contains(&age_s), "{age_s}");
    }
    let told = shop.ask(Method::GET, "/deliveries", None).await;
    let rows = told["deliveries"].as_array().unwrap();
    // The newest delivery first: the later event was delivered earlier.
    assert!(rows[0]["event"].as_u64() < rows[1]["event"].as_u64());
}
