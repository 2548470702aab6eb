//! Bare relay against our chain, round about, so that a noisy neighbour disturbs both.

use std::time::Duration;

use anyhow::ensure;
use contracts::topology::{Sizing, Stream};
use runtime::config::Config;
use testkit::TEST_USER;

use crate::Amounts;
use crate::chain::Chain;
use crate::process;
use crate::relay::Relay;
use crate::scene::Scene;
use crate::snapshots::Snapshots;
use crate::table::{Aim, Milli, Table};

/// One side's rounds: how long each took, and the processor time it cost here and in the server.
#[derive(Default)]
struct Side {
    took: Vec<Duration>,
    client_cpu: Vec<Duration>,
    server_cpu: Vec<Duration>,
}

impl Side {
    fn push(&mut self, took: Duration, used: Used) {
        self.took.push(took);
        self.client_cpu.push(used.client);
        self.server_cpu.push(used.server);
    }

    fn per_s(&self, messages: u64) -> anyhow::Result<u64> {
        let took_us = u64::try_from(median(&self.took).as_micros())?.max(1);
        Ok(messages.saturating_mul(1_000_000) / took_us)
    }

    fn cost(&self, messages: u64) -> anyhow::Result<String> {
        let each = |all: &[Duration]| {
            u64::try_from(median(all).as_micros()).map(|us| us / messages.max(1))
        };
        Ok(format!(
            "{} + {}",
            each(&self.client_cpu)?,
            each(&self.server_cpu)?
        ))
    }
}

/// Measures both sides and their ratio.
pub(crate) async fn measure(amounts: Amounts, table: &mut Table) -> anyhow::Result<()> {
    let scene = Scene::start(&[]).await?;
    let mut config = Config::load(scene.house.config())?;
    let url = scene.house.servers.nats_url();
    config.nats.url = Some(url.clone());
    config.nats.user = Some(TEST_USER.to_owned());
    config.nats.password = Some(TEST_USER.into());
    // As in the binary: spans and their ids exist, nothing is exported. The servers end before the
    // last of the stages' connections does, which is no news.
    "warn,runtime=error".clone_into(&mut config.telemetry.log);
    let telemetry = runtime::telemetry::init("bench", &config.telemetry)?;
    let chain = Chain::open(config, &scene.streams, scene.house.servers.redis_url()).await?;
    let connection = chain.config.connections.first().cloned();
    ensure!(connection.is_some(), "no connection");
    let mut bytes = String::new();
    if let Some(connection) = connection {
        let snapshots = Snapshots::take(
            &scene,
            &connection,
            &chain.policy,
            &chain.ledger,
            &chain.cache,
        )
        .await?;
        let sizing = Sizing {
            replicas: chain.config.nats.replicas,
            storage_gib: chain.config.nats.storage_gib,
        };
        let in_flight = chain.config.stages.validate.in_flight;
        let relay = Relay::create(
            &scene.streams,
            &url,
            sizing,
            snapshots.mean_bytes,
            in_flight,
        )
        .await?;
        bytes = format!("{:?}", snapshots.mean_bytes);
        let costs = crate::pure::costs(&snapshots, &chain.policy)?;
        rounds(&scene, &chain, &relay, &snapshots, amounts, table).await?;
        table.remark(costs);
        table.remark(format!(
            "In flight on either side: {in_flight} messages a stage. A document has {} bytes before compression.",
            snapshots.mean_document_bytes
        ));
    }
    ensure!(
        scene.account_calls("reads").await? == 0,
        "the chain asked FreshBooks"
    );
    table.remark(format!(
        "Relay and chain: three hops, file streams, message ids, one connection a hop, payloads of {bytes} bytes; median of {} \
         interleaved rounds of {} messages. The chain does all its work (JSON, rules, accounting, mapping, ledger and Redis \
         look-ups, journal, spans); FreshBooks is not called, because clients are in the cache and orders in the ledger.",
        amounts.chain_rounds, amounts.chain_messages
    ));
    telemetry.shutdown().await?;
    Ok(())
}

async fn rounds(
    scene: &Scene,
    chain: &Chain,
    relay: &Relay,
    snapshots: &Snapshots,
    amounts: Amounts,
    table: &mut Table,
) -> anyhow::Result<()> {
    let count = amounts.chain_messages;
    let (mut bare, mut ours) = (Side::default(), Side::default());
    // Round 0 warms both up and is not counted.
    for round in 0..=amounts.chain_rounds {
        let count = if round == 0 { count / 5 } else { count };
        let target = relay.prefill(round, count).await?;
        let before = Used::so_far(scene)?;
        let bare_took = relay.round(target).await?;
        let bare_used = before.since(scene)?;
        let target = chain.prefill(round, count, snapshots).await?;
        let before = Used::so_far(scene)?;
        let ours_took = chain.round(target).await?;
        let ours_used = before.since(scene)?;
        let journal = scene.streams.held(Stream::Journal.name()).await?;
        eprintln!(
            "  round {round}: relay {} ms, chain {} ms, {journal} journal messages of {count} orders",
            bare_took.as_millis(),
            ours_took.as_millis()
        );
        if round > 0 {
            bare.push(bare_took, bare_used);
            ours.push(ours_took, ours_used);
        }
    }
    let messages = u64::try_from(count)?;
    let (bare_per_s, ours_per_s) = (bare.per_s(messages)?, ours.per_s(messages)?);
    table.figure(
        "bare JetStream relay, 3 hops",
        Milli::whole(bare_per_s),
        "msg/s",
        Aim::None,
    );
    table.figure(
        "validate → transform → lookup",
        Milli::whole(ours_per_s),
        "msg/s",
        Aim::None,
    );
    let aim = Aim::AtLeast(Milli::thousandths(500));
    table.figure(
        "ratio, chain to relay",
        Milli::ratio(ours_per_s, bare_per_s),
        "",
        aim,
    );
    table.remark(format!(
        "Processor time of one message over all hops, client + server: relay {} µs, chain {} µs.",
        bare.cost(messages)?,
        ours.cost(messages)?
    ));
    Ok(())
}

/// Processor time of this process and of the NATS server.
#[derive(Clone, Copy)]
struct Used {
    client: Duration,
    server: Duration,
}

impl Used {
    fn so_far(scene: &Scene) -> anyhow::Result<Self> {
        let client = process::cpu_time(std::process::id())?;
        let server = process::cpu_time(scene.house.servers.nats.pid())?;
        Ok(Self { client, server })
    }

    fn since(self, scene: &Scene) -> anyhow::Result<Self> {
        let now = Self::so_far(scene)?;
        Ok(Self {
            client: now.client.saturating_sub(self.client),
            server: now.server.saturating_sub(self.server),
        })
    }
}

fn median(all: &[Duration]) -> Duration {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
