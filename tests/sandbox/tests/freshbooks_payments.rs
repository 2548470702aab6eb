//! Payments, overpayments, credit, and the status that lies.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod freshbooks_support;

use freshbooks_support::{Shop, line, open};
use serde_json::{Value, json};

async fn invoice_of(shop: &Shop, amount: &str) -> Value {
    let client = shop.client(json!({"organization": "Acme"})).await;
    shop.invoice(
        client,
        json!({"lines": [line("1", amount)], "due_offset_days": 30_000, "status": 2}),
    )
    .await
}

#[tokio::test]
async fn the_status_integer_lies_about_part_payment() {
    let shop = open(json!({})).await;
    let invoice = invoice_of(&shop, "180.00").await;
    assert_eq!(shop.pay(&invoice["id"], "80.00").await.status, 200);
    let read = shop.read_invoice(&invoice["id"]).await;
    assert_eq!(
        json!([
            read["status"],
            read["payment_status"],
            read["v3_status"],
            read["paid"]["amount"],
            read["outstanding"]["amount"]
        ]),
        json!([2, "partial", "partial", "80.00", "100.00"])
    );
    shop.pay(&invoice["id"], "100.00").await;
    let read = shop.read_invoice(&invoice["id"]).await;
    assert_eq!(
        json!([
            read["status"],
            read["payment_status"],
            read["v3_status"],
            read["outstanding"]["amount"],
            read["date_paid"]
        ]),
        json!([4, "paid", "paid", "0.00", "2026-06-02"])
    );
    shop.close().await;
}

#[tokio::test]
async fn an_overpayment_is_cut_and_the_rest_becomes_a_credit_note() {
    let shop = open(json!({})).await;
    let invoice = invoice_of(&shop, "180.00").await;
    let answer = shop.pay(&invoice["id"], "3300").await;
    let payment = &answer.result()["payment"];
    assert_eq!(payment["amount"]["amount"], "180.00");
    let credit = shop
        .get(&format!(
            "credit_notes/credit_notes/{}",
            payment["overpaymentid"]
        ))
        .await;
    let credit = &credit.result()["credit_note"];
    assert_eq!(
        json!([
            credit["credit_type"],
            credit["amount"]["amount"],
            credit["clientid"]
        ]),
        json!(["overpayment", "3120.00", invoice["customerid"]])
    );
    let again = shop.pay(&invoice["id"], "1").await;
    assert_eq!(again.result()["payment"]["amount"]["amount"], "0.00");
    shop.close().await;
}

#[tokio::test]
async fn raising_a_payment_is_cut_too() {
    let shop = open(json!({})).await;
    let invoice = invoice_of(&shop, "10.00").await;
    let id = shop.pay(&invoice["id"], "4").await.result()["payment"]["id"].clone();
    let path = format!("payments/payments/{id}");
    let raised = shop
        .put(&path, json!({"payment": {"amount": {"amount": "12"}}}))
        .await;
    assert_eq!(raised.result()["payment"]["amount"]["amount"], "10.00");
    assert!(raised.result()["payment"]["overpaymentid"].is_u64());
    let lowered = shop
        .put(&path, json!({"payment": {"amount": {"amount": "3"}}}))
        .await;
    assert_eq!(lowered.result()["payment"]["amount"]["amount"], "3.00");
    assert_eq!(
        shop.read_invoice(&invoice["id"]).await["outstanding"]["amount"],
        "7.00"
    );
    shop.close().await;
}

#[tokio::test]
async fn credit_can_be_spent_once() {
    let shop = open(json!({})).await;
    let invoice = invoice_of(&shop, "10.00").await;
    let credit = shop
        .post("credit_notes/credit_notes", json!({"credit_note": {
            "clientid": invoice["customerid"], "create_date": "2026-06-01", "lines": [line("1", "6")],
        }}))
        .await;
    let credit = credit.result()["credit_note"]["id"].clone();
    let body = json!({"payment": {"invoiceid": invoice["id"], "amount": {"amount": "6"},
        "date": "2026-06-02", "type": "Credit", "creditid": credit}});
    let spent = shop.post("payments/payments", body.clone()).await;
    assert_eq!(spent.result()["payment"]["from_credit"], true);
    assert_eq!(
        shop.post("payments/payments", body).await.refusal(),
        (422, 1004)
    );
    shop.close().await;
}

#[tokio::test]
async fn a_draft_can_be_paid_and_stays_a_draft_unless_switched() {
    for (switch, status) in [(false, "draft"), (true, "outstanding")] {
        let shop = open(json!({"paying_draft_sends": switch})).await;
        let client = shop.client(json!({})).await;
        let invoice = shop
            .invoice(client, json!({"lines": [line("1", "9")]}))
            .await;
        assert_eq!(shop.pay(&invoice["id"], "4").await.status, 200);
        let read = shop.read_invoice(&invoice["id"]).await;
        assert_eq!(
            json!([read["display_status"], read["v3_status"]]),
            json!([status, "partial"])
        );
        shop.close().await;
    }
}

#[tokio::test]
async fn deleting_a_payment_opens_the_invoice_again() {
    let shop = open(json!({})).await;
    let invoice = invoice_of(&shop, "10.00").await;
    let id = shop.pay(&invoice["id"], "10").await.result()["payment"]["id"].clone();
    let path = format!("payments/payments/{id}");
    shop.put(&path, json!({"payment": {"vis_state": 1}})).await;
    assert_eq!(shop.read_invoice(&invoice["id"]).await["v3_status"], "sent");
    shop.put(&path, json!({"payment": {"vis_state": 0}})).await;
    assert_eq!(shop.read_invoice(&invoice["id"]).await["v3_status"], "paid");
    shop.close().await;
}

#[tokio::test]
async fn bad_payments_are_refused() {
    let shop = open(json!({})).await;
    let invoice = invoice_of(&shop, "10.00").await;
    let good = json!({"invoiceid": invoice["id"], "amount": {"amount": "1"}, "date": "2026-06-02", "type": "Cash"});
    let cases = [
        ("type", json!("Barter"), 1004),
        ("invoiceid", json!(7), 1012),
        ("date", json!("yesterday"), 1033),
        ("date", Value::Null, 1001),
        ("amount", json!({"amount": "-1"}), 1025),
        ("amount", json!({"amount": "0.001"}), 1004),
        ("amount", json!({"amount": "1", "code": "EUR"}), 1004),
        ("amount", json!("1"), 1004),
    ];
    for (field, value, errno) in cases {
        let mut payment = good.clone();
        payment[field] = value;
        let refused = shop
            .post("payments/payments", json!({"payment": payment}))
            .await;
        assert_eq!(refused.refusal(), (422, errno), "{field}");
    }
    shop.delete(&format!("invoices/invoices/{}", invoice["id"]))
        .await;
    let refused = shop
        .post("payments/payments", json!({"payment": good}))
        .await;
    assert_eq!(refused.refusal(), (422, 1011));
    shop.close().await;
}

#[tokio::test]
async fn payments_are_found_by_the_documented_keys() {
    let shop = open(json!({})).await;
    let one = invoice_of(&shop, "10.00").await;
    let two = invoice_of(&shop, "20.00").await;
    shop.pay(&one["id"], "10").await;
    shop.pay(&two["id"], "20").await;
    for (query, total) in [
        (format!("search[invoiceid]={}", one["id"]), 1),
        (
            format!(
                "search[clientids][]={}&search[clientids][]={}",
                one["customerid"], two["customerid"]
            ),
            2,
        ),
        (format!("search[customerid]={}", two["customerid"]), 1),
        ("search[amount_min]=20".into(), 1),
        ("search[amount_max]=20".into(), 1),
        ("search[date_min]=2026-06-02".into(), 2),
        ("search[date_max]=2026-06-02".into(), 0),
        ("search[notes]=TX".into(), 2),
        ("search[number]=0000002".into(), 1),
        ("search[client_name]=acme".into(), 2),
        ("search[currency]=EUR".into(), 0),
        ("search[from_credit]=false".into(), 2),
        ("search[note]=nothing".into(), 2),
    ] {
        let found = shop.get(&format!("payments/payments?{query}")).await;
        assert_eq!(found.result()["total"], total, "{query}");
    }
    shop.close().await;
}
