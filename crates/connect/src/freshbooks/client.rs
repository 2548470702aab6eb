//! The FreshBooks client of one account: configuration, and the one way a call is made.
//!
//! Clones share connections and limits. A 401 is answered by one refresh and one more try, a text
//! that is refused by a fitted one ([`super::texts`]); there is no other retry. Not here: what the calls are for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::errors;
use super::limits::{self, Limits};
use super::texts::{self, ATTEMPTS_MAX, Fitting};
use super::token::TokenSource;
use crate::breaker::Breaker;
use crate::call::{self, CallObserver, Effect, Vendor, now};
use crate::error::{Transient, Unreadable, VendorError};
use crate::gate::Gate;
use crate::guard::{self, Guards};
use crate::http::{ConfigError, Http, HttpLimits, address, check_base, check_id};
use crate::transport::{Outgoing, Transport};
use crate::window::Entry;

/// One account's connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// `https://api.freshbooks.com`; plain http for loopback hosts only.
    pub api_url: Url,
    /// `https://auth.freshbooks.com`: where people grant access.
    pub auth_url: Url,
    /// The short alphanumeric id, not the business id.
    pub account_id: String,
    pub client_id: String,
    pub client_secret: SecretString,
    pub redirect_uri: Url,
    pub http: HttpLimits,
    /// Longest wait for the window to open, before [`VendorError::RetryAfter`].
    pub limit_max_wait: Duration,
    /// Longest from a call's begin until it is sent: token and window included. A call is over
    /// after this and the request timeout, whatever happens.
    pub send_within: Duration,
}

impl Config {
    /// A connection with the default bounds.
    pub fn new(
        api_url: Url,
        auth_url: Url,
        account_id: String,
        client_id: String,
        client_secret: SecretString,
        redirect_uri: Url,
    ) -> Self {
        Self {
            api_url,
            auth_url,
            account_id,
            client_id,
            client_secret,
            redirect_uri,
            http: HttpLimits::default(),
            limit_max_wait: Duration::from_millis(250),
            send_within: Duration::from_secs(10),
        }
    }

    /// Whether a client can be made of it: its addresses and its id can be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_base("api_url", &self.api_url)?;
        check_base("auth_url", &self.auth_url)?;
        check_id("account_id", &self.account_id)
    }

    /// Cuts every call off at three quarters of `settle` after it began: whatever was not answered
    /// then is looked up `settle` after its intent, and no call may outlive that. What is left is
    /// for storing the intent, for clocks that differ, and for a vendor that finishes a request
    /// which was cut off.
    #[must_use]
    pub fn cut_off_within(mut self, settle: Duration) -> Self {
        self.send_within = settle / 4;
        self.http.request_timeout = settle / 2;
        self
    }
}

/// What the account's windows have left, and for how long; `None` while unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsLeft {
    pub creates: Option<(u64, Duration)>,
    pub others: Option<(u64, Duration)>,
}

/// Reads and writes one account. Clones are cheap and share the limits.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    http: Http,
    config: Config,
    tokens: Arc<dyn TokenSource>,
    limits: Limits,
    breaker: Breaker,
    /// What FreshBooks' refusals taught about the lengths and characters of texts.
    texts: texts::Memory,
}

/// Shows which account; no token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account_id = &self.shared.config.account_id;
        f.debug_struct("freshbooks::Client")
            .field("account_id", account_id)
            .finish_non_exhaustive()
    }
}

/// An accounting resource: where it lives and how a single one is wrapped.
#[derive(Clone, Copy)]
pub(super) struct Resource {
    pub(super) path: [&'static str; 2],
    pub(super) list_template: &'static str,
    pub(super) single_template: &'static str,
    pub(super) single: &'static str,
    pub(super) plural: &'static str,
}

impl Client {
    /// A client alone with its vendor; fails on an address or id that cannot be used.
    pub fn new(
        config: Config,
        tokens: Arc<dyn TokenSource>,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ConfigError> {
        Self::guarded(config, tokens, observer, &Guards::default())
    }

    /// A client that shares its vendor with other processes.
    pub fn guarded(
        config: Config,
        tokens: Arc<dyn TokenSource>,
        observer: Arc<dyn CallObserver>,
        guards: &Guards,
    ) -> Result<Self, ConfigError> {
        let http = Http::new(Vendor::FreshBooks, config.http, &config.api_url, observer)?;
        Self::with(http, config, tokens, guards)
    }

    /// The same over another transport than sockets, which then keeps the bounds of `config.http`.
    pub fn over(
        transport: Arc<dyn Transport>,
        config: Config,
        tokens: Arc<dyn TokenSource>,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ConfigError> {
        let http = Http::over(Vendor::FreshBooks, observer, transport);
        Self::with(http, config, tokens, &Guards::default())
    }

    fn with(
        http: Http,
        config: Config,
        tokens: Arc<dyn TokenSource>,
        guards: &Guards,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let limits = Limits::new(&config.account_id, &guards.sharing);
        let shared = Shared {
            http,
            config,
            tokens,
            limits,
            breaker: guards.breaker(),
            texts: texts::Memory::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Which account this is.
    pub fn account_id(&self) -> &str {
        &self.shared.config.account_id
    }

    /// What FreshBooks last said is left.
    pub fn limits_left(&self) -> LimitsLeft {
        let limits = &self.shared.limits;
        LimitsLeft {
            creates: limits.creates.snapshot(),
            others: limits.others.snapshot(),
        }
    }

    /// Calls other than creates that a whole window of a minute takes; `None` before the first
    /// such reply.
    pub fn window_quota(&self) -> Option<u64> {
        self.shared.limits.others.quota()
    }

    /// A list's `result`.
    pub(super) async fn list(
        &self,
        resource: Resource,
        query: &[(&str, &str)],
    ) -> Result<Value, VendorError> {
        let call = Call {
            method: Method::GET,
            template: resource.list_template,
            resource,
            id: None,
        };
        let mut body = self.call(call, query, None).await?;
        body.pointer_mut("/response/result")
            .map(Value::take)
            .ok_or_else(|| VendorError::field("response.result"))
    }

    /// One record.
    pub(super) async fn single(
        &self,
        resource: Resource,
        id: u64,
        query: &[(&str, &str)],
    ) -> Result<Value, VendorError> {
        let call = Call {
            method: Method::GET,
            template: resource.single_template,
            resource,
            id: Some(id),
        };
        let body = self.call(call, query, None).await?;
        record(resource, body, Effect::Read)
    }

    /// Creates a record.
    pub(super) async fn create(
        &self,
        resource: Resource,
        query: &[(&str, &str)],
        fields: Value,
    ) -> Result<Value, VendorError> {
        let call = Call {
            method: Method::POST,
            template: resource.list_template,
            resource,
            id: None,
        };
        let body = self.call(call, query, Some(fields)).await?;
        record(resource, body, Effect::Write)
    }

    /// Changes a record. The caller never mixes `vis_state` or an action with other fields.
    pub(super) async fn change(
        &self,
        resource: Resource,
        id: u64,
        query: &[(&str, &str)],
        fields: Value,
    ) -> Result<Value, VendorError> {
        let call = Call {
            method: Method::PUT,
            template: resource.single_template,
            resource,
            id: Some(id),
        };
        let body = self.call(call, query, Some(fields)).await?;
        record(resource, body, Effect::Write)
    }

    /// One call. A write that is refused for a text is made again with that text fitted, a bounded
    /// number of times; all of it within the time that one call may take.
    async fn call(
        &self,
        call: Call,
        query: &[(&str, &str)],
        mut fields: Option<Value>,
    ) -> Result<Value, VendorError> {
        let single = call.resource.single;
        let memory = &self.shared.texts;
        let mut fitting = Fitting::default();
        // Whoever wrote down what this call is about to do relies on when it is over at the latest.
        let send_before = Instant::now().checked_add(self.shared.config.send_within);
        for _ in 0..ATTEMPTS_MAX {
            let body = fields.as_ref().map(|fields| {
                let wrapped = [(single.to_owned(), fields.clone())];
                let wrapped = Value::Object(wrapped.into_iter().collect());
                Bytes::from(wrapped.to_string())
            });
            let result = self.authorized(&call, query, body, send_before).await;
            let is_fitted = match (&result, fields.as_mut()) {
                (Err(error), Some(fields)) => fitting.fit(memory, single, fields, error),
                _ => false,
            };
            if !is_fitted {
                if result.is_ok() {
                    fitting.took(memory);
                }
                return result;
            }
        }
        Err(VendorError::RetryLater {
            cause: Transient::NotSent,
        })
    }

    /// One request, with one more try after a 401.
    async fn authorized(
        &self,
        call: &Call,
        query: &[(&str, &str)],
        body: Option<Bytes>,
        send_before: Option<Instant>,
    ) -> Result<Value, VendorError> {
        let token = self.token().await?;
        match self
            .attempt(call, query, body.clone(), &token, send_before)
            .await
        {
            // Refused before anything happened, so also a write may be tried again.
            Err(VendorError::Unauthorized) => {
                let token = self.shared.tokens.refresh(&token).await?;
                self.attempt(call, query, body, &token, send_before).await
            }
            other => other,
        }
    }

    /// The current token. A token endpoint that does not answer is the vendor's silence too.
    async fn token(&self) -> Result<SecretString, VendorError> {
        let through = self.shared.breaker.enter()?;
        let token = self.shared.tokens.access_token().await;
        let token = token.map_err(VendorError::from);
        if token.is_err() {
            through.ended(&token);
        }
        token
    }

    async fn attempt(
        &self,
        call: &Call,
        query: &[(&str, &str)],
        body: Option<Bytes>,
        token: &SecretString,
        send_before: Option<Instant>,
    ) -> Result<Value, VendorError> {
        let shared = &*self.shared;
        let entry = Entry {
            calls: 1,
            reserve: 0,
            max_wait: shared.config.limit_max_wait,
            takes: true,
        };
        let admitted = guard::admit(&shared.breaker, self.gate(&call.method), entry).await?;
        if send_before.is_some_and(|limit| Instant::now() >= limit) {
            return Err(VendorError::RetryLater {
                cause: Transient::NotSent,
            });
        }
        let outgoing = Outgoing {
            method: call.method.clone(),
            template: call.template,
            url: self.url(call, query),
            headers: headers(token, body.is_some())?,
            body,
        };
        let mut told = None;
        let result = call::perform(
            &shared.http,
            outgoing,
            limits::requests_left,
            |effect, reply| {
                let headers = reply.as_ref().ok().map(|reply| &reply.headers);
                told = headers.and_then(|headers| limits::told(headers, now()));
                errors::verdict(effect, reply)
            },
        )
        .await;
        admitted.ended(told, &result).await;
        result
    }

    fn gate(&self, method: &Method) -> &Gate {
        let limits = &self.shared.limits;
        if *method == Method::POST {
            &limits.creates
        } else {
            &limits.others
        }
    }

    fn url(&self, call: &Call, query: &[(&str, &str)]) -> Url {
        let config = &self.shared.config;
        let id = call.id.map(|id| id.to_string());
        let mut segments = vec!["accounting", "account", config.account_id.as_str()];
        segments.extend(call.resource.path);
        segments.extend(id.as_deref());
        address(&config.api_url, &segments, query)
    }
}

struct Call {
    method: Method,
    template: &'static str,
    resource: Resource,
    id: Option<u64>,
}

fn headers(token: &SecretString, has_body: bool) -> Result<HeaderMap, VendorError> {
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
            VendorError::Unsendable {
                reason: "the access token is not a header value",
            }
        })?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(headers)
}

fn record(resource: Resource, mut body: Value, effect: Effect) -> Result<Value, VendorError> {
    let found = body.pointer_mut("/response/result");
    // Some replies wrap a single credit note under the plural, as the JavaScript SDK writes it.
    let found = found.and_then(|result| {
        let keys = [resource.single, resource.plural];
        let key = keys.into_iter().find(|key| result[*key].is_object())?;
        result.get_mut(key).map(Value::take)
    });
    match found {
        Some(record) if record.is_object() => Ok(record),
        _ => Err(errors::unreadable(
            effect,
            Unreadable::Field(resource.single),
        )),
    }
}
