//! The vendors' clock can be stepped: what is stamped, signed and counted follows it.
//!
//! Alone in its file: the clock is the process's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

mod bigcommerce_support;
mod freshbooks_support;

use axum::http::StatusCode;
use bigcommerce_support::{Receiver, Shop};
use reqwest::Method;
use serde_json::json;

/// More than a slow test takes between two looks at a clock.
const SLACK_S: i64 = 60;

#[tokio::test]
async fn a_step_moves_stamps_signatures_and_the_life_of_tokens() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    shop.hook("store/order/*", &receiver.url).await;
    let books = freshbooks_support::open(json!({"access_token_ttl_s": 3600})).await;
    assert_eq!(books.get("users/clients").await.status, 200);

    let ahead_s = 7200;
    let step = Some(json!({ "ahead_s": ahead_s }));
    let stepped = shop.control(Method::PUT, "/clock", step).await;
    assert_eq!(stepped.status(), 204);
    let machine_s = jiff::Timestamp::now().as_second();
    let is_ahead = |at_s: i64| (at_s - machine_s - ahead_s).abs() < SLACK_S;

    let body = json!({"kind": "pending", "hooks": "single"});
    shop.ask(Method::POST, "/orders", Some(body)).await;
    let hook = receiver.wait_for(1).await.remove(0);
    assert!(is_ahead(hook.headers["webhook-timestamp"].parse().unwrap()));
    assert!(is_ahead(hook.json()["created_at"].as_i64().unwrap()));
    let time = shop.get("/v2/time").await;
    assert!(is_ahead(time["time"].as_i64().unwrap()));
    assert_eq!(
        books.get("users/clients").await.status,
        401,
        "an hour's token has ended"
    );

    // Either emulator steps the one clock, and only so far.
    let back = books.control(Method::PUT, "/clock", json!({"ahead_s": 0}));
    assert_eq!(back.await.status, 204);
    assert_eq!(books.get("users/clients").await.status, 200);
    let far = json!({"ahead_s": 90_000});
    assert_eq!(books.control(Method::PUT, "/clock", far).await.status, 422);
    books.close().await;
}
