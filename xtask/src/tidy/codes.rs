//! Every reason code that an order can be held, refused or flagged with stands in `docs/reasons.md`.
//!
//! A code is found where it is written: after `code:`, `Reason::new(`, `fault(` and `flag(`. A row
//! of the page must name a code that some source still spells out. Not here: what the rows say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;

use super::{Fault, tree};

const PAGE: &str = "docs/reasons.md";
/// Where reasons are made.
const ROOTS: [&str; 3] = ["crates/domain/src", "crates/stage/src", "services"];
const MARKS: [&str; 4] = ["code:", "Reason::new(", "fault(", "flag("];

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let page = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let mut sources = BTreeMap::new();
    for file in tree::files(root, &["rs"])? {
        let name = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        let is_source = name.ends_with(".rs") && name.contains("/src/") && !name.contains("/tests");
        if is_source && ROOTS.iter().any(|root| name.starts_with(root)) {
            let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
            sources.insert(name, without_tests(&text).to_owned());
        }
    }
    Ok(faults(&sources, &page))
}

fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or_default()
}

fn faults(sources: &BTreeMap<String, String>, page: &str) -> Vec<Fault> {
    let rows = rows(page);
    let mut faults = Vec::new();
    let mut missing = BTreeSet::new();
    for (name, source) in sources {
        for code in codes(source) {
            if !rows.contains(code) && missing.insert(code.to_owned()) {
                faults.push(format!(
                    "{name} gives the reason `{code}`, which {PAGE} does not list: add a row that \
                     says what it means and what a bookkeeper can do"
                ));
            }
        }
    }
    for row in rows {
        let literal = format!("\"{row}\"");
        if !sources.values().any(|source| source.contains(&literal)) {
            faults.push(format!(
                "{PAGE} lists `{row}`, which no source gives any more: remove its row"
            ));
        }
    }
    faults
}

/// The first column of every table row, where it is code.
fn rows(page: &str) -> BTreeSet<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split('`').next())
        .collect()
}

fn codes(source: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for mark in MARKS {
        for (start, _) in source.match_indices(mark) {
            let rest = source
                .get(start + mark.len()..)
                .unwrap_or_default()
                .trim_start();
            let rest = rest.strip_prefix("findings,").unwrap_or(rest).trim_start();
            let Some(quoted) = rest.strip_prefix('"') else {
                continue;
            };
            let code = quoted.split('"').next().unwrap_or_default();
            let is_code = code.contains('_') || code.len() > 3;
            if is_code && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
                found.insert(code);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_row_and_a_row_without_a_code_are_faults() {
        let source = "held(Hold {\n code: \"sold_twice\", message })\n\
                      Reason::new(\n    \"far_away\", text)\n\
                      node.fault(\"too_old\", x); flag(\n findings,\n \"odd_day\", y)\n\
                      Reason::new(code, text)"
            .to_owned();
        let sources = BTreeMap::from([("services/a/src/lib.rs".to_owned(), source)]);
        let all = "| code |\n| `sold_twice` | x |\n| `far_away` | x |\n| `too_old` | x |\n| `odd_day` | x |\n";
        assert_eq!(faults(&sources, all), Vec::<String>::new());
        let short = all.replace("| `far_away` | x |\n", "| `long_gone` | x |\n");
        let found = faults(&sources, &short);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`far_away`") && found[0].contains("services/a/src/lib.rs"));
        assert!(found[1].contains("`long_gone`"));
    }
}
