//! Faults on order: what each does to the call it waits for.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::freshbooks_support::{Shop, open};
use crate::{clients, within};

async fn raw_create(shop: &Shop) -> reqwest::Result<reqwest::Response> {
    let path = "/accounting/account/AbC12/users/clients";
    shop.request(Method::POST, path)
        .json(&json!({"client": {}}))
        .send()
        .await
}

#[tokio::test]
async fn a_status_fault_does_nothing_and_is_used_up() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "status", "status": 503, "body": {"oops": 1}, "match": {"method": "POST", "path": "users/clients"}})).await;
    shop.fault(
        json!({"kind": "status", "status": 409, "errno": 409, "message": "conflicts with another"}),
    )
    .await;
    let first = shop.post("users/clients", json!({"client": {}})).await;
    assert_eq!((first.status, &first.body["oops"]), (503, &json!(1)));
    assert_eq!(
        shop.post("users/clients", json!({"client": {}}))
            .await
            .refusal(),
        (409, 409)
    );
    assert_eq!(clients(&shop).await, 0);
    assert_eq!(
        shop.post("users/clients", json!({"client": {}}))
            .await
            .status,
        200
    );
    let faults = shop.control(Method::GET, "/faults", json!({})).await.body;
    assert_eq!(
        json!([
            faults["faults"][0]["hits"],
            faults["faults"][0]["remaining"]
        ]),
        json!([1, 0])
    );
    assert_eq!(
        shop.control(Method::DELETE, "/faults", json!({}))
            .await
            .body["cleared"],
        2
    );
    shop.close().await;
}

#[tokio::test]
async fn a_fault_waits_for_its_call() {
    let shop = open(json!({})).await;
    shop.open_account("Other1", "other", json!({})).await;
    shop.fault(json!({"kind": "status", "status": 500, "account_id": "Other1"}))
        .await;
    shop.fault(json!({"kind": "status", "status": 501, "match": {"body": "Bob"}}))
        .await;
    shop.fault(json!({"kind": "status", "status": 502, "match": {"method": "get"}, "skip": 1}))
        .await;
    assert_eq!(
        shop.post("users/clients", json!({"client": {"fname": "Ann"}}))
            .await
            .status,
        200
    );
    assert_eq!(
        shop.post("users/clients", json!({"client": {"fname": "Bob"}}))
            .await
            .status,
        501
    );
    assert_eq!(shop.get("users/clients").await.status, 200);
    assert_eq!(shop.get("users/clients").await.status, 502);
    shop.close().await;
}

#[tokio::test]
async fn resets_leave_the_effect_undone_or_done() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "reset_before"})).await;
    assert!(raw_create(&shop).await.is_err());
    assert_eq!(clients(&shop).await, 0);
    shop.fault(json!({"kind": "reset_after"})).await;
    assert!(raw_create(&shop).await.is_err());
    assert_eq!(clients(&shop).await, 1);
    let calls = shop
        .control(Method::GET, "/accounts/AbC12/calls", json!({}))
        .await
        .body;
    let route = calls["routes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|route| route["route"] == "users/clients")
        .unwrap();
    assert_eq!(route["answers"], json!({"reset": 1, "200": 1}));
    shop.close().await;
}

#[tokio::test]
async fn a_lost_or_broken_reply_hides_a_done_effect() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "error_after_commit"})).await;
    assert_eq!(
        shop.post("users/clients", json!({"client": {}}))
            .await
            .status,
        500
    );
    assert_eq!(clients(&shop).await, 1);
    shop.fault(json!({"kind": "truncated_json"})).await;
    let cut = shop.post("users/clients", json!({"client": {}})).await;
    assert_eq!(cut.status, 200);
    assert!(matches!(cut.body, Value::String(_)), "not JSON any more");
    assert_eq!(clients(&shop).await, 2);
    shop.close().await;
}

#[tokio::test]
async fn errors_may_hide_in_200() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "errors_in_200", "errno": 1040}))
        .await;
    assert_eq!(
        shop.post("users/clients", json!({"client": {}}))
            .await
            .refusal(),
        (200, 1040)
    );
    assert_eq!(clients(&shop).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_hang_ends_with_the_effect_done_though_the_caller_left() {
    let shop = open(json!({})).await;
    for (effect, hang_ms) in [("before", 60_000), ("after", 200)] {
        shop.fault(json!({"kind": "hang_ms", "hang_ms": hang_ms, "effect": effect}))
            .await;
        let before = clients(&shop).await;
        let path = "/accounting/account/AbC12/users/clients";
        let call = shop
            .request(Method::POST, path)
            .json(&json!({"client": {}}));
        let answer = call.timeout(Duration::from_millis(50)).send().await;
        assert!(answer.unwrap_err().is_timeout());
        within(async {
            while clients(&shop).await == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_grant_may_be_revoked_in_mid_flight() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "revoke_grant", "match": {"path": "users/clients"}}))
        .await;
    assert_eq!(
        shop.post("users/clients", json!({"client": {}}))
            .await
            .status,
        401
    );
    let grant = shop
        .control(Method::GET, "/accounts/AbC12/grant", json!({}))
        .await
        .body;
    assert!(grant["refresh_token"].is_null());
    shop.close().await;
}

#[tokio::test]
async fn token_calls_can_fail_too() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "status", "status": 503, "match": {"path": "oauth/token"}}))
        .await;
    let grant = shop
        .control(Method::GET, "/accounts/AbC12/grant", json!({}))
        .await
        .body;
    let live = grant["refresh_token"].as_str().unwrap();
    assert_eq!(shop.refresh(live).await.status, 503);
    assert_eq!(shop.refresh(live).await.status, 200);
    shop.close().await;
}

#[tokio::test]
async fn bad_orders_say_what_is_wrong() {
    let shop = open(json!({})).await;
    for (order, word) in [
        (json!({"kind": "earthquake"}), "earthquake"),
        (json!({"kind": "status"}), "needs a status"),
        (json!({"kind": "status", "status": 42}), "out of range"),
        (json!({"kind": "hang_ms"}), "needs hang_ms"),
        (json!({"kind": "429", "tims": 3}), "tims"),
    ] {
        let answer = shop.control(Method::POST, "/faults", order).await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.body["error"].as_str().unwrap().contains(word),
            "{}",
            answer.body
        );
    }
    let twice = json!({"account_id": "AbC12", "client_id": "a", "client_secret": "b", "refresh_token": "c"});
    assert_eq!(
        shop.control(Method::POST, "/accounts", twice).await.status,
        409
    );
    assert_eq!(
        shop.control(Method::GET, "/accounts/Nobody/books", json!({}))
            .await
            .status,
        404
    );
    shop.close().await;
}

#[tokio::test]
async fn forced_429_come_with_and_without_headers() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "429", "retry_after_s": 7})).await;
    shop.fault(json!({"kind": "429", "headers": false})).await;
    let with = shop.get("users/clients").await;
    assert_eq!(
        (with.status, with.header("x-ratelimit-remaining")),
        (429, 0)
    );
    assert_eq!(with.header("retry-after"), 7);
    let without = shop.get("users/clients").await;
    assert_eq!(without.status, 429);
    assert!(!without.headers.contains_key("retry-after"));
    shop.close().await;
}
