//! `cargo xtask chaos`: everything that can fail fails, at moments drawn from a seed; then the
//! books must be right.
//!
//! Rooms: [`schedule`] (what happens when; pure, with [`dice`] and the kinds of [`fault`]),
//! [`house`] (what runs), [`inject`] (strikes, and counts in [`tally`] what was really struck),
//! [`run`] (one schedule), [`rest`] (until nothing is under way), [`verdict`] (what is wrong;
//! pure), [`report`]. Not here: what the books should be, which the store's own figures say.

pub(crate) mod dice;
mod fault;
mod house;
mod inject;
mod report;
mod rest;
mod run;
mod schedule;
mod tally;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tokio::task::{JoinSet, LocalSet};

use self::house::Binaries;
use self::report::Report;
use self::run::{Means, Plant};
use self::schedule::Schedule;
use crate::shops::holds::MayBeHeld;
use crate::shops::print;
use crate::shops::world::BOTH_TAX_SETTINGS as MERCHANTS;
use crate::signals::Signals;
use crate::{block_on, build};

/// Run schedules of faults against the whole house, and compare the books with the stores.
///
/// Each schedule has a house of its own: a real nats-server and Redis, every service as a process
/// (ingest, lookup and deliver twice), sandboxes of both vendors. Orders of all kinds are placed in
/// two stores and changed while processes and servers are killed and stopped, replies are lost,
/// calls fail, hooks are dropped, doubled, overtaken and late, tokens expire and clocks step. When
/// the faults are over and all is at rest, every order must be in the books once and to the cent,
/// no older state may have been written over a newer one, and nothing may be left over.
///
/// A seed gives the same schedule; the moments at which a fault meets the work differ a little
/// from run to run. Exits with 0 only when all is right.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The first seed; schedules count up from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many schedules to run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    schedules: u64,
    /// How many run side by side.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    at_once: u64,
    /// Orders of each schedule.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    orders: u64,
    /// Build and run with optimisation.
    #[arg(long)]
    release: bool,
    /// Fail, too, when a kind of fault never struck.
    #[arg(long)]
    every_kind: bool,
    /// Also write what was found to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the folders of all schedules, not only of those that failed.
    #[arg(long, hide_short_help = true)]
    keep: bool,
    /// Take the programs from this folder instead of building them.
    #[arg(long, value_name = "FOLDER", hide_short_help = true)]
    built: Option<PathBuf>,
    /// Plant a fault that must be found: the run must then fail.
    #[arg(long, hide_short_help = true)]
    plant: Option<Plant>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let profile = if arguments.release { "release" } else { "dev" };
    let names = ["tillbook", "sandbox", "corpus", "witness"];
    let built = match &arguments.built {
        Some(folder) => names.map(|name| folder.join(name)).to_vec(),
        None => build::binaries(&names, profile)?,
    };
    let [tillbook, sandbox, corpus, witness] = <[PathBuf; 4]>::try_from(built)
        .map_err(|_| anyhow::anyhow!("cargo built other binaries than asked"))?;
    let means = Means {
        holds: MayBeHeld::ask(&corpus)?,
        binaries: Binaries {
            tillbook,
            sandbox,
            witness,
        },
        orders: arguments.orders,
        plant: arguments.plant,
    };
    let report = block_on(drive(arguments, means))?;
    print(&report.text(arguments.every_kind))?;
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(if report.is_right(arguments.every_kind) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs every schedule, a few side by side; a Ctrl-C ends the run with what it has found so far.
async fn drive(arguments: &Arguments, means: Means) -> anyhow::Result<Report> {
    let mut signals = Signals::listen()?;
    let means = std::rc::Rc::new(means);
    let local = LocalSet::new();
    let mut report = Report::default();
    let all = async {
        let end = arguments.seed.saturating_add(arguments.schedules);
        let mut seeds = arguments.seed..end;
        let mut running = JoinSet::new();
        loop {
            while u64::try_from(running.len()).unwrap_or(u64::MAX) < arguments.at_once
                && let Some(seed) = seeds.next()
            {
                let (means, keep) = (means.clone(), arguments.keep);
                running.spawn_local(async move { (seed, one(&means, seed, keep).await) });
            }
            let Some(ended) = running.join_next().await else {
                return Ok(());
            };
            let (seed, ended) = ended.context("a schedule panicked")?;
            take(&mut report, seed, ended)?;
        }
    };
    let ended: anyhow::Result<()> = local
        .run_until(async {
            tokio::select! {
                ended = all => ended,
                () = signals.next() => {
                    eprintln!("stopped");
                    Ok(())
                }
            }
        })
        .await;
    ended.map(|()| report)
}

/// Runs the schedule of a seed; the folder is kept when something is wrong.
async fn one(means: &Means, seed: u64, keep: bool) -> anyhow::Result<report::Result> {
    let folder = tempfile::Builder::new()
        .prefix(&format!("tillbook-chaos-{seed}-"))
        .tempdir()
        .context("creating a folder")?;
    let schedule = Schedule::of(seed, means.orders);
    let ended = run::run(means, &schedule, folder.path()).await;
    if keep || !matches!(&ended, Ok(result) if result.found.is_right()) {
        let kept = folder.keep();
        eprintln!("schedule {seed} is kept in {}", kept.display());
        note(&kept, &ended);
    }
    ended
}

/// What was found, beside what it was found in. The report says it too.
fn note(folder: &Path, ended: &anyhow::Result<report::Result>) {
    let text = match ended {
        Ok(result) => format!("{}\n{}", result.line(), result.details()),
        Err(error) => format!("{error:#}"),
    };
    let _ = std::fs::write(folder.join("found.txt"), text);
}

fn take(
    report: &mut Report,
    seed: u64,
    ended: anyhow::Result<report::Result>,
) -> anyhow::Result<()> {
    let repeat = format!("  again: cargo xtask chaos --seed {seed} --schedules 1\n");
    match ended {
        Ok(result) => {
            print(&format!("{}\n", result.line()))?;
            if !result.found.is_right() {
                print(&format!("{}{repeat}", result.details()))?;
            }
            report.results.push(result);
        }
        Err(error) => {
            print(&format!("seed {seed}: BROKEN OFF: {error:#}\n{repeat}"))?;
            report.broken.push(format!("seed {seed}: {error:#}"));
        }
    }
    Ok(())
}
