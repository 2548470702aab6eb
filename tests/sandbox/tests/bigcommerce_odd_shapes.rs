//! Shapes that real stores were seen to give and that documents do not show.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

mod bigcommerce_support;

use bigcommerce_support::{Shop, field};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

async fn list(shop: &Shop, path: &str) -> Vec<Value> {
    shop.get(path).await.as_array().unwrap().clone()
}

#[tokio::test]
async fn rows_that_nothing_tells_apart_are_all_due() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("alike_rows_alone", 3).await;
    let rows = list(&shop, &format!("/v2/orders/{id}/taxes?details=true")).await;
    let of_first: Vec<&Value> = rows
        .iter()
        .filter(|row| row["order_product_id"] == rows[0]["order_product_id"])
        .collect();
    assert_eq!(of_first.len(), 2);
    for name in ["name", "rate", "priority", "tax_rate_id", "sales_tax_id"] {
        assert_eq!(of_first[0][name], of_first[1][name], "{name}");
    }
    let order = shop.get(&format!("/v2/orders/{id}")).await;
    let sum: Decimal = rows.iter().map(|row| field(row, "line_amount")).sum();
    assert_eq!(field(&order, "total_tax"), sum);
    shop.sandbox.shutdown().await;
}

#[tokio::test]
async fn an_exchange_has_lines_below_zero_and_no_discount_on_them() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("exchange_discounted", 4).await;
    let lines = list(&shop, &format!("/v2/orders/{id}/products")).await;
    assert_eq!(
        (&lines[0]["quantity"], &lines[1]["quantity"]),
        (&json!(1), &json!(-1))
    );
    assert!(field(&lines[1], "price_inc_tax") > Decimal::ZERO);
    assert!(field(&lines[1], "total_tax") < Decimal::ZERO);
    assert_eq!(lines[1]["applied_discounts"], json!([]));
    assert_ne!(lines[0]["applied_discounts"], json!([]));
    shop.sandbox.shutdown().await;
}

#[tokio::test]
async fn fees_come_as_an_object_when_fetched_and_when_included() {
    let shop = Shop::open(json!({})).await;
    let id = shop.order("fees_as_an_object", 1).await;
    let fetched = shop.get(&format!("/v2/orders/{id}/fees")).await;
    assert_eq!(fetched["fees"].as_array().unwrap().len(), 2);
    let with = format!("/v2/orders/{id}?include=fees");
    assert_eq!(shop.get(&with).await["fees"], fetched);
    let past_the_end = format!("/v2/orders/{id}/fees?page=2");
    let past_the_end = shop.vendor(Method::GET, &past_the_end, None).await;
    assert_eq!(past_the_end.status(), 204);
    let bare = shop.order("taxed_fee", 1).await;
    let bare = shop.get(&format!("/v2/orders/{bare}/fees")).await;
    assert!(bare.is_array());
    shop.sandbox.shutdown().await;
}

#[tokio::test]
async fn forints_are_whole_and_the_currency_settings_say_so() {
    let shop = Shop::open(json!({"tax_inclusive": true})).await;
    let currencies = list(&shop, "/v2/currencies").await;
    let of = |code: &str| {
        let mut found = currencies.iter().filter(|one| one["currency_code"] == code);
        found.next().unwrap()["decimal_places"].clone()
    };
    assert_eq!(
        (of("HUF"), of("USD"), of("KWD")),
        (json!(0), json!(2), json!(3))
    );
    for seed in 0..20 {
        let id = shop.order("whole_forint_two_taxes", seed).await;
        for row in list(&shop, &format!("/v2/orders/{id}/taxes")).await {
            assert!(field(&row, "line_amount").is_integer(), "{row}");
        }
    }
    shop.sandbox.shutdown().await;
}

#[tokio::test]
async fn only_a_store_that_does_not_round_has_totals_of_four_decimals() {
    for no_rounding in [false, true] {
        let shop = Shop::open(json!({"no_rounding": no_rounding})).await;
        let id = shop.order("unrounded_total_cut", 7).await;
        let total = field(
            &shop.get(&format!("/v2/orders/{id}")).await,
            "total_inc_tax",
        );
        assert_eq!(total.normalize().scale() > 2, no_rounding, "{total}");
        let shown = shop.ask(Method::GET, &format!("/orders/{id}"), None).await;
        let payable = field(&shown, "payable");
        assert_eq!(payable, total.trunc_with_scale(2));
        assert_eq!(field(&shown, "captured"), payable);
        shop.sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn one_email_is_a_customer_of_each_channel() {
    let shop = Shop::open(json!({})).await;
    let mut seen = Vec::new();
    for seed in [6, 7] {
        let id = shop.order("one_email_two_customers", seed).await;
        let order = shop.get(&format!("/v2/orders/{id}")).await;
        seen.push((order["customer_id"].clone(), order["channel_id"].clone()));
        let email = order["billing_address"]["email"]
            .as_str()
            .unwrap()
            .to_owned();
        let found = shop.get(&format!("/v3/customers?email:in={email}")).await;
        assert_eq!(found["data"].as_array().unwrap().len(), seen.len());
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!((&seen[0].1, &seen[1].1), (&json!(1), &json!(2)));
    shop.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_merchant_moves_the_store_to_another_time_zone() {
    let shop = Shop::open(json!({})).await;
    let path = format!("/stores/{}/time_zone", shop.hash);
    let moved = Some(json!({"time_zone": "Asia/Tokyo"}));
    assert_eq!(shop.control(Method::PUT, &path, moved).await.status(), 204);
    assert_eq!(
        shop.get("/v2/store").await["timezone"]["name"],
        "Asia/Tokyo"
    );
    let wrong = Some(json!({"time_zone": "Moon/Crater"}));
    assert_eq!(shop.control(Method::PUT, &path, wrong).await.status(), 400);
    shop.sandbox.shutdown().await;
}

/// Refunds are made later; each is looked at after its order's changes are done.
#[tokio::test]
async fn refunds_have_figures_that_their_items_do_not_give() {
    let shop = Shop::open(json!({})).await;
    let refund_of = async |kind: &str| {
        let id = shop.order(kind, 11).await;
        let act = format!("/orders/{id}/actions");
        let body = Some(json!({"action": "later"}));
        shop.ask(Method::POST, &act, body).await;
        let path = format!("/v3/orders/{id}/payment_actions/refunds");
        let refund = shop.get(&path).await["data"][0].clone();
        (shop.get(&format!("/v2/orders/{id}")).await, refund)
    };
    let (_, untaxed) = refund_of("refund_override_without_tax").await;
    assert_eq!(untaxed["uses_merchant_override_values"], true);
    assert_eq!(untaxed["total_tax"].to_string(), "0");
    assert_eq!(untaxed["items"][0]["item_type"], "PRODUCT");

    let (order, whole) = refund_of("refund_all_but_shipping_named").await;
    let figure = |name: &str| whole[name].to_string().parse::<Decimal>().unwrap();
    assert_eq!(figure("total_amount"), field(&order, "total_inc_tax"));
    assert_eq!(figure("total_tax"), field(&order, "total_tax"));
    let items = whole["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["item_type"] == "PRODUCT"));

    let (_, one) = refund_of("refund_whole_order_as_one_untaxed_item").await;
    assert_eq!(one["items"][0]["item_type"], "ORDER");
    assert_eq!(one["total_tax"].to_string(), "0");

    let (_, undated) = refund_of("refund_without_a_date").await;
    assert_eq!(undated["created"], "");
    shop.sandbox.shutdown().await;
}
