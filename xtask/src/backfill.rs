//! `cargo xtask backfill`: a large backfill, killed half-way and resumed, against the sandboxes.

use std::process::ExitCode;

use crate::build;

/// Backfill many orders, kill it half-way, resume it, and compare the forecast with what the
/// vendors' emulators counted.
///
/// The same test as in the suite, which does it with fewer orders.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// How many orders.
    #[arg(long, default_value_t = 1000)]
    orders: u64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let size = ("TILLBOOK_BACKFILL_ORDERS", arguments.orders);
    build::end_to_end("backfill", "killed_half_way", size)
}
