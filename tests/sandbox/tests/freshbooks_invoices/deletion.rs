//! Deleted invoices are hidden, archived ones are not.

use serde_json::json;

use crate::freshbooks_support::{line, open};

#[tokio::test]
async fn both_delete_verbs_hide_and_undelete_shows_again() {
    for verb in ["PUT", "DELETE"] {
        let shop = open(json!({})).await;
        let client = shop.client(json!({})).await;
        let invoice = shop.invoice(client, json!({})).await;
        let path = format!("invoices/invoices/{}", invoice["id"]);
        let gone = match verb {
            "PUT" => shop.put(&path, json!({"invoice": {"vis_state": 1}})).await,
            _ => shop.delete(&path).await,
        };
        assert_eq!(gone.status, 200);
        assert_eq!(shop.get(&path).await.result()["invoice"]["vis_state"], 1);
        assert_eq!(shop.get("invoices/invoices").await.result()["total"], 0);
        let deleted = shop.get("invoices/invoices?search[vis_state]=1").await;
        assert_eq!(deleted.result()["total"], 1);
        let edit = shop.put(&path, json!({"invoice": {"notes": "x"}})).await;
        assert_eq!(edit.refusal(), (422, 1011));
        shop.put(&path, json!({"invoice": {"vis_state": 0}})).await;
        assert_eq!(shop.get("invoices/invoices").await.result()["total"], 1);
        shop.close().await;
    }
}

#[tokio::test]
async fn archived_invoices_stay_in_lists() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop.invoice(client, json!({})).await;
    let path = format!("invoices/invoices/{}", invoice["id"]);
    shop.put(&path, json!({"invoice": {"vis_state": 2}})).await;
    assert_eq!(shop.get("invoices/invoices").await.result()["total"], 1);
    shop.close().await;
}

#[tokio::test]
async fn an_invoice_with_payments_cannot_be_deleted() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("1", "5")]}))
        .await;
    let payment = shop.pay(&invoice["id"], "5").await.result()["payment"]["id"].clone();
    let path = format!("invoices/invoices/{}", invoice["id"]);
    assert_eq!(shop.delete(&path).await.status, 422);
    shop.delete(&format!("payments/payments/{payment}")).await;
    assert_eq!(shop.delete(&path).await.status, 200);
    shop.close().await;
}
