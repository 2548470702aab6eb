//! What each command does, and which exit code its failure has.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow};
use contracts::permissions::User;
use domain::mapping::Mapping;
use runtime::config::{Config, Connection};
use runtime::metrics::Metrics;

use crate::cli::{Arguments, BootstrapArguments, Command, MappingCommand, Service};
use crate::nats_config::{self, Tls, Wanted};
use crate::{backfill, services, undo};

/// A failure with its exit code.
pub(crate) struct Failure {
    pub code: u8,
    pub error: Box<dyn std::error::Error + Send + Sync>,
}

/// The exit codes, after BSD's sysexits where one fits.
pub(crate) mod code {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const CONFIG: u8 = 64;
    pub(crate) const UNAVAILABLE: u8 = 69;
    pub(crate) const SOFTWARE: u8 = 70;
    pub(crate) const NO_FILE: u8 = 73;
    pub(crate) const AGAIN: u8 = 75;
}

impl Failure {
    pub(crate) fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            error: error.into().into(),
        }
    }
}

/// Attaches an exit code to an error.
pub(crate) trait OrExit<T> {
    fn or_exit(self, code: u8) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, code: u8) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(code, error))
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Command::Mapping(MappingCommand::Show) = &arguments.command {
        return print(domain::mapping::BUILT_IN_DOCUMENT);
    }
    if let Command::Mapping(MappingCommand::Check { file }) = &arguments.command {
        checked_mapping(file)?;
        return print(&format!(
            "{}: the mapping document passes its check\n",
            file.display()
        ));
    }
    if let Command::Bootstrap(wanted) = &arguments.command
        && let Some(file) = &wanted.write_nats_config
    {
        return write_nats_config(file, wanted);
    }
    let config = Config::load(&arguments.config).or_exit(code::CONFIG)?;
    match arguments.command {
        Command::CheckConfig => check_config(&arguments.config, &config),
        Command::Bootstrap(_) => bootstrap(&config).await,
        Command::Mapping(MappingCommand::Publish { file, connection }) => {
            publish_mapping(&config, &file, connection.as_deref()).await
        }
        Command::Mapping(_) => Ok(()),
        Command::Dlq(command) => crate::dlq::run(&config, command).await,
        Command::Backfill(arguments) => backfill::run(config, arguments).await,
        Command::Undo(arguments) => undo::run(config, arguments).await,
        Command::Grant(arguments) => crate::grant::run(config, arguments).await,
        Command::Prove(arguments) => crate::prove::run(config, arguments).await,
        Command::Ingest(a) => services::run(config, &[Service::Ingest], "ingest", a).await,
        Command::Validate(a) => services::run(config, &[Service::Validate], "validate", a).await,
        Command::Transform(a) => services::run(config, &[Service::Transform], "transform", a).await,
        Command::Lookup(a) => services::run(config, &[Service::Lookup], "lookup", a).await,
        Command::Deliver(a) => services::run(config, &[Service::Deliver], "deliver", a).await,
        Command::Monitor(a) => services::run(config, &[Service::Monitor], "monitor", a).await,
        Command::Replay(a) => services::run(config, &[Service::Replay], "replay", a).await,
        Command::All(a) => services::run(config, &Service::ALL, "all", a).await,
    }
}

/// Everything that can be checked without a server, policies included.
fn check_config(path: &Path, config: &Config) -> Result<(), Failure> {
    for connection in &config.connections {
        services::policy(connection)?;
        crate::house::check_addresses(connection)?;
    }
    let names: Vec<&str> = config.connections.iter().map(|c| c.name.as_str()).collect();
    print(&format!(
        "{}: good; connections: {}\n",
        path.display(),
        names.join(", ")
    ))
}

/// The connection of a name that somebody gave.
pub(crate) fn named<'a>(config: &'a Config, name: &str) -> Result<&'a Connection, Failure> {
    let found = config.connection(name);
    found
        .ok_or_else(|| anyhow!("no connection is named {name}; the configuration lists them"))
        .or_exit(code::CONFIG)
}

/// Connects as whoever runs commands.
pub(crate) async fn connect(config: &Config) -> Result<runtime::nats::Connection, Failure> {
    connect_as(config, User::Operator).await
}

async fn connect_as(config: &Config, user: User) -> Result<runtime::nats::Connection, Failure> {
    let connection = runtime::nats::connect(&config.nats, user.name(), &Metrics::new())
        .await
        .or_exit(code::UNAVAILABLE)?;
    runtime::nats::check_server(&connection.client)
        .await
        .or_exit(code::UNAVAILABLE)?;
    Ok(connection)
}

fn write_nats_config(file: &Path, arguments: &BootstrapArguments) -> Result<(), Failure> {
    let beside = file.parent().unwrap_or(Path::new("")).join("nkeys");
    let absolute = |path: &Path| std::path::absolute(path).or_exit(code::FAILED);
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        // The server's own folder is another one: it must find them from there.
        (Some(cert), Some(key)) => Some(Tls {
            cert_file: absolute(cert)?,
            key_file: absolute(key)?,
            client_ca_file: arguments
                .tls_client_ca
                .as_deref()
                .map(absolute)
                .transpose()?,
        }),
        _ => None,
    };
    let wanted = Wanted {
        file: file.to_owned(),
        seeds: arguments.nkeys.clone().unwrap_or(beside),
        new_seeds: arguments.new_nkeys,
        tls,
    };
    print(&nats_config::write(&wanted).or_exit(code::FAILED)?)
}

async fn bootstrap(config: &Config) -> Result<(), Failure> {
    let connection = connect_as(config, User::Bootstrap).await?;
    let sizing = contracts::topology::Sizing {
        replicas: config.nats.replicas,
        storage_gib: config.nats.storage_gib,
    };
    let report = stage::bootstrap::bootstrap(&connection.jetstream, sizing)
        .await
        .or_exit(code::UNAVAILABLE)?;
    // Whoever lays out the streams need not have the key; then records stay as they are.
    let sealed = match &config.encryption.key {
        Some(_) => {
            let keyring = crate::house::keyring(config)?;
            store::tokens::reseal(&connection.jetstream, &keyring)
                .await
                .or_exit(code::FAILED)?
        }
        None => 0,
    };
    print(&format!(
        "streams: {}; consumers: {}; buckets: {}; tokens sealed anew: {sealed}\n",
        report.streams.join(" "),
        report.consumers.join(" "),
        report.buckets.join(" ")
    ))
}

fn checked_mapping(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("reading {}", file.display()))
        .or_exit(code::FAILED)?;
    match Mapping::from_document(&text) {
        Ok(_) => Ok(text),
        Err(faults) => {
            let lines: Vec<String> = faults
                .iter()
                .map(|fault| format!("{}: {}", fault.path, fault.message))
                .collect();
            Err(Failure::new(
                code::FAILED,
                anyhow!("{}:\n{}", file.display(), lines.join("\n")),
            ))
        }
    }
}

async fn publish_mapping(config: &Config, file: &Path, name: Option<&str>) -> Result<(), Failure> {
    let document = checked_mapping(file)?;
    if let Some(name) = name.filter(|name| config.connection(name).is_none()) {
        return Err(Failure::new(
            code::FAILED,
            anyhow!("no connection is named {name}"),
        ));
    }
    let connection = connect(config).await?;
    let key = name.unwrap_or(store::mappings::DEFAULT_KEY);
    store::mappings::publish(&connection.jetstream, key, &document)
        .await
        .or_exit(code::FAILED)?;
    print(&format!("published for {key}\n"))
}

/// The account on this machine; kept in the journal.
pub(crate) fn whoami() -> String {
    std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned())
}

/// The one place that writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .or_exit(code::FAILED)
}
