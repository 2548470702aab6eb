//! One store's orders beside thousands of another's that wait for a throttled account.

use std::time::Duration;

use anyhow::ensure;
use contracts::topology::Stream;
use testkit::{Connection, eventually};

use crate::latency::{observe, percentile_ms};
use crate::scene::Scene;
use crate::table::{Aim, Milli, Table};

/// Orders of the other store.
const WAITING: u64 = 2_000;
/// How many of them must still wait while ours are measured.
const STILL_WAITING_MIN: u64 = 1_000;
const LIMIT: Duration = Duration::from_secs(600);

/// The same orders quiet, and then behind the other store's.
pub(crate) async fn measure(seconds: u64, table: &mut Table) -> anyhow::Result<()> {
    let throttled = Connection {
        account: Connection::named("beta").account,
        ..Scene::unlimited("beta")
    };
    let connections = vec![Scene::unlimited("acme"), throttled];
    let scene = Scene::start_with(&["all"], connections).await?;
    scene.know_the_shoppers().await?;
    let quiet = observe(&scene, seconds, 10_000).await?;
    scene.streams.at_rest().await?;

    eprintln!("{WAITING} orders of a throttled account");
    scene.of("beta")?.order(WAITING, 1, 100).await?;
    let waiting = async || scene.streams.held(Stream::Retries.name()).await;
    let most = eventually(LIMIT, "the other store's orders waiting", async || {
        let count = waiting().await?;
        let done = scene.outcomes().await?;
        let settled = scene.streams.under_way().await? <= UNDER_WAY_MAX;
        ensure!(
            settled && count >= STILL_WAITING_MIN,
            "{count} wait, {done} outcomes"
        );
        Ok(count)
    })
    .await?;
    let behind = observe(&scene, seconds, 50_000).await?;
    let left = waiting().await?;
    ensure!(
        left >= STILL_WAITING_MIN,
        "only {left} orders of the other store still waited at the end"
    );
    let quiet_p99 = percentile_ms(&quiet, 99);
    let row = |what: &str, which: &str| format!("hook → invoice, {what}, {which}");
    let beside = "beside a throttled store";
    table.figure(
        row("quiet", "p50"),
        percentile_ms(&quiet, 50),
        "ms",
        Aim::None,
    );
    table.figure(row("quiet", "p99"), quiet_p99, "ms", Aim::None);
    table.figure(
        row(beside, "p50"),
        percentile_ms(&behind, 50),
        "ms",
        Aim::None,
    );
    let aim = Aim::AtMost(quiet_p99.twice());
    table.figure(row(beside, "p99"), percentile_ms(&behind, 99), "ms", aim);
    table.figure(
        "its orders waiting, at first",
        Milli::whole(most),
        "",
        Aim::None,
    );
    table.figure(
        "its orders waiting, at the end",
        Milli::whole(left),
        "",
        Aim::None,
    );
    table.remark(format!(
        "Beside a throttled store: {WAITING} orders were hooked for an account of 600 calls and 250 creates a minute. The aim is \
         twice the quiet value of the same run.",
    ));
    Ok(())
}

/// Messages in the stages while the other store only waits.
const UNDER_WAY_MAX: u64 = 20;
