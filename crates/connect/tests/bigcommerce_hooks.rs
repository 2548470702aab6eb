//! Hooks are made once, switched on again, and corrected.
#![allow(clippy::unwrap_used)] // also in helpers, which clippy does not count as tests

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::Method;
use common::{Answer, Asked, Stub, Watch, json, status};
use connect::bigcommerce::{Client, Config};
use serde_json::{Value, json};
use url::Url;

const SCOPES: [&str; 2] = ["store/order/*", "store/app/uninstalled"];

/// A store that keeps hooks as the facts describe.
fn keep(hooks: &Mutex<Vec<Value>>, asked: &Asked) -> Answer {
    let mut hooks = hooks.lock().unwrap();
    match asked.method {
        Method::GET => json(json!({"data": *hooks, "meta": {"pagination": {"total_pages": 1}}})),
        Method::POST => {
            let mut hook = asked.json();
            let key = |hook: &Value| (hook["scope"].clone(), hook["destination"].clone());
            if hooks.iter().any(|known| key(known) == key(&hook)) {
                return status(
                    422,
                    r#"{"status":422,"title":"taken","type":"x","errors":{}}"#,
                );
            }
            hook["id"] = json!(hooks.len() + 1);
            hooks.push(hook.clone());
            json(json!({"data": hook, "meta": {}}))
        }
        Method::PUT => {
            let id: usize = asked.path.rsplit('/').next().unwrap().parse().unwrap();
            for (name, value) in asked.json().as_object().unwrap() {
                hooks[id - 1][name] = value.clone();
            }
            json(json!({"data": hooks[id - 1], "meta": {}}))
        }
        _ => panic!("hooks are never deleted"),
    }
}

async fn store(first: Vec<Value>) -> (Stub, Arc<Mutex<Vec<Value>>>, Client) {
    let hooks = Arc::new(Mutex::new(first));
    let kept = Arc::clone(&hooks);
    let stub = Stub::start(move |asked| keep(&kept, asked)).await;
    let config = Config::new(stub.url.clone(), "abc123".into(), "token".into());
    let client = Client::new(config, Arc::new(Watch::default())).unwrap();
    (stub, hooks, client)
}

fn destination() -> Url {
    Url::parse("https://hooks.example/bc/abc123").unwrap()
}

#[tokio::test]
async fn ensuring_twice_changes_nothing_the_second_time() {
    let (stub, hooks, client) = store(vec![]).await;
    let headers = BTreeMap::from([("X-Tillbook-Key".to_owned(), "hook-secret".into())]);
    let first = client
        .ensure_hooks(&destination(), &SCOPES, &headers)
        .await
        .unwrap();
    assert_eq!(first.created, SCOPES);
    assert_eq!(
        hooks.lock().unwrap()[0]["headers"]["X-Tillbook-Key"],
        "hook-secret"
    );
    let before = stub.asked().len();
    let second = client
        .ensure_hooks(&destination(), &SCOPES, &headers)
        .await
        .unwrap();
    assert_eq!(second.unchanged, SCOPES);
    assert_eq!(stub.asked().len(), before + 1, "one list");
    let listed = client.list_hooks().await.unwrap();
    assert!(!format!("{listed:?}").contains("hook-secret"));
}

#[tokio::test]
async fn a_hook_that_was_switched_off_is_switched_on_and_corrected() {
    let off = json!({"id": 1, "scope": "store/order/*", "destination": destination().as_str(),
        "is_active": false, "headers": null});
    let elsewhere = json!({"id": 2, "scope": "store/app/uninstalled",
        "destination": "https://other.example/", "is_active": false, "headers": {}});
    let (_stub, hooks, client) = store(vec![off, elsewhere.clone()]).await;
    let headers = BTreeMap::from([("k".to_owned(), "v".into())]);
    let report = client
        .ensure_hooks(&destination(), &SCOPES, &headers)
        .await
        .unwrap();
    assert_eq!(report.reactivated, ["store/order/*"]);
    assert_eq!(report.updated, ["store/order/*"]);
    assert_eq!(report.created, ["store/app/uninstalled"]);
    let hooks = hooks.lock().unwrap();
    assert_eq!(
        (&hooks[0]["is_active"], &hooks[0]["headers"]["k"]),
        (&json!(true), &json!("v"))
    );
    assert_eq!(hooks[1], elsewhere, "another destination is left alone");
}

#[tokio::test]
async fn another_replica_that_was_faster_is_no_error() {
    let hooks: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&hooks);
    // The other replica registers between our list and our create.
    let stub = Stub::start(move |asked| {
        if asked.method == Method::POST && kept.lock().unwrap().is_empty() {
            let mut theirs = asked.json();
            theirs["id"] = json!(1);
            kept.lock().unwrap().push(theirs);
        }
        keep(&kept, asked)
    })
    .await;
    let config = Config::new(stub.url.clone(), "abc123".into(), "token".into());
    let client = Client::new(config, Arc::new(Watch::default())).unwrap();
    let report = client
        .ensure_hooks(&destination(), &SCOPES[..1], &BTreeMap::new())
        .await
        .unwrap();
    assert_eq!(report.unchanged, ["store/order/*"]);
    assert_eq!(hooks.lock().unwrap().len(), 1);
}
