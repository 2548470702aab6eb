//! The identities that hold for every order the BigCommerce sandbox can make.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

mod bigcommerce_support;

use bigcommerce_support::{Shop, field, money};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

async fn rows(shop: &Shop, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for page in 1.. {
        let joint = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{joint}limit=250&page={page}");
        let response = shop.vendor(Method::GET, &path, None).await;
        if response.status() == 204 {
            return all;
        }
        let text = response.text().await.unwrap();
        match serde_json::from_str(&text).unwrap() {
            Value::Array(rows) => all.extend(rows),
            // Documented as an object, the only such part.
            mut body if body["fees"].is_array() => {
                let fees = body["fees"].take();
                all.extend(fees.as_array().unwrap().iter().cloned());
            }
            mut body => {
                let data = body["data"].take();
                all.extend(data.as_array().unwrap().iter().cloned());
                let pages = &body["meta"]["pagination"]["total_pages"];
                if pages.as_u64().unwrap() == page {
                    return all;
                }
            }
        }
    }
    all
}

fn sum(rows: &[Value], name: &str) -> Decimal {
    rows.iter().map(|row| field(row, name)).sum()
}

async fn check(shop: &Shop, kind: &str, id: u64, inclusive: bool) {
    let at = format!("{kind}, order {id}, inclusive {inclusive}");
    let order = shop.get(&format!("/v2/orders/{id}")).await;
    let products = rows(shop, &format!("/v2/orders/{id}/products")).await;
    let taxes = rows(shop, &format!("/v2/orders/{id}/taxes?details=true")).await;
    let fees = rows(shop, &format!("/v2/orders/{id}/fees")).await;
    let coupons = rows(shop, &format!("/v2/orders/{id}/coupons")).await;
    let get = |name: &str| field(&order, name);
    let total_tax = get("total_tax");

    assert_eq!(order["is_tax_inclusive_pricing"], json!(inclusive), "{at}");
    assert_eq!(
        get("total_ex_tax") + total_tax,
        get("total_inc_tax"),
        "{at}: ex + tax = inc"
    );
    // The vendor's tax records know no line type for fees.
    let fee_tax = sum(&fees, "cost_tax");
    let row_tax = sum(&taxes, "line_amount");
    assert_eq!(row_tax + fee_tax, total_tax, "{at}: tax rows");
    let fee_sum = sum(&fees, "cost_inc_tax");
    let (suffix, total) = if inclusive {
        ("inc_tax", "total_inc_tax")
    } else {
        ("ex_tax", "total_ex_tax")
    };
    let own = |name: &str| get(&format!("{name}_{suffix}"));
    let composed = own("subtotal")
        + own("shipping_cost")
        + own("handling_cost")
        + own("wrapping_cost")
        + sum(&fees, &format!("cost_{suffix}"))
        - get("discount_amount")
        - get("coupon_discount");
    assert_eq!(
        composed,
        get(total),
        "{at}: composition in the store's own basis"
    );

    let on_shipping: Decimal = coupons
        .iter()
        .filter(|coupon| coupon["type"] == json!(3))
        .map(|coupon| field(coupon, "discount"))
        .sum();
    if on_shipping.is_zero() {
        let paid = sum(&products, "discounted_total_inc_tax")
            + get("shipping_cost_inc_tax")
            + get("handling_cost_inc_tax")
            + get("wrapping_cost_inc_tax")
            + fee_sum;
        assert_eq!(paid, get("total_inc_tax"), "{at}: what the shopper paid");
    }
    assert_eq!(
        sum(&coupons, "discount"),
        get("coupon_discount"),
        "{at}: coupons"
    );
    for product in &products {
        check_line(product, &taxes, inclusive, &at);
    }
    let line_tax = sum(&products, "total_tax");
    assert_eq!(
        line_tax,
        get("subtotal_tax"),
        "{at}: subtotal_tax keeps the discounted tax"
    );
}

fn check_line(product: &Value, taxes: &[Value], inclusive: bool, at: &str) {
    let quantity = product["quantity"].as_i64().unwrap();
    assert_eq!(
        field(product, "total_ex_tax") < Decimal::ZERO,
        quantity < 0 && !field(product, "price_ex_tax").is_zero(),
        "{at}: what comes back is below zero"
    );
    let applied: Decimal = product["applied_discounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|discount| money(&discount["amount"]))
        .sum();
    let gross = if inclusive {
        field(product, "total_inc_tax")
    } else {
        field(product, "total_ex_tax")
    };
    let tax = field(product, "total_tax");
    let paid = gross - applied + if inclusive { Decimal::ZERO } else { tax };
    assert_eq!(
        field(product, "discounted_total_inc_tax"),
        paid,
        "{at}: line"
    );
    let id = product["id"].to_string();
    let own: Decimal = taxes
        .iter()
        .filter(|row| {
            row["order_product_id"] == json!(id) && row["line_item_type"] == json!("item")
        })
        .map(|row| field(row, "line_amount"))
        .sum();
    assert_eq!(own, tax, "{at}: the line's tax rows");
}

async fn check_money(shop: &Shop, kind: &str, id: u64) {
    let at = format!("{kind}, order {id}");
    let order = shop.get(&format!("/v2/orders/{id}")).await;
    let rows = rows(shop, &format!("/v3/orders/{id}/transactions")).await;
    let total = field(&order, "total_inc_tax");
    let mut captured = Decimal::ZERO;
    for row in &rows {
        assert!(row["amount"].is_number(), "{at}: V3 amounts are numbers");
        let is_text = row["order_id"].is_string();
        assert_ne!(is_text, kind == "decorated_with_numbers", "{at}: order_id");
        let event = row["event"].as_str().unwrap().to_lowercase();
        let status = row["status"].as_str().unwrap().to_lowercase();
        let good = status == "ok" && row["test"] == json!(false);
        if good && ["purchase", "capture", "settled"].contains(&event.as_str()) {
            captured += money(&row["amount"]);
        }
    }
    assert!(
        captured <= total.max(Decimal::ZERO),
        "{at}: more captured than due"
    );
    let shown = shop.ask(Method::GET, &format!("/orders/{id}"), None).await;
    assert_eq!(field(&shown, "captured"), captured, "{at}");
    assert_eq!(field(&shown, "total_inc_tax"), total, "{at}");
    if kind == "several_captures" || kind == "paid_card_one_line" || kind == "three_tenders" {
        assert_eq!(captured, total, "{at}: paid in full");
    }
    if kind == "fully_refunded" {
        assert_eq!(field(&shown, "net"), Decimal::ZERO, "{at}");
    }
}

async fn every_kind(inclusive: bool) {
    let shop = Shop::open(json!({"tax_inclusive": inclusive})).await;
    let kinds = shop.control(Method::GET, "/kinds", None).await;
    let kinds: Vec<Value> = serde_json::from_str(&kinds.text().await.unwrap()).unwrap();
    assert!(kinds.len() >= 30);
    for kind in &kinds {
        let kind = kind["kind"].as_str().unwrap();
        let seeds = if kind == "thousand_lines" { 1 } else { 6 };
        for seed in 0..seeds {
            let id = shop.order(kind, seed * 7919).await;
            check(&shop, kind, id, inclusive).await;
            check_money(&shop, kind, id).await;
        }
    }
    shop.sandbox.shutdown().await;
}

#[tokio::test]
async fn every_kind_adds_up_where_prices_include_tax() {
    every_kind(true).await;
}

#[tokio::test]
async fn every_kind_adds_up_where_tax_comes_on_top() {
    every_kind(false).await;
}

#[tokio::test]
async fn the_same_kind_and_seed_give_the_same_figures() {
    let shop = Shop::open(json!({})).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let id = shop.order("two_coupons", 42).await;
        let order = shop.get(&format!("/v2/orders/{id}")).await;
        seen.push((
            order["total_inc_tax"].clone(),
            order["total_tax"].clone(),
            order["billing_address"].clone(),
        ));
    }
    assert_eq!(seen[0], seen[1]);
    let other = shop.order("two_coupons", 43).await;
    let other = shop.get(&format!("/v2/orders/{other}")).await;
    assert_ne!(other["billing_address"], seen[0].2);
}
