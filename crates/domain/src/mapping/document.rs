//! The form of a mapping document: which keys stand where and what form their values have.
//!
//! Every fault of form is found in one go. Not here: whether paths, targets, tables and parts
//! exist and fit; see `check`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::block::{Block, MAX_NAME_CHARS, scalar, wrong_form};
use super::fault::{FaultCode, Faults};
use super::item::items;
use super::node::Node;

pub(super) const FORMAT: &str = "mapping/1";
pub(super) const SOURCE: &str = "bigcommerce.order@v2";
pub(super) const TARGET: &str = "freshbooks.books@accounting";

/// A document of good form.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) items: Vec<Item>,
    pub(super) parts: BTreeMap<String, Vec<Item>>,
    /// Keys in lower case.
    pub(super) lookups: BTreeMap<String, BTreeMap<String, String>>,
    /// Reserved: how many checks the document asks for.
    pub(super) checks: usize,
}

/// One entry of a `fields` list.
#[derive(Debug)]
pub(super) struct Item {
    /// Where in the document.
    pub(super) at: String,
    pub(super) when: Option<When>,
    pub(super) kind: ItemKind,
}

#[derive(Debug)]
pub(super) enum ItemKind {
    Field {
        to: String,
        value: ValueForm,
        required: bool,
    },
    Each {
        to: String,
        list: String,
        alias: String,
        rows: Vec<Item>,
    },
    Append {
        to: String,
        rows: Vec<Item>,
    },
    Use {
        part: String,
    },
}

#[derive(Debug)]
pub(super) enum ValueForm {
    Const(String),
    From {
        pieces: Vec<PieceForm>,
        join: Option<String>,
    },
    Lookup {
        table: String,
        keys: Vec<String>,
        on_missing: OnMissing,
    },
    /// Reserved for the expression language.
    Expr,
}

#[derive(Debug)]
pub(super) struct PieceForm {
    pub(super) path: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// What a look-up does with a key that is in no row.
#[derive(Clone, Debug)]
pub(super) enum OnMissing {
    Error,
    Omit,
    Text(String),
    From(String),
}

/// A condition.
#[derive(Debug)]
pub(super) enum When {
    Closed {
        path: String,
        test: Test,
    },
    /// Reserved for the expression language.
    Expr,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Present,
    Absent,
    Equals(String),
    NotEquals(String),
    GreaterThan(Decimal),
}

const TOP_KEYS: &[&str] = &[
    "format",
    "name",
    "version",
    "source",
    "target",
    "description",
    "fields",
    "parts",
    "lookups",
    "checks",
];
/// Reads the form; what could be read is returned even with faults, so that checks of meaning
/// can report theirs in the same go.
pub(super) fn read(node: &Node, faults: &mut Faults) -> Document {
    let mut document = Document::default();
    let Some(top) = Block::open(node, "", TOP_KEYS, faults) else {
        return document;
    };
    top.exactly("format", FORMAT, FaultCode::UnknownFormat, faults);
    top.exactly("source", SOURCE, FaultCode::WrongSystem, faults);
    top.exactly("target", TARGET, FaultCode::WrongSystem, faults);
    document.name = top.name("name", faults).unwrap_or_default();
    if top.get("description").is_some() {
        top.text("description", faults);
    }
    document.version = version(&top, faults);
    match top.get("fields") {
        Some(fields) => document.items = items(fields, "fields", faults),
        None => top.missing("fields", faults),
    }
    document.parts = named(&top, "parts", faults, items);
    document.lookups = named(&top, "lookups", faults, table);
    if let Some(checks) = top.get("checks") {
        document.checks = if let Node::List(list) = checks {
            list.len().max(1)
        } else {
            1
        };
    }
    document
}

fn version(top: &Block<'_>, faults: &mut Faults) -> u32 {
    match top.get("version") {
        None => top.missing("version", faults),
        Some(Node::Integer(value)) if *value >= 1 => {
            if let Ok(version) = u32::try_from(*value) {
                return version;
            }
            faults.add(
                FaultCode::BadVersion,
                "version",
                "The version is too large. Count up from 1.",
            );
        }
        Some(_) => faults.add(
            FaultCode::BadVersion,
            "version",
            "The version must be a whole number from 1. Start with 1 and add 1 with each change.",
        ),
    }
    0
}

fn named<T>(
    top: &Block<'_>,
    key: &str,
    faults: &mut Faults,
    read: impl Fn(&Node, &str, &mut Faults) -> T,
) -> BTreeMap<String, T> {
    let Some(node) = top.get(key) else {
        return BTreeMap::new();
    };
    let Node::Map(pairs) = node else {
        wrong_form(key, node, "a block of names", faults);
        return BTreeMap::new();
    };
    pairs
        .iter()
        .map(|(name, value)| {
            let at = format!("{key}.{name}");
            if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS {
                let message = format!(
                    "A name here has 1 to {MAX_NAME_CHARS} characters. Choose another one."
                );
                faults.add(FaultCode::WrongForm, &at, message);
            }
            (name.clone(), read(value, &at, faults))
        })
        .collect()
}

fn table(node: &Node, at: &str, faults: &mut Faults) -> BTreeMap<String, String> {
    let Node::Map(pairs) = node else {
        wrong_form(at, node, "a block of rows, each \"found: written\"", faults);
        return BTreeMap::new();
    };
    let mut rows = BTreeMap::new();
    for (key, value) in pairs {
        let row = format!("{at}.{key}");
        if let Some(text) = scalar(value, &row, faults)
            && rows.insert(key.trim().to_lowercase(), text).is_some()
        {
            let message = format!(
                "The row \"{key}\" stands twice; upper and lower case are the same. Remove one."
            );
            faults.add(FaultCode::WrongForm, &row, message);
        }
    }
    rows
}
