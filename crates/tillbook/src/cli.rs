//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Carries what happens in BigCommerce stores into FreshBooks accounts, exactly once, to the cent.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        env = "TILLBOOK_CONFIG",
        default_value = "tillbook.toml",
        global = true
    )]
    pub config: PathBuf,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receives hooks, keeps them registered, fetches orders.
    Ingest(ServiceArguments),
    /// Reports every fault of an order at once.
    Validate(ServiceArguments),
    /// Works out what the books must show.
    Transform(ServiceArguments),
    /// Resolves clients and invoices to FreshBooks ids.
    Lookup(ServiceArguments),
    /// Writes into FreshBooks, through the ledger.
    Deliver(ServiceArguments),
    /// Projects the journal into what people look at.
    Monitor(ServiceArguments),
    /// Answers `tillbook dlq`, works on releases, catches what kills its worker.
    Replay(ServiceArguments),
    /// Runs every service in one process.
    All(ServiceArguments),
    /// Creates or migrates streams, consumers and buckets. Safe to run again.
    Bootstrap(BootstrapArguments),
    /// Checks the configuration and says what it found.
    CheckConfig,
    /// Shows, checks or publishes mapping documents.
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Shows dead letters, groups them by cause, edits, rehearses, releases and purges them.
    #[command(subcommand)]
    Dlq(crate::dlq::DlqCommand),
    /// Reads both vendors afresh and reports every order that the books do not match.
    Prove(crate::prove::ProveArguments),
    /// Takes a new FreshBooks grant (its refresh token, on standard input) while services run.
    Grant(crate::grant::GrantArguments),
    /// Feeds the orders of a range of days through the pipeline.
    Backfill(BackfillArguments),
    /// Takes what Tillbook wrote for a range of days back out of the books.
    Undo(UndoArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BootstrapArguments {
    /// Only writes nats-server's configuration: a user for each process, and TLS. No server is
    /// needed.
    #[arg(long, value_name = "FILE")]
    pub write_nats_config: Option<PathBuf>,
    /// Where the users' seeds are kept; made where missing. By default `nkeys` beside FILE.
    #[arg(long, value_name = "DIR", requires = "write_nats_config")]
    pub nkeys: Option<PathBuf>,
    /// Makes every seed anew; processes with old ones are refused once the server has read FILE.
    #[arg(long, requires = "write_nats_config")]
    pub new_nkeys: bool,
    /// The server's certificate (PEM): it then speaks TLS only.
    #[arg(long, value_name = "FILE", requires_all = ["write_nats_config", "tls_key"])]
    pub tls_cert: Option<PathBuf>,
    /// The key of the server's certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Clients must show a certificate of this authority (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BackfillArguments {
    #[command(subcommand)]
    pub command: Option<RunCommand>,
    #[command(flatten)]
    pub range: Option<RangeArguments>,
    #[command(flatten)]
    pub feeding: FeedingArguments,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct UndoArguments {
    #[command(subcommand)]
    pub command: Option<RunCommand>,
    #[command(flatten)]
    pub range: Option<RangeArguments>,
    #[command(flatten)]
    pub at_once: AtOnce,
}

/// Which days of which connection, and why.
#[derive(Debug, clap::Args)]
pub(crate) struct RangeArguments {
    #[arg(long)]
    pub connection: String,
    /// The first day, YYYY-MM-DD, in the store's time zone.
    #[arg(long)]
    pub from: String,
    /// The last day.
    #[arg(long)]
    pub to: String,
    /// Says what would be done, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Why; kept in the journal.
    #[arg(long, default_value = "")]
    pub reason: String,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct AtOnce {
    /// Orders under way at the same time; a live hook waits behind no more.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256), global = true)]
    pub at_once: u16,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FeedingArguments {
    #[command(flatten)]
    pub at_once: AtOnce,
    /// Orders that are read to forecast what all will cost.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub sample: u16,
}

/// What to do with a run that was begun.
#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Stops it after the orders under way; it can be resumed.
    Pause { id: String },
    /// Goes on with it, in this process.
    Resume { id: String },
    /// Stops it for good. What it has done stays.
    Cancel { id: String },
    /// Shows one run, or all.
    Status { id: Option<String> },
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceArguments {
    /// Where /livez, /readyz and /metrics are served; overrides `[admin] listen`.
    #[arg(long)]
    pub admin_listen: Option<SocketAddr>,
    /// Ends when standard input closes, so that a supervisor that dies leaves nothing behind.
    #[arg(long)]
    pub exit_with_parent: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MappingCommand {
    /// Prints the built-in document.
    Show,
    /// Checks a document without publishing it.
    Check { file: PathBuf },
    /// Checks a document and puts it in force, for one connection or for all.
    Publish {
        file: PathBuf,
        #[arg(long)]
        connection: Option<String>,
    },
}

/// A service of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    Ingest,
    Validate,
    Transform,
    Lookup,
    Deliver,
    Monitor,
    Replay,
}

impl Service {
    pub(crate) const ALL: [Self; 7] = [
        Self::Ingest,
        Self::Validate,
        Self::Transform,
        Self::Lookup,
        Self::Deliver,
        Self::Monitor,
        Self::Replay,
    ];

    /// The service's name everywhere.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Validate => "validate",
            Self::Transform => "transform",
            Self::Lookup => "lookup",
            Self::Deliver => "deliver",
            Self::Monitor => "monitor",
            Self::Replay => "replay",
        }
    }
}
