//! One TOML document: its text, the faults found in it, the keys asked for.
//!
//! Each key is named in one place, with its default, its bounds and a sentence
//! for people. What was asked for is the list of known keys: it finds unknown
//! ones, suggests the nearest, and is the reference in `docs/configuration.md`.
//! Faults are collected, not returned, so that one run reports them all; a value
//! read beside a fault is a stand-in that is thrown away with the rest.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use super::error::Problem;
use super::section::Section;

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One key of the configuration, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReference {
    /// The section, as written in brackets; empty at the top of the file.
    pub section: String,
    /// The key.
    pub key: String,
    /// What kind of value, with bounds.
    pub kind: String,
    /// What holds when the key is absent, or `required`.
    pub default: String,
    /// What it is for.
    pub about: String,
}

/// What all sections of one document share.
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) base: &'a Path,
    pub(super) environment: Environment<'a>,
    problems: RefCell<Vec<Problem>>,
    pub(super) keys: RefCell<Vec<KeyReference>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str, base: &'a Path, environment: Environment<'a>) -> Self {
        Self {
            text,
            base,
            environment,
            problems: RefCell::default(),
            keys: RefCell::default(),
        }
    }

    /// The whole document as a section without a name.
    pub(super) fn root(&'a self, table: &'a DeTable<'a>) -> Section<'a> {
        Section::root(self, table)
    }

    pub(super) fn problem(&self, line: Option<usize>, key: String, what: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            line,
            key,
            what: what.into(),
        });
    }

    /// The line that a byte offset lies on, from 1.
    pub(super) fn line(&self, span: Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// The faults in the order of the file, and the keys in the order asked.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<KeyReference>) {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        (problems, self.keys.into_inner())
    }
}
