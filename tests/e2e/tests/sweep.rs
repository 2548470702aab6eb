//! Sweeps: what no hook told comes into the books all the same, once.

use anyhow::ensure;
use e2e::{LIMIT, QUICK, Shop, Streams, counter, one_shop};
use serde_json::{Value, json};
use testkit::{House, eventually};

async fn house() -> anyhow::Result<House> {
    one_shop(
        "",
        &QUICK.replace("[ingest]", "[ingest]\nsweep_interval_s = 1"),
    )
    .await
}

/// No hook arrives from here on.
async fn silence(house: &House) -> anyhow::Result<()> {
    let url = format!("{}/_sandbox/faults", house.vendors.bigcommerce);
    let dropped = json!({"kind": "hook_drop", "times": 1_000_000});
    house.http.post(&url, &dropped).await.map(drop)
}

/// How often the list of refunds was read: once a sweep.
async fn sweeps(shop: &Shop<'_>) -> anyhow::Result<u64> {
    let store = &shop.connection.store_hash;
    let calls = shop.house.vendors.bigcommerce_calls(store).await?;
    let route = "/by_route/GET ~1v3~1orders~1payment_actions~1refunds";
    Ok(calls.pointer(route).and_then(Value::as_u64).unwrap_or(0))
}

/// Waits until the store was swept so many times more.
async fn more_sweeps(shop: &Shop<'_>, count: u64) -> anyhow::Result<()> {
    let before = sweeps(shop).await?;
    eventually(LIMIT, "more sweeps", async || {
        let more = sweeps(shop).await?.saturating_sub(before);
        ensure!(more >= count, "{more} of {count}");
        Ok(())
    })
    .await
}

/// Hints that sweeps stored for an entity.
async fn hinted(house: &House, entity: &str) -> anyhow::Result<u64> {
    let label = format!("entity=\"{entity}\"");
    counter(house, "all", "tillbook_sweep_hints_total", &[&label]).await
}

#[tokio::test]
async fn orders_edits_refunds_and_customers_that_no_hook_told_are_found() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    silence(&house).await?;
    let customer = shop
        .register(&json!({"email": "ann@example.com", "first_name": "Ann",
        "last_name": "Lee", "city": "Oslo", "country_iso2": "NO"}))
        .await?;
    let kinds = [
        "paid_card_one_line",
        "authorised_only",
        "partially_refunded",
    ];
    let mut orders = shop.place_many(&kinds, 3).await?;
    let own = json!({"kind": "paid_card_one_line", "seed": 9, "customer_id": customer});
    orders.push(shop.place_with(&own).await?);
    shop.in_books(&orders).await?;
    let line = json!({"action": "add_line", "name": "Late", "quantity": 2, "unit_price": "3.50"});
    orders[0] = shop.act(orders[0].id, &line).await?;
    shop.change_customer(customer, &json!({"city": "Rome"}))
        .await?;
    shop.in_books(&orders).await?;
    eventually(LIMIT, "the customer's move", async || {
        let clients = shop.rows("clients").await?;
        let moved = |row: &Value| row.get("p_city") == Some(&json!("Rome"));
        ensure!(clients.iter().any(moved), "{clients:?}");
        Ok(())
    })
    .await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.nothing_twice(&orders).await
}

#[tokio::test]
async fn a_change_is_found_that_the_store_dates_before_the_last_hook() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let url = format!("{}/_sandbox/clock", house.vendors.bigcommerce);
    house.http.put(&url, &json!({"ahead_s": -30})).await?;
    let told = shop.place("paid_card_one_line", 3).await?;
    shop.in_books(std::slice::from_ref(&told)).await?;
    silence(&house).await?;
    let line = json!({"action": "add_line", "name": "Late", "quantity": 2, "unit_price": "3.50"});
    let changed = shop.act(told.id, &line).await?;
    shop.in_books(&[changed]).await
}

#[tokio::test]
async fn what_was_told_or_swept_once_is_not_hinted_for_ever() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let told = shop.place("paid_card_one_line", 3).await?;
    shop.in_books(std::slice::from_ref(&told)).await?;
    silence(&house).await?;
    // Held for a person: there is no ledger entry that would say it was seen.
    let held = shop.place("no_customer_at_all", 5).await?;
    shop.dead_letter(held.id).await?;
    let streams = Streams::of(&house).await?;
    // A hint within two seconds of the change does not count as later: the store tells changes and
    // its own time in whole seconds. Each of the two may get one in each of them, and one after.
    more_sweeps(&shop, 3).await?;
    streams.at_rest().await?;
    let (hints, letters) = (
        hinted(&house, "order").await?,
        streams.dead_letters().await?.len(),
    );
    ensure!((1..=6).contains(&hints), "{hints} hints for two orders");
    // Five more sweeps find nothing new.
    more_sweeps(&shop, 5).await?;
    streams.at_rest().await?;
    ensure!(hinted(&house, "order").await? == hints, "hinted again");
    ensure!(streams.dead_letters().await?.len() == letters, "held again");
    Ok(())
}
