//! One FreshBooks item for one SKU, in step with the store, and never in an order's way.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use e2e::{Hook, LIMIT, QUICK, Shop, Streams};
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

async fn house(connections: Vec<Connection>) -> anyhow::Result<House> {
    House::start(HouseOptions {
        connections,
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await
}

async fn one_shop() -> anyhow::Result<House> {
    house(vec![Connection::named("acme")]).await
}

fn text<'a>(row: &'a Value, pointer: &str) -> &'a str {
    row.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The SKUs of the account's items; the error when one is there twice.
async fn skus(shop: &Shop<'_>) -> anyhow::Result<BTreeSet<String>> {
    let items = shop.rows("items").await?;
    let skus: BTreeSet<String> = items
        .iter()
        .map(|item| text(item, "/sku").to_owned())
        .collect();
    ensure!(skus.len() == items.len(), "a SKU twice: {items:?}");
    Ok(skus)
}

async fn item(
    shop: &Shop<'_>,
    sku: &str,
    what: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    eventually(LIMIT, what, async || {
        let items = shop.rows("items").await?;
        let found: Vec<&Value> = items
            .iter()
            .filter(|item| text(item, "/sku") == sku)
            .collect();
        let [item] = found.as_slice() else {
            anyhow::bail!("{} items of {sku} among {items:?}", found.len());
        };
        ensure!(is_wanted(item), "{item}");
        Ok((*item).clone())
    })
    .await
}

#[tokio::test]
async fn a_products_name_price_and_stock_are_followed_by_its_one_item() -> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let product = shop.change_product(2, &json!({"price": "12.34"})).await?;
    let sku = text(&product, "/sku").to_owned();
    let (name, price) = (text(&product, "/name").to_owned(), "/unit_cost");
    let first = item(&shop, &sku, "the item", |item| {
        text(item, price) == "12.34"
            && text(item, "/name") == name
            && text(item, "/inventory") == "100"
    })
    .await?;
    // A person words it better; the store's price then changes, its name does not.
    let by_hand = json!({"description": "By hand", "name": "A better name"});
    let id = first.get("id").context("no id")?;
    shop.control_account(&format!("items/{id}/edit_by_hand"), &by_hand)
        .await?;
    shop.change_product(2, &json!({"price": "13.00", "inventory_level": 7}))
        .await?;
    let kept = |item: &Value| {
        text(item, price) == "13.00"
            && text(item, "/inventory") == "7"
            && text(item, "/name") == "A better name"
    };
    item(&shop, &sku, "the new price", kept).await?;
    shop.change_product(2, &json!({"name": "Renamed"})).await?;
    let last = item(&shop, &sku, "the new name", |item| {
        text(item, "/name") == "Renamed"
    })
    .await?;
    ensure!(last.get("id") == Some(id), "another item: {last}");
    streams.at_rest_without_dead_letters().await?;

    // The same hook again costs the account nothing.
    let (before, told) = (
        shop.calls().await?,
        streams.count(contracts::topology::Stream::Outcomes).await?,
    );
    shop.change_product(2, &json!({"is_visible": false}))
        .await?;
    streams.outcomes(told + 1).await?;
    ensure!(
        shop.calls().await? == before,
        "{before:?} → {:?}",
        shop.calls().await?
    );
    // A deleted product's items stay: FreshBooks never gives a deleted item's name free.
    shop.delete_product(2).await?;
    streams.outcomes(told + 2).await?;
    ensure!(
        skus(&shop).await? == BTreeSet::from([sku]),
        "the item is gone"
    );
    Ok(())
}

#[tokio::test]
async fn a_variant_keeps_its_item_when_its_sku_changes() -> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let product = shop.change_product(5, &json!({"price": "20.00"})).await?;
    let variant = product
        .pointer("/variants/1")
        .context("no second variant")?;
    let (sku, variant_id) = (
        text(variant, "/sku").to_owned(),
        variant.get("id").context("no id")?,
    );
    let name = format!("{} (Size: Large)", text(&product, "/name"));
    let first = item(&shop, &sku, "the variant's item", |item| {
        text(item, "/name") == name
    })
    .await?;
    let change = json!({"variant_id": variant_id, "sku": "NEW-SKU", "price": "21.50"});
    shop.change_product(5, &change).await?;
    let now = item(&shop, "NEW-SKU", "the new SKU", |item| {
        text(item, "/unit_cost") == "21.50"
    })
    .await?;
    ensure!(now.get("id") == first.get("id"), "another item: {now}");
    ensure!(skus(&shop).await?.len() == 2, "{:?}", skus(&shop).await?);
    // Back again: the earlier SKU is free, and the item goes back with it.
    let back = json!({"variant_id": variant_id, "sku": sku});
    shop.change_product(5, &back).await?;
    let back = item(&shop, &sku, "the old SKU", |_| true).await?;
    ensure!(back.get("id") == first.get("id"), "another item: {back}");
    ensure!(skus(&shop).await?.len() == 2, "{:?}", skus(&shop).await?);
    streams.at_rest_without_dead_letters().await
}

#[tokio::test]
async fn lines_of_unknown_skus_make_one_item_each_also_in_the_same_instant() -> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let mut orders = Vec::new();
    for customer in 1..=6 {
        // The same goods for everybody.
        let order = json!({"kind": "guest_checkout", "seed": 4, "hooks": "single",
            "email": format!("shopper{customer}@example.com")});
        orders.push(shop.place_with(&order).await?);
    }
    shop.in_books(&orders).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(&orders).await?;
    let invoice = house.invoice_of(shop.connection, orders[0].id).await?;
    let named = invoice
        .get("lines")
        .and_then(Value::as_array)
        .context("no lines")?;
    let items = shop.rows("items").await?;
    ensure!(!skus(&shop).await?.is_empty(), "no items");
    for item in &items {
        let (name, cost) = (text(item, "/name"), text(item, "/unit_cost"));
        let line = named.iter().find(|line| text(line, "/name") == name);
        let line = line.with_context(|| format!("no line of {item}"))?;
        ensure!(!cost.is_empty(), "{item}");
        ensure!(text(line, "/unit_cost") == cost, "{line} and {item}");
    }
    Ok(())
}

#[tokio::test]
async fn text_makes_no_items_and_hold_waits_for_them() -> anyhow::Result<()> {
    let connection = |choice: &str| Connection {
        policy: format!("unknown_sku = \"{choice}\""),
        ..Connection::named(choice)
    };
    let house = house(vec![connection("text"), connection("hold")]).await?;
    let streams = Streams::of(&house).await?;
    let text_shop = Shop::named(&house, "text")?;
    let order = text_shop.place("paid_card_one_line", 3).await?;
    text_shop.in_books(&[order]).await?;
    streams.at_rest().await?;
    ensure!(
        text_shop.rows("items").await?.is_empty(),
        "an item nobody asked for"
    );
    let reads = text_shop.calls().await?;
    // The client, and the invoice's number among those that stand and those that do not.
    ensure!(
        reads.get("reads") == Some(&3),
        "a look at items nobody asked for: {reads:?}"
    );

    let hold_shop = Shop::named(&house, "hold")?;
    let order = hold_shop.place("paid_card_one_line", 3).await?;
    let letter = hold_shop.dead_letter(order.id).await?.to_string();
    ensure!(
        letter.contains("unknown_sku") && letter.contains("create the item"),
        "{letter}"
    );
    ensure!(
        hold_shop.rows("invoices").await?.is_empty(),
        "booked all the same"
    );
    // Every product of the store gets its item; then the order is told of again.
    for id in 1..=60 {
        hold_shop
            .change_product(id, &json!({"is_visible": true}))
            .await?;
    }
    eventually(LIMIT, "an item for each of 72 SKUs", async || {
        let count = skus(&hold_shop).await?.len();
        ensure!(count == 72, "{count}");
        Ok(())
    })
    .await?;
    // The list that was read for the first look is trusted for a while; the ledger knows better.
    let hook = Hook::of(&house, hold_shop.connection, order.id).await?;
    ensure!(hook.send().await?.0.is_success(), "the hook was refused");
    hold_shop.in_books(&[order]).await
}

#[tokio::test]
async fn a_reply_lost_after_an_item_was_made_makes_no_second_one() -> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let mut orders = Vec::new();
    for (seed, kind) in [(4, "reset_after"), (5, "truncated_json")] {
        let lost = json!({"kind": kind, "match": {"method": "POST", "path": "items/items"}});
        shop.break_account(lost).await?;
        orders.push(shop.place("guest_checkout", seed).await?);
        shop.struck(u64::try_from(orders.len())?).await?;
        shop.in_books(&orders).await?;
        streams.at_rest_without_dead_letters().await?;
    }
    shop.nothing_twice(&orders).await?;
    ensure!(!skus(&shop).await?.is_empty(), "no items");
    // Of a product too, and a change after it is written to the same item.
    let lost = json!({"kind": "reset_after", "match": {"method": "PUT", "path": "items/items"}});
    shop.change_product(2, &json!({"price": "5.00"})).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.break_account(lost).await?;
    let product = shop.change_product(2, &json!({"price": "6.00"})).await?;
    let price = |item: &Value| text(item, "/unit_cost") == "6.00";
    item(&shop, text(&product, "/sku"), "the price", price).await?;
    streams.at_rest_without_dead_letters().await?;
    skus(&shop).await.map(drop)
}

#[tokio::test]
async fn an_item_that_cannot_be_made_neither_loses_nor_doubles_the_invoice() -> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let away = json!({"kind": "status", "status": 503, "times": 2,
        "match": {"method": "POST", "path": "items/items"}});
    shop.break_account(away).await?;
    let order = shop.place("paid_card_one_line", 3).await?;
    shop.struck(2).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(std::slice::from_ref(&order)).await?;
    ensure!(skus(&shop).await?.len() == 1, "{:?}", skus(&shop).await?);

    let refused = json!({"kind": "status", "status": 422, "errno": 1004, "times": 1000,
        "match": {"method": "POST", "path": "items/items"}});
    shop.break_account(refused).await?;
    let second = shop.place("paid_card_one_line", 4).await?;
    shop.in_books(std::slice::from_ref(&second)).await?;
    streams.at_rest_without_dead_letters().await?;
    let story = shop.state(second.id, "in_books").await?;
    ensure!(
        story.to_string().contains("the line stands as text"),
        "{story}"
    );
    shop.nothing_twice(&[order, second]).await
}

#[tokio::test]
async fn without_access_to_items_products_wait_and_orders_go_on() -> anyhow::Result<()> {
    let connection = Connection {
        account: json!({"items_access": false}),
        ..Connection::named("acme")
    };
    let house = house(vec![connection]).await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let orders = shop
        .place_many(&["paid_card_one_line", "guest_checkout"], 4)
        .await?;
    shop.in_books(&orders).await?;
    streams.at_rest_without_dead_letters().await?;
    let asked = shop.calls().await?;
    let story = shop.state(orders[0].id, "in_books").await?;
    ensure!(story.to_string().contains("no access to items"), "{story}");
    shop.change_product(2, &json!({"price": "5.00"})).await?;
    let told = streams.held("product", "no_item_access").await?;
    ensure!(told.contains("user:billable_items:write"), "{told}");
    ensure!(
        asked.get("creates") == Some(&12),
        "4 clients, invoices and payments: {asked:?}"
    );
    Ok(())
}
