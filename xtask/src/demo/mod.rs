//! `cargo xtask demo`: the whole house against two vendors' emulators, with orders in it.
//!
//! It runs the same processes as `up`; only the vendors are not real.

mod killer;
mod orders;
mod run;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use self::killer::Killer;
use self::run::Run;
use crate::shops::orders::{Placed, kinds, variety};
use crate::shops::print;
use crate::shops::scene::{self, Ports, Scene, Wanted};
use crate::shops::world::{BOTH_TAX_SETTINGS as MERCHANTS, Configuration};

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
    let wanted = Wanted {
        name: "demo",
        profile: if arguments.release { "release" } else { "dev" },
        merchants: &MERCHANTS,
        ports: Ports {
            hooks: arguments.hooks_port,
            console: arguments.console_port,
            bigcommerce: arguments.bigcommerce_port,
            freshbooks: arguments.freshbooks_port,
        },
        may_be_stopped: true,
        configuration: Configuration::default(),
    };
    scene::run(&wanted, async |scene: &Scene| work(arguments, scene).await)
}

/// Places and watches orders; says whether all is right.
async fn work(arguments: &Arguments, scene: &Scene) -> anyhow::Result<bool> {
    let mut run = Run {
        scene,
        killer: arguments.kill.clone().map(Killer::new),
    };
    scene.hooks().await?;
    let mut kinds = kinds(&scene.http, &scene.at).await?;
    kinds.retain(orders::takes_part);
    let count = usize::try_from(arguments.orders).context("too many orders")?;
    let mut placed = run.place(&kinds, 0, count).await?;
    eprintln!("placed {count} orders of {} kinds", variety(&placed));
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
                scene.console
            );
        }
    }
}

async fn table(run: &mut Run<'_>, placed: &[Placed]) -> anyhow::Result<bool> {
    let rows = run.watch(placed).await?;
    let strays = run.strays(&rows).await?;
    print(&run::report(&rows, &strays))?;
    let right = strays.is_empty() && rows.iter().all(|row| row.outcome.is_right());
    let verdict = if right {
        "all are right"
    } else {
        "NOT all are right"
    };
    let kinds = variety(placed);
    print(&format!(
        "\n{} orders of {kinds} kinds: {verdict}.\n",
        rows.len()
    ))?;
    print(&format!("Where to look: {}\n", run.scene.console))?;
    Ok(right)
}
