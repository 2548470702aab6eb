//! The first path: a signed hook becomes an exact invoice, and later hints make it follow.

use anyhow::{Context, ensure};
use contracts::topology::Stream;
use e2e::{Hook, LIMIT, QUICK, Shop, Streams};
use serde_json::{Value, json};
use testkit::{House, HouseOptions, eventually};

async fn house(config: &str) -> anyhow::Result<House> {
    let config = config.to_owned();
    House::start(HouseOptions {
        config,
        ..HouseOptions::default()
    })
    .await
}

#[tokio::test]
async fn a_hook_becomes_a_sent_invoice_with_its_payment() -> anyhow::Result<()> {
    let house = house(QUICK).await?;
    let shop = Shop::only(&house)?;
    let kinds = [
        "paid_card_one_line",
        "taxed_two_rates",
        "percent_coupon",
        "compound_tax",
        "awaiting_payment",
        "offline_paid",
        "several_captures",
        "zero_decimal_jpy",
        "three_decimal_kwd",
    ];
    let mut orders = shop.place_many(&kinds, 18).await?;
    orders.push(shop.place("thousand_lines", 1).await?);
    shop.exactly_once(&orders).await
}

#[tokio::test]
async fn what_a_person_edited_in_freshbooks_is_not_overwritten() -> anyhow::Result<()> {
    let house = house(QUICK).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("awaiting_payment", 1).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let invoice = house.invoice_of(shop.connection, order.id).await?;
    let id = invoice.get("id").context("no id")?;
    let by_hand = json!({"lines": [{"name": "By hand", "qty": 1,
        "unit_cost": {"amount": "7.00", "code": "USD"}}]});
    shop.control_account(&format!("invoices/{id}/edit_by_hand"), &by_hand)
        .await?;

    let line = json!({"action": "add_line", "name": "Late", "sku": "X-1", "quantity": 2,
        "unit_price": "5.00"});
    shop.act(order.id, &line).await?;
    let letter = shop.dead_letter(order.id).await?;
    ensure!(
        letter.to_string().contains("edited_in_freshbooks"),
        "{letter}"
    );
    let after = house.invoice_of(shop.connection, order.id).await?;
    ensure!(after.get("amount") == Some(&json!("7.00")), "{after}");
    Ok(())
}

#[tokio::test]
async fn orders_of_one_new_shopper_in_the_same_instant_make_one_client() -> anyhow::Result<()> {
    let house = house(QUICK).await?;
    let shop = Shop::only(&house)?;
    let mut orders = Vec::new();
    for seed in 1..=8 {
        let order = json!({"kind": "guest_checkout", "seed": seed, "hooks": "single",
            "email": "one.shopper@example.com"});
        orders.push(shop.place_with(&order).await?);
    }
    shop.in_books(&orders).await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.nothing_twice(&orders).await?;
    let clients = shop.books().await?;
    let clients = clients.get("clients").and_then(Value::as_array);
    ensure!(clients.map(Vec::len) == Some(1), "{clients:?}");
    Ok(())
}

#[tokio::test]
async fn a_known_clients_paid_order_of_known_items_costs_two_creates() -> anyhow::Result<()> {
    let house = house(QUICK).await?;
    let shop = Shop::only(&house)?;
    // The first order makes the client, and the second the items that the third names too.
    for seed in [3, 3 + 8] {
        let known = shop.place("returning_customer", seed).await?;
        shop.in_books(&[known]).await?;
    }
    Streams::of(&house).await?.at_rest().await?;
    let before = shop.calls().await?;

    let order = shop.place("returning_customer", 3 + 8).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;

    let after = shop.calls().await?;
    let spent = |sort: &str| after.get(sort).unwrap_or(&0) - before.get(sort).unwrap_or(&0);
    ensure!(spent("creates") == 2, "{before:?} → {after:?}");
    // Is the number taken, also by a deleted invoice? And: mark it as sent. Neither client nor items
    // cost a call.
    ensure!(spent("reads") == 2, "{before:?} → {after:?}");
    ensure!(spent("updates") == 1, "{before:?} → {after:?}");
    Ok(())
}

#[tokio::test]
async fn a_changed_order_changes_its_invoice_and_a_late_capture_is_booked() -> anyhow::Result<()> {
    let house = house(QUICK).await?;
    let shop = Shop::only(&house)?;
    let authorised = shop.place("authorised_only", 1).await?;
    let edited = shop.place("awaiting_payment", 2).await?;
    shop.in_books(&[authorised.clone(), edited.clone()]).await?;
    let before = house.invoice_of(shop.connection, edited.id).await?;

    let line = json!({"action": "add_line", "name": "Late", "sku": "X-1", "quantity": 2,
        "unit_price": "5.00"});
    let edited_now = shop.act(edited.id, &line).await?;
    ensure!(edited_now.total > edited.total, "the line changed nothing");
    let half = json!({"action": "capture", "amount": "1.00"});
    let part = shop.act(authorised.id, &half).await?;
    shop.in_books(&[part, edited_now.clone()]).await?;
    let rest = shop
        .act(authorised.id, &json!({"action": "capture"}))
        .await?;
    ensure!(
        rest.received == rest.total,
        "not captured in full: {rest:?}"
    );
    shop.in_books(&[rest.clone(), edited_now.clone()]).await?;

    let after = house.invoice_of(shop.connection, edited.id).await?;
    ensure!(before.get("id") == after.get("id"), "a new invoice instead");
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.nothing_twice(&[rest, edited_now]).await
}

#[tokio::test]
async fn the_same_hook_again_changes_nothing() -> anyhow::Result<()> {
    let house = house(QUICK).await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let order = shop.place("paid_card_many_lines", 5).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    streams.at_rest().await?;
    let books = shop.books().await?;
    let writes = |calls: std::collections::BTreeMap<String, u64>| {
        ["creates", "updates", "deletes"].map(|sort| calls.get(sort).copied().unwrap_or(0))
    };
    let before = writes(shop.calls().await?);
    let outcomes = streams.count(Stream::Outcomes).await?;

    let hook = Hook::of(&house, shop.connection, order.id).await?;
    for again in 1..=2 {
        let (status, _) = hook.send().await?;
        ensure!(status.is_success(), "{status}");
        eventually(LIMIT, "the outcome of the same hook", async || {
            let count = streams.count(Stream::Outcomes).await?;
            ensure!(count >= outcomes + again, "{count} outcomes");
            Ok(())
        })
        .await?;
    }
    streams.at_rest().await?;
    ensure!(shop.books().await? == books, "the books changed");
    let after = writes(shop.calls().await?);
    ensure!(after == before, "{before:?} → {after:?}");
    let story = shop.state(order.id, "in_books").await?;
    let last = story.pointer("/outcomes").and_then(Value::as_array);
    let last = last.and_then(|all| all.last()).context("no outcome")?;
    ensure!(last.get("kind") == Some(&json!("unchanged")), "{last}");
    Ok(())
}

#[tokio::test]
async fn a_storm_of_four_hooks_costs_at_most_eight_calls_at_the_store() -> anyhow::Result<()> {
    let house = house("[ingest]\ncoalesce_ms = 2000\n").await?;
    let shop = Shop::only(&house)?;
    let storm = json!({"kind": "paid_card_one_line", "seed": 9, "hooks": "storm"});
    let order = shop.place_with(&storm).await?;
    eventually(LIMIT, "four hooks acknowledged", async || {
        let deliveries = house
            .vendors
            .deliveries(&shop.connection.store_hash)
            .await?;
        let pointer = "/by_outcome/acknowledged";
        let count = deliveries.pointer(pointer).and_then(Value::as_u64);
        ensure!(count >= Some(4), "{deliveries}");
        Ok(())
    })
    .await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    let calls = house
        .vendors
        .bigcommerce_calls(&shop.connection.store_hash)
        .await?;
    let spent = calls
        .pointer(&format!("/by_order/{}", order.id))
        .and_then(Value::as_u64);
    ensure!(
        spent.is_some_and(|spent| (1..=8).contains(&spent)),
        "{calls}"
    );
    shop.nothing_twice(&[order]).await
}
