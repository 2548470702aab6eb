//! What the services of one process share: NATS, ledger, cache, vendor clients, metrics.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use connect::breaker::BreakerSettings;
use connect::budget::{Class, SharedBudget};
use connect::{CallObserver, Guards, Sharing, Vendor};
use contracts::permissions::User;
use runtime::config::{Config, Connection, RedisConfig, StageConfig};
use runtime::metrics::Metrics;
use runtime::shutdown::CancellationToken;
use stage::storing::Storing;
use stage::vendor::{BreakerNotes, CallNotes, CountedBudget, GuardMetrics};
use stage::{Journal, Publisher, RetryPolicy, StageContext, StageMetrics, StageSettings};
use store::budget::RedisBudget;
use store::cache::LookupCache;
use store::connections::Connections;
use store::ledger::Ledger;
use store::redis_address::RedisAddress;
use store::redis_link::RedisLink;
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
    /// Told by the watch on health and by publishes, heard by the stages.
    pub storing: Arc<Storing>,
    publisher: Publisher,
    journal: Journal,
    stage_metrics: StageMetrics,
    observer: Arc<dyn CallObserver>,
    guard_metrics: GuardMetrics,
    /// `None` when no Redis is configured.
    redis: Option<RedisLink>,
}

/// What a vendor's client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Messages, which go away when a window is used up and come again.
    Work,
    /// The same, but nearer to the beginning: leaves room to what is nearer to its end.
    Ahead,
    /// Reading on a command or for a proof: waits in place, behind all work.
    Reading,
}

/// Look-ups could use up a window on orders that deliver cannot write in it; deliver makes about as
/// many reads and updates for each order.
const LOOKUPS_LEAVE_PERCENT: u64 = 40;

/// Longest a reader waits for a window: a whole one of either vendor.
const READER_WAIT: Duration = Duration::from_secs(90);

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
        let storing = Arc::new(Storing::default());
        let publisher = Publisher::new(nats.jetstream.clone()).watched(storing.clone());
        let journal = Journal::start(publisher.clone(), service);
        let stage_metrics = StageMetrics::register(&metrics).or_exit(code::FAILED)?;
        let observer = Arc::new(CallNotes::register(&metrics).or_exit(code::FAILED)?);
        let guard_metrics = GuardMetrics::register(&metrics).or_exit(code::FAILED)?;
        let redis = match &config.redis.url {
            Some(_) => {
                let address = redis_address(&config.redis)?;
                Some(RedisLink::connect(&address).await.or_exit(code::CONFIG)?)
            }
            None => None,
        };
        Ok(Self {
            config,
            nats,
            metrics,
            shutdown,
            storing,
            publisher,
            journal,
            stage_metrics,
            observer,
            guard_metrics,
            redis,
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
    pub(crate) fn cache(&self) -> Result<Arc<LookupCache>, Failure> {
        self.config.redis.require_url().or_exit(code::CONFIG)?;
        let ttl = Duration::from_secs(self.config.lookup.cache_ttl_s);
        Ok(Arc::new(match &self.redis {
            Some(link) => LookupCache::on(link.clone(), ttl),
            None => LookupCache::absent(),
        }))
    }

    /// What stands before the calls of one connection to one vendor.
    fn guards(&self, connection: &str, vendor: Vendor, purpose: Purpose) -> Guards {
        let config = self.config.vendors;
        let budget = self.redis.as_ref().map(|link| {
            Arc::new(CountedBudget {
                budget: Arc::new(RedisBudget::on(link.clone())),
                metrics: self.guard_metrics.clone(),
            }) as Arc<dyn SharedBudget>
        });
        let class = match purpose {
            Purpose::Work | Purpose::Ahead => Class::Live,
            Purpose::Reading => Class::Backfill,
        };
        let watch = BreakerNotes::new(connection, vendor, self.guard_metrics.clone());
        Guards {
            sharing: Sharing {
                budget,
                alone_percent: config.share_without_redis_percent,
                class,
                leaves_percent: if purpose == Purpose::Ahead {
                    LOOKUPS_LEAVE_PERCENT
                } else {
                    0
                },
            },
            breaker: BreakerSettings {
                failures: config.breaker_failures,
                open_max: Duration::from_secs(config.breaker_open_max_s),
                alert_after: Duration::from_secs(config.breaker_alert_s),
                ..BreakerSettings::default()
            },
            watch: Some(Arc::new(watch)),
        }
    }

    /// How a stage's places are shared out among the connections, `most` for each.
    pub(crate) fn shares(&self, most: usize) -> stage::Shares {
        stage::Shares {
            connections: self.config.connections.len(),
            most,
        }
    }

    /// A BigCommerce client per connection.
    pub(crate) fn stores(
        &self,
        purpose: Purpose,
    ) -> Result<HashMap<String, connect::bigcommerce::Client>, Failure> {
        let mut stores = HashMap::new();
        for connection in &self.config.connections {
            let client = self.store(connection, self.observer.clone(), purpose)?;
            stores.insert(connection.name.clone(), client);
        }
        Ok(stores)
    }

    fn store(
        &self,
        connection: &Connection,
        observer: Arc<dyn CallObserver>,
        purpose: Purpose,
    ) -> Result<connect::bigcommerce::Client, Failure> {
        let mut config = store_config(connection);
        if purpose == Purpose::Reading {
            config.quota_max_wait = READER_WAIT;
        }
        let guards = self.guards(&connection.name, Vendor::BigCommerce, purpose);
        connect::bigcommerce::Client::guarded(config, observer, &guards).or_exit(code::CONFIG)
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
        let store = self.store(connection, Arc::new(observer), Purpose::Reading)?;
        let account = self
            .accounts(Purpose::Reading)
            .await?
            .remove(&connection.name);
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
        purpose: Purpose,
    ) -> Result<HashMap<String, connect::freshbooks::Client>, Failure> {
        let usual = connect::HttpLimits::default().max_body_bytes;
        self.accounts_reading(purpose, usual).await
    }

    /// The same, for replies of up to so many bytes.
    pub(crate) async fn accounts_reading(
        &self,
        purpose: Purpose,
        body_bytes_max: usize,
    ) -> Result<HashMap<String, connect::freshbooks::Client>, Failure> {
        let keyring = Arc::new(keyring(&self.config)?);
        let mut accounts = HashMap::new();
        for connection in &self.config.connections {
            let mut config = self.books_config(connection);
            config.http.max_body_bytes = body_bytes_max;
            if purpose == Purpose::Reading {
                // Readers write nothing, so nobody relies on when their calls are over.
                config.limit_max_wait = READER_WAIT;
                config.send_within = READER_WAIT.saturating_mul(2);
            }
            let tokens = self
                .tokens_of(connection, config.clone(), keyring.clone())
                .await?;
            let guards = self.guards(&connection.name, Vendor::FreshBooks, purpose);
            let (tokens, observer) = (Arc::new(tokens), self.observer.clone());
            let client = connect::freshbooks::Client::guarded(config, tokens, observer, &guards)
                .or_exit(code::CONFIG)?;
            accounts.insert(connection.name.clone(), client);
        }
        Ok(accounts)
    }

    /// The tokens of one connection alone.
    pub(crate) async fn tokens(&self, connection: &Connection) -> Result<Tokens, Failure> {
        let keyring = Arc::new(keyring(&self.config)?);
        let config = self.books_config(connection);
        self.tokens_of(connection, config, keyring).await
    }

    async fn tokens_of(
        &self,
        connection: &Connection,
        config: connect::freshbooks::Config,
        keyring: Arc<Keyring>,
    ) -> Result<Tokens, Failure> {
        let bound = Tokens::bind(
            &self.nats.jetstream,
            &connection.name,
            config,
            connection.freshbooks.refresh_token.clone(),
            keyring,
            self.observer.clone(),
        );
        bound.await.map_err(|error| match error {
            store::tokens::Error::Bind(_) => Failure::new(code::UNAVAILABLE, error),
            _ => Failure::new(code::CONFIG, error),
        })
    }

    fn books_config(&self, connection: &Connection) -> connect::freshbooks::Config {
        let settle = Duration::from_millis(self.config.deliver.settle_ms);
        books_config(connection).cut_off_within(settle)
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
