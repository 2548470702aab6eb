//! `[ingest]`, `[lookup]`, `[deliver]`, `[monitor]`, `[admin]`: what tunes one
//! service.
//!
//! Each struct's `read` is the one place where its keys, defaults and bounds
//! are said; the field comments add only what code must know.

use std::net::SocketAddr;

use secrecy::SecretString;

use url::Url;

use super::section::Section;
use super::urls;

/// `[ingest]`: the hook endpoint and the fetcher.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// Where hooks are received.
    pub listen: SocketAddr,
    /// How far a hook's timestamp may be from ours, either way.
    pub timestamp_tolerance_s: u64,
    /// How long after the first hint of an order the rest is gathered.
    pub coalesce_ms: u64,
    /// Largest hook body.
    pub body_limit_bytes: usize,
    /// Hooks being answered at once; more get 429.
    pub max_in_flight_hooks: usize,
    /// Orders fetched at once, per connection.
    pub fetch_concurrency: usize,
    /// How often the hooks registered at BigCommerce are checked.
    pub hook_guardian_interval_s: u64,
    /// Whether hooks are registered at all.
    pub register_hooks: bool,
    /// How often each store is asked for changes that no hook told.
    pub sweep_interval_s: u64,
}

impl IngestConfig {
    pub(super) fn read(mut of: Section<'_>, public_url: Option<&Url>) -> Self {
        let config = Self {
            listen: of.listen(
                "listen",
                urls::default_listen(public_url),
                "the port of `public_url` when that is loopback, else `0.0.0.0:8080`",
                "Where hooks are received.",
            ),
            timestamp_tolerance_s: of.int(
                "timestamp_tolerance_s",
                300,
                1..=86_400,
                "How old, or how far ahead, a hook's signed timestamp may be. A vendor that \
                 repeats a hook without signing it anew needs more.",
            ),
            coalesce_ms: of.int(
                "coalesce_ms",
                2_000,
                0..=60_000,
                "The first hint of an order is followed at once; further ones within this time \
                 are followed together.",
            ),
            body_limit_bytes: of.size(
                "body_limit_bytes",
                65_536,
                1_024..=1_048_576,
                "Largest hook body; a larger one is answered with 413.",
            ),
            max_in_flight_hooks: of.size(
                "max_in_flight_hooks",
                512,
                1..=65_536,
                "Hooks being answered at once; one more is answered with 429 and Retry-After.",
            ),
            fetch_concurrency: of.size(
                "fetch_concurrency",
                4,
                1..=64,
                "Orders fetched at once, for each connection.",
            ),
            hook_guardian_interval_s: of.int(
                "hook_guardian_interval_s",
                300,
                1..=86_400,
                "How often the hooks registered at BigCommerce are checked and, where the vendor \
                 switched them off, switched on again.",
            ),
            register_hooks: of.flag(
                "register_hooks",
                true,
                "Whether Tillbook registers its hooks by itself.",
            ),
            sweep_interval_s: of.int(
                "sweep_interval_s",
                300,
                1..=86_400,
                "How often each store is asked for changes that no hook told. Four calls each time \
                 when there are none.",
            ),
        };
        of.finish();
        config
    }
}

/// `[lookup]`
#[derive(Clone, Debug)]
pub struct LookupConfig {
    /// How long a FreshBooks id found once is believed.
    pub cache_ttl_s: u64,
}

impl LookupConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let cache_ttl_s = of.int(
            "cache_ttl_s",
            3_600,
            1..=604_800,
            "How long a FreshBooks id found once is believed without asking again.",
        );
        of.finish();
        Self { cache_ttl_s }
    }
}

/// `[deliver]`
#[derive(Clone, Debug)]
pub struct DeliverConfig {
    /// How long after a lost reply FreshBooks is asked what became of it.
    pub settle_ms: u64,
}

impl DeliverConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let settle_ms = of.int(
            "settle_ms",
            30_000,
            4_000..=600_000,
            "After a reply was lost, how long until FreshBooks is asked whether the write took \
             place. Every call is cut off at three quarters of it, so none outlives the delay.",
        );
        of.finish();
        Self { settle_ms }
    }
}

/// `[monitor]`
#[derive(Clone, Debug)]
pub struct MonitorConfig {
    /// Where the console and its API listen.
    pub listen: SocketAddr,
    /// What readers must show; needed beyond loopback.
    pub token: Option<SecretString>,
}

impl MonitorConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let listen = of.listen(
            "listen",
            urls::local(0),
            "`127.0.0.1:0`, a free port",
            "Where monitor's console and API listen; the ready line tells the address. They show \
             customers' orders: beyond loopback `token` is needed.",
        );
        let token = of.optional_secret(
            "token",
            "none",
            "What readers of monitor send as a bearer token; at least 16 characters.",
        );
        of.finish();
        Self { listen, token }
    }
}

/// `[admin]`
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// Where health and metrics are served.
    pub listen: SocketAddr,
}

impl AdminConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let listen = of.listen(
            "listen",
            urls::local(0),
            "`127.0.0.1:0`",
            "Where each process serves `/livez`, `/readyz` and `/metrics`; port 0 takes a free \
             one. `--admin-listen` wins over it.",
        );
        of.finish();
        Self { listen }
    }
}
