//! Orders end to end: how many a second, and what is left in memory after many.

use std::time::Instant;

use crate::process::{self, mib};
use crate::scene::{KIND, Scene};
use crate::table::{Aim, Milli, Table};

/// Orders that are under way at the same time while memory is filled.
const WAVE: u64 = 500;
const MIB_MAX: Milli = Milli::whole(120);

/// From the first hook to the last invoice with its payment, hooks all at once.
pub(crate) async fn measure_rate(
    scene: &Scene,
    orders: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    eprintln!("{orders} orders at once, {}", scene.what());
    let ids = scene.place(KIND, orders, 100_000).await?;
    let before = scene.outcomes().await?;
    let started = Instant::now();
    // The answer comes when all hooks were acknowledged; orders are under way meanwhile.
    scene.burst("store/order/created", orders, 1, &ids).await?;
    scene.outcome_of_all(before.saturating_add(orders)).await?;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis())?;
    scene.streams.at_rest().await?;
    scene.all_paid().await?;
    let per_s = Milli::ratio(orders.saturating_mul(1000), elapsed_ms);
    table.figure(
        format!("end to end, {orders} orders at once, {}", scene.what()),
        per_s,
        "orders/s",
        Aim::None,
    );
    Ok(())
}

/// What the services hold before they have seen an order.
pub(crate) fn measure_idle_memory(scene: &Scene, table: &mut Table) -> anyhow::Result<()> {
    memory(scene, "idle", Aim::None, table)
}

/// What they hold after `orders` in all.
pub(crate) async fn measure_memory(
    scene: &Scene,
    orders: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let already = scene.placed();
    let mut done = already;
    while done < orders {
        let wave = WAVE.min(orders.saturating_sub(done));
        let ids = scene
            .place(KIND, wave, 1_000_000_u64.saturating_add(done))
            .await?;
        let outcomes = scene.outcomes().await?;
        scene.burst("store/order/created", wave, 1, &ids).await?;
        done = done.saturating_add(wave);
        scene.outcome_of_all(outcomes.saturating_add(wave)).await?;
        let rss: u64 = scene
            .pids()?
            .into_iter()
            .map(process::resident_kib)
            .sum::<anyhow::Result<_>>()?;
        eprintln!(
            "  {done} of {orders} orders, {} s, {} MiB",
            started.elapsed().as_secs(),
            mib(rss)
        );
    }
    scene.streams.at_rest().await?;
    scene.all_paid().await?;
    let waves = done.saturating_sub(already);
    let per_s = Milli::ratio(
        waves.saturating_mul(1000),
        u64::try_from(started.elapsed().as_millis())?,
    );
    if waves > 0 {
        table.figure(
            format!("end to end, waves of {WAVE} orders, {}", scene.what()),
            per_s,
            "orders/s",
            Aim::None,
        );
    }
    let aim = if scene.is_one_process() {
        Aim::Below(MIB_MAX)
    } else {
        Aim::None
    };
    memory(scene, &format!("after {done} orders"), aim, table)
}

fn memory(scene: &Scene, when: &str, aim: Aim, table: &mut Table) -> anyhow::Result<()> {
    let pids = scene.pids()?;
    let sum = |read: fn(u32) -> anyhow::Result<u64>| {
        pids.iter()
            .map(|pid| read(*pid))
            .sum::<anyhow::Result<u64>>()
    };
    let what = scene.what();
    table.figure(
        format!("resident memory {when}, {what}"),
        mib(sum(process::resident_kib)?),
        "MiB",
        aim,
    );
    if !scene.is_one_process() {
        let name = format!("the same, shared pages counted once, {what}");
        table.figure(name, mib(sum(process::proportional_kib)?), "MiB", Aim::None);
    }
    Ok(())
}
