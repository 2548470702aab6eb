//! `invoice.email`: the shopper's e-mail goes out once, after the payments, and never by surprise.

use anyhow::ensure;
use e2e::{AtWork, LIMIT, Placed, QUICK, Shop, Streams, one_shop};
use serde_json::{Value, json};
use testkit::eventually;

const MAILED: &str = "invoice.email = true";

/// How often FreshBooks mailed the order's invoice.
async fn emails(shop: &Shop<'_>, order: &Placed) -> anyhow::Result<Option<u64>> {
    let invoice = shop.house.invoice_of(shop.connection, order.id).await?;
    Ok(invoice.get("emails").and_then(Value::as_u64))
}

/// Waits until the order is in the books and nothing is under way.
async fn booked(shop: &Shop<'_>, order: &Placed) -> anyhow::Result<()> {
    shop.in_books(std::slice::from_ref(order)).await?;
    let streams = Streams::of(shop.house).await?;
    streams.at_rest_without_dead_letters().await
}

/// The order's story once it is written, as the monitor tells it.
async fn told(shop: &Shop<'_>, order: &Placed, words: &str) -> anyhow::Result<()> {
    eventually(LIMIT, words, async || {
        let story = shop.house.story(shop.connection, order.id).await?;
        ensure!(story.to_string().contains(words), "{story}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_invoice_is_mailed_once_however_often_its_order_changes() -> anyhow::Result<()> {
    let house = one_shop(MAILED, QUICK).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 3).await?;
    booked(&shop, &order).await?;
    ensure!(emails(&shop, &order).await? == Some(1), "not mailed");
    let line = json!({"action": "add_line", "name": "Late", "quantity": 2, "unit_price": "3.50"});
    let order = shop.act(order.id, &line).await?;
    booked(&shop, &order).await?;
    ensure!(emails(&shop, &order).await? == Some(1), "mailed again");
    Ok(())
}

#[tokio::test]
async fn no_email_goes_out_unless_the_policy_says_so() -> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 3).await?;
    booked(&shop, &order).await?;
    ensure!(emails(&shop, &order).await? == Some(0), "mailed");
    Ok(())
}

#[tokio::test]
async fn an_email_whose_reply_was_lost_is_not_sent_again_and_said_to_be_in_doubt()
-> anyhow::Result<()> {
    let house = one_shop(MAILED, QUICK).await?;
    let shop = Shop::only(&house)?;
    let lost = json!({"kind": "reset_after", "match": {"method": "PUT", "body": "action_email"}});
    shop.break_account(lost).await?;
    let order = shop.place("paid_card_one_line", 3).await?;
    shop.struck(1).await?;
    told(&shop, &order, "mailed the invoice is in doubt").await?;
    booked(&shop, &order).await?;
    ensure!(emails(&shop, &order).await? == Some(1), "mailed twice");
    Ok(())
}

#[tokio::test]
async fn an_email_that_was_never_sent_is_tried_again_and_a_refused_one_is_a_notice()
-> anyhow::Result<()> {
    let house = one_shop(MAILED, QUICK).await?;
    let shop = Shop::only(&house)?;
    let mail = json!({"method": "PUT", "body": "action_email"});
    let throttled = json!({"kind": "too_many_requests", "match": mail});
    shop.break_account(throttled).await?;
    let order = shop.place("paid_card_one_line", 3).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    eventually(LIMIT, "the e-mail", async || {
        ensure!(emails(&shop, &order).await? == Some(1));
        Ok(())
    })
    .await?;
    let refused = json!({"kind": "status", "status": 422, "errno": 1003, "match": mail});
    shop.break_account(refused).await?;
    let other = shop.place("paid_card_one_line", 4).await?;
    told(&shop, &other, "refused to mail the invoice").await?;
    booked(&shop, &other).await?;
    ensure!(emails(&shop, &other).await? == Some(0));
    Ok(())
}

#[tokio::test]
async fn orders_of_before_are_backfilled_without_an_email() -> anyhow::Result<()> {
    let house = one_shop(MAILED, QUICK).await?;
    let shop = Shop::only(&house)?;
    let order = json!({"kind": "paid_card_one_line", "seed": 3, "hooks": "none",
        "created_at": "2026-01-12T15:00:00Z"});
    let order = shop.place_with(&order).await?;
    let range = [
        "--connection",
        "acme",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-31",
    ];
    let arguments = [&["backfill"][..], &range].concat();
    AtWork::begin(&house, &arguments).await?.ended().await?;
    booked(&shop, &order).await?;
    ensure!(emails(&shop, &order).await? == Some(0), "mailed");
    Ok(())
}
