//! Rate limits: buckets, headers, and when the window opens again.

use reqwest::Method;
use serde_json::json;

use crate::freshbooks_support::open;
use crate::{clients, within};

#[tokio::test]
async fn creates_and_reads_have_buckets_of_their_own() {
    let shop = open(json!({"limits": {"reads_per_minute": 3, "creates_per_minute": 1}})).await;
    let create = shop.post("users/clients", json!({"client": {}})).await;
    assert_eq!(
        (
            create.status,
            create.header("x-ratelimit-limit"),
            create.header("x-ratelimit-remaining")
        ),
        (200, 1, 0)
    );
    assert_eq!(
        shop.post("users/clients", json!({"client": {}}))
            .await
            .status,
        429
    );
    assert_eq!(clients(&shop).await, 1);
    for remaining in [2, 1, 0] {
        let read = shop.get("invoices/invoices").await;
        assert_eq!(
            (read.status, read.header("x-ratelimit-remaining")),
            (200, remaining)
        );
    }
    let refused = shop.get("users/clients").await;
    assert_eq!(refused.status, 429);
    let retry_s = refused.header("retry-after");
    assert!((1..=60).contains(&retry_s), "{retry_s}");
    let calls = shop
        .control(Method::GET, "/accounts/AbC12/calls", json!({}))
        .await
        .body;
    assert_eq!(calls["totals"]["throttled"], 2);
    shop.control(Method::POST, "/accounts/AbC12/reset_limits", json!({}))
        .await;
    assert_eq!(shop.get("users/clients").await.status, 200);
    shop.close().await;
}

#[tokio::test]
async fn a_fresh_token_is_no_fresh_budget() {
    let mut shop = open(json!({"limits": {"reads_per_minute": 1, "creates_per_minute": 1}})).await;
    assert_eq!(shop.get("users/clients").await.status, 200);
    let grant = shop
        .control(Method::GET, "/accounts/AbC12/grant", json!({}))
        .await
        .body;
    let renewed = shop.refresh(grant["refresh_token"].as_str().unwrap()).await;
    shop.token = renewed.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(shop.get("users/clients").await.status, 429);
    shop.close().await;
}

#[tokio::test]
async fn the_window_opens_again() {
    let shop =
        open(json!({"limits": {"reads_per_minute": 1, "creates_per_minute": 1, "window_s": 1}}))
            .await;
    assert_eq!(shop.get("users/clients").await.status, 200);
    within(async {
        while shop.get("users/clients").await.status == 429 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    shop.close().await;
}

#[tokio::test]
async fn every_reply_has_the_four_headers_and_the_usual_limits() {
    let shop = open(json!({"limits": {"reads_per_minute": 600, "creates_per_minute": 250}})).await;
    let ok = shop.get("users/clients").await;
    let missing = shop.get("users/clients/1").await;
    let stranger = shop
        .send(shop.http.get(format!(
            "{}/accounting/account/AbC12/users/clients",
            shop.base
        )))
        .await;
    for answer in [ok, missing, stranger] {
        assert_eq!(answer.header("x-ratelimit-limit"), 600);
        assert!(answer.header("x-ratelimit-reset") > 1_700_000_000);
        assert!(answer.headers.contains_key("x-ratelimit-remaining"));
        assert!(answer.headers.contains_key("retry-after"));
    }
    let create = shop.post("users/clients", json!({"client": {}})).await;
    assert_eq!(
        (
            create.header("x-ratelimit-limit"),
            create.header("x-ratelimit-remaining")
        ),
        (250, 249)
    );
    shop.close().await;
}
