//! House rules that neither the compiler nor clippy knows, each a room of its own.
//!
//! They run as unit tests of this crate and in `cargo xtask test`. Every rule is a function from
//! what it looks at to the faults it finds, so that a test can plant a violation.

mod breaking;
mod codes;
mod imports;
mod links;
mod lints;
mod protos;
mod reasons;
mod sizes;
mod tree;
mod words;

use std::path::Path;

use anyhow::bail;

pub(crate) use self::protos::{compile, released_file};

/// What is wrong and where, in one line with its remedy.
pub(crate) type Fault = String;

type Rule = fn(&Path) -> anyhow::Result<Vec<Fault>>;

const RULES: [(&str, Rule); 9] = [
    ("import table", imports::check),
    ("lint tables inherited", lints::check),
    ("file sizes", sizes::check),
    ("unfinished code", words::check),
    ("links in documents", links::check),
    ("reasons of dependencies", reasons::check),
    ("reason codes", codes::check),
    ("proto style", protos::check),
    ("proto compatibility", breaking::check),
];

/// Every rule over the workspace; all faults are reported at once.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for (name, rule) in RULES {
        faults.extend(
            rule(root)?
                .into_iter()
                .map(|fault| format!("{name}: {fault}")),
        );
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!(
        "{} against the house rules:\n  {}",
        faults.len(),
        faults.join("\n  ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::workspace;

    fn keeps(rule: Rule) {
        assert_eq!(rule(workspace()).unwrap(), Vec::<Fault>::new());
    }

    #[test]
    fn the_import_table_is_kept() {
        keeps(imports::check);
    }

    #[test]
    fn every_reason_code_is_listed_once() {
        keeps(codes::check);
    }

    #[test]
    fn every_crate_inherits_the_lint_tables() {
        keeps(lints::check);
    }

    #[test]
    fn no_file_is_too_long() {
        keeps(sizes::check);
    }

    #[test]
    fn no_code_is_left_unfinished() {
        keeps(words::check);
    }

    #[test]
    fn every_link_in_the_documents_resolves() {
        keeps(links::check);
    }

    #[test]
    fn every_dependency_has_its_reason() {
        keeps(reasons::check);
    }

    #[test]
    fn contracts_keep_the_style() {
        keeps(protos::check);
    }

    #[test]
    fn contracts_keep_what_was_released() {
        keeps(breaking::check);
    }
}
