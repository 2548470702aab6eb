//! Our chain: validate → transform → lookup on the stage runner, in this process.
//!
//! Wired as `tillbook` wires it, with a connection for each stage as three services have. The one
//! difference: there is no token for FreshBooks, so a look-up that asked it would fail.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::HeaderMap;
use bytes::Bytes;
use connect::freshbooks::{self, BoxFuture, TokenError, TokenSource};
use contracts::contract::Contract;
use contracts::order::OrderSnapshot;
use contracts::{headers, topology};
use domain::policy::Policy;
use futures::StreamExt;
use runtime::config::{Config, StageConfig};
use runtime::metrics::Metrics;
use secrecy::SecretString;
use stage::vendor::CallNotes;
use stage::{
    Journal, Publisher, RetryPolicy, Runner, Stage, StageContext, StageMetrics, StageSettings,
};
use store::cache::LookupCache;
use store::connections::Connections;
use store::ledger::Ledger;
use store::mappings::Mappings;
use store::redis_address::RedisAddress;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::snapshots::Snapshots;
use crate::streams::Streams;

const PURGED: [topology::Stream; 5] = [
    topology::Stream::Ingested,
    topology::Stream::Validated,
    topology::Stream::Transformed,
    topology::Stream::Resolved,
    topology::Stream::Journal,
];
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
/// As if every message came in a sampled trace.
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the three stages share between rounds.
pub(crate) struct Chain {
    pub(crate) config: Config,
    pub(crate) policy: Policy,
    pub(crate) ledger: Ledger,
    pub(crate) cache: Arc<LookupCache>,
    streams: Streams,
    desks: [Desk; 3],
}

/// The furniture of one stage.
struct Desk {
    nats: runtime::nats::Connection,
    publisher: Publisher,
    journal: Journal,
    metrics: Metrics,
}

impl Desk {
    async fn open(config: &Config, stage: topology::Stage) -> anyhow::Result<Self> {
        let metrics = Metrics::new();
        let nats = runtime::nats::connect(&config.nats, stage.name(), &metrics).await?;
        let publisher = Publisher::new(nats.jetstream.clone());
        let journal = Journal::start(publisher.clone(), stage.name());
        Ok(Self {
            nats,
            publisher,
            journal,
            metrics,
        })
    }

    fn context(
        &self,
        bounds: StageConfig,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<StageContext> {
        Ok(StageContext {
            jetstream: self.nats.jetstream.clone(),
            publisher: self.publisher.clone(),
            journal: self.journal.clone(),
            metrics: StageMetrics::register(&self.metrics)?,
            settings: StageSettings {
                in_flight: bounds.in_flight,
                process_timeout: Duration::from_secs(bounds.process_timeout_s),
                drain_timeout: DRAIN_LIMIT,
                retry: RetryPolicy {
                    attempts_max: bounds.max_attempts,
                    age_max: Duration::from_secs(bounds.max_age_h.saturating_mul(3600)),
                    base: Duration::from_millis(bounds.retry_base_ms),
                    cap: Duration::from_secs(bounds.retry_cap_s),
                },
            },
            shutdown: shutdown.clone(),
        })
    }
}

impl Chain {
    /// Opens what the stages need; `config` names the servers.
    pub(crate) async fn open(
        config: Config,
        streams: &Streams,
        redis_url: String,
    ) -> anyhow::Result<Self> {
        let connection = config.connections.first().context("no connection")?;
        let policy = serde_json::from_value(connection.policy_json()).context("the policy")?;
        let desks = [
            Desk::open(&config, topology::Stage::Validate).await?,
            Desk::open(&config, topology::Stage::Transform).await?,
            Desk::open(&config, topology::Stage::Lookup).await?,
        ];
        let [_, _, lookup] = &desks;
        let ledger = Ledger::bind(&lookup.nats.jetstream).await?;
        let ttl = Duration::from_secs(config.lookup.cache_ttl_s);
        let redis = RedisAddress::plain(SecretString::from(redis_url));
        let cache = Arc::new(LookupCache::connect(&redis, ttl).await?);
        Ok(Self {
            policy,
            ledger,
            cache,
            streams: streams.clone(),
            desks,
            config,
        })
    }

    /// Lays `count` messages ready; gives what the last stream holds when all have passed.
    pub(crate) async fn prefill(
        &self,
        round: usize,
        count: usize,
        snapshots: &Snapshots,
    ) -> anyhow::Result<u64> {
        for stream in PURGED {
            self.streams.purge(stream.name()).await?;
        }
        let last = topology::Stream::Resolved.name();
        let base = self.streams.stored(last).await?;
        let name = self
            .config
            .connections
            .first()
            .map(|one| one.name.as_str())
            .unwrap_or_default();
        let publishes = futures::stream::iter((0..count).zip(snapshots.all.iter().cycle())).map(
            |(number, snapshot)| {
                let event = format!("{name}-{}-{round}-{number}", snapshot.order_id);
                let subject = topology::Stream::Ingested.subject(
                    name,
                    "order",
                    &snapshot.order_id.to_string(),
                );
                publish(
                    &self.streams,
                    subject,
                    format!("{event}:fetch"),
                    snapshot.of_event(&event),
                )
            },
        );
        let stored: Vec<anyhow::Result<()>> = publishes.buffer_unordered(256).collect().await;
        stored.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(base.saturating_add(u64::try_from(count)?))
    }

    /// Carries what lies ready through the three stages; how long that took.
    pub(crate) async fn round(&self, target: u64) -> anyhow::Result<Duration> {
        let last = topology::Stream::Resolved.name();
        let put_off = self
            .streams
            .stored(topology::Stream::Retries.name())
            .await?;
        let shutdown = CancellationToken::new();
        let [validate, transform, lookup] = &self.desks;
        let bounds = self.config.stages;
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        run(
            &mut tasks,
            validate::Validate,
            validate.context(bounds.validate, &shutdown)?,
        )
        .await?;
        run(
            &mut tasks,
            self.transform().await?,
            transform.context(bounds.transform, &shutdown)?,
        )
        .await?;
        run(
            &mut tasks,
            self.lookup().await?,
            lookup.context(bounds.lookup, &shutdown)?,
        )
        .await?;
        let reached = tokio::select! {
            reached = self.streams.reach(last, target) => reached,
            // No vendor is there that would be worth another attempt.
            stopped = self.streams.put_off(put_off) => stopped.map(|never| match never {}),
        };
        let took = began.elapsed();
        shutdown.cancel();
        tasks.join_all().await;
        reached.map(|()| took)
    }

    async fn transform(&self) -> anyhow::Result<transform::Transform> {
        let [_, desk, _] = &self.desks;
        let policies = self
            .config
            .connections
            .iter()
            .map(|one| (one.name.clone(), self.policy.clone()));
        let mappings = Mappings::load(&desk.nats.jetstream).await?;
        Ok(transform::Transform {
            policies: policies.collect(),
            mappings,
        })
    }

    async fn lookup(&self) -> anyhow::Result<lookup::Lookup> {
        let [.., desk] = &self.desks;
        let observer = Arc::new(CallNotes::register(&desk.metrics)?);
        let mut accounts = HashMap::new();
        for connection in &self.config.connections {
            let vendor = &connection.freshbooks;
            let config = freshbooks::Config::new(
                vendor.api_url.clone(),
                vendor.auth_url.clone(),
                vendor.account_id.clone(),
                vendor.client_id.clone(),
                vendor.client_secret.clone(),
                vendor.redirect_uri.clone(),
            );
            let client = freshbooks::Client::new(config, Arc::new(NoTokens), observer.clone())?;
            accounts.insert(connection.name.clone(), client);
        }
        let connections = Connections::bind(&desk.nats.jetstream).await?;
        Ok(lookup::Lookup::new(
            accounts,
            self.ledger.clone(),
            self.cache.clone(),
            connections,
        ))
    }
}

async fn run<S: Stage>(
    tasks: &mut JoinSet<()>,
    stage: S,
    context: StageContext,
) -> anyhow::Result<()> {
    tasks.spawn(Runner::bind(stage, context).await?.run());
    Ok(())
}

async fn publish(
    streams: &Streams,
    subject: String,
    id: String,
    payload: Bytes,
) -> anyhow::Result<()> {
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::SCHEMA, OrderSnapshot::SCHEMA);
    header_map.insert(headers::TRACEPARENT, TRACEPARENT);
    header_map.insert(headers::MESSAGE_ID, id);
    streams
        .0
        .publish_with_headers(subject, header_map, payload)
        .await?
        .await?;
    Ok(())
}

/// FreshBooks is not to be asked.
struct NoTokens;

impl TokenSource for NoTokens {
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>> {
        Box::pin(std::future::ready(Err(TokenError::NotConnected)))
    }

    fn refresh<'a>(
        &'a self,
        _: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>> {
        self.access_token()
    }
}
