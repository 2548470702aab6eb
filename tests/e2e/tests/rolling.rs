//! Hooks are answered while everything behind ingest is restarted.

use anyhow::{Context, ensure};
use e2e::{SERVICES, Shop, processes};
use serde_json::{Value, json};

const PER_S: u64 = 20;
const SECONDS: u64 = 20;

#[tokio::test]
async fn every_hook_is_answered_while_all_behind_is_restarted_in_turn() -> anyhow::Result<()> {
    let mut house = processes(&SERVICES, "").await?;
    let acme = house.connection()?.clone();
    let mut orders = Vec::new();
    for seed in 1..=40 {
        let hidden = json!({"kind": "paid_card_one_line", "seed": seed, "hooks": "none"});
        orders.push(Shop::only(&house)?.place_with(&hidden).await?);
    }
    let ids: Vec<u64> = orders.iter().map(|order| order.id).collect();
    let (http, base) = (house.http.clone(), house.vendors.bigcommerce.clone());
    let store = acme.store_hash.clone();
    let sending = tokio::spawn(async move {
        let url = format!("{base}/_sandbox/stores/{store}/hooks/burst");
        let burst = json!({"scope": "store/order/created", "rate_per_s": PER_S,
            "seconds": SECONDS, "order_ids": ids, "retry": false});
        http.post(&url, &burst).await
    });
    let mut round = 0;
    while !sending.is_finished() {
        for service in SERVICES.into_iter().filter(|name| *name != "ingest") {
            house.terminate(service).await?;
            house.start_service(service).await?;
        }
        house.servers.redis.restart().await?;
        house.servers.nats.kill9();
        house.servers.nats.restart().await?;
        round += 1;
    }
    ensure!(round > 0, "nothing was restarted");
    let report = sending.await??;
    let number = |key: &str| report.get(key).and_then(Value::as_u64).context("no figure");
    let (due, acknowledged) = (number("due")?, number("acknowledged")?);
    ensure!(due == PER_S * SECONDS, "{report}");
    ensure!(acknowledged == due, "{acknowledged} of {due}: {report}");

    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    shop.exactly_once(&orders).await
}
