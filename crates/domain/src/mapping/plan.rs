//! A checked mapping, ready to run.
//!
//! Plain data: `check` makes it, `evaluate` runs it.

use std::collections::BTreeMap;

use super::document::Test;
use super::path::{List, SourcePath};
use super::target::{Entity, TargetSpec};

/// A checked mapping, ready to run.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Client and invoice fields.
    pub(super) head: Vec<Rule>,
    pub(super) lines: Vec<Rows>,
    pub(super) payments: Vec<Rows>,
    pub(super) tables: Vec<BTreeMap<String, String>>,
}

/// Rows of one target list: one for each source row, or a single one.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) at: String,
    pub(super) list: Option<List>,
    pub(super) whens: Vec<Condition>,
    pub(super) rules: Vec<Rule>,
    /// The targets that have a rule, sound or not.
    pub(super) named: Vec<&'static str>,
}

/// How one target field is filled.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) at: String,
    pub(super) entity: Entity,
    pub(super) target: &'static TargetSpec,
    pub(super) value: Value,
    pub(super) required: bool,
    pub(super) whens: Vec<Condition>,
}

#[derive(Debug)]
pub(super) enum Value {
    Const(String),
    /// The first piece that is present.
    First(Vec<Piece>),
    /// All pieces that are present.
    Join(Vec<Piece>, String),
    Lookup {
        table: usize,
        keys: Vec<SourcePath>,
        on_missing: Fallback,
    },
}

#[derive(Debug)]
pub(super) struct Piece {
    pub(super) path: SourcePath,
    pub(super) before: String,
    pub(super) after: String,
}

#[derive(Debug)]
pub(super) enum Fallback {
    Error,
    Omit,
    Text(String),
    From(SourcePath),
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) path: SourcePath,
    pub(super) test: Test,
}
