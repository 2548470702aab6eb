//! Dead letters from the outside: grouped, rehearsed, mended, released, and cleared by themselves.

use anyhow::{Context, ensure};
use e2e::{LIMIT, QUICK, Shop, Streams};
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, Tillbook, eventually};

async fn house(names: &[&str]) -> anyhow::Result<House> {
    House::start(HouseOptions {
        connections: names.iter().map(|name| Connection::named(name)).collect(),
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await
}

/// `tillbook dlq …`: whether it ended well, and its answer.
async fn dlq(house: &House, arguments: &[&str]) -> anyhow::Result<(bool, Value)> {
    let mut all = vec!["dlq"];
    all.extend(arguments);
    let output = Tillbook::command(house.config(), &all, &house.environment()).await?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer = serde_json::from_slice(&output.stdout);
    let answer = answer.with_context(|| format!("{arguments:?}: {complaint}"))?;
    Ok((output.status.success(), answer))
}

/// Waits until so many letters rest; the groups they are in, the largest first.
async fn groups(house: &House, letters: u64) -> anyhow::Result<Vec<Value>> {
    eventually(LIMIT, "the letters rest", async || {
        let (_, answer) = dlq(house, &["groups"]).await?;
        let groups = answer["groups"].as_array().context("no groups")?.clone();
        let counts = groups.iter().filter_map(|group| group["letters"].as_u64());
        let total: u64 = counts.sum();
        ensure!(total == letters, "{total} of {letters}");
        Ok(groups)
    })
    .await
}

fn refused_invoices() -> Value {
    json!({"kind": "status", "status": 422, "errno": 1004, "message": "Unable to save",
        "match": {"method": "POST", "path": "invoices/invoices"}, "times": 1_000_000})
}

async fn lift_faults(house: &House) -> anyhow::Result<()> {
    let faults = format!("{}/_sandbox/faults", house.vendors.freshbooks);
    house.http.delete(&faults).await.map(drop)
}

fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    let found = value[name].as_str();
    found.with_context(|| format!("no {name} in {value}"))
}

#[tokio::test]
async fn letters_of_two_causes_are_mended_and_released_by_group() -> anyhow::Result<()> {
    let house = house(&["acme", "beta"]).await?;
    let (acme, beta) = (Shop::named(&house, "acme")?, Shop::named(&house, "beta")?);
    acme.break_account(refused_invoices()).await?;
    let refused = acme
        .place_many(&["paid_card_one_line", "taxed_one_rate"], 12)
        .await?;
    let nobody = beta.place("no_customer_at_all", 1).await?;
    let found = groups(&house, 13).await?;
    ensure!(found.len() == 2, "two causes: {found:?}");
    let group = text(&found[0], "group")?;
    ensure!(found[0]["letters"] == 12, "{found:?}");
    let at_stake: i64 = found[0]["at_stake"][0]["amount_minor"]
        .as_i64()
        .context("no money")?;
    ensure!(at_stake > 0, "{found:?}");

    // A rehearsal says what would be done and does nothing.
    let example = text(&found[0]["example"], "dead_letter_id")?;
    let (_, rehearsed) = dlq(&house, &["dry-run", example]).await?;
    let first = rehearsed["would_do"][0].as_str().unwrap_or_default();
    ensure!(first.starts_with("create invoice"), "{rehearsed}");
    acme.nothing_twice(&[]).await?;

    // Released too early: the canaries die again and the others never left.
    let release = [
        "release", "--group", group, "--reason", "mended", "--rate", "50",
    ];
    let (well, stopped) = dlq(&house, &release).await?;
    ensure!(!well && stopped["state"] == "stopped", "{stopped}");
    ensure!(stopped["released"].as_u64().unwrap_or(99) <= 3, "{stopped}");
    groups(&house, 13).await?;

    lift_faults(&house).await?;
    let (well, finished) = dlq(&house, &release).await?;
    ensure!(well && finished["ended_well"] == 12, "{finished}");
    acme.in_books(&refused).await?;
    acme.nothing_twice(&refused).await?;

    // The other one is corrected by hand.
    let (_, list) = dlq(&house, &["list", "--connection", "beta"]).await?;
    let id = text(&list["dead_letters"][0], "dead_letter_id")?.to_owned();
    let (_, shown) = dlq(&house, &["show", &id]).await?;
    let mut payload = shown["original_payload"].clone();
    let address = &mut payload["document"]["order"]["billing_address"];
    address["first_name"] = json!("Jo");
    address["email"] = json!("jo@example.com");
    let file = house.servers.folder().join("payload.json");
    std::fs::write(&file, payload.to_string())?;
    let path = file.to_str().context("a path that is no text")?;
    let edit = ["edit", &id, "--payload", path, "--reason", "by telephone"];
    ensure!(dlq(&house, &edit).await?.0, "the edit was not taken");
    dlq(&house, &["release", &id, "--reason", "corrected"]).await?;
    beta.in_books(&[nobody]).await?;
    groups(&house, 0).await?;
    Ok(())
}

#[tokio::test]
async fn a_letter_whose_order_comes_into_the_books_clears_itself() -> anyhow::Result<()> {
    let house = house(&["acme"]).await?;
    let shop = Shop::only(&house)?;
    shop.break_account(refused_invoices()).await?;
    let order = shop.place("paid_card_one_line", 1).await?;
    groups(&house, 1).await?;
    lift_faults(&house).await?;
    // Nobody releases it; the order changes and comes by itself.
    shop.act(order.id, &json!({"action": "touch"})).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    groups(&house, 0).await?;
    let journal = Streams::of(&house).await?.journal().await?;
    let cleared = journal
        .iter()
        .filter(|entry| entry.kind().as_str_name() == "JOURNAL_KIND_LETTER_CLEARED");
    ensure!(cleared.count() == 1, "its clearing is not noted");
    shop.nothing_twice(&[order]).await
}
