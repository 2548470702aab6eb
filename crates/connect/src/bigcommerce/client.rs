//! The BigCommerce client of one store: configuration, and the one way a call is made.
//!
//! Clones share connections, quota and what was learned about the store. Not here: what the
//! calls are for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::clock::StoreClock;
use super::store_info::StoreCache;
use super::{errors, quota};
use crate::breaker::Breaker;
use crate::call::{self, CallObserver, Vendor};
use crate::error::VendorError;
use crate::gate::Gate;
use crate::guard::{self, Guards};
use crate::http::{ConfigError, Http, HttpLimits, address, check_base, check_id};
use crate::transport::{Outgoing, Transport};
use crate::window::Entry;

/// One store's connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// `https://api.bigcommerce.com`; plain http for loopback hosts only.
    pub api_url: Url,
    pub store_hash: String,
    pub access_token: SecretString,
    pub http: HttpLimits,
    /// Requests of each window left to the store's other apps.
    pub quota_reserve: u64,
    /// Longest wait for the window to open, before [`VendorError::RetryAfter`].
    pub quota_max_wait: Duration,
}

impl Config {
    /// A connection with the default bounds.
    pub fn new(api_url: Url, store_hash: String, access_token: SecretString) -> Self {
        Self {
            api_url,
            store_hash,
            access_token,
            http: HttpLimits::default(),
            quota_reserve: 2,
            quota_max_wait: Duration::from_millis(500),
        }
    }

    /// Whether a client can be made of it: its address and its id can be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_base("api_url", &self.api_url)?;
        check_id("store_hash", &self.store_hash)
    }
}

/// Reads one store. Clones are cheap and share quota and caches.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    http: Http,
    config: Config,
    headers: HeaderMap,
    gate: Gate,
    breaker: Breaker,
    clock: StoreClock,
    store: StoreCache,
    includes: super::inline::IncludeMemory,
}

/// Shows which store; no token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store_hash = &self.shared.config.store_hash;
        f.debug_struct("bigcommerce::Client")
            .field("store_hash", store_hash)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client alone with its store; fails on an address, id or token that cannot be used.
    pub fn new(config: Config, observer: Arc<dyn CallObserver>) -> Result<Self, ConfigError> {
        Self::guarded(config, observer, &Guards::default())
    }

    /// A client that shares its store with other processes.
    pub fn guarded(
        config: Config,
        observer: Arc<dyn CallObserver>,
        guards: &Guards,
    ) -> Result<Self, ConfigError> {
        let http = Http::new(Vendor::BigCommerce, config.http, &config.api_url, observer)?;
        Self::with(http, config, guards)
    }

    /// The same over another transport than sockets, which then keeps the bounds of `config.http`.
    pub fn over(
        transport: Arc<dyn Transport>,
        config: Config,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ConfigError> {
        let http = Http::over(Vendor::BigCommerce, observer, transport);
        Self::with(http, config, &Guards::default())
    }

    fn with(http: Http, config: Config, guards: &Guards) -> Result<Self, ConfigError> {
        config.check()?;
        let mut token =
            HeaderValue::from_str(config.access_token.expose_secret()).map_err(|_| {
                ConfigError::BadSecret {
                    key: "access_token",
                }
            })?;
        token.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert("x-auth-token", token);
        // V2 answers in XML to clients that do not ask for JSON.
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let bucket = format!("bigcommerce:{}:calls", config.store_hash);
        let shared = Shared {
            http,
            config,
            headers,
            gate: Gate::new(bucket, guards.sharing.clone()),
            breaker: guards.breaker(),
            clock: StoreClock::default(),
            store: StoreCache::default(),
            includes: super::inline::IncludeMemory::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Which store this is.
    pub fn store_hash(&self) -> &str {
        &self.shared.config.store_hash
    }

    /// Requests left in the current window and its rest; `None` before the first reply and
    /// after the window's end.
    pub fn quota_left(&self) -> Option<(u64, Duration)> {
        self.shared.gate.snapshot()
    }

    /// Requests that a whole window of 30 seconds takes; `None` before the first reply.
    pub fn window_quota(&self) -> Option<u64> {
        self.shared.gate.quota()
    }

    /// How far the store's clock is behind ours in milliseconds, never too few, as its replies
    /// told. 0 when unknown, or when it is ahead.
    pub fn store_behind_ms(&self) -> i64 {
        self.shared.clock.behind_ms()
    }

    pub(super) fn store_cache(&self) -> &StoreCache {
        &self.shared.store
    }

    pub(super) fn includes(&self) -> &super::inline::IncludeMemory {
        &self.shared.includes
    }

    /// Waits until `calls` calls fit into the window, so that a read of several parts does not
    /// stop half way. Takes nothing.
    pub(super) async fn room_for(&self, calls: u64) -> Result<(), VendorError> {
        let entry = Entry {
            takes: false,
            ..self.entry(calls)
        };
        let entered = self.shared.gate.enter(entry).await;
        entered
            .map(drop)
            .map_err(|after| VendorError::RetryAfter { after })
    }

    /// A read. `Ok(None)` is 204.
    pub(super) async fn get(
        &self,
        template: &'static str,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, VendorError> {
        self.call(Method::GET, template, segments, query, None)
            .await
    }

    /// A write of a JSON body.
    pub(super) async fn send(
        &self,
        method: Method,
        template: &'static str,
        segments: &[&str],
        body: &Value,
    ) -> Result<Option<Value>, VendorError> {
        let body = Bytes::from(body.to_string());
        self.call(method, template, segments, &[], Some(body)).await
    }

    async fn call(
        &self,
        method: Method,
        template: &'static str,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Option<Value>, VendorError> {
        let shared = &*self.shared;
        let admitted = guard::admit(&shared.breaker, &shared.gate, self.entry(1)).await?;
        let mut path = vec!["stores", shared.config.store_hash.as_str()];
        path.extend(segments);
        let mut headers = shared.headers.clone();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let url = address(&shared.config.api_url, &path, query);
        let outgoing = Outgoing {
            method,
            template,
            url,
            headers,
            body,
        };
        let mut told = None;
        let sent_ms = ambient::now_ms();
        let result = call::perform(
            &shared.http,
            outgoing,
            quota::requests_left,
            |effect, reply| {
                let headers = reply.as_ref().ok().map(|reply| &reply.headers);
                told = headers.and_then(quota::told);
                if let Some(headers) = headers {
                    shared.clock.learn(headers, sent_ms, ambient::now_ms());
                }
                errors::verdict(effect, reply)
            },
        )
        .await;
        admitted.ended(told, &result).await;
        result
    }

    fn entry(&self, calls: u64) -> Entry {
        let config = &self.shared.config;
        Entry {
            calls,
            reserve: config.quota_reserve,
            max_wait: config.quota_max_wait,
            takes: true,
        }
    }
}
