//! `tillbook.toml`: typed, unknown keys refused, secrets resolved, everything
//! checked before any port opens.
//!
//! `servers.rs`, `services.rs`, `stages.rs`, `vendors.rs` and `connection.rs` name every key once, with default, bounds
//! and meaning; `docs/configuration.md` is generated from the same lines. What
//! a connection's policy means is not known here: it is handed on as JSON.

mod connection;
mod document;
mod encryption;
mod error;
mod reference;
mod secret;
mod section;
mod servers;
mod services;
mod stages;
mod urls;
mod values;
mod vendors;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use toml::de::DeTable;
use url::Url;

use document::Document;
use section::Section;

pub use connection::{BigCommerce, Connection, FreshBooks};
pub use document::{Environment, KeyReference};
pub use encryption::{EncryptionConfig, SecretKey};
pub use error::{ConfigError, Problem};
pub use reference::reference;
pub use servers::{NatsConfig, RedisConfig, TelemetryConfig};
pub use services::{AdminConfig, DeliverConfig, IngestConfig, LookupConfig, MonitorConfig};
pub use stages::{StageConfig, StagesConfig};
pub use vendors::VendorsConfig;

/// A file larger than this is no configuration.
const FILE_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// Everything `tillbook.toml` says, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where hooks arrive, as the vendors see it; without a trailing slash.
    pub public_url: Url,
    /// Where monitor's projection and local servers keep their files.
    pub data_dir: PathBuf,
    /// `[nats]`
    pub nats: NatsConfig,
    /// `[redis]`
    pub redis: RedisConfig,
    /// `[encryption]`
    pub encryption: EncryptionConfig,
    /// `[ingest]`
    pub ingest: IngestConfig,
    /// `[stage]` and `[stage.<name>]`
    pub stages: StagesConfig,
    /// `[vendors]`
    pub vendors: VendorsConfig,
    /// `[lookup]`
    pub lookup: LookupConfig,
    /// `[deliver]`
    pub deliver: DeliverConfig,
    /// `[monitor]`
    pub monitor: MonitorConfig,
    /// `[admin]`
    pub admin: AdminConfig,
    /// `[telemetry]`
    pub telemetry: TelemetryConfig,
    /// `[[connections]]`, at least one, in the order of the file.
    pub connections: Vec<Connection>,
}

impl Config {
    /// Reads a file and the environment variables it names. Relative paths
    /// count from the file's directory.
    ///
    /// Errors: the file cannot be read, or every fault found in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let size_bytes = std::fs::metadata(path).map_err(failed)?.len();
        if size_bytes > FILE_LIMIT_BYTES {
            let what = format!("is over {FILE_LIMIT_BYTES} bytes, so no configuration");
            let problem = Problem {
                line: None,
                key: String::new(),
                what,
            };
            return Err(ConfigError::Invalid {
                path: path.to_owned(),
                problems: vec![problem],
            });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let base = path.parent().unwrap_or(Path::new(""));
        parse(&text, path, base, &environment)
    }

    /// Reads a text as if it were a file in `base`, with the process's
    /// environment.
    pub fn from_text(text: &str, base: &Path) -> Result<Self, ConfigError> {
        Self::from_text_with(text, base, &environment)
    }

    /// As [`Config::from_text`], with the environment given.
    pub fn from_text_with(
        text: &str,
        base: &Path,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        parse(text, &base.join("tillbook.toml"), base, environment)
    }

    /// The connection of that name.
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|connection| connection.name == name)
    }

    /// Where the hooks of a connection arrive: `{public_url}/hooks/{name}`.
    pub fn hook_url(&self, connection: &str) -> String {
        let base = self.public_url.as_str().trim_end_matches('/');
        format!("{base}/hooks/{connection}")
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn parse(
    text: &str,
    path: &Path,
    base: &Path,
    environment: Environment<'_>,
) -> Result<Config, ConfigError> {
    let (table, faults) = DeTable::parse_recoverable(text);
    let document = Document::new(text, base, environment);
    for fault in &faults {
        let line = fault.span().map(|span| document.line(span));
        // Only the parser's message: its Display quotes the line, which may hold a secret.
        document.problem(line, String::new(), fault.message());
    }
    // After a broken line the rest would only be accused of what it broke.
    let config = faults
        .is_empty()
        .then(|| read(document.root(table.get_ref())))
        .flatten();
    let (problems, _) = document.finish();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(ConfigError::Invalid {
            path: path.to_owned(),
            problems,
        }),
    }
}

/// Asks for every key there is; `None` when a required one is missing or wrong.
fn read(mut root: Section<'_>) -> Option<Config> {
    let public_url = root.required_url(
        "public_url",
        "Where hooks arrive, as the vendors see it: `{public_url}/hooks/{name}`. https, or plain \
         http on a loopback host.",
    );
    let data_dir = root.path_to(
        "data_dir",
        Some(".tillbook"),
        "`.tillbook` beside the file",
        "Where monitor keeps its projection (it can be thrown away) and local servers their data.",
    );
    let development = public_url.as_ref().and_then(urls::loopback).is_some();
    let allow_loopback_vendors = root.switch(
        "allow_loopback_vendors",
        development,
        "`true` where `public_url` is on loopback, else `false`",
        "For development: lets `api_url` and `auth_url` name this machine, where sandboxes run. \
         Private and link-local addresses are refused in any case.",
    );
    let nats = NatsConfig::read(root.section("nats"));
    let redis = RedisConfig::read(root.section("redis"));
    let encryption = EncryptionConfig::read(root.section("encryption"));
    let ingest = IngestConfig::read(root.section("ingest"), public_url.as_ref());
    let stages = StagesConfig::read(root.section("stage"));
    let vendors = VendorsConfig::read(root.section("vendors"));
    let lookup = LookupConfig::read(root.section("lookup"));
    let deliver = DeliverConfig::read(root.section("deliver"));
    let monitor = MonitorConfig::read(root.section("monitor"));
    let admin = AdminConfig::read(root.section("admin"));
    let telemetry = TelemetryConfig::read(root.section("telemetry"));
    let connections = connection::read_all(&mut root, allow_loopback_vendors);
    root.finish();
    Some(Config {
        public_url: public_url?,
        data_dir: data_dir?,
        nats,
        redis,
        encryption,
        ingest,
        stages,
        vendors,
        lookup,
        deliver,
        monitor,
        admin,
        telemetry,
        connections: connections?,
    })
}
