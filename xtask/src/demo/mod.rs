//! `cargo xtask demo`: the whole house against two vendors' emulators, with orders in it.
//!
//! It runs the same processes as `up`; only the vendors are not real.

mod books;
mod killer;
mod monitor;
mod orders;
mod run;
mod sandbox;
mod table;
mod verdict;
mod world;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use self::killer::Killer;
use self::run::Run;
use self::sandbox::{Http, Sandbox};
use crate::signals::Signals;
use crate::supervisor::{House, Log, Plan};
use crate::up;
use crate::{block_on, build};

/// Run everything against sandboxes of both vendors, place orders, and compare the books.
///
/// Needs Rust and Python 3. Fetches a NATS and a Redis server when none is installed, starts
/// sandboxes of BigCommerce and FreshBooks and every service as its own process, places a few dozen
/// varied orders in two stores and prints what became of each.
///
/// Without --once it keeps running and places an order now and then, until Ctrl-C, which leaves
/// nothing running. With --once it exits with 0 only when every order is in the books exactly once
/// and to the cent, or rightly not in them.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// End after the table; the exit code says whether all is right.
    #[arg(long)]
    once: bool,
    /// How many orders to place.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=5000))]
    orders: u32,
    /// Build and run with optimisation.
    #[arg(long)]
    release: bool,
    /// Kill this service with SIGKILL several times during the run.
    #[arg(long, value_name = "SERVICE", hide_short_help = true)]
    kill: Option<String>,
    /// Where hooks are received (0: a free port).
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    hooks_port: u16,
    /// Where the monitor listens (0: a free port).
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    console_port: u16,
    /// Where the BigCommerce sandbox listens (0: a free port).
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    bigcommerce_port: u16,
    /// Where the FreshBooks sandbox listens (0: a free port).
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    freshbooks_port: u16,
}

/// Without --once: how long between two orders.
const NOW_AND_THEN: Duration = Duration::from_secs(5);

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let profile = if arguments.release { "release" } else { "dev" };
    let binaries = build::binaries(&["tillbook", "sandbox"], profile)?;
    let binaries = <[PathBuf; 2]>::try_from(binaries)
        .map_err(|_| anyhow::anyhow!("cargo built other binaries than asked"))?;
    let folder = tempfile::Builder::new()
        .prefix("tillbook-demo-")
        .tempdir()
        .context("creating a folder for the demo")?;
    // The folder outlives the runtime, and with it every process that writes there.
    match block_on(drive(arguments, folder.path(), binaries)) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => {
            let logs = folder.keep().join("logs");
            eprintln!("the processes' logs are kept in {}", logs.display());
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            let logs = folder.keep().join("logs");
            Err(error.context(format!(
                "the demo failed; the logs are kept in {}",
                logs.display()
            )))
        }
    }
}

/// Starts, works, stops; says whether all is right. Ctrl-C is a good end.
async fn drive(
    arguments: &Arguments,
    folder: &Path,
    [tillbook, sandbox]: [PathBuf; 2],
) -> anyhow::Result<bool> {
    let mut signals = Signals::listen()?;
    let (house, sandbox, scene) = tokio::select! {
        started = start(arguments, folder, tillbook, &sandbox) => started?,
        // The end of the runtime kills what was started.
        () = signals.next() => return Ok(true),
    };
    let worked = tokio::select! {
        worked = work(arguments, &house, &scene) => worked,
        () = signals.next() => Ok(true),
    };
    eprintln!("stopping");
    let stopped = up::stop(house, &mut signals).await;
    sandbox.stop().await;
    let right = worked?;
    stopped.map(|_| right)
}

/// What the work needs to know of the house, besides the house.
struct Scene {
    http: Http,
    at: sandbox::Addresses,
    console: String,
}

async fn start(
    arguments: &Arguments,
    folder: &Path,
    tillbook: PathBuf,
    binary: &PathBuf,
) -> anyhow::Result<(House, Sandbox, Scene)> {
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
    let ports = [arguments.bigcommerce_port, arguments.freshbooks_port];
    let sandbox = Sandbox::start(binary, ports, &logs.join("sandbox.log")).await?;
    let at = sandbox.addresses.clone();
    let http = Http::new()?;
    world::create(&http, &at).await?;
    let hooks_port = port(arguments.hooks_port)?;
    let console_port = port(arguments.console_port)?;
    let config = world::write_config(folder, &at, hooks_port, console_port)?;
    eprintln!(
        "sandboxes: BigCommerce {} · FreshBooks {}",
        at.bigcommerce, at.freshbooks
    );
    eprintln!("configuration and logs: {}", folder.display());

    let mut plan = Plan::read(tillbook, &config, Log::Folder(logs))?;
    // A demo leaves other people's servers alone, whatever the environment names.
    plan.own_servers();
    let house = House::start(plan).await?;
    if let Err(error) = house.ready().await {
        house.kill().await;
        return Err(error);
    }
    let console = house
        .console()
        .context("the monitor did not say where it listens")?;
    eprintln!("all services are ready; look at {console}");
    Ok((house, sandbox, Scene { http, at, console }))
}

/// Places and watches orders; says whether all is right.
async fn work(arguments: &Arguments, house: &House, scene: &Scene) -> anyhow::Result<bool> {
    let mut run = Run {
        http: scene.http.clone(),
        at: scene.at.clone(),
        console: scene.console.clone(),
        house,
        killer: arguments.kill.clone().map(Killer::new),
    };
    run.hooks().await?;
    let kinds = orders::kinds(&run.http, &run.at).await?;
    let count = usize::try_from(arguments.orders).context("too many orders")?;
    let mut placed = run.place(&kinds, 0, count).await?;
    eprintln!(
        "placed {count} orders of {} kinds",
        orders::variety(&placed)
    );
    let mut right = table(&mut run, &placed).await?;
    if let Some(killer) = &run.killer {
        killer.finish()?;
    }
    if arguments.once {
        return Ok(right);
    }
    run.killer = None;
    eprintln!(
        "an order every {} s from now on; Ctrl-C ends it all",
        NOW_AND_THEN.as_secs()
    );
    loop {
        tokio::time::sleep(NOW_AND_THEN).await;
        let next = run.place(&kinds, placed.len(), 1).await?;
        let rows = run.watch(&next).await?;
        print(&table::render(&rows))?;
        right &= rows.iter().all(|row| row.outcome.is_right());
        placed.extend(next);
        if !right {
            eprintln!(
                "not all orders are right; the monitor says why: {}",
                run.console
            );
        }
    }
}

async fn table(run: &mut Run<'_>, placed: &[orders::Placed]) -> anyhow::Result<bool> {
    let rows = run.watch(placed).await?;
    let strays = run.strays(&rows).await?;
    print(&run::report(&rows, &strays))?;
    let right = strays.is_empty() && rows.iter().all(|row| row.outcome.is_right());
    let verdict = if right {
        "all are right"
    } else {
        "NOT all are right"
    };
    let kinds = orders::variety(placed);
    print(&format!(
        "\n{} orders of {kinds} kinds: {verdict}.\n",
        rows.len()
    ))?;
    print(&format!("Where to look: {}\n", run.console))?;
    Ok(right)
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("printing the table")
}

/// The wished port, or one that nobody has at this moment.
fn port(wished: u16) -> anyhow::Result<u16> {
    if wished != 0 {
        return Ok(wished);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener
        .local_addr()
        .context("looking for a free port")?
        .port())
}
