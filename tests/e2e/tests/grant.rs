//! A revoked grant while every service is a process of its own.

use std::collections::BTreeSet;

use anyhow::ensure;
use contracts::topology::Stream;
use e2e::{LIMIT, SERVICES, Shop, Streams, processes};
use serde_json::json;
use testkit::{House, Tillbook, eventually};

/// How often people were told that a connection is held, by all processes together. Processes of
/// one service write into one log, so each line counts once.
fn alerts(house: &House) -> usize {
    let logs = house.logs();
    let told = logs
        .lines()
        .filter(|line| line.contains("\"connection_held\""));
    told.collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn processes_lose_nothing_tell_once_and_go_on_with_a_new_grant() -> anyhow::Result<()> {
    let names = [SERVICES.as_slice(), &["deliver"]].concat();
    let house = processes(&names, "").await?;
    let acme = house.connection()?.clone();
    let kinds = ["paid_card_one_line", "taxed_one_rate", "guest_checkout"];
    let mut orders = {
        let shop = Shop::only(&house)?;
        let orders = shop.place_many(&kinds, 3).await?;
        shop.in_books(&orders).await?;
        shop.control_account("revoke_grant", &json!({})).await?;
        orders
    };
    {
        let shop = Shop::only(&house)?;
        orders.extend(shop.place_many(&kinds, 30).await?);
        let streams = Streams::of(&house).await?;
        eventually(LIMIT, "every order waiting", async || {
            let waiting = streams.count(Stream::Retries).await?;
            ensure!(waiting >= 30, "{waiting} wait");
            ensure!(alerts(&house) > 0, "nobody was told");
            Ok(())
        })
        .await?;
        let letters = streams.count(Stream::DeadLetters).await?;
        ensure!(letters == 0, "{letters} dead letters while held");
        shop.control_account("grant", &json!({"refresh_token": "a-new-grant"}))
            .await?;
    }
    let told = alerts(&house);
    ensure!(told == 1, "{told} alerts of {} processes", names.len());

    let grant = ["grant", "--connection", &acme.name];
    let tell = async |token: &str| {
        Tillbook::command_reading(token, house.config(), &grant, &house.environment()).await
    };
    let refused = tell("a-token-of-nobody\n").await?;
    ensure!(!refused.status.success(), "FreshBooks does not know it");
    // The person's one command; no process is restarted.
    let granted = tell("a-new-grant\n").await?;
    let complaint = String::from_utf8_lossy(&granted.stderr);
    ensure!(granted.status.success(), "{complaint}");
    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    shop.in_books(&orders).await?;
    let letters = Streams::of(&house)
        .await?
        .count(Stream::DeadLetters)
        .await?;
    ensure!(letters == 0, "{letters} dead letters");
    ensure!(alerts(&house) <= 1, "told again after the new grant");
    shop.nothing_twice(&orders).await
}
