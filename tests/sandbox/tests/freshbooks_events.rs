//! Webhooks: register, verify by the receiver's own eyes, signed notices, list, delete.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod freshbooks_support;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use freshbooks_support::{Shop, open};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

type Received = (HeaderMap, Vec<(String, String)>);

async fn receiver() -> (String, mpsc::UnboundedReceiver<Received>) {
    let (sender, received) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/hook", listener.local_addr().unwrap());
    let app = axum::Router::new().route(
        "/hook",
        post(move |headers: HeaderMap, body: Bytes| async move {
            let mut url = reqwest::Url::parse("http://x/").unwrap();
            url.set_query(Some(std::str::from_utf8(&body).unwrap()));
            let _ = sender.send((headers, url.query_pairs().into_owned().collect()));
        }),
    );
    tokio::spawn(async move { axum::serve(listener, app).await });
    (uri, received)
}

fn field(received: &Received, name: &str) -> String {
    received
        .1
        .iter()
        .find(|(key, _)| key == name)
        .unwrap()
        .1
        .clone()
}

async fn callbacks(
    shop: &Shop,
    method: Method,
    tail: &str,
    body: Value,
) -> freshbooks_support::Answer {
    let path = format!("/events/account/AbC12/events/callbacks{tail}");
    shop.send(shop.request(method, &path).json(&body)).await
}

#[tokio::test]
async fn a_callback_is_verified_and_then_told() {
    let shop = open(json!({})).await;
    let (uri, mut hooks) = receiver().await;
    let made = callbacks(
        &shop,
        Method::POST,
        "",
        json!({"callback": {"event": "client", "uri": uri}}),
    )
    .await;
    let callback = made.result()["callback"].clone();
    assert_eq!(callback["verified"], false);
    assert!(
        !made.body.to_string().contains("verifier"),
        "the secret goes to the receiver only"
    );
    let id = callback["callbackid"].to_string();
    shop.client(json!({})).await;
    let hello = hooks.recv().await.unwrap();
    assert_eq!(field(&hello, "object_id"), id);
    let tail = format!("/{id}");
    let wrong = callbacks(
        &shop,
        Method::PUT,
        &tail,
        json!({"callback": {"verifier": "guess"}}),
    )
    .await;
    assert_eq!((wrong.status, &wrong.body["errno"]), (422, &json!(422)));
    let verifier = field(&hello, "verifier");
    let done = callbacks(
        &shop,
        Method::PUT,
        &tail,
        json!({"callback": {"verifier": verifier}}),
    )
    .await;
    assert_eq!(done.result()["callback"]["verified"], true);
    let client = shop.client(json!({})).await;
    let told = hooks.recv().await.unwrap();
    assert_eq!(field(&told, "name"), "client.create");
    assert_eq!(field(&told, "object_id"), client.to_string());
    assert!(told.0.contains_key("x-freshbooks-hmac-sha256"));
    shop.close().await;
}

#[tokio::test]
async fn callbacks_are_listed_resent_and_deleted() {
    let shop = open(json!({})).await;
    let (uri, mut hooks) = receiver().await;
    let made = callbacks(
        &shop,
        Method::POST,
        "",
        json!({"callback": {"event": "invoice.create", "uri": uri}}),
    )
    .await;
    let tail = format!("/{}", made.result()["callback"]["callbackid"]);
    hooks.recv().await.unwrap();
    callbacks(
        &shop,
        Method::PUT,
        &tail,
        json!({"callback": {"resend": true}}),
    )
    .await;
    assert!(!field(&hooks.recv().await.unwrap(), "verifier").is_empty());
    assert_eq!(
        callbacks(&shop, Method::GET, "", json!({})).await.result()["total"],
        1
    );
    assert_eq!(
        callbacks(&shop, Method::DELETE, &tail, json!({}))
            .await
            .status,
        200
    );
    let gone = callbacks(&shop, Method::GET, &tail, json!({})).await;
    assert_eq!((gone.status, &gone.body["errno"]), (404, &json!(404)));
    let odd = callbacks(
        &shop,
        Method::POST,
        "",
        json!({"callback": {"event": "moon.rise", "uri": "http://x"}}),
    )
    .await;
    assert_eq!(odd.status, 422);
    shop.close().await;
}
