//! The token endpoint.

use std::sync::Arc;

use connect::VendorError;
use connect::freshbooks::oauth;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::account::config;
use crate::common::{Stub, Watch, json, status};

#[tokio::test]
async fn a_refresh_sends_a_form_and_returns_the_pair() {
    let stub = Stub::start(|_| {
        json(json!({"access_token": "jwt-1", "token_type": "Bearer", "expires_in": 43200,
            "created_at": 1, "refresh_token": "ref-2", "scope": "user:profile:read", "direct_buy_tokens": {}}))
    })
    .await;
    let config = config(&stub);
    let endpoint = oauth::Endpoint::new(&config, Arc::new(Watch::default())).unwrap();
    let pair = oauth::refresh(&endpoint, &config, &"ref-1".into())
        .await
        .unwrap();
    assert_eq!(pair.access_token.expose_secret(), "jwt-1");
    assert_eq!(pair.refresh_token.expose_secret(), "ref-2");
    let now_s = jiff::Timestamp::now().as_second();
    assert!(
        pair.expires_at_s > now_s + 43_000,
        "an old created_at is not believed"
    );
    let asked = &stub.asked()[0];
    assert_eq!(asked.line(), "POST /auth/oauth/token");
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        "client_id=app-id&client_secret=app-secret&grant_type=refresh_token\
         &redirect_uri=https%3A%2F%2Ftillbook.example%2Fback&refresh_token=ref-1"
    );
    let shown = format!("{pair:?} {config:?} {endpoint:?}");
    for secret in ["jwt-1", "ref-2", "app-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_spent_refresh_token_and_a_wrong_app_are_told_apart() {
    let refreshed = async |code: u16, body: &'static str| {
        let stub = Stub::start(move |_| status(code, body)).await;
        let config = config(&stub);
        let endpoint = oauth::Endpoint::new(&config, Arc::new(Watch::default())).unwrap();
        oauth::refresh(&endpoint, &config, &"ref-1".into())
            .await
            .unwrap_err()
    };
    let spent = refreshed(400, r#"{"error":"invalid_grant","error_description":"x"}"#).await;
    assert_eq!(spent, VendorError::GrantRevoked);
    assert_eq!(
        refreshed(401, r#"{"error":"invalid_client"}"#).await,
        VendorError::Unauthorized
    );
    assert!(refreshed(500, "").await.is_outcome_unknown());
    assert!(refreshed(200, "{}").await.is_outcome_unknown());
}
