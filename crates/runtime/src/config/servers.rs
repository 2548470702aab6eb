//! `[nats]`, `[redis]`, `[telemetry]`: the servers around the services.
//!
//! Each struct's `read` is the one place where its keys, defaults and bounds
//! are said; the field comments add only what code must know.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::error::ConfigError;
use super::section::Section;
use crate::telemetry;

/// `[nats]`: how to reach NATS.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// Absent only until `cargo xtask up` provides one.
    pub url: Option<String>,
    /// Together with `password`.
    pub user: Option<String>,
    /// Together with `user`.
    pub password: Option<SecretString>,
    /// Instead of user and password.
    pub nkey_seed: Option<SecretString>,
    /// Instead of user and password.
    pub creds_file: Option<PathBuf>,
    /// TLS is required when set.
    pub ca_file: Option<PathBuf>,
    /// Of every stream and bucket.
    pub replicas: usize,
    /// File storage the streams' limits add up to.
    pub storage_gib: u16,
    /// At start; later disconnects are reconnected without limit.
    pub connect_timeout_s: u64,
}

impl NatsConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let url = of.server(
            "url",
            "TILLBOOK_NATS_URL",
            "none; `cargo xtask up` starts a server",
            "The NATS server, `nats://host:4222` or `tls://host:4222`; several of one cluster are \
             separated by commas. The environment variable TILLBOOK_NATS_URL wins over it.",
        );
        if let Some(url) = &url
            && let Err(what) = nats_address(url)
        {
            of.fault_in("url", "TILLBOOK_NATS_URL", what);
        }
        let user = of.optional_text("user", "none", "User name, together with `password`.");
        let password = of.optional_secret("password", "none", "Password, together with `user`.");
        let nkey_seed = of.optional_secret(
            "nkey_seed",
            "none",
            "Seed of an nkey, instead of user and password.",
        );
        let creds_file = of.path_to(
            "creds_file",
            None,
            "none",
            "A credentials file as `nsc` writes it, instead of user and password.",
        );
        if user.is_some() != password.is_some() {
            of.fault("user and password belong together; set both or neither");
        }
        let ways = [user.is_some(), nkey_seed.is_some(), creds_file.is_some()];
        if ways.into_iter().filter(|given| *given).count() > 1 {
            of.fault(
                "give one kind of credentials only: user and password, nkey_seed or creds_file",
            );
        }
        let ca_file = of.path_to(
            "ca_file",
            None,
            "the system's authorities",
            "Certificate authorities (PEM) to trust for NATS; setting it requires TLS.",
        );
        let replicas = of.int(
            "replicas",
            1,
            1..=5,
            "Copies of every stream and bucket; 3 on a cluster, never more than it has servers.",
        );
        let storage_gib = of.int(
            "storage_gib",
            8,
            1..=10_000,
            "File storage that the streams' limits add up to, for one copy. JetStream reserves it, \
             so it must fit into the server's `max_file_store`.",
        );
        let connect_timeout_s = of.int(
            "connect_timeout_s",
            30,
            1..=600,
            "How long a starting service waits for NATS before it gives up with an error.",
        );
        of.finish();
        Self {
            url,
            user,
            password,
            nkey_seed,
            creds_file,
            ca_file,
            replicas: usize::try_from(replicas).unwrap_or(1),
            storage_gib: u16::try_from(storage_gib).unwrap_or(u16::MAX),
            connect_timeout_s,
        }
    }
}

/// Credentials have their own keys, so that this text may be printed.
fn nats_address(text: &str) -> Result<(), String> {
    for one in text.split(',') {
        let url = Url::parse(one.trim())
            .map_err(|error| format!("is no URL ({error}); write nats://host:4222"))?;
        if !matches!(url.scheme(), "nats" | "tls") || url.host_str().is_none() {
            return Err("must be nats://host:4222 or tls://host:4222".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not carry a user; set user and password under [nats]".to_owned());
        }
    }
    Ok(())
}

/// `[redis]`: the look-up cache and the shared rate budget.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// A secret, since it may carry a password. See [`RedisConfig::require_url`].
    pub url: Option<SecretString>,
}

impl RedisConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let url = of.secret_server(
            "url",
            "TILLBOOK_REDIS_URL",
            "none; `cargo xtask up` starts a server",
            "The Redis or Valkey server, `redis://[user:password@]host:6379[/db]`; a secret, since \
             it may carry a password. The environment variable TILLBOOK_REDIS_URL wins over it.",
        );
        of.finish();
        Self { url }
    }

    /// The URL, or an error that says where to set it.
    pub fn require_url(&self) -> Result<&SecretString, ConfigError> {
        self.url.as_ref().ok_or(ConfigError::NoUrl {
            what: "Redis server",
            section: "redis",
            variable: "TILLBOOK_REDIS_URL",
        })
    }
}

/// `[telemetry]`
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Traces are exported when set.
    pub otlp_endpoint: Option<Url>,
    /// Of new traces, how many in a thousand are exported.
    pub sample_per_mille: u16,
    /// Which log lines are written.
    pub log: String,
}

impl Default for TelemetryConfig {
    /// As an absent `[telemetry]`: nothing exported, everything sampled, `info`.
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            sample_per_mille: 1_000,
            log: "info".to_owned(),
        }
    }
}

impl TelemetryConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let plain = Self::default();
        let endpoint = of.optional_text(
            "otlp_endpoint",
            "none, nothing is exported",
            "An OpenTelemetry collector's gRPC address, for example `http://127.0.0.1:4317`. \
             Plain http only: run the collector beside the services.",
        );
        let otlp_endpoint = endpoint.and_then(|text| match otlp_address(&text) {
            Ok(url) => Some(url),
            Err(what) => {
                of.fault_at("otlp_endpoint", what);
                None
            }
        });
        let sample_per_mille = of.int(
            "sample_per_mille",
            u64::from(plain.sample_per_mille),
            0..=1_000,
            "Of a thousand new traces, how many are exported. Ids are in logs and journal anyway.",
        );
        let log = of.text(
            "log",
            &plain.log,
            "Which log lines are written, by level and target: `info,async_nats=warn`. The \
             environment variable TILLBOOK_LOG wins over it.",
        );
        let log = of.environment("TILLBOOK_LOG").unwrap_or(log);
        if telemetry::log_filter(&log).is_err() {
            let what = "is no log filter; write for example \"info,async_nats=warn\"";
            of.fault_in("log", "TILLBOOK_LOG", what);
        }
        of.finish();
        Self {
            otlp_endpoint,
            sample_per_mille: u16::try_from(sample_per_mille).unwrap_or(plain.sample_per_mille),
            log,
        }
    }
}

fn otlp_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("is no URL ({error}); write http://127.0.0.1:4317"))?;
    if url.scheme() != "http" || url.host_str().is_none() {
        return Err("must be http://host:4317; TLS is the collector's business".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user or password".to_owned());
    }
    Ok(url)
}
