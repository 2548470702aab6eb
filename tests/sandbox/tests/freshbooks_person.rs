//! A person at work beside Tillbook: types, moves, edits and deletes invoices, payments and clients
//! through the same API, under the same rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

mod freshbooks_support;

use freshbooks_support::{line, open};
use serde_json::json;

#[tokio::test]
async fn a_person_moves_an_invoice_to_another_client() {
    let shop = open(json!({})).await;
    let first = shop.client(json!({"organization": "First"})).await;
    let second = shop.client(json!({"organization": "Second"})).await;
    let lines = json!({"lines": [line("1", "5")], "invoice_number": "4711"});
    let invoice = shop.invoice(first, lines).await;
    shop.pay(&invoice["id"], "5").await.result();
    let path = format!("invoices/invoices/{}", invoice["id"]);
    let moved = shop
        .put(&path, json!({"invoice": {"customerid": second}}))
        .await;
    assert_eq!(moved.result()["invoice"]["customerid"], second);

    let read = shop.read_invoice(&invoice["id"]).await;
    // What was billed stands as it was: number, name, lines, money.
    assert_eq!(read["organization"], "First");
    assert_eq!(read["current_organization"], "Second");
    for name in ["invoice_number", "amount", "payment_status"] {
        let wanted = if name == "payment_status" {
            json!("paid")
        } else {
            invoice[name].clone()
        };
        assert_eq!(read[name], wanted, "{name}");
    }
    assert_eq!(read["lines"].as_array().unwrap().len(), 1);
    for (client, count) in [(first, 0), (second, 1)] {
        let path = format!("invoices/invoices?search[customerid]={client}");
        assert_eq!(shop.get(&path).await.result()["total"], count);
    }
    let nobody = shop.put(&path, json!({"invoice": {"customerid": 1}})).await;
    assert_eq!(nobody.refusal(), (422, 1012));
    shop.close().await;
}

#[tokio::test]
async fn a_person_deletes_a_payment_and_then_the_invoice() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("1", "5")]}))
        .await;
    let payment = shop.pay(&invoice["id"], "5").await.result()["payment"].clone();
    let paid = format!("payments/payments/{}", payment["id"]);
    let gone = json!({"payment": {"vis_state": 1}});
    assert_eq!(shop.put(&paid, gone).await.status, 200);
    let read = shop.read_invoice(&invoice["id"]).await;
    assert_eq!(read["outstanding"]["amount"], "5.00");
    assert_eq!(read["payment_status"], "unpaid");
    // Deleted records are fetched by id, and hidden in lists.
    let payments = format!("payments/payments?search[invoiceid]={}", invoice["id"]);
    assert_eq!(shop.get(&payments).await.result()["total"], 0);
    assert_eq!(shop.get(&paid).await.result()["payment"]["vis_state"], 1);

    let path = format!("invoices/invoices/{}", invoice["id"]);
    let gone = json!({"invoice": {"vis_state": 1}});
    assert_eq!(shop.put(&path, gone).await.status, 200);
    // Nothing is paid on it any more, and its payment does not come back without it.
    assert_eq!(shop.pay(&invoice["id"], "5").await.refusal(), (422, 1011));
    let back = json!({"payment": {"vis_state": 0}});
    assert_eq!(shop.put(&paid, back).await.refusal(), (422, 1011));
    shop.close().await;
}

#[tokio::test]
async fn a_person_deletes_a_client_whose_invoices_stay() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({"email": "ann@example.test"})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("1", "5")]}))
        .await;
    let path = format!("users/clients/{client}");
    let gone = shop.put(&path, json!({"client": {"vis_state": 1}})).await;
    assert_eq!(gone.status, 200);
    let found = shop
        .get("users/clients?search[email]=ann@example.test")
        .await;
    assert_eq!(found.result()["total"], 0);
    assert_eq!(shop.get(&path).await.result()["client"]["vis_state"], 1);
    assert_eq!(shop.read_invoice(&invoice["id"]).await["vis_state"], 0);
    shop.pay(&invoice["id"], "5").await.result();
    // Nothing new is written for a client that is gone.
    let next = shop.try_invoice(client, json!({})).await;
    assert_eq!(next.refusal(), (422, 1011));
    let note = json!({"credit_note": {
        "clientid": client, "create_date": "2026-06-03", "lines": [line("1", "5")]}});
    let note = shop.post("credit_notes/credit_notes", note).await;
    assert_eq!(note.refusal(), (422, 1011));
    shop.close().await;
}

#[tokio::test]
async fn a_person_types_an_invoice_under_a_number_of_the_stores() {
    let shop = open(json!({})).await;
    let stranger = shop.client(json!({"organization": "Other Business"})).await;
    let typed = json!({"invoice_number": "5010", "lines": [line("1", "10")]});
    let invoice = shop.invoice(stranger, typed.clone()).await;
    let sent = json!({"invoice": {"action_mark_as_sent": true}});
    let path = format!("invoices/invoices/{}", invoice["id"]);
    shop.put(&path, sent).await.result();
    let found = shop
        .get("invoices/invoices?search[invoice_number]=5010")
        .await;
    assert_eq!(found.result()["invoices"][0]["customerid"], stranger);
    let other = shop.client(json!({})).await;
    assert_eq!(shop.try_invoice(other, typed).await.refusal(), (422, 1029));

    let edited = json!({"invoice": {"notes": "Called", "lines": [line("2", "10")]}});
    shop.put(&path, edited).await.result();
    let read = shop.read_invoice(&invoice["id"]).await;
    assert_eq!(
        (&read["amount"]["amount"], &read["notes"]),
        (&json!("20.00"), &json!("Called"))
    );
    shop.close().await;
}
