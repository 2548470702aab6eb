//! Small rooms: a file that nobody can read at once is two files.

use std::path::Path;

use super::{Fault, tree};

const LINES_MAX: usize = 500;

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for path in tree::files(root, &["rs", "proto", "py", "ts", "tsx"])? {
        let text = std::fs::read_to_string(&path)?;
        faults.extend(fault(&tree::shown(root, &path), &text));
    }
    Ok(faults)
}

fn fault(name: &str, text: &str) -> Option<Fault> {
    let lines = text.lines().count();
    (lines > LINES_MAX)
        .then(|| format!("{name} has {lines} lines; split it, {LINES_MAX} is the most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_one_line_too_many_is_a_fault() {
        assert_eq!(fault("a.rs", &"x\n".repeat(LINES_MAX)), None);
        assert!(fault("a.rs", &"x\n".repeat(LINES_MAX + 1)).is_some());
    }
}
