//! Missing orders, limits, and answers that are none.

use std::sync::Arc;
use std::time::Duration;

use connect::VendorError;
use connect::bigcommerce::{Client, Config, FetchHints, FetchedOrder};
use serde_json::json;

use crate::common::{Answer, Answered, Stub, Watch, json, status};
use crate::store::{TOKEN, client, fetched, included_order, is_order, order, parts};

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
