//! From the hook to the invoice that is sent and paid, at a steady five orders a second.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use async_nats::jetstream::consumer;
use contracts::books::Outcome;
use contracts::topology::Stream;
use futures::StreamExt;
use prost::Message;

use crate::scene::{KIND, Scene};
use crate::table::{Aim, Milli, Table};

const ORDERS_PER_S: u64 = 5;
/// The first few warm connections and caches and are not counted.
const WARM_UP: u64 = 10;
/// Longest wait for the last outcome.
const LIMIT: Duration = Duration::from_secs(300);

/// Quiet latency: nothing else is under way.
pub(crate) async fn measure(scene: &Scene, seconds: u64, table: &mut Table) -> anyhow::Result<()> {
    let took = observe(scene, seconds, 10_000).await?;
    scene.streams.at_rest().await?;
    let row = |name: &str| format!("hook → invoice sent and paid, {ORDERS_PER_S} orders/s, {name}");
    table.figure(row("p50"), percentile_ms(&took, 50), "ms", Aim::None);
    table.figure(
        row("p99"),
        percentile_ms(&took, 99),
        "ms",
        Aim::AtMost(Milli::whole(150)),
    );
    table.remark(format!(
        "Hook → invoice ({} orders of known clients): from just before the sandbox is told to send the hook until NATS \
         stamped the order's message in OUTCOMES, which is stored after the payment was booked and the ledger closed.",
        took.len()
    ));
    Ok(())
}

/// Sends one hook each for orders that exist already, on a beat that waits for nothing; how long
/// each took, in order.
pub(crate) async fn observe(
    scene: &Scene,
    seconds: u64,
    seed: u64,
) -> anyhow::Result<Vec<Duration>> {
    let orders = seconds.saturating_mul(ORDERS_PER_S).saturating_add(WARM_UP);
    eprintln!("{orders} orders, {ORDERS_PER_S} a second");
    let ids = scene.place(KIND, orders, seed).await?;
    let first = scene.outcomes().await?;
    let mut sent = HashMap::new();
    let mut beat = tokio::time::interval(Duration::from_millis(1000 / ORDERS_PER_S));
    let warm_up = usize::try_from(WARM_UP)?;
    let (warm, measured) = ids.split_at(warm_up.min(ids.len()));
    for id in warm {
        beat.tick().await;
        scene.fire(*id).await?;
    }
    for id in measured {
        beat.tick().await;
        let at = since_epoch(SystemTime::now())?;
        sent.insert(id.to_string(), at);
        scene.fire(*id).await?;
    }
    let read = read_outcomes(scene, first, &sent);
    let mut took = tokio::time::timeout(LIMIT, read)
        .await
        .context("orders that came to no end")??;
    took.sort_unstable();
    Ok(took)
}

/// How long each order took, by the server's own stamps. Other connections' outcomes are passed over.
async fn read_outcomes(
    scene: &Scene,
    first: u64,
    sent: &HashMap<String, Duration>,
) -> anyhow::Result<Vec<Duration>> {
    let stream = scene.streams.0.get_stream(Stream::Outcomes.name()).await?;
    let config = consumer::pull::OrderedConfig {
        deliver_policy: consumer::DeliverPolicy::ByStartSequence {
            start_sequence: first.saturating_add(1),
        },
        filter_subject: Stream::Outcomes.subject(scene.name(), "order", "*"),
        ..consumer::pull::OrderedConfig::default()
    };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    let mut took = HashMap::new();
    while took.len() < sent.len() {
        let message = messages.next().await.context("the outcomes ended")??;
        let outcome = Outcome::decode(message.payload.clone()).context("reading an outcome")?;
        let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
        let ended = Duration::from_nanos(u64::try_from(info.published.unix_timestamp_nanos())?);
        let order = outcome.event.unwrap_or_default().entity_id;
        if let Some(began) = sent.get(&order) {
            took.entry(order).or_insert(ended.saturating_sub(*began));
        }
    }
    Ok(took.into_values().collect())
}

fn since_epoch(time: SystemTime) -> anyhow::Result<Duration> {
    time.duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")
}

/// The smallest value that `percent` of all do not exceed.
pub(crate) fn percentile_ms(sorted: &[Duration], percent: usize) -> Milli {
    let rank = sorted
        .len()
        .saturating_mul(percent)
        .div_ceil(100)
        .saturating_sub(1);
    let value = sorted.get(rank).copied().unwrap_or_default();
    Milli::thousandths(u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile_ms(&sorted, 50), Milli::whole(100));
        assert_eq!(percentile_ms(&sorted, 99), Milli::whole(198));
        assert_eq!(percentile_ms(&[], 99), Milli::whole(0));
    }
}
