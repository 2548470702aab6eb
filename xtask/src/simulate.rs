//! `cargo xtask simulate`: the ledger protocol under virtual time, thousands of schedules.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::build;

/// Run schedules of the simulation and print how often each fault struck.
///
/// Each seed is one schedule: the real lookup and deliver stages on a few orders while processes
/// die, calls, ledger writes and messages are lost or doubled, tokens end, the ledger vanishes.
/// Exits with 0 only when the books were right after every one; a schedule that breaks is printed
/// step by step, and its seed repeats it.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// How many schedules.
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the seed's one schedule step by step.
    #[arg(long)]
    trace: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let binaries = build::binaries(&["simulation"], "release")?;
    let [simulation] = <[PathBuf; 1]>::try_from(binaries)
        .map_err(|_| anyhow::anyhow!("cargo built other binaries than asked"))?;
    let mut command = Command::new(simulation);
    command.args(["--schedules", &arguments.schedules.to_string()]);
    command.args(["--seed", &arguments.seed.to_string()]);
    if arguments.trace {
        command.arg("--trace");
    }
    let status = command.status().context("starting the simulation")?;
    Ok(build::exit_code(status))
}
