//! One store's trouble is its own.

use anyhow::ensure;
use e2e::{LIMIT, Metrics, QUICK, Shop, Streams};
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

/// Starts two shops and lets `fault` strike every call of the second one's account; the first
/// one's orders must get through all the same, and the second one's when it is over.
async fn the_other_is_not_stopped(fault: Value) -> anyhow::Result<()> {
    let names = ["acme", "beta"];
    let house = House::start(HouseOptions {
        connections: names
            .into_iter()
            .map(|name| Connection {
                // Eighty orders fill most of a minute's 250 creates; items would wait for the next.
                policy: "unknown_sku = \"text\"".to_owned(),
                ..Connection::named(name)
            })
            .collect(),
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await?;
    let (acme, beta) = (Shop::named(&house, "acme")?, Shop::named(&house, "beta")?);
    beta.break_account(fault).await?;
    let stuck = beta
        .place_many(&["paid_card_one_line", "taxed_one_rate"], 80)
        .await?;
    // Then the breaker leaves the account alone; how soon is its own matter.
    beta.struck(8).await?;
    let orders = acme
        .place_many(&["paid_card_one_line", "taxed_two_rates"], 20)
        .await?;
    acme.in_books(&orders).await?;
    acme.nothing_twice(&orders).await?;
    beta.nothing_twice(&[]).await?;

    let faults = format!("{}/_sandbox/faults", house.vendors.freshbooks);
    house.http.delete(&faults).await?;
    beta.in_books(&stuck).await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    acme.nothing_twice(&orders).await?;
    beta.nothing_twice(&stuck).await
}

#[tokio::test]
async fn a_failing_account_does_not_stop_another_stores_orders() -> anyhow::Result<()> {
    the_other_is_not_stopped(json!({"kind": "status", "status": 503, "times": 1_000_000})).await
}

#[tokio::test]
async fn a_throttled_account_does_not_stop_another_stores_orders() -> anyhow::Result<()> {
    let fault = json!({"kind": "429", "retry_after_s": 2, "times": 1_000_000});
    the_other_is_not_stopped(fault).await
}

#[tokio::test]
async fn an_account_that_hangs_does_not_stop_another_stores_orders() -> anyhow::Result<()> {
    let hang = json!({"kind": "hang_ms", "hang_ms": 60_000, "effect": "after",
        "times": 1_000_000, "match": {"path": "accounting"}});
    the_other_is_not_stopped(hang).await
}

#[tokio::test]
async fn an_account_that_is_away_is_left_alone_told_of_and_taken_up_again() -> anyhow::Result<()> {
    let house = House::start(HouseOptions {
        connections: vec![Connection {
            account: json!({"limits": null}),
            ..Connection::named("acme")
        }],
        config: format!("{QUICK}\n[vendors]\nbreaker_alert_s = 3\n"),
        ..HouseOptions::default()
    })
    .await?;
    let shop = Shop::only(&house)?;
    let state = async || {
        let metrics = Metrics::of(&house, "all").await?;
        let of = ["connection=\"acme\"", "vendor=\"freshbooks\""];
        anyhow::Ok((
            metrics.sum("tillbook_vendor_breaker", &of),
            metrics.sum("tillbook_vendor_breaker_opened_total", &of),
        ))
    };
    shop.break_account(json!({"kind": "status", "status": 503, "times": 1_000_000}))
        .await?;
    let orders = shop.place_many(&["paid_card_one_line"], 60).await?;
    let told = || house.logs().contains("\"vendor_down\"");
    eventually(LIMIT, "people being told", async || {
        let (open, opened) = state().await?;
        ensure!(told(), "not yet; open {open}, opened {opened} times");
        ensure!(open > 0 && opened > 1, "open {open}, opened {opened} times");
        Ok(())
    })
    .await?;
    // Eight failures in a row, whatever was under way then, and one call for each try.
    let calls: u64 = shop.calls().await?.values().sum();
    ensure!(calls < 120, "{calls} calls to an account that is away");
    let faults = format!("{}/_sandbox/faults", house.vendors.freshbooks);
    house.http.delete(&faults).await?;
    shop.in_books(&orders).await?;
    let (open, _) = state().await?;
    ensure!(open == 0, "still open: {open}");
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.nothing_twice(&orders).await
}
