//! How much of what FreshBooks allows is used while far more is wanted, by several processes.

use std::time::Duration;

use anyhow::ensure;
use testkit::{Connection, eventually};

use crate::scene::Scene;
use crate::table::{Aim, Milli, Table};

/// Three of them share the account with lookup.
const SERVICES: [&str; 7] = [
    "ingest",
    "validate",
    "transform",
    "lookup",
    "deliver",
    "deliver",
    "deliver",
];
const CREATES_A_MINUTE: u64 = 250;
const WINDOW: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(120);

/// So many whole windows from the first create on.
pub(crate) async fn measure(windows: u64, table: &mut Table) -> anyhow::Result<()> {
    let account = Connection::named("acme").account;
    let connection = Connection {
        account,
        ..Scene::unlimited("acme")
    };
    let scene = Scene::start_with(&SERVICES, vec![connection]).await?;
    let acme = scene.of("acme")?;
    // Each takes two creates: twice as many orders as fit.
    let orders = windows.saturating_mul(CREATES_A_MINUTE);
    eprintln!("{orders} orders for an account of {CREATES_A_MINUTE} creates a minute");
    let (hooked, measured) = tokio::join!(acme.order(orders, 1, 100), async {
        eventually(LIMIT, "the first create", async || {
            let creates = acme.calls("creates").await?;
            ensure!(creates > 0, "none yet");
            Ok(())
        })
        .await?;
        let all = WINDOW.saturating_mul(u32::try_from(windows)?);
        tokio::time::sleep(all).await;
        let throttled = acme.calls("throttled").await?;
        let (creates, reads, updates) = (
            acme.calls("creates").await?,
            acme.calls("reads").await?,
            acme.calls("updates").await?,
        );
        anyhow::Ok((creates, reads.saturating_add(updates), throttled))
    });
    hooked?;
    let (creates, others, throttled) = measured?;
    let allowed = windows.saturating_mul(CREATES_A_MINUTE);
    let all = creates.saturating_add(others);
    let answered = creates.saturating_sub(throttled);
    let used = Milli::ratio(answered.saturating_mul(100), allowed);
    table.figure(
        format!("of {allowed} creates allowed in {windows} windows, used"),
        used,
        "%",
        Aim::AtLeast(Milli::whole(95)),
    );
    table.figure("calls in all", Milli::whole(all), "", Aim::None);
    table.figure("answered with 429", Milli::whole(throttled), "", Aim::None);
    table.figure(
        "of all calls, answered with 429",
        Milli::ratio(throttled.saturating_mul(100), all),
        "%",
        Aim::Below(Milli::thousandths(100)),
    );
    table.remark(
        "The budget: lookup and three deliver processes share an account of 600 calls and 250 creates a minute through Redis. \
         Every 429 is counted against the creates used.",
    );
    Ok(())
}
