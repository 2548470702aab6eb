//! How soon hooks are acknowledged while the whole pipeline works on them.

use anyhow::ensure;
use serde_json::Value;

use crate::scene::{KIND, Scene};
use crate::table::{Aim, Milli, Table};

/// The last rate is the one with an aim.
const RATES_PER_S: [u64; 2] = [200, 1000];
/// Orders the hooks speak of in turn. At 1,000 hooks a second each order is hooked every second.
const ORDERS: u64 = 1000;

/// Hooks on a fixed beat, from the moment each was due until its 200.
pub(crate) async fn measure(scene: &Scene, seconds: u64, table: &mut Table) -> anyhow::Result<()> {
    let ids = scene.place(KIND, ORDERS, 500_000).await?;
    for rate in RATES_PER_S {
        eprintln!("{rate} hooks a second for {seconds} s, {}", scene.what());
        let report = scene
            .burst("store/order/updated", rate, seconds, &ids)
            .await?;
        let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let (due, acknowledged) = (number("/due"), number("/acknowledged"));
        ensure!(
            acknowledged == due,
            "{acknowledged} of {due} hooks were acknowledged: {report}"
        );
        let name = |which: &str| {
            format!(
                "hook → 200, {rate}/s for {seconds} s, {}, {which}",
                scene.what()
            )
        };
        let value = |which: &str| Milli::thousandths(number(&format!("/ack_from_due/{which}_us")));
        table.figure(name("p50"), value("p50"), "ms", Aim::None);
        let aim = if rate == 1000 {
            Aim::AtMost(Milli::whole(50))
        } else {
            Aim::None
        };
        table.figure(name("p99"), value("p99"), "ms", aim);
        scene.streams.at_rest().await?;
    }
    if scene.is_one_process() {
        table.remark(format!(
            "Hook → 200: store/order/updated of {ORDERS} orders in turn, counted from the moment a hook was due; fetching and \
             delivering of what the hooks hint at goes on meanwhile, on the same cores as the sandboxes that send them.",
        ));
    }
    Ok(())
}
