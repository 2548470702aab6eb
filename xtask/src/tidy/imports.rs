//! The import table of the design, kept true through `cargo metadata`.
//!
//! Dependencies are compared as declared, so also those that no code uses yet. Tests of a crate
//! (dev-dependencies) may also use what stands under `tests/`, except those of the sandbox.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use super::Fault;
use crate::build::cargo;

const CRATES: [&str; 8] = [
    "ambient",
    "domain",
    "contracts",
    "connect",
    "store",
    "runtime",
    "stage",
    "prove",
];
const SERVICES: [&str; 8] = [
    "ingest",
    "validate",
    "transform",
    "lookup",
    "deliver",
    "monitor",
    "replay",
    "runs",
];
const TEST_TOOLS: [&str; 3] = ["sandbox", "servers", "testkit"];

/// A crate of ours and what it declares.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    /// Ours alone: names of workspace members.
    imports: BTreeSet<String>,
    test_imports: BTreeSet<String>,
}

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    Ok(metadata(root)?.iter().flat_map(faults).collect())
}

/// What a crate may import; `None` for a crate the table does not know.
fn allowed(name: &str) -> Option<Vec<&'static str>> {
    Some(match name {
        "ambient" | "domain" | "sandbox" | "servers" => Vec::new(),
        "runtime" => vec!["ambient"],
        "contracts" => vec!["domain"],
        "connect" => vec!["domain", "ambient"],
        // Two more than the design: the trait of the token source lives in connect, and one place
        // decides what a vendor's failure means for a message. See docs/adr/0001-the-house.md.
        "store" => vec!["domain", "contracts", "connect", "ambient"],
        "stage" => vec!["contracts", "runtime", "connect", "ambient"],
        // A proof that shared the ledger or the accounting could not find their faults.
        "prove" => vec!["connect", "domain"],
        _ if SERVICES.contains(&name) => CRATES.to_vec(),
        "tillbook" => [CRATES.as_slice(), &SERVICES].concat(),
        "testkit" => [CRATES.as_slice(), &["sandbox", "servers"]].concat(),
        "e2e" => [CRATES.as_slice(), &SERVICES, &TEST_TOOLS, &["tillbook"]].concat(),
        "bench" => [CRATES.as_slice(), &SERVICES, &TEST_TOOLS].concat(),
        "corpus" => vec!["domain", "sandbox"],
        "fuzz" => [CRATES.as_slice(), &SERVICES, &["sandbox", "corpus"]].concat(),
        "witness" => vec!["contracts"],
        "simulation" => [CRATES.as_slice(), &["lookup", "deliver", "sandbox"]].concat(),
        "xtask" => vec!["servers"],
        _ => return None,
    })
}

fn faults(package: &Package) -> Vec<Fault> {
    let name = &package.name;
    let Some(allowed) = allowed(name) else {
        return vec![format!(
            "{name} has no row in the table of xtask/src/tidy/imports.rs"
        )];
    };
    let mut faults = Vec::new();
    for import in package
        .imports
        .iter()
        .filter(|import| !allowed.contains(&import.as_str()))
    {
        faults.push(format!(
            "{name} must not import {import}; see the import table in ARCHITECTURE.md"
        ));
    }
    for import in &package.test_imports {
        // A bucket under test is made by the one bootstrap there is.
        let bootstrap = name == "store" && import == "stage";
        let tool = bootstrap
            || TEST_TOOLS.contains(&import.as_str()) && name != "sandbox" && name != "domain";
        if !allowed.contains(&import.as_str()) && !tool && import != name {
            faults.push(format!("the tests of {name} must not import {import}"));
        }
    }
    let folder = package.manifest.parent().and_then(Path::file_name);
    if folder.is_none_or(|folder| folder.to_string_lossy() != *name) {
        faults.push(format!("{name} lives in a folder of another name"));
    }
    faults
}

/// The members of the workspace, from cargo itself.
pub(crate) fn metadata(root: &Path) -> anyhow::Result<Vec<Package>> {
    let output = cargo()
        .current_dir(root)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .output()
        .context("starting cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    parse(&serde_json::from_slice(&output.stdout).context("reading cargo metadata")?)
}

fn parse(metadata: &Value) -> anyhow::Result<Vec<Package>> {
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("no packages")?;
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .with_context(|| key.to_owned())
    };
    packages
        .iter()
        .map(|package| {
            let mut imports = BTreeSet::new();
            let mut test_imports = BTreeSet::new();
            let all = package.get("dependencies").and_then(Value::as_array);
            // A dependency with a path is one of ours; the others come from a registry.
            for dependency in all
                .into_iter()
                .flatten()
                .filter(|d| d.get("path").is_some())
            {
                let dev = dependency.get("kind").and_then(Value::as_str) == Some("dev");
                let set = if dev { &mut test_imports } else { &mut imports };
                set.insert(text(dependency, "name")?);
            }
            Ok(Package {
                name: text(package, "name")?,
                manifest: text(package, "manifest_path")?.into(),
                imports,
                test_imports,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_one(name: &str, dependencies: &Value) -> Vec<Fault> {
        let metadata = json!({ "packages": [{
            "name": name,
            "manifest_path": format!("/house/{name}/Cargo.toml"),
            "dependencies": dependencies,
        }]});
        parse(&metadata).unwrap().iter().flat_map(faults).collect()
    }

    #[test]
    fn a_service_that_imports_a_sibling_is_a_fault() {
        let faults = check_one(
            "deliver",
            &json!([{ "name": "lookup", "path": "/x", "kind": null }]),
        );
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn a_pure_crate_that_imports_one_of_ours_is_a_fault() {
        let planted = json!([{ "name": "contracts", "path": "/x", "kind": null }]);
        assert_eq!(check_one("domain", &planted).len(), 1);
        assert_eq!(check_one("runtime", &planted).len(), 1);
    }

    #[test]
    fn of_the_shared_crates_only_store_and_stage_see_the_vendors_clients() {
        let planted = json!([{ "name": "connect", "path": "/x", "kind": null }]);
        for name in ["store", "stage"] {
            assert!(check_one(name, &planted).is_empty(), "{name}");
        }
        for name in ["domain", "contracts", "runtime"] {
            assert_eq!(check_one(name, &planted).len(), 1, "{name}");
        }
    }

    #[test]
    fn the_sandbox_shares_nothing_with_connect_not_even_in_tests() {
        let planted = json!([{ "name": "connect", "path": "/x", "kind": "dev" }]);
        assert_eq!(check_one("sandbox", &planted).len(), 1);
    }

    #[test]
    fn test_tools_are_for_tests() {
        let in_test = json!([{ "name": "testkit", "path": "/x", "kind": "dev" }]);
        let in_code = json!([{ "name": "testkit", "path": "/x", "kind": null }]);
        assert!(check_one("deliver", &in_test).is_empty());
        assert_eq!(check_one("deliver", &in_code).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_a_fault_and_registry_crates_are_not_ours() {
        assert_eq!(check_one("common", &json!([])).len(), 1);
        assert!(check_one("domain", &json!([{ "name": "serde", "kind": null }])).is_empty());
    }
}
