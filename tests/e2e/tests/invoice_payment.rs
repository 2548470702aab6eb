//! B2B Edition: an order that only pays another order's invoice is a payment of that invoice,
//! whichever of the two arrives first. Never revenue twice, never money twice.

use anyhow::{Context, ensure};
use e2e::{LIMIT, Shop, Streams, one_shop};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testkit::eventually;

const MARKED: &str = "invoice_payment_orders = {products = [\"name:invoice payment*\"]}";
const PAID: u64 = 8101;
const PAYING: u64 = 8102;

/// An order of one line over 500.00, as the store would show it.
fn order(id: u64, status_id: u64, line: &Value, method: &str, transactions: &Value) -> Value {
    let zero = "0.0000";
    let total = "500.0000";
    json!({"order": {"id": id, "status_id": status_id, "customer_id": 0,
            "date_created": "Thu, 05 Nov 2026 10:00:00 +0000",
            "date_modified": "Thu, 05 Nov 2026 10:00:00 +0000",
            "currency_code": "USD", "default_currency_code": "USD",
            "is_tax_inclusive_pricing": false, "payment_method": method,
            "subtotal_ex_tax": total, "subtotal_inc_tax": total, "subtotal_tax": zero,
            "total_ex_tax": total, "total_inc_tax": total, "total_tax": zero,
            "discount_amount": zero, "coupon_discount": zero,
            "billing_address": {"first_name": "Mara", "last_name": "Holt", "company": "Holt Ltd",
                "email": "mara@holt.example", "street_1": "2 Quay", "city": "Austin",
                "state": "Texas", "zip": "78701", "country": "United States",
                "country_iso2": "US", "phone": "1", "form_fields": []}},
        "products": [line], "transactions": transactions, "hooks": "single"})
}

fn line(name: &str, kind: &str, product_id: u64) -> Value {
    let (zero, total) = ("0.0000", "500.0000");
    json!({"id": product_id + 9000, "product_id": product_id, "name": name, "sku": "",
        "type": kind, "quantity": 1, "base_price": total, "price_ex_tax": total,
        "price_inc_tax": total, "price_tax": zero, "base_total": total, "total_ex_tax": total,
        "total_inc_tax": total, "total_tax": zero, "applied_discounts": [],
        "product_options": []})
}

async fn place(shop: &Shop<'_>, order: &Value) -> anyhow::Result<()> {
    let (bigcommerce, store) = (&shop.house.vendors.bigcommerce, &shop.connection.store_hash);
    let url = format!("{bigcommerce}/_sandbox/stores/{store}/orders/raw");
    shop.house.http.post(&url, order).await.map(drop)
}

/// The order on account: nothing has come in through the store.
async fn place_on_account(shop: &Shop<'_>) -> anyhow::Result<()> {
    let goods = line("Pallet", "physical", 0);
    place(shop, &order(PAID, 7, &goods, "Purchase Order", &json!([]))).await
}

async fn place_payment(shop: &Shop<'_>) -> anyhow::Result<()> {
    let pays = line(&format!("Invoice payment for order {PAID}"), "digital", 0);
    let money = json!([{"id": 77001, "event": "purchase", "method": "credit_card",
        "gateway": "stripe", "gateway_transaction_id": "ch_77001", "amount": 500.0,
        "currency": "USD", "status": "ok", "test": false, "order_id": PAYING.to_string(),
        "date_created": "2026-11-20T10:00:00+00:00"}]);
    place(shop, &order(PAYING, 10, &pays, "Credit Card", &money)).await
}

/// Waits until the books show one invoice with these payments, by a word of each one's note.
async fn shows(shop: &Shop<'_>, words: &[&str]) -> anyhow::Result<()> {
    eventually(LIMIT, "one invoice and its payments", async || {
        let (invoices, payments) = (shop.rows("invoices").await?, shop.rows("payments").await?);
        let [invoice] = invoices.as_slice() else {
            anyhow::bail!("{} invoices", invoices.len());
        };
        let notes: Vec<&str> = payments.iter().map(|one| text(one, "note")).collect();
        ensure!(notes.len() == words.len(), "{notes:?}");
        for word in words {
            ensure!(
                notes.iter().any(|note| note.contains(word)),
                "{word}: {notes:?}"
            );
        }
        let mut paid = Decimal::ZERO;
        for one in &payments {
            ensure!(one.get("invoiceid") == invoice.get("id"), "{one}");
            paid += text(one, "amount").parse::<Decimal>()?;
        }
        ensure!(
            paid == Decimal::ZERO || paid == Decimal::from(500),
            "{paid} is paid"
        );
        Ok(())
    })
    .await
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    match row.get(key) {
        Some(Value::Object(money)) => money.get("amount").and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    }
    .unwrap_or_default()
}

#[tokio::test]
async fn the_payment_first_then_the_status_is_one_invoice_paid_once() -> anyhow::Result<()> {
    let house = one_shop(MARKED, e2e::QUICK).await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    place_on_account(&shop).await?;
    shows(&shop, &[]).await?;
    place_payment(&shop).await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    shop.act(PAID, &json!({"action": "set_status", "status_id": 10}))
        .await?;
    shop.act(PAYING, &json!({"action": "touch"})).await?;
    streams.at_rest_without_dead_letters().await?;
    shows(&shop, &["invoice-payment:8102"]).await
}

#[tokio::test]
async fn the_status_first_then_the_payment_takes_the_place_of_the_offline_one() -> anyhow::Result<()>
{
    let house = one_shop(MARKED, e2e::QUICK).await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    place_on_account(&shop).await?;
    shows(&shop, &[]).await?;
    shop.act(PAID, &json!({"action": "set_status", "status_id": 10}))
        .await?;
    shows(&shop, &["offline:8101"]).await?;
    place_payment(&shop).await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    shop.act(PAID, &json!({"action": "touch"})).await?;
    streams.at_rest_without_dead_letters().await?;
    shows(&shop, &["invoice-payment:8102"]).await
}

#[tokio::test]
async fn one_without_a_mark_is_held_and_books_nothing() -> anyhow::Result<()> {
    let house = one_shop("", e2e::QUICK).await?;
    let shop = Shop::only(&house)?;
    place_on_account(&shop).await?;
    shows(&shop, &[]).await?;
    place_payment(&shop).await?;
    let letter = shop.dead_letter(PAYING).await?;
    let code = letter
        .pointer("/reasons/0/code")
        .and_then(Value::as_str)
        .context("code")?;
    ensure!(code == "looks_like_invoice_payment", "{letter}");
    shows(&shop, &[]).await
}
