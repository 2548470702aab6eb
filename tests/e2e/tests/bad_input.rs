//! Bad input and what happens: nothing is dropped, nothing loops, every hold says why.

use anyhow::{Context, ensure};
use contracts::dead_letter::DeadLetterKind;
use contracts::topology::{Stage, Stream};
use e2e::{Hook, LIMIT, QUICK, Shop, Streams};
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

async fn house_of(connection: Connection) -> anyhow::Result<House> {
    House::start(HouseOptions {
        connections: vec![connection],
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await
}

async fn house() -> anyhow::Result<House> {
    house_of(Connection::named("acme")).await
}

/// The codes of a dead letter's reasons.
fn codes(letter: &Value) -> Vec<&str> {
    let reasons = letter.get("reasons").and_then(Value::as_array);
    let all = reasons.into_iter().flatten();
    all.filter_map(|reason| reason.get("code")?.as_str())
        .collect()
}

fn kind(letter: &Value) -> &str {
    letter
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[tokio::test]
async fn a_deleted_order_is_closed_and_not_dead() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let hidden = json!({"kind": "paid_card_one_line", "seed": 1, "hooks": "none"});
    let order = shop.place_with(&hidden).await?;
    shop.act(order.id, &json!({"action": "delete"})).await.ok();
    let (status, _) = Hook::of(&house, shop.connection, order.id)
        .await?
        .send()
        .await?;
    ensure!(status.is_success(), "{status}");
    let story = shop.state(order.id, "closed").await?;
    ensure!(story.get("dead_letters") == Some(&json!([])), "{story}");
    let streams = Streams::of(&house).await?;
    streams.at_rest().await?;
    ensure!(
        streams.count(Stream::DeadLetters).await? == 0,
        "a dead letter"
    );
    shop.nothing_twice(&[]).await
}

#[tokio::test]
async fn what_cannot_be_booked_is_held_with_every_reason() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let nobody = shop.place("no_customer_at_all", 1).await?;
    let strange = shop.place("unknown_currency", 2).await?;
    let several = json!({"order": {"id": 900, "status_id": 11, "total_inc_tax": "a lot",
            "total_tax": "1.0000", "default_currency_code": "ZZZ",
            "date_created": "Tue, 20 Nov 2012 00:00:00 +0000",
            "billing_address": {"first_name": "", "last_name": "", "email": ""}},
        "products": [{"id": 1, "name": "Mug", "quantity": "some", "total_tax": "0.0000"}],
        "hooks": "single"});
    let vendors = &house.vendors;
    let url = format!(
        "{}/_sandbox/stores/{}/orders/raw",
        vendors.bigcommerce, shop.connection.store_hash
    );
    house.http.post(&url, &several).await?;

    for (order_id, wanted) in [
        (nobody.id, vec!["missing_customer"]),
        (strange.id, vec!["unknown_currency"]),
        (900, vec!["unknown_currency"]),
    ] {
        let letter = shop.dead_letter(order_id).await?;
        ensure!(kind(&letter) == "held", "order {order_id}: {letter}");
        let codes = codes(&letter);
        for code in wanted {
            ensure!(codes.contains(&code), "order {order_id}: {codes:?}");
        }
        if order_id == 900 {
            ensure!(codes.len() >= 3, "only {codes:?} of several faults");
        }
        for reason in letter
            .get("reasons")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let told = reason.get("message").and_then(Value::as_str);
            ensure!(
                told.is_some_and(|told| told.len() > 15),
                "no plain words: {reason}"
            );
        }
    }
    Streams::of(&house).await?.at_rest().await?;
    shop.nothing_twice(&[]).await
}

#[tokio::test]
async fn a_refusal_becomes_a_dead_letter_in_the_vendors_words_and_can_be_released()
-> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    shop.break_account(json!({
        "match": {"method": "POST", "path": "invoices/invoices"},
        "kind": "status", "status": 422, "errno": 1004, "message": "Terms are too long today."
    }))
    .await?;
    let order = shop.place("paid_card_one_line", 1).await?;
    let letter = shop.dead_letter(order.id).await?;
    ensure!(kind(&letter) == "rejected", "{letter}");
    ensure!(codes(&letter).contains(&"errno_1004"), "{letter}");
    ensure!(
        letter.to_string().contains("Terms are too long today."),
        "{letter}"
    );
    ensure!(
        !house.logs().contains("Terms are too long"),
        "the vendor's words are in the log"
    );

    shop.release(&letter).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    shop.state(order.id, "in_books").await?;
    shop.nothing_twice(&[order]).await
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let first = shop.place("paid_card_one_line", 1).await?;
    shop.in_books(std::slice::from_ref(&first)).await?;
    let before = shop.calls().await?;
    shop.control_account("expire_access_tokens", &json!({}))
        .await?;

    let mut orders = shop
        .place_many(&["paid_card_one_line", "taxed_two_rates"], 12)
        .await?;
    orders.push(first);
    shop.in_books(&orders).await?;
    let after = shop.calls().await?;
    let spent = after.get("token").unwrap_or(&0) - before.get("token").unwrap_or(&0);
    ensure!(spent == 1, "{spent} refreshes after one expiry");
    shop.nothing_twice(&orders).await
}

/// How often people were told that a connection is held.
fn alerts(house: &House) -> usize {
    house.logs().matches("\"connection_held\"").count()
}

#[tokio::test]
async fn a_revoked_grant_holds_the_connection_until_a_new_one_comes() -> anyhow::Result<()> {
    let mut house = house().await?;
    let acme = house.connection()?.clone();
    let mut orders = {
        let shop = Shop::only(&house)?;
        let orders = shop.place_many(&["paid_card_one_line"], 2).await?;
        shop.in_books(&orders).await?;
        shop.control_account("revoke_grant", &json!({})).await?;
        orders
    };
    let held = async |house: &House| {
        let connections = house
            .http
            .get(&format!("{}/api/v1/connections", house.console()))
            .await?;
        let found = connections.pointer("/connections/0").cloned();
        found.context("the monitor knows no connection")
    };
    {
        let shop = Shop::only(&house)?;
        orders.extend(
            shop.place_many(&["taxed_one_rate", "guest_checkout"], 6)
                .await?,
        );
        eventually(LIMIT, "the connection being held", async || {
            let connection = held(&house).await?;
            ensure!(connection.get("held") == Some(&json!(true)), "{connection}");
            let reason = connection.get("held_reason").and_then(Value::as_str);
            ensure!(
                reason.is_some_and(|told| told.contains("tillbook grant")),
                "{connection}"
            );
            Ok(())
        })
        .await?;
        // People are told after the hold is stored, so that only the first to store it tells them.
        eventually(LIMIT, "an alert", async || {
            ensure!(alerts(&house) > 0, "no alert");
            Ok(())
        })
        .await?;
        let letters = Streams::of(&house)
            .await?
            .count(Stream::DeadLetters)
            .await?;
        ensure!(letters == 0, "{letters} dead letters while held");
        shop.control_account("grant", &json!({"refresh_token": "a-new-grant"}))
            .await?;
    }
    let told = alerts(&house);
    ensure!(told == 1, "{told} alerts");
    let config = std::fs::read_to_string(house.config())?;
    let connected = config.replace("refresh-token-of-acme", "a-new-grant");
    ensure!(
        connected != config,
        "the configuration names no refresh token"
    );
    std::fs::write(house.config(), connected)?;
    house.terminate("all").await?;
    house.start_service("all").await?;

    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    shop.in_books(&orders).await?;
    eventually(LIMIT, "the hold being over", async || {
        let connection = held(&house).await?;
        ensure!(
            connection.get("held") == Some(&json!(false)),
            "{connection}"
        );
        Ok(())
    })
    .await?;
    shop.nothing_twice(&orders).await
}

#[tokio::test]
async fn a_plan_limit_holds_the_order_with_a_plain_message() -> anyhow::Result<()> {
    let connection = Connection {
        account: json!({"client_limit": 1}),
        ..Connection::named("acme")
    };
    let house = house_of(connection).await?;
    let shop = Shop::only(&house)?;
    let first = shop.place("returning_customer", 1).await?;
    shop.in_books(std::slice::from_ref(&first)).await?;
    let second = shop.place("returning_customer", 2).await?;
    let letter = shop.dead_letter(second.id).await?;
    ensure!(kind(&letter) == "held", "{letter}");
    ensure!(codes(&letter).contains(&"plan_limit"), "{letter}");
    ensure!(letter.to_string().contains("raise the plan"), "{letter}");

    let account = &shop.connection.account_id;
    let url = format!("{}/_sandbox/accounts/{account}", house.vendors.freshbooks);
    let raised = json!({"client_limit": 5});
    house
        .http
        .call(reqwest::Method::PATCH, &url, Some(&raised))
        .await?;
    shop.release(&letter).await?;
    let orders = [first, second];
    shop.in_books(&orders).await?;
    shop.nothing_twice(&orders).await
}

#[tokio::test]
async fn garbage_in_a_stream_is_a_dead_letter_with_its_bytes() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let garbage = [0xff_u8, 0x00, 0x9c, 0xff, 0x7f, 0x01];
    let schema = "tillbook.order.v9.OrderSnapshot";
    for (index, stage) in Stage::ALL.into_iter().enumerate() {
        streams
            .put(stage.input(), &format!("70{index}"), None, &garbage)
            .await?;
        streams
            .put(stage.input(), &format!("80{index}"), Some(schema), b"")
            .await?;
    }
    let order = shop.place("paid_card_one_line", 1).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    eventually(LIMIT, "a dead letter of each", async || {
        let count = streams.count(Stream::DeadLetters).await?;
        ensure!(count == 2 * 5, "{count} dead letters");
        Ok(())
    })
    .await?;
    let letters = streams.dead_letters().await?;
    for stage in Stage::ALL {
        let of_stage: Vec<_> = letters
            .iter()
            .filter(|one| one.stage == stage.name())
            .collect();
        ensure!(
            of_stage.len() == 2,
            "{} of {}",
            of_stage.len(),
            stage.name()
        );
        for letter in of_stage {
            ensure!(letter.kind() == DeadLetterKind::Unreadable, "{letter:?}");
            ensure!(letter.original_stream == stage.input().name(), "{letter:?}");
            let known = letter
                .original_headers
                .iter()
                .any(|header| header.value == schema);
            let (bytes, code) = match known {
                true => (b"".as_slice(), "unknown_schema"),
                false => (garbage.as_slice(), "unreadable"),
            };
            ensure!(letter.original_payload == bytes, "other bytes: {letter:?}");
            ensure!(
                letter.reasons.iter().any(|reason| reason.code == code),
                "{letter:?}"
            );
        }
    }
    streams.at_rest().await
}
