//! The status: who may write it, and what a change of it leaves undone.

use reqwest::Method;
use serde_json::json;

use crate::freshbooks_support::{line, open};

#[tokio::test]
async fn only_some_statuses_can_be_written() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    assert_eq!(
        shop.try_invoice(client, json!({"status": 4}))
            .await
            .refusal(),
        (422, 8008)
    );
    assert_eq!(
        shop.try_invoice(client, json!({"status": 0}))
            .await
            .refusal(),
        (422, 8008)
    );
    let invoice = shop.invoice(client, json!({"status": 2})).await;
    assert_eq!(invoice["v3_status"], "sent");
    let path = format!("invoices/invoices/{}", invoice["id"]);
    let text = shop
        .put(&path, json!({"invoice": {"status": "paid"}}))
        .await;
    assert_eq!(text.refusal(), (422, 1015));
    let paid = shop.put(&path, json!({"invoice": {"status": 4}})).await;
    assert_eq!(paid.status, 422);
    assert!(
        paid.body
            .to_string()
            .contains("must be one of draft/sent/viewed/disputed")
    );
    let disputed = shop.put(&path, json!({"invoice": {"status": 0}})).await;
    assert_eq!(disputed.result()["invoice"]["v3_status"], "disputed");
    shop.close().await;
}

#[tokio::test]
async fn marking_and_mailing_both_send() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    for body in [
        json!({"invoice": {"action_mark_as_sent": true}}),
        json!({"invoice": {"action_email": true, "email_recipients": ["a@example.com"]}}),
    ] {
        let due = json!({"lines": [line("1", "5")], "due_offset_days": 30_000});
        let invoice = shop.invoice(client, due).await;
        let sent = shop
            .put(&format!("invoices/invoices/{}", invoice["id"]), body)
            .await;
        let sent = &sent.result()["invoice"];
        assert_eq!(
            (&sent["status"], &sent["v3_status"]),
            (&json!(2), &json!("sent"))
        );
        assert_eq!(sent["fulfillment_date"], "2026-06-01");
    }
    let books = shop.books().await;
    assert_eq!(books["invoices"][1]["emails"], 1);
    shop.close().await;
}

#[tokio::test]
async fn a_sent_invoice_past_its_due_date_is_overdue() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let fields = json!({"create_date": "2020-01-01", "status": 2, "lines": [line("1", "5")]});
    let invoice = shop.invoice(client, fields).await;
    assert_eq!(
        (&invoice["status"], &invoice["v3_status"]),
        (&json!(2), &json!("overdue"))
    );
    shop.close().await;
}

#[tokio::test]
async fn phases_of_a_put_discard_what_comes_after() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop.invoice(client, json!({"notes": "old"})).await;
    let path = format!("invoices/invoices/{}", invoice["id"]);
    let both = json!({"invoice": {"action_mark_as_sent": true, "notes": "new"}});
    let acted = shop.put(&path, both).await;
    assert_eq!(
        (
            &acted.result()["invoice"]["status"],
            &acted.result()["invoice"]["notes"]
        ),
        (&json!(2), &json!("old"))
    );
    let all = json!({"invoice": {"vis_state": 1, "status": 0, "notes": "new"}});
    let gone = shop.put(&path, all).await;
    let gone = &gone.result()["invoice"];
    assert_eq!(
        (&gone["vis_state"], &gone["status"], &gone["notes"]),
        (&json!(1), &json!(2), &json!("old"))
    );
    let back = json!({"invoice": {"ext_vis_state": 1, "vis_state": 0, "notes": "new"}});
    assert_eq!(
        shop.put(&path, back).await.result()["invoice"]["vis_state"],
        1
    );
    shop.close().await;
}

#[tokio::test]
async fn a_person_may_edit_by_hand() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("1", "5")]}))
        .await;
    let path = format!("/accounts/AbC12/invoices/{}/edit_by_hand", invoice["id"]);
    let edited = shop
        .control(
            Method::POST,
            &path,
            json!({"notes": "mine", "lines": [line("2", "5")]}),
        )
        .await;
    assert_eq!(edited.status, 200, "{}", edited.body);
    let read = shop.read_invoice(&invoice["id"]).await;
    assert_eq!(
        (&read["notes"], &read["amount"]["amount"]),
        (&json!("mine"), &json!("10.00"))
    );
    assert_ne!(read["version"], invoice["version"]);
    let calls = shop
        .control(Method::GET, "/accounts/AbC12/calls", json!({}))
        .await
        .body;
    assert_eq!(calls["totals"]["updates"], 0);
    shop.close().await;
}
