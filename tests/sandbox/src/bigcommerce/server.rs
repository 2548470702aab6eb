//! The running emulator: its listener, its shared state, its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::http::header;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::faults::Faults;
use super::hooks::deliver::Dispatcher;
use super::store::Store;
use super::{control, gate, routes};

/// How long open requests may finish after a shutdown was asked.
const GRACE: Duration = Duration::from_secs(2);

/// A running BigCommerce emulator. Dropping it leaves it running until the runtime ends.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Listens on `listen` (port 0 takes a free one) and serves until [`Sandbox::shutdown`].
    ///
    /// # Errors
    /// When the address cannot be bound or the hook client cannot be built.
    pub async fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("BigCommerce sandbox cannot listen on {listen}"))?;
        let address = listener.local_addr().context("no local address")?;
        let (closing, closed) = watch::channel(false);
        let faults = Arc::new(Faults::default());
        let hooks = Dispatcher::new(Arc::clone(&faults), closed.clone())
            .context("cannot build the hook client")?;
        let app = Arc::new(App {
            base_url: format!("http://{address}"),
            stores: RwLock::default(),
            faults,
            hooks: Arc::new(hooks),
        });
        let router = router(&app);
        let mut asked = closed;
        let server = tokio::spawn(async move {
            let stop = async move {
                let _closed = asked.wait_for(|closed| *closed).await;
            };
            let serving = axum::serve(listener, router).with_graceful_shutdown(stop);
            if let Err(error) = serving.await {
                tracing::error!(%error, "BigCommerce sandbox stopped serving");
            }
        });
        Ok(Self {
            address,
            closing,
            server,
        })
    }

    /// Where it listens, such as `http://127.0.0.1:4010`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops: open requests get two seconds, waiting hooks are given up.
    pub async fn shutdown(self) {
        self.closing.send_replace(true);
        let mut server = self.server;
        if tokio::time::timeout(GRACE, &mut server).await.is_err() {
            server.abort();
        }
    }
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) base_url: String,
    stores: RwLock<BTreeMap<String, Arc<Store>>>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) hooks: Arc<Dispatcher>,
}

impl App {
    pub(crate) fn store(&self, hash: &str) -> Option<Arc<Store>> {
        let stores = self.stores.read();
        let stores = stores.unwrap_or_else(std::sync::PoisonError::into_inner);
        stores.get(hash).cloned()
    }

    pub(crate) fn stores(&self) -> Vec<Arc<Store>> {
        let stores = self.stores.read();
        let stores = stores.unwrap_or_else(std::sync::PoisonError::into_inner);
        stores.values().cloned().collect()
    }

    /// Adds a store; an existing one of the same hash is replaced, data and all.
    pub(crate) fn put_store(&self, store: Store) -> Arc<Store> {
        let store = Arc::new(store);
        let stores = self.stores.write();
        let mut stores = stores.unwrap_or_else(std::sync::PoisonError::into_inner);
        stores.insert(store.config.store_hash.clone(), Arc::clone(&store));
        store
    }

    pub(crate) fn remove_store(&self, hash: &str) -> bool {
        let stores = self.stores.write();
        let mut stores = stores.unwrap_or_else(std::sync::PoisonError::into_inner);
        stores.remove(hash).is_some()
    }
}

fn router(app: &Arc<App>) -> Router {
    // The gate is outermost, where paths are still whole.
    Router::new()
        .nest("/stores/{hash}", routes::router())
        .nest("/_sandbox", control::router())
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(app),
            gate::gate,
        ))
        .layer(axum::middleware::map_response(dated))
        .with_state(Arc::clone(app))
}

/// The vendor's own clock in the reply's `Date`, where hyper would put the machine's.
async fn dated(mut reply: Response) -> Response {
    let date = crate::clock::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    if let Ok(date) = date.to_string().parse() {
        reply.headers_mut().insert(header::DATE, date);
    }
    reply
}
