//! Refresh tokens work once: however many processes ask, each is spent once and none is lost.

use anyhow::{Context, ensure};
use e2e::{LIMIT, QUICK, SERVICES, Shop, Streams, services};
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

/// What the token endpoint answered, by status.
async fn token_answers(shop: &Shop<'_>) -> anyhow::Result<Vec<(String, u64)>> {
    let account = &shop.connection.account_id;
    let calls = shop.house.vendors.freshbooks_calls(account).await?;
    let routes = calls.get("routes").and_then(Value::as_array);
    let mut answers = Vec::new();
    for route in routes.into_iter().flatten() {
        let is_token = route.get("route").and_then(Value::as_str);
        if is_token.is_some_and(|route| route.contains("oauth/token")) {
            let given = route.get("answers").cloned().context("no answers")?;
            let given: std::collections::BTreeMap<String, u64> = serde_json::from_value(given)?;
            answers.extend(given);
        }
    }
    Ok(answers)
}

#[tokio::test]
async fn two_delivering_processes_spend_each_refresh_token_once() -> anyhow::Result<()> {
    let connection = Connection {
        account: json!({"limits": null, "access_token_ttl_s": 2}),
        ..Connection::named("acme")
    };
    let mut processes = SERVICES.to_vec();
    processes.extend(["deliver", "lookup"]);
    let house = House::start(HouseOptions {
        connections: vec![connection],
        config: QUICK.to_owned(),
        services: services(&processes),
    })
    .await?;
    let shop = Shop::only(&house)?;
    let mut orders = Vec::new();
    // Orders keep coming until the token has been refreshed often enough to have raced.
    eventually(LIMIT, "several refreshes", async || {
        let more = shop
            .place_many(&["guest_checkout", "taxed_one_rate"], 8)
            .await?;
        orders.extend(more);
        shop.in_books(&orders).await?;
        let refreshed = shop.calls().await?.get("token").copied().unwrap_or(0);
        ensure!(refreshed >= 4, "only {refreshed} refreshes");
        Ok(())
    })
    .await?;
    let answers = token_answers(&shop).await?;
    ensure!(
        answers.iter().all(|(status, _)| status == "200"),
        "{answers:?}"
    );

    let url = format!(
        "{}/_sandbox/accounts/{}/grant",
        house.vendors.freshbooks, shop.connection.account_id
    );
    let grant = house.http.get(&url).await?;
    let live = grant.get("refresh_token").and_then(Value::as_str);
    let live = live.context("the grant was burned")?;
    let kept = Streams::of(&house).await?.tokens().await?;
    let is_kept = kept
        .iter()
        .any(|record| record.get("refresh_token").and_then(Value::as_str) == Some(live));
    ensure!(
        is_kept,
        "the live refresh token is not the one that is kept"
    );
    shop.nothing_twice(&orders).await
}
