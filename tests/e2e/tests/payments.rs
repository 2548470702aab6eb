//! Money that comes in late, in parts, or after a failure, and orders that change under it.

use anyhow::{Context, ensure};
use e2e::{LIMIT, Shop, Streams, quick};
use serde_json::{Value, json};
use testkit::eventually;

#[tokio::test]
async fn money_in_parts_late_or_after_a_failure_is_booked_once() -> anyhow::Result<()> {
    let house = quick().await?;
    let shop = Shop::only(&house)?;
    let kinds = [
        "partial_capture",
        "failed_then_paid",
        "settled_later",
        "test_transaction",
        "authorised_only",
        "gift_certificate_spent",
        "three_tenders",
    ];
    let mut orders = shop.place_many(&kinds, 7).await?;
    shop.in_books(&orders).await?;
    // What was authorised is captured later, the part and then the rest.
    for (order, amounts) in orders.iter_mut().zip([
        vec![json!(null)],
        vec![],
        vec![],
        vec![],
        vec![json!("1.00"), json!(null)],
    ]) {
        for amount in amounts {
            let capture = json!({"action": "capture", "amount": amount});
            *order = shop.act(order.id, &capture).await?;
        }
    }
    shop.in_books(&orders).await?;
    let streams = Streams::of(&house).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(&orders).await
}

#[tokio::test]
async fn edits_after_the_invoice_follow_and_payments_stay() -> anyhow::Result<()> {
    let house = quick().await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 3).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let line = json!({"action": "add_line", "name": "Late", "quantity": 2, "unit_price": "3.50"});
    shop.act(order.id, &line).await?;
    let address = json!({"action": "change_billing_address",
        "address": {"street_1": "99 New Road", "city": "Elsewhere"}});
    let order = shop.act(order.id, &address).await?;
    ensure!(order.total > order.received, "nothing was added: {order:?}");
    shop.in_books(std::slice::from_ref(&order)).await?;
    let streams = Streams::of(&house).await?;
    streams.at_rest_without_dead_letters().await?;
    let invoice = house.invoice_of(shop.connection, order.id).await?;
    ensure!(
        invoice.get("street") == Some(&json!("99 New Road")),
        "{invoice}"
    );
    ensure!(
        invoice.get("v3_status") == Some(&json!("partial")),
        "{invoice}"
    );
    shop.nothing_twice(&[order]).await
}

/// The only reason of a dead letter: its code and its words.
fn only_reason(letter: &Value) -> anyhow::Result<(String, String)> {
    ensure!(letter.get("kind") == Some(&json!("held")), "{letter}");
    let reasons = letter.get("reasons").and_then(Value::as_array);
    let [reason] = reasons.map(Vec::as_slice).unwrap_or_default() else {
        anyhow::bail!("not one reason: {letter}");
    };
    let text = |key: &str| {
        let text = reason.get(key).and_then(Value::as_str);
        text.map(str::to_owned).with_context(|| format!("no {key}"))
    };
    Ok((text("code")?, text("message")?))
}

#[tokio::test]
async fn a_voided_authorisation_is_no_money_and_its_cancelled_order_leaves_the_books()
-> anyhow::Result<()> {
    let house = quick().await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("authorised_only", 3).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let streams = Streams::of(&house).await?;
    let voided = shop.act(order.id, &json!({"action": "void"})).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(std::slice::from_ref(&voided)).await?;
    ensure!(shop.rows("payments").await?.is_empty(), "a void was paid");

    let cancel = json!({"action": "set_status", "status_id": 5});
    shop.act(order.id, &cancel).await?;
    eventually(LIMIT, "the invoice leaving the books", async || {
        let left = shop.rows("invoices").await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await?;
    streams.at_rest_without_dead_letters().await
}

#[tokio::test]
async fn a_voided_capture_is_held_until_a_person_deletes_its_payment() -> anyhow::Result<()> {
    let house = quick().await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 3).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    // The items come after the invoice.
    let streams = Streams::of(&house).await?;
    streams.at_rest().await?;
    let before = shop.books().await?;

    let voided = shop.act(order.id, &json!({"action": "void"})).await?;
    let letter = shop.dead_letter(order.id).await?;
    let (code, message) = only_reason(&letter)?;
    ensure!(code == "payment_gone", "{code}: {message}");
    ensure!(
        message.contains("txn:") && message.contains(&order.id.to_string()),
        "{message}"
    );
    streams.at_rest().await?;
    ensure!(shop.books().await? == before, "the books changed");

    let payments = shop.rows("payments").await?;
    let payment = payments.first().context("no payment")?;
    let id = payment.get("id").and_then(Value::as_u64).context("id")?;
    shop.control_account(
        &format!("payments/{id}/edit_by_hand"),
        &json!({"vis_state": 1}),
    )
    .await?;
    shop.release(&letter).await?;
    shop.state(order.id, "in_books").await?;
    streams.at_rest().await?;
    shop.nothing_twice(&[voided]).await
}

#[tokio::test]
async fn a_currency_that_changes_after_the_invoice_is_held_and_the_invoice_stays()
-> anyhow::Result<()> {
    let house = quick().await?;
    let shop = Shop::only(&house)?;
    let open = shop.place("awaiting_payment", 4).await?;
    let paid = shop.place("paid_card_one_line", 5).await?;
    let orders = [open, paid];
    shop.in_books(&orders).await?;
    // The items come after the invoices.
    let streams = Streams::of(&house).await?;
    streams.at_rest().await?;
    let before = shop.books().await?;

    let change = json!({"action": "change_currency", "currency": "EUR"});
    for order in &orders {
        shop.act(order.id, &change).await?;
        let (code, message) = only_reason(&shop.dead_letter(order.id).await?)?;
        ensure!(code == "currency_changed", "{code}: {message}");
        let both = message.contains(&order.currency) && message.contains("EUR");
        ensure!(both, "{message}");
    }
    streams.at_rest().await?;
    ensure!(shop.books().await? == before, "the books changed");
    shop.nothing_twice(&orders).await
}
