//! How an invoice begins, what it needs, and what of it is read back.

use reqwest::Method;
use serde_json::{Value, json};

use crate::freshbooks_support::{line, open, taxed};

#[tokio::test]
async fn a_new_invoice_is_a_draft_with_string_money_and_status_200() {
    let shop = open(json!({})).await;
    let client = shop
        .client(json!({"organization": "Acme", "p_city": "Graz"}))
        .await;
    let answer = shop
        .try_invoice(client, json!({"lines": [line("3", "19.99")]}))
        .await;
    assert_eq!(answer.status, 200);
    let invoice = &answer.result()["invoice"];
    assert_eq!(invoice["status"], 1);
    assert_eq!(invoice["v3_status"], "draft");
    assert_eq!(invoice["amount"], json!({"amount": "59.97", "code": "USD"}));
    assert_eq!(invoice["outstanding"]["amount"], "59.97");
    assert_eq!(invoice["invoice_number"], "0000001");
    assert_eq!(invoice["city"], "Graz");
    assert_eq!(invoice["lines"][0]["lineid"], 1);
    assert_eq!(invoice["lines"][0]["qty"], "3");
    assert_eq!(invoice["description"], "Blue");
    shop.close().await;
}

#[tokio::test]
async fn lines_come_only_on_request() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("1", "1")]}))
        .await;
    let bare = shop
        .get(&format!("invoices/invoices/{}", invoice["id"]))
        .await;
    assert!(bare.result()["invoice"].get("lines").is_none());
    let listed = shop.get("invoices/invoices?include%5B%5D=lines").await;
    assert_eq!(
        listed.result()["invoices"][0]["lines"][0]["amount"]["amount"],
        "1.00"
    );
    shop.close().await;
}

#[tokio::test]
async fn what_is_required_is_missed_by_errno() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let no_date = shop
        .post(
            "invoices/invoices",
            json!({"invoice": {"customerid": client}}),
        )
        .await;
    assert_eq!(no_date.refusal(), (422, 1001));
    let no_client = shop.try_invoice(1, json!({})).await;
    assert_eq!(no_client.refusal(), (422, 1012));
    let bad_date = shop
        .try_invoice(client, json!({"create_date": "2026-02-30"}))
        .await;
    assert_eq!(bad_date.refusal(), (422, 1033));
    shop.close().await;
}

#[tokio::test]
async fn due_date_is_refused_and_follows_the_offset() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop.invoice(client, json!({"due_offset_days": 30})).await;
    assert_eq!(invoice["due_date"], "2026-07-01");
    let path = format!("invoices/invoices/{}", invoice["id"]);
    let body = json!({"invoice": {"due_date": "2026-08-01"}});
    assert_eq!(shop.put(&path, body).await.refusal(), (403, 1038));
    let created = shop
        .try_invoice(client, json!({"due_date": "2026-08-01"}))
        .await;
    assert_eq!(created.refusal(), (403, 1038));
    shop.close().await;
}

#[tokio::test]
async fn numbers_are_at_most_twenty_long_and_unique() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let long = shop
        .try_invoice(client, json!({"invoice_number": "BC-123456789012345678"}))
        .await;
    assert_eq!(long.refusal(), (422, 1017));
    let first = shop
        .invoice(client, json!({"invoice_number": "BC-1"}))
        .await;
    let again = shop
        .try_invoice(client, json!({"invoice_number": "BC-1"}))
        .await;
    assert_eq!(again.refusal(), (422, 1029));
    assert!(again.body.to_string().contains("already exists"));
    shop.delete(&format!("invoices/invoices/{}", first["id"]))
        .await;
    assert_eq!(
        shop.try_invoice(client, json!({"invoice_number": "BC-1"}))
            .await
            .status,
        200
    );
    shop.close().await;
}

#[tokio::test]
async fn duplicate_numbers_are_a_switch() {
    let shop = open(json!({"duplicate_numbers": "accept"})).await;
    let client = shop.client(json!({})).await;
    for _ in 0..2 {
        assert_eq!(
            shop.try_invoice(client, json!({"invoice_number": "X"}))
                .await
                .status,
            200
        );
    }
    let found = shop.get("invoices/invoices?search[invoice_number]=X").await;
    assert_eq!(found.result()["total"], 2);
    let switch = json!({"duplicate_numbers": "conflict"});
    shop.control(Method::PATCH, "/accounts/AbC12", switch).await;
    let refused = shop
        .try_invoice(client, json!({"invoice_number": "X"}))
        .await;
    assert_eq!(refused.refusal(), (409, 409));
    shop.close().await;
}

#[tokio::test]
async fn the_name_is_a_snapshot_and_the_organization_follows() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({"organization": "Old"})).await;
    let invoice = shop.invoice(client, json!({})).await;
    shop.put(
        &format!("users/clients/{client}"),
        json!({"client": {"organization": "New"}}),
    )
    .await;
    let read = shop.read_invoice(&invoice["id"]).await;
    assert_eq!(
        (&read["organization"], &read["current_organization"]),
        (&json!("Old"), &json!("New"))
    );
    shop.close().await;
}

#[tokio::test]
async fn the_books_show_plain_money() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let fields = json!({"invoice_number": "BC-7", "lines": [taxed("1", "10", "VAT", "20")]});
    let invoice = shop.invoice(client, fields).await;
    shop.pay(&invoice["id"], "2").await;
    let books = shop.books().await;
    let booked: &Value = &books["invoices"][0];
    assert_eq!(
        json!([
            booked["id"],
            booked["invoice_number"],
            booked["amount"],
            booked["tax_total"],
            booked["paid"],
            booked["outstanding"],
            booked["v3_status"],
            booked["vis_state"]
        ]),
        json!([
            invoice["id"],
            "BC-7",
            "12.00",
            "2.00",
            "2.00",
            "10.00",
            "partial",
            0
        ])
    );
    assert_eq!(booked["lines"][0]["unit_cost"], "10.00");
    assert_eq!(books["payments"][0]["amount"], "2.00");
    shop.close().await;
}
