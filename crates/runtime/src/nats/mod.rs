//! The connection to NATS: how we connect, what we count, which server we
//! accept.
//!
//! Streams and consumers are not made here; that is `contracts::topology` and
//! `tillbook bootstrap`.

mod server;

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::config::NatsConfig;
use crate::metrics::{Metrics, MetricsError};

pub use server::{OLDEST_SERVER, ServerError, Version, check_server};

/// How long a JetStream request or publish waits for its answer. async-nats
/// never fails an in-flight request early, so this also bounds how long a
/// disconnect goes unnoticed.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// A connected client with its JetStream context.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The plain client.
    pub client: Client,
    /// JetStream, with [`REQUEST_TIMEOUT`].
    pub jetstream: jetstream::Context,
    connected: watch::Receiver<bool>,
    lost_subscriptions: watch::Receiver<u64>,
    forbidden_publishes: watch::Receiver<u64>,
}

impl Connection {
    /// Whether the client is connected now; watch it for readiness.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// How often the server refused a subscription. One that it refused, even for a moment, it does
    /// not put back: only a new connection brings the client's answers again.
    pub fn lost_subscriptions(&self) -> watch::Receiver<u64> {
        self.lost_subscriptions.clone()
    }

    /// How often the server refused to let this user publish somewhere; nobody else is told so.
    pub fn forbidden_publishes(&self) -> watch::Receiver<u64> {
        self.forbidden_publishes.clone()
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// No address is configured.
    #[error(
        "no NATS server is configured: set url under [nats] in the configuration, or the \
         environment variable TILLBOOK_NATS_URL (cargo xtask up starts one by itself)"
    )]
    NoUrl,
    /// No server answered in time.
    #[error("no NATS server answered at {url} within {waited_s} s: is it running and reachable?")]
    Unreachable {
        /// The configured address.
        url: String,
        /// How long was tried.
        waited_s: u64,
        /// The last failure.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The server refused the credentials.
    #[error(
        "NATS at {url} refused our credentials: check user and password, nkey_seed, nkeys_dir or \
         creds_file under [nats]"
    )]
    Refused {
        /// The configured address.
        url: String,
        /// The cause.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The credentials file could not be used.
    #[error("reading the NATS credentials file {path}")]
    CredentialsFile {
        /// The configured path.
        path: std::path::PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// This process has no seed of its own.
    #[error(
        "reading {path}, the seed by which this process is known to NATS: `tillbook bootstrap \
         --write-nats-config` makes one for each process; nats.nkeys_dir says where they are"
    )]
    SeedFile {
        /// Where it was looked for.
        path: std::path::PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The configured address is no address.
    #[error("{url:?} is no NATS address: write nats://host:4222 or tls://host:4222")]
    Address {
        /// The configured address.
        url: String,
        /// The cause.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The counters could not be registered.
    #[error("registering the NATS counters")]
    Metrics(#[source] MetricsError),
}

type EventLabels = [(&'static str, String); 2];

/// Connects as `service` to any of the configured servers, trying until
/// `config.connect_timeout_s` has passed.
///
/// Later disconnects are reconnected without limit. Refused credentials and a
/// malformed address fail at once. Events are counted in
/// `tillbook_nats_events_total{service,event}`.
pub async fn connect(
    config: &NatsConfig,
    service: &str,
    metrics: &Metrics,
) -> Result<Connection, NatsError> {
    let url = config.url.clone().ok_or(NatsError::NoUrl)?;
    let events = metrics
        .counter::<EventLabels>("nats_events", "What the NATS client reported")
        .map_err(NatsError::Metrics)?;
    let connected = watch::Sender::new(false);
    let receiver = connected.subscribe();
    let lost = watch::Sender::new(0);
    let lost_subscriptions = lost.subscribe();
    let forbidden = watch::Sender::new(0);
    let forbidden_publishes = forbidden.subscribe();
    let watcher = Watcher {
        service: service.to_owned(),
        events,
        connected,
        lost,
        forbidden,
    };

    let addresses: Vec<&str> = url.split(',').map(str::trim).collect();
    let limit = Duration::from_secs(config.connect_timeout_s);
    let client = retry(&url, limit, async || {
        let options = options(config, service, &watcher).await?;
        match options.connect(addresses.as_slice()).await {
            Ok(client) => Ok(Ok(client)),
            Err(source) => Ok(Err(source)),
        }
    })
    .await?;
    let jetstream = ContextBuilder::new()
        .timeout(REQUEST_TIMEOUT)
        .build(client.clone());
    Ok(Connection {
        client,
        jetstream,
        connected: receiver,
        lost_subscriptions,
        forbidden_publishes,
    })
}

/// Repeats `attempt` until it connects, is refused, or `limit` has passed.
async fn retry<F>(url: &str, limit: Duration, attempt: impl Fn() -> F) -> Result<Client, NatsError>
where
    F: Future<Output = Result<Result<Client, async_nats::ConnectError>, NatsError>>,
{
    let deadline = Instant::now() + limit;
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    let mut failed = 0_u32;
    loop {
        let source = match attempt().await? {
            Ok(client) => return Ok(client),
            Err(source) => source,
        };
        let url = url.to_owned();
        match source.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                return Err(NatsError::Refused { url, source });
            }
            ConnectErrorKind::ServerParse => return Err(NatsError::Address { url, source }),
            _ => {}
        }
        failed = failed.saturating_add(1);
        let pause = backoff.ceiling(failed);
        let again = Instant::now() + pause;
        if again >= deadline {
            return Err(NatsError::Unreachable {
                url,
                waited_s: limit.as_secs(),
                source,
            });
        }
        tracing::debug!(attempt = failed, error = %source, "NATS is not there yet");
        sleep_until(again).await;
    }
}

async fn options(
    config: &NatsConfig,
    service: &str,
    watcher: &Watcher,
) -> Result<ConnectOptions, NatsError> {
    let watcher = watcher.clone();
    let mut options = ConnectOptions::new()
        .name(format!("tillbook-{service}"))
        // Permissions can then be given per service.
        .custom_inbox_prefix(format!("_INBOX_{service}"))
        .connection_timeout(Duration::from_secs(5))
        .request_timeout(Some(REQUEST_TIMEOUT))
        .event_callback(move |event| {
            watcher.observe(&event);
            std::future::ready(())
        });
    if let (Some(user), Some(password)) = (&config.user, &config.password) {
        options = options.user_and_password(user.clone(), password.expose_secret().to_owned());
    }
    if let Some(seed) = &config.nkey_seed {
        options = options.nkey(seed.expose_secret().to_owned());
    }
    if let Some(folder) = &config.nkeys_dir {
        options = options.nkey(own_seed(folder, service)?);
    }
    if let Some(path) = &config.creds_file {
        options =
            options
                .credentials_file(path)
                .await
                .map_err(|source| NatsError::CredentialsFile {
                    path: path.clone(),
                    source,
                })?;
    }
    if let Some(path) = &config.ca_file {
        options = options
            .add_root_certificates(path.clone())
            .require_tls(true);
    }
    if let Some((cert, key)) = &config.client_certificate {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    Ok(options)
}

fn own_seed(folder: &std::path::Path, service: &str) -> Result<String, NatsError> {
    let path = folder.join(format!("{service}.nk"));
    match std::fs::read_to_string(&path) {
        Ok(seed) => Ok(seed.trim().to_owned()),
        Err(source) => Err(NatsError::SeedFile { path, source }),
    }
}

/// Counts and logs what the client reports.
#[derive(Clone)]
struct Watcher {
    service: String,
    events: Family<EventLabels, Counter>,
    connected: watch::Sender<bool>,
    lost: watch::Sender<u64>,
    forbidden: watch::Sender<u64>,
}

impl Watcher {
    fn observe(&self, event: &Event) {
        let (kind, error) = match event {
            Event::Connected => ("connected", None),
            Event::Disconnected => ("disconnected", None),
            Event::LameDuckMode => ("lame_duck", None),
            Event::Draining => ("draining", None),
            Event::Closed => ("closed", None),
            Event::SlowConsumer(_) => ("slow_consumer", None),
            Event::ServerError(error) => ("server_error", Some(error.to_string())),
            Event::ClientError(error) => ("client_error", Some(error.to_string())),
        };
        let labels = [
            ("service", self.service.clone()),
            ("event", kind.to_owned()),
        ];
        self.events.get_or_create(&labels).inc();
        let says = |words: &str| {
            let text = error.as_ref().map(|text| text.to_lowercase());
            text.is_some_and(|text| text.contains(words))
        };
        for (words, count) in [
            ("permissions violation for subscription", &self.lost),
            ("permissions violation for publish", &self.forbidden),
        ] {
            if says(words) {
                count.send_modify(|count| *count = count.saturating_add(1));
            }
        }
        match event {
            Event::Connected => {
                self.connected.send_replace(true);
                tracing::debug!("connected to NATS");
            }
            Event::Disconnected | Event::Closed => {
                self.connected.send_replace(false);
                tracing::warn!(event = kind, "no connection to NATS; reconnecting");
            }
            Event::SlowConsumer(_) => tracing::warn!(
                "a NATS subscription was too slow and lost deliveries; JetStream delivers them again"
            ),
            _ => match error {
                Some(error) => tracing::warn!(event = kind, error, "NATS reported an error"),
                None => tracing::info!(event = kind, "NATS reported an event"),
            },
        }
    }
}
