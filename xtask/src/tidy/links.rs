//! Links inside our documents lead somewhere.
//!
//! Addresses on the web are not fetched: a test must not need a network.

use std::path::Path;

use super::{Fault, tree};

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for path in tree::files(root, &["md"])? {
        let text = std::fs::read_to_string(&path)?;
        for target in targets(&text) {
            if let Some(reason) = broken(root, &path, &text, &target) {
                faults.push(format!("{}: {target} {reason}", tree::shown(root, &path)));
            }
        }
    }
    Ok(faults)
}

/// Why a link leads nowhere, if it does.
fn broken(root: &Path, page: &Path, text: &str, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let other;
    let text = if file.is_empty() {
        text
    } else {
        if file.starts_with('/') {
            return Some("is an absolute path");
        }
        let linked = page.parent()?.join(file);
        let Ok(linked) = linked.canonicalize() else {
            return Some("does not exist");
        };
        if !linked.starts_with(root.canonicalize().ok()?) {
            return Some("leaves the repository");
        }
        if anchor.is_empty() || linked.extension().is_none_or(|extension| extension != "md") {
            return None;
        }
        other = std::fs::read_to_string(linked).ok()?;
        &other
    };
    let known = anchor.is_empty() || anchors(text).iter().any(|known| known == anchor);
    (!known).then_some("names no heading there")
}

/// The targets of `[text](target)`, outside of code.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let without_code: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let mut rest = without_code.as_str();
        while let Some(start) = rest.find("](") {
            rest = rest.get(start + 2..).unwrap_or_default();
            let end = rest.find(')').unwrap_or(rest.len());
            let inside = rest.get(..end).unwrap_or_default();
            // A title may follow the target.
            found.extend(inside.split_whitespace().next().map(str::to_owned));
        }
    }
    found
}

/// The lines that are not inside a fenced block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The anchors of the headings, as the usual renderers make them.
fn anchors(text: &str) -> Vec<String> {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_page(text: &str) -> Vec<Fault> {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("other.md"), "# The `other` page\n").unwrap();
        std::fs::write(root.path().join("page.md"), text).unwrap();
        check(root.path()).unwrap()
    }

    #[test]
    fn good_links_pass() {
        let text = "# Here\n[a](other.md) [b](other.md#the-other-page \"title\") [c](#here)\n\
                    [d](https://example.com/x) `[e](nowhere.md)`\n```\n[f](nowhere.md)\n```\n";
        assert_eq!(check_page(text), Vec::<Fault>::new());
    }

    #[test]
    fn a_planted_dead_link_is_a_fault() {
        for dead in [
            "nowhere.md",
            "other.md#nothing",
            "#nothing",
            "/etc/passwd",
            "../../x",
        ] {
            assert_eq!(
                check_page(&format!("see [it]({dead})\n")).len(),
                1,
                "{dead}"
            );
        }
    }
}
