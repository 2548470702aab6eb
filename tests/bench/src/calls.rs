//! Vendor calls of an order, from the sandboxes' own counters.

use crate::scene::{KIND, Scene};
use crate::table::{Aim, Milli, Table};

/// Hooks in the storm of a paid order: created, updated, statusUpdated, transaction/created.
const STORM_HOOKS: u64 = 4;
const STORMS: u64 = 4;

/// Calls of paid orders of known clients, first with one hook, then with a storm.
pub(crate) async fn measure(scene: &Scene, orders: u64, table: &mut Table) -> anyhow::Result<()> {
    eprintln!("counting the calls of {orders} orders");
    let sorts = ["creates", "reads", "updates"];
    let mut before = Vec::new();
    for sort in sorts {
        before.push(scene.account_calls(sort).await?);
    }
    let ids = scene.place(KIND, orders, 1000).await?;
    let outcomes = scene.outcomes().await?;
    for id in &ids {
        scene.fire(*id).await?;
    }
    scene
        .outcome_of_all(outcomes.saturating_add(orders))
        .await?;
    scene.streams.at_rest().await?;
    for (sort, before) in sorts.into_iter().zip(before) {
        let spent = scene.account_calls(sort).await?.saturating_sub(before);
        let aim = if sort == "creates" {
            Aim::Exactly(Milli::whole(2))
        } else {
            Aim::None
        };
        table.figure(
            format!("FreshBooks {sort}, paid order of a known client"),
            Milli::ratio(spent, orders),
            "calls",
            aim,
        );
    }
    let mut store_calls = 0_u64;
    for id in &ids {
        store_calls = store_calls.saturating_add(scene.store_calls(*id).await?);
    }
    table.figure(
        "BigCommerce calls, order with one hook",
        Milli::ratio(store_calls, orders),
        "calls",
        Aim::None,
    );
    storms(scene, table).await
}

async fn storms(scene: &Scene, table: &mut Table) -> anyhow::Result<()> {
    let acknowledged = scene.acknowledged_now().await?;
    let mut ids = Vec::new();
    for seed in 0..STORMS {
        ids.push(
            scene
                .place_with_storm(2000_u64.saturating_add(seed))
                .await?,
        );
    }
    scene
        .acknowledged(acknowledged.saturating_add(STORM_HOOKS.saturating_mul(STORMS)))
        .await?;
    scene.streams.at_rest().await?;
    let mut most = 0;
    for id in ids {
        most = most.max(scene.store_calls(id).await?);
    }
    let name =
        format!("BigCommerce calls, order with a storm of {STORM_HOOKS} hooks, most of {STORMS}");
    table.figure(
        name,
        Milli::whole(most),
        "calls",
        Aim::AtMost(Milli::whole(8)),
    );
    Ok(())
}
