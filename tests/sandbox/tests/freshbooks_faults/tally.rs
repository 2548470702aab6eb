//! What the sandbox counts, and that calls in parallel do not share an id.

use reqwest::Method;
use serde_json::{Value, json};

use crate::freshbooks_support::{Shop, line, open};

#[tokio::test]
async fn the_tally_counts_by_route_and_resets() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("1", "5")]}))
        .await;
    shop.read_invoice(&invoice["id"]).await;
    shop.put(
        &format!("users/clients/{client}"),
        json!({"client": {"note": "n"}}),
    )
    .await;
    let calls = shop
        .control(Method::GET, "/accounts/AbC12/calls", json!({}))
        .await
        .body;
    let totals = &calls["totals"];
    assert_eq!(
        json!([
            totals["creates"],
            totals["reads"],
            totals["updates"],
            totals["token"]
        ]),
        json!([2, 1, 1, 1])
    );
    let routes = calls["routes"].to_string();
    assert!(routes.contains("invoices/invoices/{id}"), "{routes}");
    shop.control(Method::DELETE, "/accounts/AbC12/calls", json!({}))
        .await;
    let calls = shop
        .control(Method::GET, "/accounts/AbC12/calls", json!({}))
        .await
        .body;
    assert_eq!(calls["routes"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn parallel_creates_get_ids_and_numbers_of_their_own() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let made = futures_of(&shop, client).await;
    let mut numbers: Vec<String> = made
        .iter()
        .map(|invoice| invoice["invoice_number"].to_string())
        .collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 20);
    shop.close().await;
}

async fn futures_of(shop: &Shop, client: u64) -> Vec<Value> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let path = "/accounting/account/AbC12/invoices/invoices";
        let body = json!({"invoice": {"customerid": client, "create_date": "2026-06-01"}});
        let call = shop.request(Method::POST, path).json(&body);
        tasks.spawn(async move { call.send().await.unwrap().json::<Value>().await.unwrap() });
    }
    tasks
        .join_all()
        .await
        .into_iter()
        .map(|body| body["response"]["result"]["invoice"].clone())
        .collect()
}
