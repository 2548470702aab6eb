//! Lines, their taxes, and the sums they make.

use serde_json::json;

use crate::freshbooks_support::{line, open, taxed};

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
    let lines = vec![most; 5_000];
    assert_eq!(
        shop.try_invoice(client, json!({"lines": lines}))
            .await
            .status,
        200
    );
    let more = vec![line("1", "1"); 5_001];
    assert_eq!(
        shop.try_invoice(client, json!({"lines": more}))
            .await
            .refusal(),
        (422, 1004)
    );
    shop.close().await;
}
