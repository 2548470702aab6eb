//! The log of writes: what each left behind, in order, and nothing that changed nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod freshbooks_support;

use freshbooks_support::{line, open};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn each_write_is_kept_as_the_record_stood_after_it() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({"email": "a@example.com"})).await;
    let fields = json!({"invoice_number": "BC-7", "lines": [line("1", "5")]});
    let id = shop.invoice(client, fields).await["id"].clone();
    let path = format!("invoices/invoices/{id}");
    let changed = json!({"invoice": {"lines": [line("2", "5")]}});
    assert_eq!(shop.put(&path, changed).await.status, 200);
    shop.pay(&id, "4").await.result();
    let refused = json!({"payment": {"invoiceid": 1}});
    assert_ne!(shop.post("payments/payments", refused).await.status, 200);
    shop.get(&path).await.result();
    // The effect counts, not whether its reply arrived.
    shop.fault(json!({"kind": "error_after_commit"})).await;
    let sent = json!({"invoice": {"action_mark_as_sent": true}});
    assert_eq!(shop.put(&path, sent).await.status, 500);

    let told = shop
        .control(Method::GET, "/accounts/AbC12/writes", json!({}))
        .await
        .body;
    let rows: Vec<Value> = told["writes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            json!([
                row["method"],
                row["kind"],
                row["number"],
                row["amount"],
                row["vis_state"]
            ])
        })
        .collect();
    assert_eq!(
        json!(rows),
        json!([
            ["POST", "client", "", "", 0],
            ["POST", "invoice", "BC-7", "5.00", 0],
            ["PUT", "invoice", "BC-7", "10.00", 0],
            ["POST", "payment", "", "4.00", 0],
            ["PUT", "invoice", "BC-7", "10.00", 0],
        ])
    );
    assert_eq!(told["dropped"], 0);
    shop.close().await;
}
