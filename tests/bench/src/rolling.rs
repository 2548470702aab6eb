//! Whether hooks are answered while everything behind ingest is restarted, one after the other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::SERVICES;
use crate::scene::{KIND, Scene};
use crate::table::{Aim, Milli, Table};

const HOOKS_A_SECOND: u64 = 50;
/// Each call to the sandbox sends hooks for so long; its client gives up after thirty seconds.
const CHUNK_S: u64 = 10;
const ORDERS: u64 = 500;

/// Hooks for `seconds`, and meanwhile restarts in turn.
pub(crate) async fn measure(seconds: u64, table: &mut Table) -> anyhow::Result<()> {
    let mut scene = Scene::start(&SERVICES).await?;
    let ids = scene.place(KIND, ORDERS, 1).await?;
    let http = scene.house.http.clone();
    let url = scene.control("hooks/burst");
    let sending = tokio::spawn(async move {
        let (mut due, mut answered, mut words) = (0, 0, Vec::new());
        for _ in 0..seconds / CHUNK_S {
            let burst = json!({"scope": "store/order/updated", "rate_per_s": HOOKS_A_SECOND,
                "seconds": CHUNK_S, "order_ids": ids, "retry": false});
            let report = http.post(&url, &burst).await?;
            let number = |key: &str| report.get(key).and_then(Value::as_u64).unwrap_or(0);
            due += number("due");
            answered += number("acknowledged");
            let slowest_ms = report
                .pointer("/ack_from_due/max_us")
                .and_then(Value::as_u64);
            words.push(format!(
                "{} within {} ms",
                report.get("by_answer").cloned().unwrap_or_default(),
                slowest_ms.unwrap_or(0) / 1000
            ));
        }
        anyhow::Ok((due, answered, words))
    });
    let mut restarts = 0_u64;
    let until = Instant::now() + Duration::from_secs(seconds);
    'sending: loop {
        for place in 0..SERVICES.len() + 2 {
            if Instant::now() >= until {
                break 'sending;
            }
            restart(&mut scene, place).await?;
            restarts += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
    let (due, answered, words) = sending.await??;
    for line in words {
        eprintln!("  {line}");
    }
    scene.streams.at_rest().await?;
    table.figure(
        format!("hooks answered with 200 through {restarts} restarts in {seconds} s"),
        Milli::ratio(answered.saturating_mul(100), due),
        "%",
        Aim::AtLeast(Milli::thousandths(99_900)),
    );
    table.figure("hooks sent", Milli::whole(due), "", Aim::None);
    table.remark(format!(
        "Rolling restarts: {HOOKS_A_SECOND} hooks a second, each sent once; every service but ingest, Redis and NATS are stopped and \
         started again in turn, without a pause longer than {} s between them.",
        PAUSE.as_secs()
    ));
    Ok(())
}

/// Between a restart and the next.
const PAUSE: Duration = Duration::from_secs(3);

async fn restart(scene: &mut Scene, place: usize) -> anyhow::Result<()> {
    let service = SERVICES.get(place).copied();
    match service {
        Some("ingest") => Ok(()),
        Some(service) => {
            eprintln!("  restarting {service}");
            scene.house.terminate(service).await?;
            scene.house.start_service(service).await
        }
        None if place == SERVICES.len() => {
            eprintln!("  restarting redis");
            scene.house.servers.redis.stop().await;
            Ok(scene.house.servers.redis.restart().await?)
        }
        None => {
            eprintln!("  restarting nats");
            scene.house.servers.nats.stop().await;
            Ok(scene.house.servers.nats.restart().await?)
        }
    }
}
