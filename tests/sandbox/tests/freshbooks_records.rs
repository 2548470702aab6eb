//! Clients, items, taxes, credit notes, other income, expenses.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod freshbooks_support;

use freshbooks_support::{line, open};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_client_needs_nothing_and_has_defaults() {
    let shop = open(json!({"base_currency": "CAD"})).await;
    let answer = shop.post("users/clients", json!({"client": {}})).await;
    let client = &answer.result()["client"];
    assert_eq!(client["id"], client["userid"]);
    assert_eq!(
        json!([
            client["currency_code"],
            client["language"],
            client["organization"],
            client["p_city"],
            client["note"],
            client["vat_name"]
        ]),
        json!(["CAD", "en", "", "", null, null])
    );
    assert_ne!(
        client["signup_date"], client["updated"],
        "UTC against Eastern"
    );
    shop.close().await;
}

#[tokio::test]
async fn a_second_client_with_the_same_email_is_accepted() {
    let shop = open(json!({})).await;
    let twin = json!({"organization": "Test Client", "email": "a@x.example"});
    let first = shop.client(twin.clone()).await;
    let second = shop.client(twin).await;
    let found = shop.get("users/clients?search[email]=a@x.example").await;
    let found = found.result();
    assert_eq!(
        json!([found["clients"][0]["id"], found["clients"][1]["id"]]),
        json!([second, first])
    );
    assert_eq!(
        json!([
            found["clients"][1]["username"],
            found["clients"][0]["username"]
        ]),
        json!(["testclient", "testclient2"])
    );
    shop.close().await;
}

#[tokio::test]
async fn a_full_plan_is_402() {
    let shop = open(json!({"client_limit": 1})).await;
    let first = shop.client(json!({})).await;
    let full = shop.post("users/clients", json!({"client": {}})).await;
    assert_eq!(full.refusal(), (402, 7005));
    assert!(full.body.to_string().contains("Client limit of 1 reached"));
    assert!(full.header("x-ratelimit-limit") > 0);
    shop.put(
        &format!("users/clients/{first}"),
        json!({"client": {"vis_state": 1}}),
    )
    .await;
    assert_eq!(
        shop.post("users/clients", json!({"client": {}}))
            .await
            .status,
        200
    );
    let back = shop
        .put(
            &format!("users/clients/{first}"),
            json!({"client": {"vis_state": 0}}),
        )
        .await;
    assert_eq!(back.refusal(), (402, 7005));
    shop.close().await;
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored() {
    let shop = open(json!({})).await;
    let client = shop
        .client(json!({"username": "root", "level": 9, "hat": "red", "id": 5}))
        .await;
    let read = shop.get(&format!("users/clients/{client}")).await;
    let read = &read.result()["client"];
    assert_ne!(client, 5);
    assert_eq!(json!([read["level"], read["hat"]]), json!([0, null]));
    assert_ne!(read["username"], "root");
    shop.close().await;
}

#[tokio::test]
async fn secondary_contacts_are_replaced_and_cleared() {
    let shop = open(json!({})).await;
    let client = shop
        .client(json!({"contacts": [{"fname": "Eve", "email": "eve@x.example"}]}))
        .await;
    let path = format!("users/clients/{client}");
    assert_eq!(
        shop.get(&path).await.result()["client"]["contacts"][0]["fname"],
        "Eve"
    );
    let cleared = shop.put(&path, json!({"client": {"contacts": []}})).await;
    assert_eq!(cleared.result()["client"]["contacts"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn refused_characters_have_an_errno_and_others_arrive_unchanged() {
    let shop = open(json!({})).await;
    let name = "Zoë \u{1F600}\n<b>'\"&%\t漢";
    let client = shop.client(json!({"organization": name})).await;
    let read = shop.get(&format!("users/clients/{client}")).await;
    assert_eq!(read.result()["client"]["organization"], name);
    let bell = shop
        .post("users/clients", json!({"client": {"fname": "a\u{7}b"}}))
        .await;
    assert_eq!(bell.refusal(), (422, 1027));
    let number = shop
        .post("users/clients", json!({"client": {"fname": 7}}))
        .await;
    assert_eq!(number.refusal(), (422, 1004));
    shop.control(
        Method::PATCH,
        "/accounts/AbC12",
        json!({"refuse_four_byte_unicode": true}),
    )
    .await;
    let smile = shop
        .post("users/clients", json!({"client": {"fname": "\u{1F600}"}}))
        .await;
    assert_eq!(smile.refusal(), (422, 1036));
    shop.close().await;
}

#[tokio::test]
async fn texts_too_long_or_of_refused_characters_are_refused_in_both_shapes() {
    let limits = json!({
        "text_limits": {"client.organization": 10, "name": 5, "description": 6, "note": 4},
        "refused_characters": "<\u{202e}",
    });
    let shop = open(limits).await;
    let client = |name: &str| json!({"client": {"organization": name, "note": "Zoë!"}});
    let long = shop.post("users/clients", client("Ten letters")).await;
    assert_eq!(long.refusal(), (422, 1017));
    assert_eq!(long.body["response"]["errors"][0]["field"], "organization");
    let odd = shop.post("users/clients", client("a<b")).await;
    assert_eq!(odd.refusal(), (422, 1027));
    // Characters are counted, not bytes.
    let good = shop.post("users/clients", client("Zürich 日本語")).await;
    let id = good.result()["client"]["id"].clone();

    let invoice = |name: &str, description: &str| {
        json!({"invoice": {"customerid": id, "create_date": "2026-01-02", "lines": [
            {"name": name, "description": description, "unit_cost": {"amount": "1"}}]}})
    };
    for (name, description, errno) in [("Teapot", "", 1017), ("Tea", "Teapots", 1017)] {
        let refused = shop
            .post("invoices/invoices", invoice(name, description))
            .await;
        assert_eq!(refused.refusal(), (422, errno));
    }
    shop.post("invoices/invoices", invoice("Cup", "Teapot"))
        .await
        .result();

    let new = json!({"new_error_shape": true, "refuse_four_byte_unicode": true});
    shop.control(Method::PATCH, "/accounts/AbC12", new).await;
    for (name, reason) in [("Ten letters", "1017"), ("Zoë 🦊", "1036"), ("<", "1027")] {
        let refused = shop.post("users/clients", client(name)).await;
        let detail = &refused.body["details"][0];
        assert_eq!((refused.status, &detail["reason"]), (422, &json!(reason)));
        assert_eq!(detail["metadata"]["field"], "organization");
    }
    shop.close().await;
}

#[tokio::test]
async fn broken_bodies_are_refused() {
    let shop = open(json!({})).await;
    let path = "/accounting/account/AbC12/users/clients";
    let broken = shop
        .request(Method::POST, path)
        .header("content-type", "application/json")
        .body("{\"client\":");
    assert_eq!(shop.send(broken).await.refusal(), (400, 1005));
    let unwrapped = shop.post("users/clients", json!({"fname": "Ann"})).await;
    assert_eq!(unwrapped.refusal(), (422, 1001));
    shop.close().await;
}

#[tokio::test]
async fn item_prices_take_the_base_currency_and_names_stay_taken() {
    let shop = open(json!({})).await;
    let body = json!({"item": {"name": "Mug", "unit_cost": {"amount": 12.5, "code": "CAD"}}});
    let answer = shop.post("items/items", body.clone()).await;
    let item = &answer.result()["item"];
    assert_eq!(item["unit_cost"], json!({"amount": "12.50", "code": "USD"}));
    assert!(item.get("sku").is_none(), "a null sku is left out");
    let path = format!("items/items/{}", item["id"]);
    shop.put(&path, json!({"item": {"vis_state": 1}})).await;
    assert_eq!(shop.get("items/items").await.result()["total"], 0);
    assert_eq!(shop.post("items/items", body).await.refusal(), (422, 1029));
    let tax = shop
        .post("items/items", json!({"item": {"name": "Cup", "tax1": 99}}))
        .await;
    assert_eq!(tax.refusal(), (422, 1012));
    shop.close().await;
}

#[tokio::test]
async fn stock_follows_invoices() {
    let shop = open(json!({})).await;
    let item = shop
        .post(
            "items/items",
            json!({"item": {"name": "Mug", "sku": "M1", "inventory": 10}}),
        )
        .await;
    let path = format!("items/items/{}", item.result()["item"]["id"]);
    let client = shop.client(json!({})).await;
    let invoice = shop
        .invoice(client, json!({"lines": [line("3", "5")]}))
        .await;
    assert_eq!(shop.get(&path).await.result()["item"]["inventory"], "7");
    let invoice = format!("invoices/invoices/{}", invoice["id"]);
    shop.put(&invoice, json!({"invoice": {"lines": [line("1", "5")]}}))
        .await;
    assert_eq!(shop.get(&path).await.result()["item"]["inventory"], "9");
    shop.delete(&invoice).await;
    assert_eq!(shop.get(&path).await.result()["item"]["inventory"], "10");
    shop.put(&invoice, json!({"invoice": {"vis_state": 0}}))
        .await;
    assert_eq!(shop.get(&path).await.result()["item"]["inventory"], "9");
    shop.close().await;
}

#[tokio::test]
async fn items_without_access_answer_200_with_an_error() {
    let shop = open(json!({"items_access": false, "new_error_shape": true})).await;
    assert_eq!(shop.get("items/items").await.refusal(), (200, 12001));
    shop.close().await;
}

#[tokio::test]
async fn a_tax_reads_as_text_is_unique_and_really_deleted() {
    let shop = open(json!({})).await;
    let body = json!({"tax": {"name": "GST", "amount": 5, "number": "R1"}});
    let answer = shop.post("taxes/taxes", body.clone()).await;
    assert_eq!(answer.result()["tax"]["amount"], "5");
    assert_eq!(shop.post("taxes/taxes", body).await.refusal(), (422, 1026));
    let path = format!("taxes/taxes/{}", answer.result()["tax"]["taxid"]);
    let gone = shop.delete(&path).await;
    assert_eq!((gone.status, gone.body), (200, json!({"response": {}})));
    assert_eq!(shop.get(&path).await.refusal(), (404, 1012));
    shop.close().await;
}

#[tokio::test]
async fn credit_notes_answer_under_the_key_they_came_with() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let note = json!({"clientid": client, "create_date": "2026-06-01", "credit_number": "R-1", "lines": [line("1", "4")]});
    for key in ["credit_note", "credit_notes"] {
        let answer = shop
            .post("credit_notes/credit_notes", json!({key: note}))
            .await;
        let written = &answer.result()[key];
        assert_eq!(
            json!([written["amount"]["amount"], written["credit_type"]]),
            json!(["4.00", "goodwill"])
        );
        assert!(written["status"].is_string());
    }
    for (query, count) in [
        (format!("search[clientid]={client}"), 2),
        ("search[date_max]=2026-06-01".to_owned(), 0),
        ("search[credit_number]=nothing".to_owned(), 2),
    ] {
        let found = shop
            .get(&format!("credit_notes/credit_notes?{query}"))
            .await;
        assert_eq!(found.result()["total"], count, "{query}");
    }
    let mut made = note.clone();
    made["credit_type"] = "overpayment".into();
    assert_eq!(
        shop.post("credit_notes/credit_notes", json!({"credit_note": made}))
            .await
            .refusal(),
        (422, 1004)
    );
    shop.close().await;
}

#[tokio::test]
async fn other_income_lists_under_a_singular_key() {
    let shop = open(json!({})).await;
    let body = json!({"other_income": {"amount": {"amount": "9"}, "category_name": "online_sales", "date": "2026-06-01"}});
    let id = shop
        .post("other_incomes/other_incomes", body)
        .await
        .result()["other_income"]["incomeid"]
        .clone();
    let listed = shop
        .get("other_incomes/other_incomes?search[category_name]=online_sales")
        .await;
    assert_eq!(
        listed.result()["other_income"][0]["amount"]["amount"],
        "9.00"
    );
    let odd = json!({"other_income": {"amount": {"amount": "9"}, "category_name": "gifts", "date": "2026-06-01"}});
    assert_eq!(
        shop.post("other_incomes/other_incomes", odd)
            .await
            .refusal(),
        (422, 1004)
    );
    shop.delete(&format!("other_incomes/other_incomes/{id}"))
        .await;
    assert_eq!(
        shop.get("other_incomes/other_incomes").await.result()["total"],
        0
    );
    shop.close().await;
}

#[tokio::test]
async fn a_rebilled_expense_follows_its_invoice() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let categories = shop.get("expenses/categories?per_page=100").await;
    let category = categories.result()["categories"][0]["id"].clone();
    let mut expense = json!({"categoryid": category, "staffid": 1, "date": "2026-06-01", "amount": {"amount": "6"}});
    let internal = shop
        .post("expenses/expenses", json!({"expense": expense}))
        .await;
    let internal = internal.result()["expense"].clone();
    assert_eq!(
        json!([internal["status"], internal["isduplicate"]]),
        json!([0, false])
    );
    expense["clientid"] = client.into();
    let rebilled = shop
        .post("expenses/expenses", json!({"expense": expense}))
        .await;
    let rebilled = rebilled.result()["expense"].clone();
    assert_eq!(
        json!([rebilled["status"], rebilled["isduplicate"]]),
        json!([1, true])
    );
    let with = |id: &Value| {
        let mut line = line("1", "6");
        line["type"] = 1.into();
        line["expenseid"] = id.clone();
        json!({"lines": [line]})
    };
    assert_eq!(
        shop.try_invoice(client, with(&internal["id"]))
            .await
            .refusal(),
        (422, 8016)
    );
    let invoice = shop.invoice(client, with(&rebilled["id"])).await;
    let path = format!("expenses/expenses/{}", rebilled["id"]);
    assert_eq!(shop.get(&path).await.result()["expense"]["status"], 2);
    shop.pay(&invoice["id"], "6").await;
    assert_eq!(shop.get(&path).await.result()["expense"]["status"], 4);
    let gone = json!({"expense": {"vis_state": 1}});
    assert_eq!(shop.put(&path, gone.clone()).await.refusal(), (422, 1004));
    let free = shop
        .post("expenses/expenses", json!({"expense": expense}))
        .await;
    let free = free.result()["expense"]["id"].clone();
    shop.put(&format!("expenses/expenses/{free}"), gone).await;
    assert_eq!(
        shop.try_invoice(client, with(&free)).await.refusal(),
        (422, 1011)
    );
    let missing = shop
        .post("expenses/expenses", json!({"expense": {"staffid": 1}}))
        .await;
    assert_eq!(missing.refusal(), (422, 1001));
    assert_eq!(
        shop.post("expenses/categories", json!({"category": {}}))
            .await
            .status,
        405
    );
    shop.close().await;
}

#[tokio::test]
async fn refusals_take_the_shape_the_account_is_switched_to() {
    let shop = open(json!({"new_error_shape": true})).await;
    let new = shop.get("users/clients/1").await;
    assert_eq!(new.status, 404);
    assert_eq!(
        json!([new.body["code"], new.body["details"][0]["reason"]]),
        json!([5, "1012"])
    );
    shop.control(
        Method::PATCH,
        "/accounts/AbC12",
        json!({"errors_in_200": true}),
    )
    .await;
    assert_eq!(shop.get("users/clients/1").await.refusal(), (200, 1012));
    shop.close().await;
}
