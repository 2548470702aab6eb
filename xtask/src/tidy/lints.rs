//! Every crate inherits the workspace's lint tables; one that does not escapes all of them.

use std::path::Path;

use super::Fault;
use super::imports::metadata;

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for package in metadata(root)? {
        let text = std::fs::read_to_string(&package.manifest)?;
        faults.extend(fault(&package.name, &text));
    }
    Ok(faults)
}

fn fault(name: &str, manifest: &str) -> Option<Fault> {
    let inherits = manifest
        .parse::<toml::Table>()
        .ok()
        .and_then(|table| table.get("lints")?.get("workspace")?.as_bool())
        .unwrap_or(false);
    (!inherits).then(|| format!("{name} lacks `[lints] workspace = true` in its Cargo.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_with_lints_of_its_own_is_a_fault() {
        assert_eq!(
            fault("a", "[package]\nname = \"a\"\n[lints]\nworkspace = true\n"),
            None
        );
        assert!(fault("a", "[package]\nname = \"a\"\n").is_some());
        assert!(fault("a", "[lints.clippy]\ntodo = \"allow\"\n").is_some());
    }
}
