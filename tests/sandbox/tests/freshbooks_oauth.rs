//! Tokens: rotation, reuse, expiry, revocation, both body kinds, identity.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod freshbooks_support;

use freshbooks_support::open;
use reqwest::{Method, redirect};
use serde_json::json;

#[tokio::test]
async fn a_refresh_token_works_once() {
    let shop = open(json!({})).await;
    let reused = shop.refresh("first-refresh").await;
    assert_eq!(
        (reused.status, &reused.body["error"]),
        (400, &json!("invalid_grant"))
    );
    let grant = shop
        .control(Method::GET, "/accounts/AbC12/grant", json!({}))
        .await
        .body;
    let live = grant["refresh_token"].as_str().unwrap();
    assert_eq!(live.len(), 64);
    let renewed = shop.refresh(live).await;
    assert_eq!(
        (renewed.status, &renewed.body["expires_in"]),
        (200, &json!(43200))
    );
    assert_ne!(renewed.body["refresh_token"], live);
    assert_eq!(renewed.body["token_type"], "Bearer");
    shop.close().await;
}

#[tokio::test]
async fn json_bodies_and_the_second_path_work_too() {
    let shop = open(json!({})).await;
    shop.control(
        Method::POST,
        "/accounts/AbC12/grant",
        json!({"refresh_token": "again"}),
    )
    .await;
    let body = json!({"client_id": "app", "client_secret": "hush", "grant_type": "refresh_token",
        "refresh_token": "again", "redirect_uri": "https://x/cb"});
    let url = format!("{}/service/auth/oauth/token", shop.base);
    assert_eq!(shop.send(shop.http.post(url).json(&body)).await.status, 200);
    shop.close().await;
}

#[tokio::test]
async fn a_wrong_client_is_401_and_a_wrong_grant_type_400() {
    let shop = open(json!({})).await;
    let url = format!("{}/auth/oauth/token", shop.base);
    let wrong = [
        ("client_id", "app"),
        ("client_secret", "no"),
        ("grant_type", "refresh_token"),
    ];
    let answer = shop.send(shop.http.post(&url).form(&wrong)).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (401, &json!("invalid_client"))
    );
    let odd = [
        ("client_id", "app"),
        ("client_secret", "hush"),
        ("grant_type", "client_credentials"),
    ];
    let answer = shop.send(shop.http.post(&url).form(&odd)).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (400, &json!("unsupported_grant_type"))
    );
    shop.close().await;
}

#[tokio::test]
async fn expired_and_unknown_bearers_are_401_in_every_family() {
    let mut shop = open(json!({})).await;
    shop.control(
        Method::POST,
        "/accounts/AbC12/expire_access_tokens",
        json!({}),
    )
    .await;
    for path in [
        "/accounting/account/AbC12/users/clients",
        "/auth/api/v1/users/me",
        "/events/account/AbC12/events/callbacks",
    ] {
        let answer = shop.send(shop.request(Method::GET, path)).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (401, &json!("unauthenticated")),
            "{path}"
        );
    }
    let grant = shop
        .control(Method::GET, "/accounts/AbC12/grant", json!({}))
        .await
        .body;
    let renewed = shop.refresh(grant["refresh_token"].as_str().unwrap()).await;
    shop.token = renewed.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(shop.get("users/clients").await.status, 200);
    shop.close().await;
}

#[tokio::test]
async fn a_token_of_no_lifetime_is_expired_at_once() {
    let shop = open(json!({"access_token_ttl_s": 0})).await;
    assert_eq!(shop.get("users/clients").await.status, 401);
    shop.close().await;
}

#[tokio::test]
async fn a_revoked_grant_is_dead_and_a_new_one_lives() {
    let shop = open(json!({})).await;
    let grant = shop
        .control(Method::GET, "/accounts/AbC12/grant", json!({}))
        .await
        .body;
    shop.control(Method::POST, "/accounts/AbC12/revoke_grant", json!({}))
        .await;
    assert_eq!(shop.get("users/clients").await.status, 401);
    assert_eq!(
        shop.refresh(grant["refresh_token"].as_str().unwrap())
            .await
            .status,
        400
    );
    shop.control(
        Method::POST,
        "/accounts/AbC12/grant",
        json!({"refresh_token": "second"}),
    )
    .await;
    assert_eq!(shop.refresh("second").await.status, 200);
    shop.close().await;
}

#[tokio::test]
async fn revoking_kills_a_token_at_once() {
    let shop = open(json!({})).await;
    let form = [
        ("client_id", "app"),
        ("client_secret", "hush"),
        ("token", shop.token.as_str()),
    ];
    let url = format!("{}/auth/oauth/revoke", shop.base);
    let answer = shop.send(shop.http.post(url).form(&form)).await;
    assert_eq!((answer.status, answer.body), (200, json!({})));
    assert_eq!(shop.get("users/clients").await.status, 401);
    shop.close().await;
}

#[tokio::test]
async fn a_refresh_may_answer_with_the_old_created_at() {
    let shop = open(json!({"stale_created_at": true})).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let grant = shop
            .control(Method::GET, "/accounts/AbC12/grant", json!({}))
            .await
            .body;
        let renewed = shop.refresh(grant["refresh_token"].as_str().unwrap()).await;
        seen.push(renewed.body["created_at"].as_i64().unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    shop.close().await;
}

#[tokio::test]
async fn a_code_comes_from_consent_and_works_once() {
    let shop = open(json!({})).await;
    let browser = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    let authorize = |redirect: &str, scope: &str| {
        let query = [
            ("client_id", "app"),
            ("response_type", "code"),
            ("redirect_uri", redirect),
            ("scope", scope),
            ("state", "s1"),
        ];
        browser
            .get(format!("{}/auth/oauth/authorize/", shop.base))
            .query(&query)
            .send()
    };
    let consent = authorize("https://x.example/cb", "user:clients:read")
        .await
        .unwrap();
    assert_eq!(consent.status().as_u16(), 302);
    let target = reqwest::Url::parse(consent.headers()["location"].to_str().unwrap()).unwrap();
    let code = target
        .query_pairs()
        .find(|(key, _)| key == "code")
        .unwrap()
        .1
        .into_owned();
    assert!(target.query().unwrap().contains("state=s1"));
    let form = [
        ("client_id", "app"),
        ("client_secret", "hush"),
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://x.example/cb"),
    ];
    let url = format!("{}/auth/oauth/token", shop.base);
    assert_eq!(
        shop.send(shop.http.post(&url).form(&form)).await.status,
        200
    );
    assert_eq!(
        shop.send(shop.http.post(&url).form(&form)).await.status,
        400
    );
    let unknown = authorize("https://x.example/cb", "user:profile:write")
        .await
        .unwrap();
    assert_eq!(unknown.status().as_u16(), 400);
    assert_eq!(
        authorize("http://x.example/cb", "")
            .await
            .unwrap()
            .status()
            .as_u16(),
        400
    );
    assert_eq!(
        authorize("https://x.example/cb?a=1", "")
            .await
            .unwrap()
            .status()
            .as_u16(),
        400
    );
    shop.close().await;
}

#[tokio::test]
async fn me_has_no_result_layer_and_may_lack_the_account_id() {
    let shop = open(json!({"client_limit": 50})).await;
    let me = shop
        .send(shop.request(Method::GET, "/auth/api/v1/users/me"))
        .await
        .body;
    let business = &me["response"]["business_memberships"][0]["business"];
    assert_eq!(business["account_id"], "AbC12");
    assert_ne!(
        me["response"]["business_memberships"][0]["id"],
        business["id"]
    );
    assert_eq!(me["response"]["permissions"]["AbC12"]["client.limit"], 50);
    shop.control(
        Method::PATCH,
        "/accounts/AbC12",
        json!({"null_account_id": true}),
    )
    .await;
    let me = shop
        .send(shop.request(Method::GET, "/auth/api/v1/users/me"))
        .await
        .body;
    assert!(me["response"]["business_memberships"][0]["business"]["account_id"].is_null());
    assert_eq!(me["response"]["roles"][0]["accountid"], "AbC12");
    shop.close().await;
}

#[tokio::test]
async fn accounts_are_kept_apart() {
    let shop = open(json!({})).await;
    shop.open_account("Other1", "other-refresh", json!({}))
        .await;
    let path = "/accounting/account/Other1/users/clients";
    assert_eq!(
        shop.send(shop.request(Method::GET, path)).await.refusal(),
        (403, 1003)
    );
    let path = "/accounting/account/Nobody/users/clients";
    assert_eq!(
        shop.send(shop.request(Method::GET, path)).await.refusal(),
        (404, 1012)
    );
    shop.control(Method::PATCH, "/accounts/AbC12", json!({"role": "client"}))
        .await;
    assert_eq!(shop.get("users/clients").await.refusal(), (403, 1003));
    shop.close().await;
}
