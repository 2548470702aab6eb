//! What a run of faults needs otherwise than a real house does, so that it takes seconds.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use async_nats::jetstream::{self, consumer};
use contracts::topology::{Bucket, Stage, Stream};

/// The lists that are swept, by the names that their progress is kept under.
const LISTS: [&str; 4] = ["orders", "refunds", "customers", "products"];
/// How long ago the connections' first sweep is said to have been.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, clap::Args)]
pub(crate) struct Wishes {
    /// How soon the server gives the messages of a process that is gone or stopped to another.
    #[arg(long)]
    ack_wait_ms: u64,
    /// Connections whose sweeps are said to have run up to now.
    #[arg(long, value_delimiter = ',')]
    connections: Vec<String>,
}

pub(crate) async fn prepare(jetstream: &jetstream::Context, wishes: &Wishes) -> anyhow::Result<()> {
    for stage in Stage::ALL {
        let own = (stage.input(), stage.consumer());
        let due = (Stream::Retries, stage.due_consumer());
        for (stream, mut config) in [own, due] {
            config.ack_wait = Duration::from_millis(wishes.ack_wait_ms);
            update(jetstream, stream, config).await?;
        }
    }
    age_sweeps(jetstream, &wishes.connections).await
}

async fn update(
    jetstream: &jetstream::Context,
    stream: Stream,
    config: consumer::pull::Config,
) -> anyhow::Result<()> {
    let what = || {
        let durable = config.durable_name.clone().unwrap_or_default();
        format!("changing consumer {durable} of {}", stream.name())
    };
    let handle = jetstream.get_stream(stream.name()).await;
    let handle = handle.with_context(what)?;
    let updated = handle.update_consumer(config.clone()).await;
    updated.map(|_| ()).with_context(what)
}

/// As if the connections had been swept for a day: what a store stamps with a moment of before the
/// run, as one whose clock is behind does, is then looked for too.
async fn age_sweeps(jetstream: &jetstream::Context, connections: &[String]) -> anyhow::Result<()> {
    let bucket = jetstream.get_key_value(Bucket::Sweeps.name()).await?;
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let now_ms = u64::try_from(since_epoch.as_millis())?;
    let old_ms = u64::try_from(OLD.as_millis())?;
    for connection in connections {
        for list in LISTS {
            let progress = serde_json::json!({
                "first_ms": now_ms.saturating_sub(old_ms), "swept_to_ms": now_ms, "next_at_ms": now_ms,
            });
            let bytes = serde_json::to_vec(&progress)?;
            bucket
                .put(format!("{connection}.{list}"), bytes.into())
                .await?;
        }
    }
    Ok(())
}

pub(crate) async fn lose_ledger(jetstream: &jetstream::Context) -> anyhow::Result<()> {
    let name = format!("KV_{}", Bucket::Ledger.name());
    let stream = jetstream.get_stream(&name).await?;
    stream.purge().await?;
    Ok(())
}
