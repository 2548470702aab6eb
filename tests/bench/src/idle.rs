//! Processor time of services that have nothing to do.

use std::time::Duration;

use crate::process;
use crate::scene::Scene;
use crate::table::{Aim, Milli, Table};

/// Watches the processes of a house for a while in which nothing happens.
pub(crate) async fn measure(scene: &Scene, seconds: u64, table: &mut Table) -> anyhow::Result<()> {
    eprintln!("idle for {seconds} s");
    let used = || -> anyhow::Result<Duration> {
        scene.pids()?.into_iter().map(process::time_on_cpu).sum()
    };
    // What is measured is a time span, so this is a wait and no condition.
    let window = Duration::from_secs(seconds);
    let before = used()?;
    tokio::time::sleep(window).await;
    let busy = used()?.saturating_sub(before);
    let percent = Milli::ratio(
        u64::try_from(busy.as_micros())?.saturating_mul(100),
        u64::try_from(window.as_micros())?,
    );
    let aim = if scene.is_one_process() {
        Aim::Below(Milli::whole(2))
    } else {
        Aim::None
    };
    table.figure(
        format!("idle CPU, {}", scene.what()),
        percent,
        "% core",
        aim,
    );
    Ok(())
}
