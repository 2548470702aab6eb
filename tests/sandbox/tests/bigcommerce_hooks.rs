//! Hooks: registering, signing, what is told, retries, and what goes wrong on request.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

mod bigcommerce_support;

use std::time::Duration;

use axum::http::StatusCode;
use bigcommerce_support::{Receiver, SECRET, Shop};
use reqwest::Method;
use serde_json::{Value, json};

/// Long enough for a wait on a condition; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

async fn deliveries(shop: &Shop, outcome: &str, count: u64) -> Value {
    let look = async {
        loop {
            let seen = shop.ask(Method::GET, "/deliveries", None).await;
            if seen["by_outcome"][outcome].as_u64().unwrap_or(0) >= count {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look)
        .await
        .expect("the deliveries come")
}

#[tokio::test]
async fn a_new_order_storms_with_signed_hooks_and_own_headers() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    shop.hook("store/order/*", &receiver.url).await;
    let body = json!({"kind": "paid_card_one_line", "seed": 1, "storm_ms": 30});
    let made = shop.ask(Method::POST, "/orders", Some(body)).await;
    let arrivals = receiver.wait_for(4).await;
    let mut scopes: Vec<String> = arrivals.iter().map(|a| a.scope()).collect();
    scopes.sort_unstable();
    let expected = ["created", "statusUpdated", "transaction/created", "updated"];
    assert_eq!(scopes, expected.map(|name| format!("store/order/{name}")));
    for arrival in &arrivals {
        let body = arrival.json();
        assert_eq!(body.as_object().unwrap().len(), 6);
        assert_eq!(body["producer"], json!("stores/abc123"));
        assert!(body["store_id"].is_string());
        assert_eq!(body["hash"].as_str().unwrap().len(), 40);
        assert_eq!(body["hash"], json!(arrival.headers["webhook-id"]));
        assert_eq!(arrival.headers["x-own"], "mine");
        let at = arrival.headers["webhook-timestamp"].parse().unwrap();
        let id = &arrival.headers["webhook-id"];
        let signature = sandbox::bigcommerce::sign(SECRET, id, at, arrival.body.as_bytes());
        assert_eq!(arrival.headers["webhook-signature"], signature);
    }
    let told = |scope: &str| {
        let found = arrivals.iter().find(|a| a.scope() == scope);
        found.unwrap().json()["data"].clone()
    };
    let transaction = told("store/order/transaction/created");
    assert!(transaction.get("id").is_none());
    let id = made["order_id"].as_u64().unwrap().to_string();
    assert_eq!(transaction["order_id"], json!(id));
    let status = told("store/order/statusUpdated");
    assert_eq!(status["status"]["new_status_id"], json!(11));
}

#[tokio::test]
async fn a_failed_delivery_comes_again_with_the_same_id() {
    let mut receiver = Receiver::start(StatusCode::SERVICE_UNAVAILABLE).await;
    let shop = Shop::open(json!({"retry_scale": "0.0005"})).await;
    shop.hook("store/order/created", &receiver.url).await;
    let body = json!({"kind": "pending", "hooks": "single"});
    shop.ask(Method::POST, "/orders", Some(body)).await;
    receiver.wait_for(2).await;
    receiver.answer(StatusCode::OK);
    deliveries(&shop, "acknowledged", 1).await;
    let arrivals = receiver.seen();
    let ids: std::collections::BTreeSet<_> = arrivals
        .iter()
        .map(|a| a.headers["webhook-id"].clone())
        .collect();
    assert_eq!(ids.len(), 1);
    assert!(arrivals.len() >= 3);
}

#[tokio::test]
async fn after_the_last_retry_the_hook_is_switched_off_until_a_put() {
    let receiver = Receiver::start(StatusCode::FOUND).await;
    let shop = Shop::open(json!({"retry_scale": 0})).await;
    let id = shop.hook("store/order/created", &receiver.url).await;
    let body = json!({"kind": "pending", "hooks": "single"});
    shop.ask(Method::POST, "/orders", Some(body.clone())).await;
    let seen = deliveries(&shop, "exhausted", 1).await;
    assert_eq!(seen["by_outcome"]["will_retry"], json!(11));
    assert_eq!(
        receiver.seen().len(),
        12,
        "the first delivery and eleven retries"
    );
    let hook = shop.get(&format!("/v3/hooks/{id}")).await;
    assert_eq!(hook["data"]["is_active"], json!(false));
    let admin = shop.get("/v3/hooks/admin").await;
    assert_eq!(
        admin["data"]["hooks_list"][0]["status"],
        json!("deactivated")
    );

    receiver.answer(StatusCode::OK);
    let path = format!("/v3/hooks/{id}");
    let on = shop
        .vendor(Method::PUT, &path, Some(json!({"is_active": true})))
        .await;
    assert_eq!(on.status(), 200);
    shop.ask(Method::POST, "/orders", Some(body)).await;
    deliveries(&shop, "acknowledged", 1).await;
}

#[tokio::test]
async fn registering_follows_the_vendors_rules() {
    let shop = Shop::open(json!({})).await;
    let post = async |body: Value| {
        let response = shop.vendor(Method::POST, "/v3/hooks", Some(body)).await;
        let status = response.status().as_u16();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        (status, body)
    };
    let (status, body) = post(json!({"scope": "store/order/*"})).await;
    assert_eq!(status, 422);
    assert_eq!(body["errors"]["destination"], json!("error.path.missing."));
    let hook = |scope: &str, to: &str| json!({"scope": scope, "destination": to});
    assert_eq!(
        post(hook("store/order/eaten", "https://e.com/h")).await.0,
        400
    );
    assert_eq!(post(hook("store/order/*", "http://e.com/h")).await.0, 422);
    let (status, body) = post(hook("store/order/*", "https://e.com/h")).await;
    assert_eq!(status, 200);
    assert_eq!(body["data"]["store_hash"], json!("abc123"));
    assert_eq!(post(hook("store/order/*", "https://e.com/h")).await.0, 409);
    for n in 0..9 {
        assert_eq!(
            post(hook("store/order/*", &format!("https://e.com/{n}")))
                .await
                .0,
            200
        );
    }
    assert_eq!(
        post(hook("store/order/*", "https://e.com/eleven")).await.0,
        400
    );
    let list = shop.get("/v3/hooks?scope=store/order/*&limit=3").await;
    assert_eq!(list["meta"]["pagination"]["total"], json!(10));
    let id = body["data"]["id"].as_u64().unwrap();
    let gone = shop
        .vendor(Method::DELETE, &format!("/v3/hooks/{id}"), None)
        .await;
    assert_eq!(gone.status(), 200);
    let emails = json!({"emails": ["a@example.com"]});
    let set = shop
        .vendor(Method::PUT, "/v3/hooks/admin", Some(emails))
        .await;
    assert_eq!(set.status(), 204);
}

#[tokio::test]
async fn hooks_are_dropped_and_doubled_on_request() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    shop.hook("store/order/created", &receiver.url).await;
    for kind in ["hook_drop", "hook_duplicate"] {
        let fault = json!({"kind": kind, "match": {"scope": "created"}});
        shop.control(Method::POST, "/faults", Some(fault)).await;
    }
    let body = json!({"kind": "pending", "hooks": "single"});
    shop.ask(Method::POST, "/orders", Some(body.clone())).await;
    deliveries(&shop, "dropped_by_fault", 1).await;
    shop.ask(Method::POST, "/orders", Some(body)).await;
    let arrivals = receiver.wait_for(2).await;
    assert_eq!(
        arrivals[0].body, arrivals[1].body,
        "the second order, twice"
    );
}

#[tokio::test]
async fn changes_of_people_and_products_are_told() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    for scope in ["store/customer/*", "store/product/*", "store/sku/*"] {
        shop.hook(scope, &receiver.url).await;
    }
    let person = json!({"email": "kim@example.com", "first_name": "Kim", "last_name": "Lee"});
    let made = shop.ask(Method::POST, "/customers", Some(person)).await;
    let path = format!("/customers/{}", made["id"]);
    shop.ask(Method::PUT, &path, Some(json!({"city": "Oslo"})))
        .await;
    shop.ask(Method::PUT, "/products/1", Some(json!({"price": "12.50"})))
        .await;
    let variant = json!({"variant_id": 1051, "sku": "NEW"});
    shop.ask(Method::PUT, "/products/5", Some(variant)).await;
    let arrivals = receiver.wait_for(4).await;
    let data = |scope: &str| {
        let found = arrivals.iter().find(|a| a.scope() == scope);
        found.unwrap_or_else(|| panic!("{scope} is told")).json()["data"].clone()
    };
    let address = data("store/customer/address/updated");
    assert_eq!(address["address"]["customer_id"], made["id"]);
    assert_eq!(
        address["id"], made["addresses"][0]["id"],
        "the address's id, not the customer's"
    );
    assert_eq!(
        data("store/product/updated"),
        json!({"type": "product", "id": 1})
    );
    let sku = data("store/sku/updated");
    assert_eq!(sku["sku"]["variant_id"], json!(1051));
    assert_ne!(sku["id"], json!(1051));
}

#[tokio::test]
async fn a_burst_reports_every_answer() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    shop.order("paid_card_one_line", 1).await;
    shop.hook("store/order/updated", &receiver.url).await;
    let burst = json!({"rate_per_s": 500, "seconds": 1});
    let report = shop.ask(Method::POST, "/hooks/burst", Some(burst)).await;
    receiver.wait_for(500).await;
    assert_eq!(report["sent"], json!(500));
    assert_eq!(report["acknowledged"], json!(500));
    assert_eq!(report["by_answer"], json!({"200": 500}));
    let p50 = report["ack_from_due"]["p50_us"].as_u64().unwrap();
    assert!(p50 <= report["ack_from_due"]["p99_us"].as_u64().unwrap());
}

#[tokio::test]
async fn a_failing_domain_is_denied_for_a_while() {
    let receiver = Receiver::start(StatusCode::INTERNAL_SERVER_ERROR).await;
    let shop = Shop::open(json!({"denylist": true})).await;
    shop.order("paid_card_one_line", 1).await;
    shop.hook("store/order/updated", &receiver.url).await;
    let burst = json!({"rate_per_s": 1000, "seconds": 1, "retry": false});
    shop.ask(Method::POST, "/hooks/burst", Some(burst)).await;
    let admin = shop.get("/v3/hooks/admin").await;
    assert_eq!(
        admin["data"]["blocked_domains"].as_array().unwrap().len(),
        1
    );
    let before = receiver.seen().len();
    let event = json!({"scope": "store/order/updated", "data": {"type": "order", "id": 100}});
    shop.ask(Method::POST, "/hooks/fire", Some(event)).await;
    deliveries(&shop, "blocked", 1).await;
    assert_eq!(
        receiver.seen().len(),
        before,
        "a blocked domain gets nothing"
    );
}

#[tokio::test]
async fn a_burst_can_make_an_order_for_every_hook() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    shop.hook("store/order/created", &receiver.url).await;
    let kinds = ["paid_card_one_line", "offline_paid"];
    let burst = json!({"rate_per_s": 100, "seconds": 1, "kinds": kinds, "seed": 7});
    let report = shop.ask(Method::POST, "/hooks/burst", Some(burst)).await;
    assert_eq!(report["first_order_id"], json!(100));
    assert_eq!(report["last_order_id"], json!(199));
    let arrivals = receiver.wait_for(100).await;
    let told: std::collections::BTreeSet<u64> = arrivals
        .iter()
        .map(|arrival| arrival.json()["data"]["id"].as_u64().unwrap())
        .collect();
    assert_eq!(told, (100..200).collect());
    let orders = shop.ask(Method::GET, "/orders", None).await;
    for order in orders.as_array().unwrap() {
        assert_eq!(order["received"], order["total_inc_tax"]);
    }
}

#[tokio::test]
async fn an_evolving_order_is_incomplete_until_it_is_told_otherwise() {
    let mut receiver = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({})).await;
    shop.hook("store/order/*", &receiver.url).await;
    // This storm takes ten minutes: the order stays as a checkout begins it.
    let slow = json!({"kind": "paid_card_one_line", "evolve": true, "storm_ms": 600_000});
    shop.ask(Method::POST, "/orders", Some(slow)).await;
    let early = shop.get("/v2/orders/100").await;
    assert_eq!(early["status_id"], json!(0));
    let none = shop.get("/v3/orders/100/transactions").await;
    assert_eq!(none["data"], json!([]));

    let fast = json!({"kind": "paid_card_one_line", "evolve": true, "storm_ms": 30});
    shop.ask(Method::POST, "/orders", Some(fast)).await;
    let arrivals = receiver.wait_for(3).await;
    assert_eq!(arrivals[2].json()["data"]["id"], json!(101));
    assert_eq!(shop.get("/v2/orders/101").await["status_id"], json!(11));
    let one = shop.get("/v3/orders/101/transactions").await;
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn failures_are_told_to_the_exception_hook() {
    let failing = Receiver::start(StatusCode::BAD_GATEWAY).await;
    let mut told = Receiver::start(StatusCode::OK).await;
    let shop = Shop::open(json!({"retry_scale": "0.0001"})).await;
    let id = shop.hook("store/order/created", &failing.url).await;
    shop.hook("store/hook/deliveryException", &told.url).await;
    let body = json!({"kind": "pending", "hooks": "single"});
    shop.ask(Method::POST, "/orders", Some(body)).await;
    let first = told.wait_for(1).await;
    let data = first[0].json()["data"].clone();
    assert_eq!(data["type"], json!("webhook"));
    assert_eq!(data["id"], json!(id));
    assert_eq!(data["error_code"], json!(90001));
}

#[tokio::test]
async fn a_slow_receiver_is_a_failure_after_the_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}/hook", listener.local_addr().unwrap());
    let shop = Shop::open(json!({"hook_timeout_ms": 50})).await;
    shop.hook("store/order/created", &silent).await;
    let body = json!({"kind": "pending", "hooks": "single"});
    shop.ask(Method::POST, "/orders", Some(body)).await;
    let seen = deliveries(&shop, "will_retry", 1).await;
    assert_eq!(seen["deliveries"][0]["error"], json!("timeout"));
    assert_eq!(seen["pending"], json!(1), "it waits for its retry");
}
