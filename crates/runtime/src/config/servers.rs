//! `[nats]`, `[redis]`, `[telemetry]`: the servers around the services.
//!
//! Each struct's `read` is the one place where its keys, defaults and bounds
//! are said; the field comments add only what code must know.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::error::ConfigError;
use super::section::Section;
use super::urls;
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
    /// Instead of user and password: `{process}.nk` in it is this process's seed.
    pub nkeys_dir: Option<PathBuf>,
    /// Instead of user and password.
    pub creds_file: Option<PathBuf>,
    /// TLS is required when set.
    pub ca_file: Option<PathBuf>,
    /// What this process shows to a server that asks: certificate and key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
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
        let address = url.as_deref().map_or(Ok(()), nats_address);
        if let Err(what) = &address {
            of.fault_in("url", "TILLBOOK_NATS_URL", what.as_str());
        }
        let user = of.optional_text("user", "none", "User name, together with `password`.");
        let password = of.optional_secret("password", "none", "Password, together with `user`.");
        let nkey_seed = of.optional_secret(
            "nkey_seed",
            "none",
            "Seed of an nkey, instead of user and password.",
        );
        let nkeys_dir = of.path_or_variable(
            "nkeys_dir",
            "TILLBOOK_NATS_NKEYS_DIR",
            "none",
            "A folder where each process finds its own seed, `{process}.nk`, as `tillbook \
             bootstrap --write-nats-config` makes them; instead of user and password. The \
             environment variable TILLBOOK_NATS_NKEYS_DIR wins over it.",
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
        let ways = [
            user.is_some(),
            nkey_seed.is_some(),
            nkeys_dir.is_some(),
            creds_file.is_some(),
        ];
        if ways.into_iter().filter(|given| *given).count() > 1 {
            of.fault(
                "give one kind of credentials only: user and password, nkey_seed, nkeys_dir or \
                 creds_file",
            );
        }
        let ca_file = of.path_to(
            "ca_file",
            None,
            "the system's authorities",
            "Certificate authorities (PEM) to trust for NATS; setting it requires TLS.",
        );
        let client_certificate = client_certificate(&mut of);
        let allow_plaintext = of.flag("allow_plaintext", false, ALLOW_PLAINTEXT);
        if let Some(url) = &url
            && address.is_ok()
            && ca_file.is_none()
            && !allow_plaintext
            && url.split(',').any(|one| is_plaintext(one.trim(), "nats"))
        {
            of.fault_in("url", "TILLBOOK_NATS_URL", plaintext("tls://host:4222"));
        }
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
            nkeys_dir,
            creds_file,
            ca_file,
            client_certificate,
            replicas: usize::try_from(replicas).unwrap_or(1),
            storage_gib: u16::try_from(storage_gib).unwrap_or(u16::MAX),
            connect_timeout_s,
        }
    }
}

const ALLOW_PLAINTEXT: &str = "Lets an address on another machine go without TLS, where the network \
                               encrypts by itself.";

fn plaintext(instead: &str) -> String {
    format!(
        "leads to another machine without TLS; write {instead}, or set allow_plaintext = true \
         where the network encrypts by itself"
    )
}

/// Whether an address of this plain scheme leads off this machine.
fn is_plaintext(address: &str, scheme: &str) -> bool {
    Url::parse(address).is_ok_and(|url| url.scheme() == scheme && !is_local(&url))
}

/// As [`urls::loopback`], for schemes whose hosts are not parsed as the web's.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    Url::parse(&format!("http://{host}")).is_ok_and(|url| urls::loopback(&url).is_some())
}

/// `cert_file` and `key_file`, which belong together.
fn client_certificate(of: &mut Section<'_>) -> Option<(PathBuf, PathBuf)> {
    let cert_file = of.path_to(
        "cert_file",
        None,
        "none",
        "A certificate (PEM) to show to a server that asks for one, together with `key_file`.",
    );
    let key_file = of.path_to("key_file", None, "none", "The key (PEM) of `cert_file`.");
    if cert_file.is_some() != key_file.is_some() {
        of.fault("cert_file and key_file belong together; set both or neither");
    }
    cert_file.zip(key_file)
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
    /// For `rediss://`.
    pub ca_file: Option<PathBuf>,
    /// What this process shows to a server that asks: certificate and key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

impl RedisConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let url = of.secret_or_variable(
            "url",
            "TILLBOOK_REDIS_URL",
            "none; `cargo xtask up` starts a server",
            "The Redis or Valkey server, `rediss://[user:password@]host:6379[/db]`, or `redis://` \
             without TLS; a secret, since it may carry a password. The environment variable \
             TILLBOOK_REDIS_URL wins over it.",
        );
        let ca_file = of.path_to(
            "ca_file",
            None,
            "the system's authorities",
            "Certificate authorities (PEM) to trust for Redis.",
        );
        let client_certificate = client_certificate(&mut of);
        let allow_plaintext = of.flag("allow_plaintext", false, ALLOW_PLAINTEXT);
        if let Some(url) = &url {
            let text = url.expose_secret();
            if Url::parse(text).is_err() {
                let what = "is no URL; write rediss://host:6379";
                of.fault_in("url", "TILLBOOK_REDIS_URL", what);
            } else if !allow_plaintext && is_plaintext(text, "redis") {
                of.fault_in("url", "TILLBOOK_REDIS_URL", plaintext("rediss://host:6379"));
            } else if ca_file.is_some() && !text.starts_with("rediss://") {
                of.fault("ca_file is for rediss:// addresses; change url, or leave it out");
            }
        }
        of.finish();
        Self {
            url,
            ca_file,
            client_certificate,
        }
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
