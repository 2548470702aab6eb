//! Refused tokens, lost replies, limits: what is in doubt afterwards and what is not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Method;
use connect::VendorError;
use connect::freshbooks::{Client, Rebilled, TokenError};

use crate::account::{Tokens, client, client_with, config, desired, invoice, payment, single};
use crate::common::{Answer, Answered, Stub, Watch, status};

#[tokio::test]
async fn a_401_is_refreshed_once_and_the_write_tried_again() {
    let stub = Stub::start(
        |asked| match asked.headers["authorization"].to_str().unwrap() {
            "Bearer new-token" => single("invoice", invoice(5, "BC-250", "draft")),
            _ => status(
                401,
                r#"{"error":"unauthenticated","error_description":"x"}"#,
            ),
        },
    )
    .await;
    assert!(
        client(&stub)
            .create_invoice(7, &desired(), "Tillbook acme 1", &Rebilled::new())
            .await
            .is_ok()
    );
    assert_eq!(stub.asked().len(), 2);
    let still = client_with(&stub, Ok("another-token"));
    assert_eq!(still.get_invoice(5).await, Err(VendorError::Unauthorized));
    assert_eq!(stub.asked().len(), 4);
}

#[tokio::test]
async fn a_refresh_whose_outcome_is_unknown_leaves_no_write_in_doubt() {
    let stub = Stub::start(|_| status(401, "{}")).await;
    let lost = VendorError::UnknownOutcome {
        cause: connect::Transient::Timeout,
    };
    let error = client_with(&stub, Err(TokenError::Vendor(lost)))
        .create_invoice(7, &desired(), "Tillbook acme 1", &Rebilled::new())
        .await
        .unwrap_err();
    assert!(
        !error.is_outcome_unknown() && error.is_retryable(),
        "{error:?}"
    );
    let revoked = client_with(&stub, Err(TokenError::Vendor(VendorError::GrantRevoked)));
    assert_eq!(revoked.get_invoice(5).await, Err(VendorError::GrantRevoked));
}

#[tokio::test]
async fn a_lost_reply_to_a_create_is_an_unknown_outcome() {
    let class = async |status: u16, answered: fn() -> Answered| {
        let stub = Stub::start(move |_| Answer {
            status,
            headers: vec![],
            body: answered(),
        })
        .await;
        let mut config = config(&stub);
        config.http.request_timeout = Duration::from_millis(300);
        let tokens = Tokens {
            current: Mutex::new("t".into()),
            refreshed: Ok("t"),
        };
        let client = Client::new(config, Arc::new(tokens), Arc::new(Watch::default())).unwrap();
        client
            .create_payment(5, &payment())
            .await
            .unwrap_err()
            .class()
    };
    assert_eq!(class(200, || Answered::Truncated).await, "unknown_outcome");
    assert_eq!(class(200, || Answered::Never).await, "unknown_outcome");
    assert_eq!(
        class(502, || Answered::Text("bad gateway".into())).await,
        "unknown_outcome"
    );
    assert_eq!(
        class(200, || Answered::Text("{}".into())).await,
        "unknown_outcome"
    );
    assert_eq!(class(422, || Answered::Truncated).await, "rejected");
}

#[tokio::test]
async fn creates_have_a_window_of_their_own() {
    let stub = Stub::start(|asked| {
        let left = if asked.method == Method::POST { 0 } else { 599 };
        single("invoice", invoice(5, "BC-250", "draft"))
            .with("X-RateLimit-Limit", if left == 0 { 250 } else { 600 })
            .with("X-RateLimit-Remaining", left)
            .with("Retry-After", 40)
    })
    .await;
    let client = client(&stub);
    let clone = client.clone();
    client
        .create_invoice(7, &desired(), "Tillbook acme 1", &Rebilled::new())
        .await
        .unwrap();
    let refused = clone
        .create_invoice(7, &desired(), "Tillbook acme 1", &Rebilled::new())
        .await
        .unwrap_err();
    assert!(refused.retry_after().unwrap() > Duration::from_secs(30));
    assert!(clone.get_invoice(5).await.is_ok(), "reads go on");
    assert_eq!(stub.asked().len(), 2);
    assert_eq!(client.limits_left().creates.map(|(left, _)| left), Some(0));
}
