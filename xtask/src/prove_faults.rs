//! `cargo xtask prove-faults`: plant faults in the books and the store, and see what the proof finds.

use std::process::ExitCode;

use crate::build;

/// Bring some hundred orders into the sandbox's books, plant faults of twelve classes, prove, and
/// print what was found of each class and under which cause.
///
/// The same test as in the suite, which plants fewer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Faults of each class.
    #[arg(long, default_value_t = 20)]
    each: u64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let size = ("TILLBOOK_PROVE_FAULTS", arguments.each);
    build::end_to_end("prove", "planted_faults", size)
}
