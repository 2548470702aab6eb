//! Words that mark code as unfinished.

use std::path::Path;

use super::{Fault, tree};

/// Written in two halves, so that this file does not find itself.
const MARKS: [&str; 4] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for path in tree::files(root, &["rs", "proto", "toml"])? {
        let text = std::fs::read_to_string(&path)?;
        faults.extend(find(&tree::shown(root, &path), &text));
    }
    Ok(faults)
}

fn find(name: &str, text: &str) -> Vec<Fault> {
    let marked = |line: &str| MARKS.into_iter().find(|mark| line.contains(mark));
    text.lines()
        .zip(1_u32..)
        .filter_map(|(line, number)| Some((marked(line)?, number)))
        .map(|(mark, number)| format!("{name}:{number} says {mark}; finish it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_mark_is_found_with_its_line() {
        for mark in MARKS {
            let text = format!("fn a() {{\n    {mark}\n}}\n");
            assert_eq!(find("a.rs", &text).len(), 1);
            assert!(find("a.rs", &text)[0].starts_with("a.rs:2 "));
        }
        assert!(find("a.rs", "fn done() {}").is_empty());
    }
}
