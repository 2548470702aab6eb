//! `cargo xtask up`: every service as its own process, against the vendors a file names.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::build;
use crate::signals::Signals;
use crate::supervisor::{House, Log, Plan};

/// Run every service as its own process against the vendors that a tillbook.toml names.
///
/// Builds the `tillbook` binary first: the dev profile by default, so that the first start is quick
/// while you set things up; use --release for anything that runs longer or is measured.
/// NATS and Redis are started too, with their data under `data_dir`, unless [nats] url and
/// [redis] url (or TILLBOOK_NATS_URL and TILLBOOK_REDIS_URL) name servers.
///
/// When all services are ready, one line of JSON is printed on standard output, and nothing else;
/// logs go to standard error. A process that dies is started again. SIGTERM or Ctrl-C lets every
/// service finish what it holds (at most 30 s) and exits with 0; a second signal kills.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The configuration file; see docs/configuration.md.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Build and run with optimisation.
    #[arg(long)]
    release: bool,
    /// Build with this cargo profile instead.
    #[arg(long, value_name = "NAME", conflicts_with = "release")]
    profile: Option<String>,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let profile = match (&arguments.profile, arguments.release) {
        (Some(name), _) => name.as_str(),
        (None, true) => "release",
        (None, false) => "dev",
    };
    let binary = build::binaries(&["tillbook"], profile)?.remove(0);
    let plan = Plan::read(binary, &arguments.config, Log::Stderr)?;

    let mut signals = Signals::listen()?;
    let house = tokio::select! {
        house = House::start(plan) => house?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    let ready = tokio::select! {
        ready = house.ready() => ready,
        () = signals.next() => return stop(house, &mut signals).await,
    };
    if let Err(error) = ready {
        house.kill().await;
        return Err(error);
    }
    print_ready(&house)?;
    signals.next().await;
    stop(house, &mut signals).await
}

/// Drains; a second signal while that lasts ends everything at once (dropping the runtime kills
/// what the future of `stop` held).
pub(crate) async fn stop(house: House, signals: &mut Signals) -> anyhow::Result<ExitCode> {
    tokio::select! {
        stopped = house.stop() => stopped.map(|()| ExitCode::SUCCESS),
        () = signals.next() => anyhow::bail!("killed by a second signal before all had drained"),
    }
}

fn print_ready(house: &House) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", house.ready_line())
        .and_then(|()| stdout.flush())
        .context("printing the ready line")
}
