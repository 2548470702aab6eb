//! Invoices: birth, numbers, status, lines, sums, deletion.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod freshbooks_support;

use freshbooks_support::{line, open, taxed};
use reqwest::Method;
use serde_json::{Value, json};

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
async fn lines_are_replaced_whole_and_numbered_anew() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("1", "5"), line("2", "7")]}))
        .await;
    let path = format!("invoices/invoices/{}?include[]=lines", invoice["id"]);
    let notes = shop.put(&path, json!({"invoice": {"notes": "hi"}})).await;
    assert_eq!(
        notes.result()["invoice"]["lines"].as_array().unwrap().len(),
        2
    );
    let body = json!({"invoice": {"lines": [line("4", "2.50")]}});
    let changed = shop.put(&path, body).await;
    let changed = &changed.result()["invoice"];
    assert_eq!(changed["lines"].as_array().unwrap().len(), 1);
    assert_eq!(changed["lines"][0]["lineid"], 1);
    assert_eq!(changed["amount"]["amount"], "10.00");
    shop.close().await;
}

#[tokio::test]
async fn taxes_are_named_percents_with_three_decimals() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let lines = json!({"lines": [taxed("1", "100.00", "State", "6.125")]});
    let invoice = shop.invoice(client, lines).await;
    assert_eq!(invoice["amount"]["amount"], "106.13");
    assert_eq!(invoice["lines"][0]["taxAmount1"], "6.125");
    let fine = shop
        .try_invoice(client, json!({"lines": [taxed("1", "1", "S", "6.1255")]}))
        .await;
    assert_eq!(fine.refusal(), (422, 1018));
    let nameless = shop
        .try_invoice(client, json!({"lines": [taxed("1", "1", "", "6")]}))
        .await;
    assert_eq!(nameless.refusal(), (422, 1001));
    shop.close().await;
}

#[tokio::test]
async fn the_rounding_model_is_a_switch() {
    let cases = [
        ("per_line", "0.03", "0.27"),
        ("per_tax", "0.02", "0.26"),
        ("per_invoice", "0.02", "0.26"),
    ];
    for (model, tax, amount) in cases {
        let shop = open(json!({"rounding": model})).await;
        let client = shop.client(json!({})).await;
        let small = || taxed("1", "0.08", "T", "6.25");
        let invoice = shop
            .invoice(client, json!({"lines": [small(), small(), small()]}))
            .await;
        assert_eq!(invoice["amount"]["amount"], amount, "{model}");
        assert_eq!(
            shop.books().await["invoices"][0]["tax_total"],
            tax,
            "{model}"
        );
        shop.close().await;
    }
}

#[tokio::test]
async fn compound_taxes_and_discounts_are_summed() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let mut compound = taxed("1", "100.00", "GST", "5");
    compound["taxName2"] = "QST".into();
    compound["taxAmount2"] = 10.into();
    compound["compounded_tax"] = true.into();
    let invoice = shop
        .invoice(client, json!({"lines": [compound], "discount_value": "10"}))
        .await;
    assert_eq!(invoice["discount_total"]["amount"], "10.00");
    assert_eq!(invoice["amount"]["amount"], "103.95");
    let over = shop
        .try_invoice(client, json!({"discount_value": 101}))
        .await;
    assert_eq!(over.refusal(), (422, 1018));
    shop.close().await;
}

#[tokio::test]
async fn yen_have_no_cents() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({"currency_code": "JPY"})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [taxed("1", "105", "CT", "10")]}))
        .await;
    assert_eq!(invoice["amount"], json!({"amount": "116", "code": "JPY"}));
    shop.close().await;
}

#[tokio::test]
async fn a_negative_total_is_refused() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let lines = json!({"lines": [line("1", "5"), line("1", "-6")]});
    assert_eq!(shop.try_invoice(client, lines).await.refusal(), (422, 1040));
    let fine = shop
        .invoice(client, json!({"lines": [line("1", "5"), line("1", "-4")]}))
        .await;
    assert_eq!(fine["amount"]["amount"], "1.00");
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

#[tokio::test]
async fn absurd_numbers_are_refused_not_fatal() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let huge = "9999999999999999999999999999";
    for fields in [
        json!({"lines": [line(huge, "1")]}),
        json!({"lines": [line("1", huge)]}),
        json!({"lines": [line("1", "1e400")]}),
        json!({"lines": [taxed("1", "1", "T", huge)]}),
        json!({"due_offset_days": 9_000_000_000_000_i64}),
        json!({"due_offset_days": i64::MIN}),
    ] {
        assert_eq!(
            shop.try_invoice(client, fields.clone()).await.status,
            422,
            "{fields}"
        );
    }
    let mut most = taxed("1e10", "1e10", "T", "1000");
    most["taxName2"] = "U".into();
    most["taxAmount2"] = "1000".into();
    most["compounded_tax"] = true.into();
    let lines = vec![most; 1000];
    assert_eq!(
        shop.try_invoice(client, json!({"lines": lines}))
            .await
            .status,
        200
    );
    let more = vec![line("1", "1"); 1001];
    assert_eq!(
        shop.try_invoice(client, json!({"lines": more}))
            .await
            .refusal(),
        (422, 1004)
    );
    shop.close().await;
}
