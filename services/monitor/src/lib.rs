//! monitor: projects the journal into what people look at: API, page, metrics.
//!
//! It reads the JOURNAL, DEAD_LETTERS and OUTCOMES streams into an embedded database that can be
//! thrown away, and answers from it. It deliberately writes to no stream and decides nothing: the
//! other services work without it.

pub mod api;
pub mod database;
#[cfg(test)]
mod fixtures;
mod gauges;
pub mod holds;
mod known;
pub mod order_state;
#[cfg(test)]
mod order_state_tests;
pub mod projection;
pub mod proofs;
mod settings;
pub mod views;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_nats::jetstream;
use runtime::admin::{self, Readiness};
use runtime::metrics::{Metrics, MetricsError};
use runtime::shutdown::CancellationToken;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use known::undone_words;
pub use proofs::Source;
pub use settings::{Settings, SettingsError};

/// A running monitor.
#[derive(Debug)]
pub struct Running {
    /// The address really bound.
    pub address: SocketAddr,
    /// Ends after shutdown, when open requests are answered and the last rows are stored.
    pub task: JoinHandle<Result<(), Error>>,
}

/// The monitor could not start, or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("opening the projection")]
    Database(#[from] database::DatabaseError),
    #[error("registering the monitor's gauges")]
    Metrics(#[from] MetricsError),
    #[error("binding {address}; set [monitor] listen to a free address")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("serving {address}")]
    Serve {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("a task of the monitor panicked; that is a bug, please report it")]
    Panicked(#[from] tokio::task::JoinError),
}

/// Starts the projection and the API; returns when the port is open.
///
/// The settings are checked before anything is opened. The component `monitor` of `readiness`
/// becomes ready when the projection has caught up with the streams. `sources` are the vendors of
/// each connection, for proofs; without any, proofs are refused and all else works.
/// Errors: settings, a port that is taken, a folder that cannot be written.
pub async fn start(
    jetstream: jetstream::Context,
    settings: Settings,
    sources: BTreeMap<String, Source>,
    metrics: Metrics,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<Running, Error> {
    let authority = settings.authority()?;
    let gauges = gauges::Gauges::new(&metrics)?;
    let (listener, address) = bind(settings.listen).await?;
    let status = projection::Status::new(readiness.component("monitor"));
    let stop = shutdown.child_token();
    let projector = projection::start(
        jetstream.clone(),
        settings.database.clone(),
        status.clone(),
        stop.clone(),
    )
    .await?;
    let holds = holds::Holds::default();
    let asked = jetstream.clone();
    let watcher = tokio::spawn(holds.clone().keep(jetstream, stop.clone()));

    let folder = settings.database.parent().unwrap_or(Path::new("."));
    let reading = views::Reading::new(settings.database.clone());
    let knowledge = Some(known::Knowledge {
        reading: reading.clone(),
        jetstream: asked,
    });
    let proofs = proofs::Proofs::new(sources, folder.join("proofs"), stop.clone(), knowledge);
    let keeper =
        tokio::spawn(gauges.keep(reading.clone(), status.clone(), holds.clone(), stop.clone()));
    let api = api::Api {
        reading,
        status,
        holds,
        authority,
        proofs,
    };
    let router = api::router(api).merge(admin::router(metrics, readiness));
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .await
            .map_err(|source| Error::Serve { address, source });
        stop.cancel();
        keeper.await?;
        watcher.await?;
        projector.await?;
        served
    });
    tracing::info!(%address, "monitor answers");
    Ok(Running { address, task })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Settings {
    /// Who may read; refuses to listen to the world without a token.
    fn authority(&self) -> Result<api::Authority, SettingsError> {
        self.check()?;
        Ok(match &self.token {
            Some(token) => api::Authority::Token(Arc::new(token.clone())),
            None => api::Authority::Loopback,
        })
    }
}
