//! Ingest: receives and verifies hooks, keeps them registered, follows hints to whole orders.
//!
//! The way of a hook: [`hooks`] verifies it and stores a hint; the [`fetch`] stage pulls hints,
//! [`coalesce`] gathers storms, and one snapshot message goes on to `validate`; [`guardian`] keeps
//! the hooks alive at BigCommerce, and `sweep` makes good for those that never came. Never answers 200 before the hint is stored. Not here: what an
//! order means.

pub mod coalesce;
pub mod fetch;
pub mod guardian;
pub mod hooks;
mod sweep;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use contracts::topology::Stream;
use runtime::metrics::{Metrics, MetricsError};
use stage::{RunError, Runner, Shares, StageContext};
use store::connections::Connections;
use store::ledger::Ledger;
use store::sweeps::Sweeps;
use tokio::task::JoinSet;

use crate::coalesce::Coalescer;
use crate::fetch::Fetch;
use crate::guardian::{Guarded, GuardianMetrics};
use crate::hooks::{Door, HookSecrets, Limits};
use crate::sweep::Sweeper;

/// Everything ingest needs, made by the binary.
pub struct Settings {
    pub listen: SocketAddr,
    pub limits: Limits,
    pub coalesce: Duration,
    pub secrets: HashMap<String, HookSecrets>,
    pub stores: HashMap<String, connect::bigcommerce::Client>,
    /// Time zones from the configuration, by connection.
    pub time_zones: HashMap<String, String>,
    /// Empty when hooks are registered by hand.
    pub guarded: Vec<Guarded>,
    pub guardian_interval: Duration,
    /// How often each store's lists of changes are read.
    pub sweep_interval: Duration,
    /// How the places of the fetcher are shared out.
    pub shares: Shares,
}

/// Ingest could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("port {address} cannot be opened; is another process listening, or set ingest.listen")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("the stream of hints cannot be reached; run `tillbook bootstrap` first")]
    Hints(#[source] async_nats::jetstream::context::GetStreamError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// Ingest at work.
pub struct Running {
    /// Where hooks arrive.
    pub address: SocketAddr,
    /// Ends when shutdown was asked for and everything under way is finished.
    pub tasks: JoinSet<()>,
    /// Resolves when every connection's hooks were looked after once.
    pub hooks_settled: futures::future::BoxFuture<'static, ()>,
}

/// Opens the door, starts the fetcher and the guardians.
pub async fn start(
    settings: Settings,
    context: StageContext,
    ledger: Ledger,
    connections: Connections,
    sweeps: Sweeps,
    metrics: &Metrics,
) -> Result<Running, Error> {
    let hints = context
        .jetstream
        .get_stream(Stream::Hints.name())
        .await
        .map_err(Error::Hints)?;
    let hinted = sweep::counter(metrics)?;
    let sweepers = settings.stores.iter().map(|(connection, client)| Sweeper {
        connection: connection.clone(),
        client: client.clone(),
        interval: settings.sweep_interval,
        sweeps: sweeps.clone(),
        connections: connections.clone(),
        hints: hints.clone(),
        publisher: context.publisher.clone(),
        journal: context.journal.clone(),
        hinted: hinted.clone(),
    });
    let sweepers: Vec<Sweeper> = sweepers.collect();
    let door = Door::new(
        settings.secrets,
        settings.limits,
        context.publisher.clone(),
        context.journal.clone(),
        metrics,
    )?;
    let fetch = Fetch {
        stores: settings.stores,
        time_zones: settings.time_zones,
        connections,
        coalescer: Coalescer::new(settings.coalesce),
        ledger,
    };
    let shutdown = context.shutdown.clone();
    let runner = Runner::bind(fetch, context).await?;
    let runner = runner.shared_out(settings.shares);
    let address = settings.listen;
    let (listener, address) = hooks::listen(address)
        .await
        .map_err(|source| Error::Listen { address, source })?;

    let mut tasks = JoinSet::new();
    let door_shutdown = shutdown.clone();
    tasks.spawn(async move {
        if let Err(error) = hooks::serve(listener, door, door_shutdown).await {
            tracing::error!(error = %error, "the door for hooks closed");
        }
    });
    tasks.spawn(runner.run());
    for sweeper in sweepers {
        tasks.spawn(sweeper.keep(shutdown.clone()));
    }
    let guardian_metrics = GuardianMetrics::register(metrics)?;
    let mut firsts = Vec::new();
    for guarded in settings.guarded {
        let (first, told) = tokio::sync::oneshot::channel();
        firsts.push(told);
        let interval = settings.guardian_interval;
        tasks.spawn(guardian::keep(
            guarded,
            interval,
            guardian_metrics.clone(),
            first,
            shutdown.clone(),
        ));
    }
    let hooks_settled = Box::pin(async move {
        futures::future::join_all(firsts).await;
    });
    Ok(Running {
        address,
        tasks,
        hooks_settled,
    })
}
