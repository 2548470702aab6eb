//! Lists: paging, silent filters, order, brackets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod freshbooks_support;

use freshbooks_support::{Shop, line, open};
use serde_json::{Value, json};

async fn total(shop: &Shop, path: &str) -> Value {
    shop.get(path).await.result()["total"].clone()
}

#[tokio::test]
async fn an_empty_list_has_no_pages() {
    let shop = open(json!({})).await;
    let answer = shop.get("invoices/invoices").await;
    assert_eq!(
        answer.result(),
        &json!({"invoices": [], "page": 1, "pages": 0, "per_page": 15, "total": 0})
    );
    shop.close().await;
}

#[tokio::test]
async fn pages_hold_fifteen_and_never_more_than_a_hundred() {
    let shop = open(json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..103 {
        ids.push(shop.client(json!({})).await);
    }
    let first = shop.get("users/clients").await;
    let first = first.result();
    assert_eq!(first["clients"].as_array().unwrap().len(), 15);
    assert_eq!(
        json!([first["per_page"], first["pages"], first["total"]]),
        json!([15, 7, 103])
    );
    assert_eq!(first["clients"][0]["id"], ids[102], "newest first");
    let capped = shop.get("users/clients?per_page=500").await;
    assert_eq!(capped.result()["per_page"], 100);
    assert_eq!(capped.result()["clients"].as_array().unwrap().len(), 100);
    let zeroth = shop.get("users/clients?page=0").await;
    assert_eq!(
        json!([zeroth.result()["page"], zeroth.result()["clients"][0]["id"]]),
        json!([1, ids[102]])
    );
    let past = shop.get("users/clients?page=99").await;
    assert_eq!(past.result()["clients"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn pages_that_are_no_numbers_have_their_own_errno() {
    let shop = open(json!({})).await;
    assert_eq!(
        shop.get("users/clients?page=two").await.refusal(),
        (422, 1014)
    );
    assert_eq!(
        shop.get("users/clients?page=-1").await.refusal(),
        (422, 1014)
    );
    assert_eq!(
        shop.get("users/clients?per_page=many").await.refusal(),
        (422, 1013)
    );
    assert_eq!(
        shop.get("users/clients?per_page=0").await.refusal(),
        (422, 1013)
    );
    shop.close().await;
}

#[tokio::test]
async fn unknown_search_keys_return_everything() {
    let shop = open(json!({})).await;
    let client = shop
        .client(json!({"fname": "Ann", "organization": "A"}))
        .await;
    shop.client(json!({"fname": "Bob"})).await;
    shop.invoice(client, json!({"status": 2})).await;
    shop.invoice(client, json!({"po_number": "7"})).await;
    for path in [
        "users/clients?search[fname]=Ann",
        "users/clients?search[organization]=A",
        "users/clients?search[e-mail]=nobody",
        "invoices/invoices?search[status]=2",
        "invoices/invoices?search[statusid]=2",
        "invoices/invoices?search[payment_status]=paid",
        "invoices/invoices?search[create_date_min]=2030-01-01",
        "invoices/invoices?search[po_number]=7",
        "invoices/invoices?invoice_number=nothing",
    ] {
        assert_eq!(total(&shop, path).await, 2, "{path}");
    }
    shop.close().await;
}

#[tokio::test]
async fn invoices_are_found_by_the_documented_keys() {
    let shop = open(json!({})).await;
    let ann = shop.client(json!({})).await;
    let bob = shop.client(json!({})).await;
    let first = shop
        .invoice(
            ann,
            json!({"invoice_number": "BC-1", "create_date": "2026-01-10"}),
        )
        .await;
    let second = shop
        .invoice(bob, json!({"invoice_number": "BC-2", "create_date": "2026-01-20", "lines": [line("1", "8")]}))
        .await;
    shop.pay(&second["id"], "3").await;
    for (query, count) in [
        ("search[invoice_number]=BC-1".to_owned(), 1),
        ("search%5Binvoice_number%5D=BC-2".to_owned(), 1),
        ("search[invoice_number]=BC".to_owned(), 0),
        (format!("search[invoiceid]={}", first["id"]), 1),
        (
            format!(
                "search[invoiceids][]={}&search[invoiceids][]={}",
                first["id"], second["id"]
            ),
            2,
        ),
        (format!("search[customerid]={ann}"), 1),
        (
            format!("search%5Bcustomerids%5D%5B%5D={ann}&search[customerids][]={bob}"),
            2,
        ),
        ("search[date_min]=2026-01-20".to_owned(), 1),
        ("search[date_max]=2026-01-20".to_owned(), 1),
        ("search[updated_min]=2020-01-01".to_owned(), 2),
        ("search[updated_max]=2020-01-01".to_owned(), 0),
        ("search[v3_status]=partial".to_owned(), 1),
        ("search[paid]=3.00".to_owned(), 1),
        ("search[outstanding]=5".to_owned(), 1),
    ] {
        assert_eq!(
            total(&shop, &format!("invoices/invoices?{query}")).await,
            count,
            "{query}"
        );
    }
    let bad = shop.get("invoices/invoices?search[date_min]=soon").await;
    assert_eq!(bad.refusal(), (422, 1033));
    shop.close().await;
}

#[tokio::test]
async fn clients_are_found_by_the_documented_keys() {
    let shop = open(json!({})).await;
    let ann = shop
        .client(json!({"fname": "Annabel", "email": "ann@x.example", "bus_phone": "555-1"}))
        .await;
    shop.client(json!({"lname": "Bobson", "organization": "Bob & Co", "email": "bob@x.example"}))
        .await;
    for (query, count) in [
        ("search[email]=ann@x.example".to_owned(), 1),
        ("search[email]=ann%40x.example".to_owned(), 1),
        ("search[email]=ANN@x.example".to_owned(), 0),
        (format!("search[userid]={ann}"), 1),
        (format!("search[userids][]={ann}&search[userids][]=1"), 1),
        ("search[fname_like]=nab".to_owned(), 1),
        ("search[lname_like]=BOB".to_owned(), 1),
        ("search[organization_like]=co".to_owned(), 1),
        ("search[email_like]=x.example".to_owned(), 2),
        ("search[phone_like]=555".to_owned(), 1),
        ("search[vis_state]=0".to_owned(), 2),
        ("search[vis_state]=1".to_owned(), 0),
    ] {
        assert_eq!(
            total(&shop, &format!("users/clients?{query}")).await,
            count,
            "{query}"
        );
    }
    shop.close().await;
}

#[tokio::test]
async fn an_unrecognised_sort_comes_ascending_by_id() {
    let shop = open(json!({})).await;
    let zoe = shop.client(json!({"organization": "Zoe"})).await;
    let abe = shop.client(json!({"organization": "Abe"})).await;
    for (sort, first) in [
        ("", abe),
        ("?sort=updated:asc", zoe),
        ("?sort=organization_name_asc", abe),
        ("?sort=organization_name_desc", zoe),
    ] {
        let listed = shop.get(&format!("users/clients{sort}")).await;
        assert_eq!(listed.result()["clients"][0]["id"], first, "{sort}");
    }
    shop.close().await;
}

#[tokio::test]
async fn invoices_sort_by_date_only() {
    let shop = open(json!({})).await;
    let client = shop.client(json!({})).await;
    let late = shop
        .invoice(client, json!({"create_date": "2026-03-01"}))
        .await;
    let early = shop
        .invoice(client, json!({"create_date": "2026-02-01"}))
        .await;
    for (sort, first) in [
        ("invoice_date_asc", &early),
        ("invoice_date_desc", &late),
        ("invoice_number_desc", &late),
    ] {
        let listed = shop.get(&format!("invoices/invoices?sort={sort}")).await;
        assert_eq!(listed.result()["invoices"][0]["id"], first["id"], "{sort}");
    }
    shop.close().await;
}

#[tokio::test]
async fn ids_and_paths_that_are_not_there_are_404() {
    let shop = open(json!({})).await;
    assert_eq!(shop.get("invoices/invoices/1").await.refusal(), (404, 1012));
    assert_eq!(
        shop.get("invoices/invoices/abc").await.refusal(),
        (404, 1012)
    );
    assert_eq!(shop.get("nothing/here").await.refusal(), (404, 1012));
    shop.close().await;
}
