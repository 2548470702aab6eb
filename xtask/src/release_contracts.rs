//! `cargo xtask release-contracts`: what is released from now on must stay readable.

use std::process::ExitCode;

use anyhow::Context;
use prost::Message;

use crate::build::workspace;
use crate::tidy;

/// Writes the descriptor that later contracts are compared with. Run it when a version is released.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let file = tidy::released_file(workspace());
    let mut set = tidy::compile(workspace())?;
    for one in &mut set.file {
        // Comments and places are no part of the contract, and would change with every edit.
        one.source_code_info = None;
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("creating {}", folder.display()))?;
    }
    std::fs::write(&file, set.encode_to_vec())
        .with_context(|| format!("writing {}", file.display()))?;
    eprintln!("proto/released/descriptor.bin is written; commit it with the release");
    Ok(ExitCode::SUCCESS)
}
