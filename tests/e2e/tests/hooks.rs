//! The door for hooks: what is refused and how, and that a 200 is a promise.

use anyhow::ensure;
use contracts::topology::Stream;
use e2e::{Hook, LIMIT, QUICK, Shop, Streams, counter, services};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{House, HouseOptions, eventually};

/// A way to spoil a hook, the answer's status and the word it is counted under.
type Spoilt = (&'static str, fn(&mut Hook), StatusCode, &'static str);

const SPOILT: [Spoilt; 9] = [
    (
        "signed with another secret",
        |hook| "not-the-secret".clone_into(&mut hook.signed_with),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    ),
    (
        "an old timestamp, signed rightly",
        |hook| hook.timestamp_s -= 3_600,
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    ),
    (
        "a timestamp from the future",
        |hook| hook.timestamp_s += 3_600,
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    ),
    (
        "no second factor",
        |hook| hook.second_factor = None,
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    ),
    (
        "a wrong second factor",
        |hook| hook.second_factor = Some("guessed".to_owned()),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    ),
    (
        "broken JSON, signed rightly",
        |hook| hook.body.truncate(20),
        StatusCode::BAD_REQUEST,
        "broken_envelope",
    ),
    (
        "a body above the limit",
        |hook| hook.body.resize(65 * 1024, b' '),
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
    ),
    (
        "a wrong content type",
        |hook| hook.content_type = Some("text/plain".to_owned()),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    ),
    (
        "an unknown connection",
        |hook| hook.url = hook.url.replace("/acme", "/nobody"),
        StatusCode::NOT_FOUND,
        "unknown_connection",
    ),
];

#[tokio::test]
async fn a_bad_hook_is_refused_counted_and_leaves_nothing_behind() -> anyhow::Result<()> {
    let options = HouseOptions {
        services: services(&["ingest"]),
        ..HouseOptions::default()
    };
    let house = House::start(options).await?;
    let acme = house.connection()?;
    let streams = Streams::of(&house).await?;
    for (what, spoil, status, word) in SPOILT {
        let label = format!("reply=\"{word}\"");
        let counted = async || counter(&house, "ingest", "tillbook_hooks_total", &[&label]).await;
        let before = counted().await?;
        let mut hook = Hook::of(&house, acme, 100).await?;
        spoil(&mut hook);
        let (answered, answer) = hook.send().await?;
        ensure!(answered == status, "{what}: {answered} {answer}");
        ensure!(
            answer.get("error") == Some(&json!(word)),
            "{what}: {answer}"
        );
        let told = answer.get("message").and_then(Value::as_str);
        ensure!(
            told.is_some_and(|told| told.len() < 200),
            "{what}: {answer}"
        );
        let after = counted().await?;
        ensure!(after == before + 1, "{what}: counted {before} → {after}");
    }
    ensure!(
        streams.count(Stream::Hints).await? == 0,
        "a refused hook was stored"
    );

    let good = Hook::of(&house, acme, 100).await?;
    let (status, answer) = good.send().await?;
    ensure!(
        status == StatusCode::OK,
        "the unspoilt hook: {status} {answer}"
    );
    ensure!(
        streams.count(Stream::Hints).await? == 1,
        "acknowledged but not stored"
    );
    Ok(())
}

#[tokio::test]
async fn without_nats_a_hook_gets_503_and_nothing_acknowledged_is_lost() -> anyhow::Result<()> {
    let options = HouseOptions {
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    };
    let mut house = House::start(options).await?;
    let hidden = json!({"kind": "paid_card_one_line", "seed": 1, "hooks": "none"});
    let (acknowledged, refused) = {
        let shop = Shop::only(&house)?;
        (
            shop.place_with(&hidden).await?,
            shop.place_with(&hidden).await?,
        )
    };
    let acme = house.connection()?.clone();
    let first = Hook::of(&house, &acme, acknowledged.id).await?;
    let second = Hook::of(&house, &acme, refused.id).await?;

    let (status, answer) = first.send().await?;
    ensure!(status == StatusCode::OK, "{status} {answer}");
    house.servers.nats.kill9();
    let (status, answer) = second.send().await?;
    ensure!(
        status == StatusCode::SERVICE_UNAVAILABLE,
        "{status} {answer}"
    );
    ensure!(
        answer.get("error") == Some(&json!("store_unavailable")),
        "{answer}"
    );

    house.servers.nats.restart().await?;
    let shop = Shop::only(&house)?;
    shop.in_books(std::slice::from_ref(&acknowledged)).await?;
    // The refused one comes again, as BigCommerce sends it again.
    eventually(LIMIT, "a hook accepted again", async || {
        let (status, answer) = second.send().await?;
        ensure!(status == StatusCode::OK, "{status} {answer}");
        Ok(())
    })
    .await?;
    let orders = [acknowledged, refused];
    shop.in_books(&orders).await?;
    Streams::of(&house).await?.at_rest().await?;
    shop.nothing_twice(&orders).await
}
