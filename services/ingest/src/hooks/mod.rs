//! The front door: `POST /hooks/{connection}`.
//!
//! A hook gets its 200 only after JetStream stored the hint. Everything else gets a short JSON
//! error and is counted. Not here: what the hint leads to.

pub mod envelope;
mod receive;
mod reply;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use runtime::metrics::{FAST_SECONDS, Histograms, Metrics, MetricsError};
use secrecy::SecretString;
use stage::{Journal, Publisher};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What one connection needs to recognise its hooks.
#[derive(Clone, Debug)]
pub struct HookSecrets {
    /// Key of the Standard Webhooks signature.
    pub client_secret: SecretString,
    /// The second factor, expected in the [`SECRET_HEADER`].
    pub hook_secret: SecretString,
}

/// The header that carries the second factor; BigCommerce sends it back on every delivery.
pub const SECRET_HEADER: &str = "x-tillbook-hook-secret";

/// Bounds of the front door.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub timestamp_tolerance_s: u64,
    pub body_limit_bytes: usize,
    pub in_flight_max: usize,
}

/// The front door's state; [`Door::router`] makes it answer.
pub struct Door {
    connections: HashMap<String, HookSecrets>,
    limits: Limits,
    slots: Semaphore,
    publisher: Publisher,
    journal: Journal,
    metrics: DoorMetrics,
}

/// What is counted at the door.
#[derive(Clone, Debug)]
struct DoorMetrics {
    hooks: Family<ReplyLabels, Counter>,
    seconds: Histograms<[(&'static str, &'static str); 1]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReplyLabels {
    connection: String,
    reply: &'static str,
}

impl Door {
    /// A door for the given connections. Hints go to `publisher`, and what people read to `journal`.
    ///
    /// # Errors
    /// When the door's metrics are registered already.
    pub fn new(
        connections: HashMap<String, HookSecrets>,
        limits: Limits,
        publisher: Publisher,
        journal: Journal,
        metrics: &Metrics,
    ) -> Result<Self, MetricsError> {
        let metrics = DoorMetrics {
            hooks: metrics.counter("hooks", "Hooks answered, by connection and reply")?,
            seconds: metrics.histogram(
                "hook_seconds",
                "From a hook's arrival to its answer",
                FAST_SECONDS,
            )?,
        };
        let slots = Semaphore::new(limits.in_flight_max);
        Ok(Self {
            connections,
            limits,
            slots,
            publisher,
            journal,
            metrics,
        })
    }

    /// The door as it stands behind the port, for whoever brings requests without a socket.
    pub fn router(self) -> Router {
        Router::new()
            .route("/hooks/{connection}", post(receive::receive))
            .with_state(Arc::new(self))
    }
}

/// Serves until shutdown; answers under way are finished.
pub(crate) async fn serve(
    listener: TcpListener,
    door: Door,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, door.router())
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

/// Opens the port; the address tells which, when port 0 was asked for.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
