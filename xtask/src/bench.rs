//! `cargo xtask bench`: builds everything and runs the `bench` program.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::build;

/// Measure Tillbook on this machine and print every figure beside its aim.
///
/// Starts real servers, the release build of every service and sandboxes that answer at once. The
/// table goes to standard output, progress to standard error. A missed aim is reported and is no
/// failure; a part that cannot run is one at once. A whole run takes about ten minutes; leave the
/// machine alone meanwhile.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Fewer and shorter rounds of the debug build: whether every part works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Further arguments of the `bench` program; `-- --help` shows them.
    #[arg(last = true)]
    more: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // What CI built for its tests is good enough to see whether every part comes to its end.
    let profile = if arguments.quick { "dev" } else { "release" };
    let binaries = build::binaries(&["tillbook", "bench"], profile)?;
    let [tillbook, bench] = <[PathBuf; 2]>::try_from(binaries)
        .map_err(|_| anyhow::anyhow!("cargo built other binaries than asked"))?;
    let mut command = Command::new(bench);
    command.env("TILLBOOK_BINARY", tillbook);
    if arguments.quick {
        command.arg("--quick");
    }
    let status = command
        .args(&arguments.more)
        .status()
        .context("starting the bench program")?;
    Ok(build::exit_code(status))
}
