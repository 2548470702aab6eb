//! Waits until nothing is under way any more: no hook, no message, no retry, nothing unswept.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::house::Stage;
use super::verdict::Found;
use crate::shops::compare;
use crate::shops::monitor;
use crate::shops::orders::Placed;

/// Between two looks: the house shares this machine with whoever looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longest wait. A process that was killed while it renewed a token holds up the others for 45 s,
/// a refused connection is tried again after 30 s and more.
const LIMIT: Duration = Duration::from_secs(240);
/// At rest and not right for longer than this is wrong.
const GRACE: Duration = Duration::from_secs(8);
/// The store tells changes and its own time in whole seconds, and its clock may be ahead by some:
/// until then sweeps tell of them again.
const GRAIN_MS: i64 = 2_000;
const AHEAD_MS: i64 = 16_000;

/// How the wait ended.
#[derive(Debug, Default)]
pub(super) struct Rested {
    /// What was still under way when the time was up.
    pub(super) unrest: Vec<String>,
}

/// `clock_ahead`: the vendors' clock was ahead before.
pub(super) async fn until(
    stage: &Stage,
    placed: &[Placed],
    clock_ahead: bool,
) -> anyhow::Result<Rested> {
    let now_ms = Timestamp::now().as_millisecond();
    let calm_ms = now_ms.saturating_add(if clock_ahead { AHEAD_MS } else { 0 });
    let end = Instant::now() + LIMIT;
    let mut at_rest_since = None;
    loop {
        let unrest = unrest(stage, calm_ms).await;
        if !unrest.is_empty() {
            at_rest_since = None;
            if Instant::now() > end {
                return Ok(Rested { unrest });
            }
        } else {
            let since = *at_rest_since.get_or_insert_with(Instant::now);
            let right = is_right(stage, placed).await;
            // Twice: a hook may have come between the first looks.
            let again = since.elapsed() >= LOOK_EVERY;
            if right && again || since.elapsed() > GRACE {
                return Ok(Rested::default());
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn is_right(stage: &Stage, placed: &[Placed]) -> bool {
    let Ok(compared) = compare::once(&stage.scene, placed).await else {
        return false;
    };
    let mut found = Found::default();
    found.compare(&compared.rows, &compared.strays);
    found.is_right()
}

/// What is under way, in words; a server that is just coming back is under way too.
async fn unrest(stage: &Stage, calm_ms: i64) -> Vec<String> {
    match look(stage, calm_ms).await {
        Ok(unrest) => unrest,
        Err(error) => vec![format!("{error:#}")],
    }
}

async fn look(stage: &Stage, calm_ms: i64) -> anyhow::Result<Vec<String>> {
    let mut unrest = Vec::new();
    let hooks = stage.scene.hooks_pending().await?;
    if hooks > 0 {
        unrest.push(format!("{hooks} hooks to come"));
    }
    let seen = stage.look(false).await?;
    let behind_ms = calm_ms
        .saturating_add(GRAIN_MS)
        .saturating_sub(seen.swept_to_ms);
    if behind_ms >= 0 {
        unrest.push(format!("the sweeps are {behind_ms} ms behind"));
    }
    let under_way = seen.under_way.iter();
    unrest.extend(under_way.map(|(what, count)| format!("{count} messages: {what}")));
    if seen.scheduled > 0 {
        unrest.push(format!("{} messages wait", seen.scheduled));
    }
    if unrest.is_empty() {
        let (_, open) = monitor::under_way(&stage.scene.http, &stage.scene.console).await?;
        if open > 0 {
            unrest.push(format!(
                "the monitor has {open} orders or entries under way"
            ));
        }
    }
    Ok(unrest)
}
