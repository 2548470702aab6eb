//! Every dependency has its reason written down, and no reason outlives its dependency.
//!
//! Compares `[workspace.dependencies]` with `docs/dependencies.md`. Not here: whether any crate
//! uses the dependency.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::Fault;

const PAGE: &str = "docs/dependencies.md";

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let read = |name: &str| {
        std::fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"))
    };
    faults(&read("Cargo.toml")?, &read(PAGE)?)
}

fn faults(manifest: &str, page: &str) -> anyhow::Result<Vec<Fault>> {
    let entries = entries(manifest)?;
    let mut told = BTreeSet::new();
    let mut faults = Vec::new();
    for (name, reason) in page.lines().filter_map(line) {
        if reason.is_empty() {
            faults.push(format!("{PAGE} gives no reason for {name}; write it"));
        }
        if !entries.contains(name) {
            faults.push(format!(
                "{PAGE} tells of {name}, which Cargo.toml does not list; remove the line"
            ));
        }
        if !told.insert(name) {
            faults.push(format!("{PAGE} tells of {name} twice; keep one line"));
        }
    }
    for name in entries.iter().filter(|name| !told.contains(name.as_str())) {
        faults.push(format!(
            "{name} has no line in {PAGE}; add \"- `{name}`: \" and what it is there for"
        ));
    }
    Ok(faults)
}

/// The names under `[workspace.dependencies]`.
fn entries(manifest: &str) -> anyhow::Result<BTreeSet<String>> {
    let manifest: toml::Table = manifest.parse().context("reading the root Cargo.toml")?;
    let entries = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies")?.as_table())
        .context("the root Cargo.toml has no [workspace.dependencies]")?;
    Ok(entries.keys().cloned().collect())
}

/// The name and the reason in a line such as ``- `serde`: types to and from JSON``.
fn line(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix("- `")?.split_once('`')?;
    Some((name, rest.strip_prefix(':').unwrap_or_default().trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.dependencies]\nserde = \"1\"\nours = { path = \"ours\" }\n";

    fn found(page: &str) -> Vec<Fault> {
        faults(MANIFEST, page).unwrap()
    }

    #[test]
    fn a_line_for_every_entry_is_enough() {
        let page = "# Reasons\n\nText.\n\n- `serde`: types to and from JSON.\n- `ours`: ours.\n";
        assert_eq!(found(page), Vec::<Fault>::new());
    }

    #[test]
    fn each_planted_gap_is_found() {
        for (page, said) in [
            ("- `serde`: JSON.\n", "ours has no line"),
            ("- `serde`: JSON.\n- `ours`:\n", "no reason for ours"),
            ("- `serde`: JSON.\n- `ours`\n", "no reason for ours"),
            (
                "- `serde`: a.\n- `ours`: b.\n- `gone`: c.\n",
                "tells of gone",
            ),
            ("- `serde`: a.\n- `ours`: b.\n- `ours`: c.\n", "ours twice"),
        ] {
            let faults = found(page);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains(said), "{faults:?}");
        }
    }

    #[test]
    fn a_manifest_without_the_table_is_an_error_and_not_a_clean_house() {
        assert!(faults("[workspace]\n", "").is_err());
    }
}
