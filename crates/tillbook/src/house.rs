//! What the services of one process share: NATS, ledger, cache, vendor clients, metrics.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use connect::CallObserver;
use contracts::permissions::User;
use runtime::config::{Config, Connection, RedisConfig, StageConfig};
use runtime::metrics::Metrics;
use runtime::shutdown::CancellationToken;
use stage::vendor::CallNotes;
use stage::{Journal, Publisher, RetryPolicy, StageContext, StageMetrics, StageSettings};
use store::cache::LookupCache;
use store::connections::Connections;
use store::ledger::Ledger;
use store::redis_address::RedisAddress;
use store::sealing::Keyring;
use store::sweeps::Sweeps;
use store::tokens::Tokens;

use crate::commands::{Failure, OrExit, code};
use crate::services;

/// The shared furniture of one process.
pub(crate) struct House {
    pub config: Config,
    pub nats: runtime::nats::Connection,
    pub metrics: Metrics,
    pub shutdown: CancellationToken,
    publisher: Publisher,
    journal: Journal,
    stage_metrics: StageMetrics,
    observer: Arc<dyn CallObserver>,
}

/// Calls of each BigCommerce window that a run leaves to live hooks.
const RUN_QUOTA_RESERVE: u64 = 30;
/// Longest a stopping process waits for work under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

impl House {
    /// Connects to NATS, checks the server, registers the metrics.
    pub(crate) async fn open(
        config: Config,
        service: &'static str,
        shutdown: CancellationToken,
    ) -> Result<Self, Failure> {
        let metrics = Metrics::new();
        let nats = runtime::nats::connect(&config.nats, nats_user(service).name(), &metrics)
            .await
            .or_exit(code::UNAVAILABLE)?;
        runtime::nats::check_server(&nats.client)
            .await
            .or_exit(code::UNAVAILABLE)?;
        let publisher = Publisher::new(nats.jetstream.clone());
        let journal = Journal::start(publisher.clone(), service);
        let stage_metrics = StageMetrics::register(&metrics).or_exit(code::FAILED)?;
        let observer = Arc::new(CallNotes::register(&metrics).or_exit(code::FAILED)?);
        Ok(Self {
            config,
            nats,
            metrics,
            shutdown,
            publisher,
            journal,
            stage_metrics,
            observer,
        })
    }

    /// The context of one stage with its own bounds.
    pub(crate) fn stage_context(&self, bounds: StageConfig) -> StageContext {
        StageContext {
            jetstream: self.nats.jetstream.clone(),
            publisher: self.publisher.clone(),
            journal: self.journal.clone(),
            metrics: self.stage_metrics.clone(),
            settings: StageSettings {
                in_flight: bounds.in_flight,
                process_timeout: Duration::from_secs(bounds.process_timeout_s),
                drain_timeout: DRAIN_TIMEOUT,
                retry: RetryPolicy {
                    attempts_max: bounds.max_attempts,
                    age_max: Duration::from_secs(bounds.max_age_h.saturating_mul(3600)),
                    base: Duration::from_millis(bounds.retry_base_ms),
                    cap: Duration::from_secs(bounds.retry_cap_s),
                },
            },
            shutdown: self.shutdown.clone(),
        }
    }

    pub(crate) async fn ledger(&self) -> Result<Ledger, Failure> {
        Ledger::bind(&self.nats.jetstream)
            .await
            .or_exit(code::UNAVAILABLE)
    }

    pub(crate) async fn connections(&self) -> Result<Connections, Failure> {
        Connections::bind(&self.nats.jetstream)
            .await
            .or_exit(code::UNAVAILABLE)
    }

    pub(crate) async fn sweeps(&self) -> Result<Sweeps, Failure> {
        Sweeps::bind(&self.nats.jetstream)
            .await
            .or_exit(code::UNAVAILABLE)
    }

    /// The look-up cache; without a Redis URL the configuration is incomplete.
    pub(crate) async fn cache(&self) -> Result<Arc<LookupCache>, Failure> {
        let address = redis_address(&self.config.redis)?;
        let ttl = Duration::from_secs(self.config.lookup.cache_ttl_s);
        let cache = LookupCache::connect(&address, ttl).await;
        Ok(Arc::new(cache.or_exit(code::CONFIG)?))
    }

    /// A BigCommerce client per connection.
    pub(crate) fn stores(&self) -> Result<HashMap<String, connect::bigcommerce::Client>, Failure> {
        let mut stores = HashMap::new();
        for connection in &self.config.connections {
            let client =
                connect::bigcommerce::Client::new(store_config(connection), self.observer.clone())
                    .or_exit(code::CONFIG)?;
            stores.insert(connection.name.clone(), client);
        }
        Ok(stores)
    }

    /// What a run over a range of days works with.
    pub(crate) async fn run_tools(
        &self,
        connection: &Connection,
        progress: Box<dyn Fn(serde_json::Value) + Send + Sync>,
    ) -> Result<runs::Tools, Failure> {
        let jetstream = &self.nats.jetstream;
        let store_calls = Arc::new(AtomicU64::new(0));
        let counter = store_calls.clone();
        let observer = move |_: connect::VendorCall| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let mut store_config = store_config(connection);
        // A run leaves more of the window to live hooks than the fetcher leaves to other apps.
        store_config.quota_reserve = RUN_QUOTA_RESERVE;
        let store = connect::bigcommerce::Client::new(store_config, Arc::new(observer))
            .or_exit(code::CONFIG)?;
        let account = self.accounts().await?.remove(&connection.name);
        let account = account
            .ok_or_else(|| anyhow::anyhow!("connection {} has no account", connection.name))
            .or_exit(code::CONFIG)?;
        Ok(runs::Tools {
            connection: connection.name.clone(),
            context: self.stage_context(self.config.stages.fetch),
            ledger: self.ledger().await?,
            runs: runs::RunStore::bind(jetstream)
                .await
                .or_exit(code::UNAVAILABLE)?,
            mappings: store::mappings::Mappings::load(jetstream)
                .await
                .or_exit(code::UNAVAILABLE)?,
            policy: services::policy(connection)?,
            store,
            account,
            store_calls,
            time_zone: connection.time_zone.clone(),
            progress,
        })
    }

    /// A FreshBooks client per connection, with tokens that refresh once across processes.
    pub(crate) async fn accounts(
        &self,
    ) -> Result<HashMap<String, connect::freshbooks::Client>, Failure> {
        let usual = connect::HttpLimits::default().max_body_bytes;
        self.accounts_reading(usual).await
    }

    /// The same, for replies of up to so many bytes.
    pub(crate) async fn accounts_reading(
        &self,
        body_bytes_max: usize,
    ) -> Result<HashMap<String, connect::freshbooks::Client>, Failure> {
        let keyring = Arc::new(keyring(&self.config)?);
        let mut accounts = HashMap::new();
        for connection in &self.config.connections {
            let settle = Duration::from_millis(self.config.deliver.settle_ms);
            let mut config = books_config(connection).cut_off_within(settle);
            config.http.max_body_bytes = body_bytes_max;
            let tokens = Tokens::bind(
                &self.nats.jetstream,
                &connection.name,
                config.clone(),
                connection.freshbooks.refresh_token.clone(),
                keyring.clone(),
                self.observer.clone(),
            )
            .await
            .map_err(|error| match error {
                store::tokens::Error::Bind(_) => Failure::new(code::UNAVAILABLE, error),
                _ => Failure::new(code::CONFIG, error),
            })?;
            let client =
                connect::freshbooks::Client::new(config, Arc::new(tokens), self.observer.clone())
                    .or_exit(code::CONFIG)?;
            accounts.insert(connection.name.clone(), client);
        }
        Ok(accounts)
    }
}

/// Whose permissions a process has on NATS; what is no service is a command of people.
fn nats_user(process: &str) -> User {
    let mut users = User::ALL.into_iter();
    users
        .find(|user| user.name() == process)
        .unwrap_or(User::Operator)
}

/// Where Redis is; without a URL the configuration is incomplete.
pub(crate) fn redis_address(config: &RedisConfig) -> Result<RedisAddress, Failure> {
    let url = config.require_url().or_exit(code::CONFIG)?.clone();
    let read = |path: &PathBuf| {
        std::fs::read(path)
            .with_context(|| format!("reading {}, which [redis] names", path.display()))
            .or_exit(code::CONFIG)
    };
    let identity = match &config.client_certificate {
        Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
        None => None,
    };
    Ok(RedisAddress {
        url,
        authorities: config.ca_file.as_ref().map(read).transpose()?,
        identity,
    })
}

/// What seals the tokens; without a key the configuration is incomplete.
pub(crate) fn keyring(config: &Config) -> Result<Keyring, Failure> {
    let encryption = &config.encryption;
    let key = encryption.require_key().or_exit(code::CONFIG)?;
    let previous = encryption.previous_key.as_ref();
    Ok(Keyring::new(
        key.expose(),
        previous.map(runtime::config::SecretKey::expose),
    ))
}

/// Whether the vendors' addresses and ids of a connection can be used, without asking anybody.
pub(crate) fn check_addresses(connection: &Connection) -> Result<(), Failure> {
    let told = |error| anyhow::Error::new(error).context(format!("connection {}", connection.name));
    let store = store_config(connection).check();
    let books = books_config(connection).check();
    store.and(books).map_err(told).or_exit(code::CONFIG)
}

fn books_config(connection: &Connection) -> connect::freshbooks::Config {
    let vendor = &connection.freshbooks;
    connect::freshbooks::Config::new(
        vendor.api_url.clone(),
        vendor.auth_url.clone(),
        vendor.account_id.clone(),
        vendor.client_id.clone(),
        vendor.client_secret.clone(),
        vendor.redirect_uri.clone(),
    )
}

fn store_config(connection: &Connection) -> connect::bigcommerce::Config {
    let vendor = &connection.bigcommerce;
    connect::bigcommerce::Config::new(
        vendor.api_url.clone(),
        vendor.store_hash.clone(),
        vendor.access_token.clone(),
    )
}
