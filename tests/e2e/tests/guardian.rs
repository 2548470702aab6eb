//! The hooks at BigCommerce are kept: what was switched off goes on again, what is gone is made.

use anyhow::{Context, ensure};
use e2e::{LIMIT, QUICK, Shop, counter, services};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{House, HouseOptions, eventually};

async fn house() -> anyhow::Result<House> {
    let often = "[ingest]\nhook_guardian_interval_s = 1";
    House::start(HouseOptions {
        config: QUICK.replace("[ingest]", often),
        services: services(&["ingest"]),
        ..HouseOptions::default()
    })
    .await
}

/// A call to the store's own API, as an administrator's tool makes it.
async fn api(shop: &Shop<'_>, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
    let (base, store) = (&shop.house.vendors.bigcommerce, &shop.connection.store_hash);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let reply = client
        .request(method, format!("{base}/stores/{store}/v3/{path}"))
        .header("x-auth-token", shop.connection.access_token())
        .header("accept", "application/json")
        .json(body)
        .send()
        .await?
        .error_for_status()?;
    Ok(reply.json().await?)
}

async fn hooks(shop: &Shop<'_>) -> anyhow::Result<Vec<Value>> {
    let list = api(shop, Method::GET, "hooks?limit=250", &json!({})).await?;
    let rows = list.get("data").and_then(Value::as_array);
    rows.cloned().context("no list of hooks")
}

fn id(hook: &Value) -> anyhow::Result<u64> {
    hook.get("id").and_then(Value::as_u64).context("no id")
}

async fn repaired(house: &House, repair: &str) -> anyhow::Result<u64> {
    let label = format!("repair=\"{repair}\"");
    counter(house, "ingest", "tillbook_hooks_repaired_total", &[&label]).await
}

#[tokio::test]
async fn hooks_switched_off_or_gone_are_back_soon_and_people_are_told() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let before = hooks(&shop).await?;
    ensure!(before.len() >= 3, "{} hooks", before.len());
    let alert = |word: &str| house.logs().contains(&format!("\"alert\":\"{word}\""));
    ensure!(
        !alert("hooks_missing") && !alert("hooks_switched_off"),
        "the first start is no alarm"
    );

    let [off, also_off, gone, ..] = before.as_slice() else {
        anyhow::bail!("{before:?}");
    };
    for hook in [off, also_off] {
        let path = format!("hooks/{}", id(hook)?);
        api(&shop, Method::PUT, &path, &json!({"is_active": false})).await?;
    }
    let path = format!("hooks/{}", id(gone)?);
    api(&shop, Method::DELETE, &path, &json!({})).await?;

    eventually(LIMIT, "every hook back", async || {
        let now = hooks(&shop).await?;
        let is_on = |hook: &&Value| hook.get("is_active") == Some(&json!(true));
        let on = now.iter().filter(is_on).count();
        ensure!(
            now.len() == before.len() && on == before.len(),
            "{on} of {} are on, {} were there",
            now.len(),
            before.len()
        );
        Ok(())
    })
    .await?;
    eventually(LIMIT, "people being told", async || {
        ensure!(alert("hooks_switched_off"), "nothing of what was off");
        ensure!(alert("hooks_missing"), "nothing of what was gone");
        let (on, made) = (
            repaired(&house, "reactivated").await?,
            repaired(&house, "created").await?,
        );
        ensure!(on == 2, "{on} counted as switched on");
        let all = u64::try_from(before.len())?;
        ensure!(made == all + 1, "{made} counted as made");
        Ok(())
    })
    .await
}
