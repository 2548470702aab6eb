//! B2B Edition: an order that only pays another order's invoice is a payment of that invoice,
//! whichever of the two arrives first. Never revenue twice, never money twice.

use anyhow::ensure;
use contracts::topology::Stream;
use e2e::{Hook, LIMIT, QUICK, Shop, Streams, command, one_shop};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testkit::{House, Tillbook, eventually};

const MARKED: &str = "invoice_payment_orders = {products = [\"name:invoice payment*\"]}";
/// No mark that any order here bears.
const UNMARKED: &str = "invoice_payment_orders = {products = [\"id:990001\"]}";
/// Such orders were sales, by a choice that turns out wrong.
const ORDINARY: &str = "invoice_payment_orders = {unmarked = \"ordinary\"}";
const PAID: u64 = 8101;
const PAYING: u64 = 8102;

/// An order of one line over 500.00, as the store would show it.
fn order(id: u64, status_id: u64, line: &Value, method: &str, transactions: &Value) -> Value {
    let (zero, total) = ("0.0000", "500.0000");
    let (day, provider) = match method {
        "Credit Card" => ("Fri, 20 Nov 2026 10:00:00 +0000", json!("ch_77001")),
        _ => ("Thu, 05 Nov 2026 10:00:00 +0000", Value::Null),
    };
    json!({"order": {"id": id, "status_id": status_id, "customer_id": 0,
            "date_created": day, "date_modified": day, "payment_provider_id": provider,
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
    let house = one_shop(MARKED, QUICK).await?;
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
    shows(&shop, &["invoice-payment:8102"]).await?;
    proves_clean(&house).await
}

#[tokio::test]
async fn the_status_first_then_the_payment_takes_the_place_of_the_offline_one() -> anyhow::Result<()>
{
    let house = one_shop(MARKED, QUICK).await?;
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
    shows(&shop, &["invoice-payment:8102"]).await?;
    proves_clean(&house).await
}

/// The proof of both orders' month: its exit code, and what it found.
async fn proof(house: &House) -> anyhow::Result<(Option<i32>, String)> {
    let month = ["--from", "2026-11-01", "--to", "2026-11-30"];
    let how = ["--grace-minutes", "0", "--format", "json"];
    let arguments = [&["prove", "--connection", "acme"], &month[..], &how].concat();
    let output = Tillbook::command(house.config(), &arguments, &house.environment()).await?;
    let found = [output.stdout, output.stderr].concat();
    let found = String::from_utf8_lossy(&found).into_owned();
    Ok((output.status.code(), found))
}

async fn proves_clean(house: &House) -> anyhow::Result<()> {
    let (exit, found) = proof(house).await?;
    ensure!(exit == Some(0), "{found}");
    Ok(())
}

/// A person names other marks in the policy and starts the process again.
async fn with_policy(house: &mut House, before: &str, after: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(house.config())?;
    ensure!(text.contains(before), "{text}");
    std::fs::write(house.config(), text.replace(before, after))?;
    house.terminate("all").await?;
    house.start_service("all").await
}

/// A run over the day on which the payment order was placed.
async fn over_its_day(house: &House, word: &str) -> anyhow::Result<String> {
    let day = ["--from", "2026-11-20", "--to", "2026-11-20"];
    let told = command(house, &[&[word, "--connection", "acme"], &day[..]].concat()).await?;
    ensure!(told.contains("finished"), "{told}");
    Ok(told)
}

async fn held(shop: &Shop<'_>, code: &str) -> anyhow::Result<Value> {
    eventually(LIMIT, code, async || {
        let letter = shop.dead_letter(PAYING).await?;
        let found = letter.pointer("/reasons/0/code").and_then(Value::as_str);
        ensure!(found == Some(code), "{letter}");
        Ok(letter)
    })
    .await
}

#[tokio::test]
async fn one_without_a_mark_is_held_until_the_policy_names_its_mark() -> anyhow::Result<()> {
    let mut house = one_shop(UNMARKED, QUICK).await?;
    let shop = Shop::only(&house)?;
    place_on_account(&shop).await?;
    shows(&shop, &[]).await?;
    place_payment(&shop).await?;
    let letter = held(&shop, "looks_like_invoice_payment").await?;
    shows(&shop, &[]).await?;
    with_policy(&mut house, UNMARKED, MARKED).await?;
    let shop = Shop::only(&house)?;
    shop.release(&letter).await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    proves_clean(&house).await
}

#[tokio::test]
async fn a_lost_reply_and_a_repeated_hook_book_no_money_twice() -> anyhow::Result<()> {
    let house = one_shop(MARKED, QUICK).await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    place_on_account(&shop).await?;
    shows(&shop, &[]).await?;
    shop.act(PAID, &json!({"action": "set_status", "status_id": 10}))
        .await?;
    shows(&shop, &["offline:8101"]).await?;
    // Both the offline payment that makes room and the real one are written without an answer.
    for method in ["PUT", "POST"] {
        let call = json!({"method": method, "path": "payments/payments"});
        shop.break_account(json!({"kind": "reset_after", "match": call}))
            .await?;
    }
    place_payment(&shop).await?;
    shop.struck(2).await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    for order in [PAYING, PAID, PAYING] {
        let told = streams.count(Stream::Outcomes).await?;
        let hook = Hook::of(&house, shop.connection, order).await?;
        hook.send().await?;
        shop.act(order, &json!({"action": "touch"})).await?;
        streams.outcomes(told + 1).await?;
    }
    streams.at_rest_without_dead_letters().await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    proves_clean(&house).await?;
    // The ledger knows that the offline payment is gone: with the other one taken out it comes back.
    over_its_day(&house, "undo").await?;
    shop.act(PAID, &json!({"action": "touch"})).await?;
    shows(&shop, &["offline:8101"]).await
}

#[tokio::test]
async fn an_undo_takes_the_payment_out_and_a_backfill_brings_it_back() -> anyhow::Result<()> {
    let house = one_shop(MARKED, QUICK).await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    place_on_account(&shop).await?;
    shows(&shop, &[]).await?;
    place_payment(&shop).await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    streams.at_rest_without_dead_letters().await?;
    let told = over_its_day(&house, "undo").await?;
    ensure!(e2e::figure(&told, "removed")? == 1, "{told}");
    shows(&shop, &[]).await?;
    shop.act(PAYING, &json!({"action": "touch"})).await?;
    streams.at_rest_without_dead_letters().await?;
    shows(&shop, &[]).await?;
    over_its_day(&house, "backfill").await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    streams.at_rest_without_dead_letters().await?;
    proves_clean(&house).await
}

#[tokio::test]
async fn one_that_was_booked_as_a_sale_is_named_and_becomes_the_payment() -> anyhow::Result<()> {
    let mut house = one_shop(ORDINARY, QUICK).await?;
    let shop = Shop::only(&house)?;
    place_on_account(&shop).await?;
    shows(&shop, &[]).await?;
    place_payment(&shop).await?;
    eventually(LIMIT, "two sales", async || {
        let (invoices, payments) = (shop.rows("invoices").await?, shop.rows("payments").await?);
        ensure!(invoices.len() == 2 && payments.len() == 1, "{invoices:?}");
        Ok(())
    })
    .await?;
    proves_clean(&house).await?;
    with_policy(&mut house, ORDINARY, MARKED).await?;
    let (exit, found) = proof(&house).await?;
    ensure!(exit == Some(1) && found.contains("\"doubled\""), "{found}");
    let shop = Shop::only(&house)?;
    shop.act(PAYING, &json!({"action": "touch"})).await?;
    held(&shop, "invoice_payment_booked_as_sale").await?;
    over_its_day(&house, "undo").await?;
    over_its_day(&house, "backfill").await?;
    shows(&shop, &["invoice-payment:8102"]).await?;
    proves_clean(&house).await
}
