//! `cargo xtask corpus`: thousands of orders through the pure core, and the table of how they end.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::build;

/// Put orders of every class through the pure core and print what becomes of each class.
///
/// The orders obey BigCommerce's arithmetic, in stores of both tax settings and of many currencies;
/// the invoices are summed by FreshBooks arithmetic of the sandbox, in three rounding models. Exits
/// with 0 only when every order is exact, made exact within the bound, or held as its class expects.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// How many orders; every class in turn.
    #[arg(long, default_value_t = 10_000)]
    orders: u64,
    /// Where the seeds start; the same seed gives the same orders.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Read so many mutated documents instead: nothing may panic, every refusal has a name.
    #[arg(long, value_name = "DOCUMENTS")]
    fuzz: Option<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let binaries = build::binaries(&["corpus"], "release")?;
    let [corpus] = <[PathBuf; 1]>::try_from(binaries)
        .map_err(|_| anyhow::anyhow!("cargo built other binaries than asked"))?;
    let mut command = Command::new(corpus);
    command.args(["--orders", &arguments.orders.to_string()]);
    command.args(["--seed", &arguments.seed.to_string()]);
    if let Some(count) = arguments.fuzz {
        command.args(["--fuzz", &count.to_string()]);
    }
    let status = command.status().context("starting the corpus program")?;
    Ok(build::exit_code(status))
}
