//! The users of a test's NATS: those that `tillbook bootstrap` writes, and the test's own.
//!
//! Every process of a test connects as itself, so that a missing permission fails the test.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::tillbook::Tillbook;

/// The test's own user, who may do everything; also its password.
pub const TEST_USER: &str = "test";

/// The folder of the seeds, in the servers' folder.
pub(crate) const NKEYS: &str = "nkeys";

/// Writes the users and their seeds into `folder`; gives the server's configuration of them.
pub(crate) async fn write(folder: &Path) -> anyhow::Result<String> {
    let (file, nkeys) = (folder.join("tillbook-nats.conf"), folder.join(NKEYS));
    let (told_file, told_nkeys) = (file.to_string_lossy(), nkeys.to_string_lossy());
    let arguments = [
        "bootstrap",
        "--write-nats-config",
        &told_file,
        "--nkeys",
        &told_nkeys,
    ];
    // It asks for no configuration of Tillbook's, which is not written yet.
    let output = Tillbook::command(&folder.join("tillbook.toml"), &arguments, &[]).await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the users could not be written: {complaint}"
    );
    let text = std::fs::read_to_string(&file).context("reading the users")?;
    let first = "  users: [\n";
    ensure!(text.contains(first), "the configuration lists no users");
    let ours = format!("{first}    {{ user: {TEST_USER}, password: {TEST_USER} }}\n");
    Ok(text.replacen(first, &ours, 1))
}
