//! `tillbook prove`: reads both vendors afresh and says whether the books match.
//!
//! Exit codes of its own: 1 something does not match, 75 it could not be finished (run it again),
//! 73 its progress cannot be kept. Not here: the proof (`prove`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::ValueEnum;
use domain::policy::{Policy, StatusRule, TaxMode, Unmarked};
use prove::{Pace, Progress, Proof, Report, Standing, Terms, Vendors};
use runtime::config::{Config, Connection};
use tracing::warn;

use crate::commands::{Failure, OrExit, code, named, print};
use crate::house::{House, Purpose};
use crate::services::policy;

/// A reply with a hundred invoices and their lines may be long.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct ProveArguments {
    /// Which connection.
    #[arg(long)]
    connection: String,
    /// First day, YYYY-MM-DD, in the store's time zone.
    #[arg(long)]
    from: jiff::civil::Date,
    /// Last day.
    #[arg(long)]
    to: jiff::civil::Date,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Only reads the lists and tells what the proof would cost.
    #[arg(long)]
    forecast: bool,
    /// Where progress is kept, so that an interrupted run goes on; by default under data_dir.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Orders changed within this many minutes are too young to be called wrong.
    #[arg(long, default_value_t = 15)]
    grace_minutes: u64,
    /// Most calls a minute to BigCommerce.
    #[arg(long, default_value_t = Pace::default().bigcommerce_per_minute,
          value_parser = clap::value_parser!(u32).range(1..))]
    bigcommerce_calls_per_minute: u32,
    /// Most calls a minute to FreshBooks.
    #[arg(long, default_value_t = Pace::default().freshbooks_per_minute,
          value_parser = clap::value_parser!(u32).range(1..))]
    freshbooks_calls_per_minute: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

pub(crate) async fn run(config: Config, arguments: ProveArguments) -> Result<(), Failure> {
    let name = arguments.connection.clone();
    let mut terms = terms(named(&config, &name)?)?;
    terms.grace = Duration::from_secs(arguments.grace_minutes.saturating_mul(60));
    let state = arguments
        .state
        .clone()
        .unwrap_or_else(|| state_file(&config.data_dir, &name, &arguments));
    let proof = Proof {
        connection: name.clone(),
        from: arguments.from,
        to: arguments.to,
        terms,
        state: Some(state),
    };
    let shutdown = runtime::shutdown::CancellationToken::new();
    let house = House::open(config, "prove", shutdown).await?;
    let pace = Pace {
        bigcommerce_per_minute: arguments.bigcommerce_calls_per_minute,
        freshbooks_per_minute: arguments.freshbooks_calls_per_minute,
    };
    let vendors = vendors(&house, &name, pace).await?;
    if arguments.forecast {
        let forecast = proof.forecast(&vendors).await.map_err(failure)?;
        return match arguments.format {
            Format::Json => print_json(&forecast),
            _ => print(&format!("{}\n", forecast.words())),
        };
    }
    let mut report = proof.run(&vendors, &tell).await.map_err(failure)?;
    crate::known::explain(&house, &mut report).await;
    match arguments.format {
        Format::Table => print(&prove::render::table(&report))?,
        Format::Csv => print(&prove::render::csv(&report))?,
        Format::Json => print_json(&report)?,
    }
    verdict(&report)
}

/// Progress goes to standard error, so that standard output is the report alone.
fn tell(progress: Progress) {
    match progress {
        Progress::Forecast(forecast) => eprintln!("{}", forecast.words()),
        Progress::Day { day, done, of } => eprintln!("{day} is done ({done} of {of})"),
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).or_exit(code::SOFTWARE)?;
    print(&format!("{text}\n"))
}

fn verdict(report: &Report) -> Result<(), Failure> {
    let differing = report.findings().count();
    if differing == 0 {
        return Ok(());
    }
    Err(Failure::new(
        code::FAILED,
        anyhow!(
            "{differing} orders or invoices do not match; the report names them. Of these Tillbook \
             holds {}, and an undo took out {}",
            report.explained.held,
            report.explained.undone
        ),
    ))
}

fn failure(error: prove::Error) -> Failure {
    let code = match &error {
        prove::Error::Vendor { .. } => code::AGAIN,
        prove::Error::State(_) => code::NO_FILE,
        prove::Error::Range | prove::Error::TimeZone | prove::Error::TooMany { .. } => code::CONFIG,
    };
    Failure::new(code, error)
}

fn state_file(data_dir: &Path, name: &str, arguments: &ProveArguments) -> PathBuf {
    let file = format!("{name}-{}-{}.json", arguments.from, arguments.to);
    data_dir.join("proofs").join(file)
}

/// The part of a connection's policy that the proof judges by.
fn terms(connection: &Connection) -> Result<Terms, Failure> {
    let policy: Policy = policy(connection)?;
    let standing = |rule: &StatusRule| match rule {
        StatusRule::None => Standing::None,
        StatusRule::Draft => Standing::Draft,
        StatusRule::Sent => Standing::Sent,
    };
    Ok(Terms {
        prefix: policy.invoice.prefix.clone(),
        status: policy
            .status
            .iter()
            .map(|(status, rule)| (*status, standing(rule)))
            .collect(),
        offline_paid: policy.offline_paid,
        lookalikes_are_sales: policy.invoice_payment_orders.unmarked == Unmarked::Ordinary,
        tax_as_amount: policy.tax == TaxMode::Amount,
        locked_until: policy.books_locked_until,
        time_zone: connection.time_zone.clone(),
        ..Terms::default()
    })
}

/// One connection's clients, for reading only.
async fn vendors(house: &House, name: &str, pace: Pace) -> Result<Vendors, Failure> {
    let known = || anyhow!("no client for connection {name}");
    let store = house
        .stores(Purpose::Reading)?
        .remove(name)
        .ok_or_else(known);
    let accounts = house
        .accounts_reading(Purpose::Reading, BODY_BYTES_MAX)
        .await;
    let account = accounts?.remove(name).ok_or_else(known);
    Ok(Vendors::new(
        store.or_exit(code::CONFIG)?,
        account.or_exit(code::CONFIG)?,
        pace,
    ))
}

/// The vendors of every connection, for the proofs that monitor starts. Monitor is needed
/// without them too, so what cannot be had is said in the log and left out.
pub(crate) async fn sources(house: &House) -> BTreeMap<String, monitor::Source> {
    match all_sources(house).await {
        Ok(sources) => sources,
        Err(failure) => {
            warn!(error = %failure.error, "monitor starts no proofs; `tillbook prove` may");
            BTreeMap::new()
        }
    }
}

async fn all_sources(house: &House) -> Result<BTreeMap<String, monitor::Source>, Failure> {
    let (mut stores, mut accounts) = (
        house.stores(Purpose::Reading)?,
        house
            .accounts_reading(Purpose::Reading, BODY_BYTES_MAX)
            .await?,
    );
    let mut sources = BTreeMap::new();
    for connection in &house.config.connections {
        let name = &connection.name;
        if let (Some(store), Some(account)) = (stores.remove(name), accounts.remove(name)) {
            let terms = terms(connection)?;
            let source = monitor::Source {
                store,
                account,
                terms,
            };
            sources.insert(name.clone(), source);
        }
    }
    Ok(sources)
}
