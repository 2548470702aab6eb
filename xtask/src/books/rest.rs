//! Waits until every order is at rest: its last change has come through, and nothing goes on
//! without a person.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use crate::shops::monitor;
use crate::shops::orders::Placed;
use crate::shops::scene::Scene;

/// Between two looks: the house shares this machine with whoever looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// At most one line of progress in this time.
const TELL_EVERY: Duration = Duration::from_secs(15);
/// Longest wait: some for all, and some for each order, since an account takes about 250 creating
/// calls a minute and its orders may all have come at once.
const LIMIT: Duration = Duration::from_secs(300);
const LIMIT_PER_ORDER: Duration = Duration::from_millis(500);
/// Orders named when the wait is over and they are still under way.
const NAMED_MAX: usize = 10;

/// Returns when all is at rest; an error that names what is not when the time is up.
pub(super) async fn until(scene: &Scene, orders: &[Placed]) -> anyhow::Result<()> {
    let count = u32::try_from(orders.len()).unwrap_or(u32::MAX);
    let limit = LIMIT.saturating_add(LIMIT_PER_ORDER.saturating_mul(count));
    let end = Instant::now() + limit;
    let mut told = Instant::now();
    loop {
        let hooks = scene.hooks_pending().await?;
        let (known, open) = monitor::under_way(&scene.http, &scene.console).await?;
        if told.elapsed() >= TELL_EVERY {
            eprintln!("{known} of {count} orders known, {open} under way, {hooks} hooks to come");
            told = Instant::now();
        }
        // Each order is looked at only when the few numbers say that it may be worth it.
        let quiet = hooks == 0 && open == 0 && known >= u64::from(count);
        let over = Instant::now() > end;
        if quiet || over {
            let under_way = under_way(scene, orders).await?;
            if under_way.is_empty() && quiet {
                return Ok(());
            }
            if over {
                let first: Vec<String> = under_way.iter().take(NAMED_MAX).cloned().collect();
                bail!(
                    "after {} s {} orders are not at rest; place fewer, or see at {} what they \
                     wait for: {}",
                    limit.as_secs(),
                    under_way.len(),
                    scene.console,
                    first.join("; ")
                );
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Orders that go on by themselves, or whose last change the monitor has not heard of.
async fn under_way(scene: &Scene, orders: &[Placed]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for merchant in scene.merchants {
        let states = monitor::read(&scene.http, &scene.console, merchant).await?;
        for order in orders
            .iter()
            .filter(|order| order.merchant.name == merchant.name)
        {
            let state = states.get(&order.order_id).cloned().unwrap_or_default();
            if state.is_unfinished() || state.updated_at_ms < order.changed_at_ms {
                let (id, words) = (order.order_id, state.words());
                found.push(format!("{} {id} ({}) {words}", merchant.name, order.kind));
            }
        }
    }
    Ok(found)
}
