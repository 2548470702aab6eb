//! Builds our binaries with cargo and says where they are.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn workspace() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Cargo, as it was when it started us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    // `cargo run` tells us which package we are. Some build scripts (ring's) take a change of that
    // as a reason to build again, and everything above them would follow.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds `packages` and gives the executables of the same names, in the same order.
///
/// Cargo's own output goes to standard error; standard output stays ours.
pub(crate) fn binaries(packages: &[&str], profile: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut command = cargo();
    command.args([
        "build",
        "--bins",
        "--message-format=json-render-diagnostics",
    ]);
    command.args(["--profile", profile]);
    for package in packages {
        command.args(["--package", package]);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting cargo build")?;
    let stdout = child
        .stdout
        .take()
        .context("cargo build has no standard output")?;
    let mut found: Vec<Option<PathBuf>> = vec![None; packages.len()];
    for line in BufReader::new(stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else {
            continue;
        };
        let name = message.pointer("/target/name").and_then(Value::as_str);
        let Some(executable) = message.get("executable").and_then(Value::as_str) else {
            continue;
        };
        let place = packages.iter().position(|package| Some(*package) == name);
        if let Some(slot) = place.and_then(|place| found.get_mut(place)) {
            *slot = Some(PathBuf::from(executable));
        }
    }
    let status = child.wait().context("waiting for cargo build")?;
    if !status.success() {
        bail!(
            "cargo build of {} failed; its messages are above",
            packages.join(", ")
        );
    }
    packages
        .iter()
        .zip(found)
        .map(|(package, path)| path.with_context(|| format!("{package} has no binary")))
        .collect()
}

/// Runs one end-to-end test for people: what it prints is shown. `size` is an environment variable
/// that makes it larger than in the suite.
pub(crate) fn end_to_end(file: &str, test: &str, size: (&str, u64)) -> anyhow::Result<ExitCode> {
    let status = cargo()
        .env(size.0, size.1.to_string())
        .args(["test", "--package", "e2e", "--test", file])
        .args([test, "--", "--nocapture"])
        .status()
        .context("starting cargo test")?;
    Ok(exit_code(status))
}

/// Success or failure, as a program that was run for people ended.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
