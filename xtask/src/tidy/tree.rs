//! The files of the workspace that people write.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders that hold what was built, fetched or run.
const SKIPPED: [&str; 5] = [
    "target",
    "node_modules",
    "tillbook-data",
    ".tillbook",
    ".tools",
];

/// Every file under `root` with one of the extensions, in a stable order.
pub(crate) fn files(root: &Path, extensions: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("reading the folder {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let kind = entry.file_type()?;
            if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
                folders.push(entry.path());
            }
            let path = entry.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if kind.is_file() && extension.is_some_and(|e| extensions.contains(&e)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The path as people name it: from the root of the workspace.
pub(crate) fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
