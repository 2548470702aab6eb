//! The small HTTP server every service has: `/livez`, `/readyz`, `/metrics`.
//!
//! Alive means only that the event loop answers. Ready means that every
//! component which registered says so; a vendor's health is never part of it,
//! or one store's trouble would take a service out of rotation.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::metrics::{self, Metrics};
use crate::shutdown::CancellationToken;

/// What of this process is ready; clones share one state.
#[derive(Clone, Debug)]
pub struct Readiness {
    state: Arc<watch::Sender<Components>>,
}

/// Component → why it is not ready, or `None` when it is.
type Components = BTreeMap<String, Option<Trouble>>;

/// Why a component is not ready, and since when.
#[derive(Clone, Debug)]
struct Trouble {
    reason: String,
    since_ms: u64,
}

/// One component's own switch.
#[derive(Clone, Debug)]
pub struct ReadyFlag {
    component: String,
    state: Arc<watch::Sender<Components>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// Not ready until a component has registered and every one is ready.
    pub fn new() -> Self {
        Self {
            state: Arc::new(watch::Sender::new(BTreeMap::new())),
        }
    }

    /// Registers a component, not ready at first ("starting").
    pub fn component(&self, name: impl Into<String>) -> ReadyFlag {
        let flag = ReadyFlag {
            component: name.into(),
            state: Arc::clone(&self.state),
        };
        flag.not_ready("starting");
        flag
    }

    /// Whether at least one component registered and all are ready.
    pub fn is_ready(&self) -> bool {
        all_ready(&self.state.borrow())
    }

    /// Waits until all components are ready. Bound it with a timeout.
    pub async fn ready(&self) {
        let mut changes = self.state.subscribe();
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = changes.wait_for(all_ready).await;
    }

    fn report(&self) -> Report {
        let state = self.state.borrow();
        let mut not_ready = BTreeMap::new();
        let mut since_ms = BTreeMap::new();
        for (name, trouble) in state.iter() {
            if let Some(trouble) = trouble {
                not_ready.insert(name.clone(), trouble.reason.clone());
                since_ms.insert(name.clone(), trouble.since_ms);
            }
        }
        if state.is_empty() {
            not_ready.insert("process".to_owned(), "starting".to_owned());
        }
        Report {
            ready: not_ready.is_empty(),
            not_ready,
            since_ms,
        }
    }
}

fn all_ready(state: &Components) -> bool {
    !state.is_empty() && state.values().all(Option::is_none)
}

impl ReadyFlag {
    /// The component can do its work.
    pub fn ready(&self) {
        self.set(None);
    }

    /// The component cannot, and why, in a few words without customer data.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, reason: Option<String>) {
        self.state.send_if_modified(|state| {
            let before = state.get(&self.component);
            let told = before.map(|trouble| trouble.as_ref().map(|one| &one.reason));
            if told == Some(reason.as_ref()) {
                return false;
            }
            let trouble = reason.map(|reason| Trouble {
                reason,
                since_ms: ambient::now_ms(),
            });
            state.insert(self.component.clone(), trouble);
            true
        });
    }
}

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
struct Report {
    ready: bool,
    not_ready: BTreeMap<String, String>,
    /// When each of them said so first.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    since_ms: BTreeMap<String, u64>,
}

/// The three routes, to serve or to merge into a larger router.
pub fn router(metrics: Metrics, readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(openmetrics).with_state(metrics))
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    let report = readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn openmetrics(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The admin server failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address could not be bound.
    #[error(
        "binding the admin address {address}; set [admin] listen or --admin-listen to a free one"
    )]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Serving ended with an error.
    #[error("serving the admin address {address}")]
    Serve {
        /// The bound address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// A bound, not yet serving admin server.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl AdminServer {
    /// Binds `address`; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound
            .await
            .map_err(|source| AdminError::Bind { address, source })
    }

    /// The address really bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the token is cancelled and open requests are answered.
    pub async fn serve(
        self,
        metrics: Metrics,
        readiness: Readiness,
        shutdown: CancellationToken,
    ) -> Result<(), AdminError> {
        let address = self.address;
        axum::serve(self.listener, router(metrics, readiness))
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
            .map_err(|source| AdminError::Serve { address, source })
    }
}
