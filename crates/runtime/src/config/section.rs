//! One table of the document: its faults, its sub-sections, its unknown keys.
//!
//! What single values look like is in `values.rs`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, KeyReference};

type Node<'a> = Spanned<DeValue<'a>>;

/// One table of the document, present or not.
pub(super) struct Section<'a> {
    pub(super) document: &'a Document<'a>,
    /// As in the reference: `connections.bigcommerce`.
    pub(super) name: String,
    /// As in faults: `connections[acme].bigcommerce`.
    label: String,
    table: Option<&'a DeTable<'a>>,
    line: Option<usize>,
    pub(super) known: Vec<String>,
}

impl<'a> Section<'a> {
    /// The whole document as a section without a name.
    pub(super) fn root(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Section {
            document,
            name: String::new(),
            label: String::new(),
            table: Some(table),
            line: None,
            known: Vec::new(),
        }
    }

    /// Whether the key is written in the file.
    pub(super) fn has(&self, key: &str) -> bool {
        self.node(key).is_some()
    }

    /// Names this section after the thing it describes, in faults.
    pub(super) fn relabel(&mut self, label: String) {
        self.label = label;
    }

    /// Reports a fault of the section as a whole.
    pub(super) fn fault(&self, what: impl Into<String>) {
        self.document.problem(self.line, self.label.clone(), what);
    }

    /// Reports a fault of one key.
    pub(super) fn fault_at(&self, key: &str, what: impl Into<String>) {
        let line = self
            .node(key)
            .map(|node| self.document.line(node.span()))
            .or(self.line);
        self.document.problem(line, self.dotted(key), what);
    }

    /// A table inside this one.
    pub(super) fn section(&mut self, key: &str) -> Section<'a> {
        self.known.push(key.to_owned());
        let node = self.node(key);
        let table = node.and_then(|node| node.get_ref().as_table());
        if table.is_none() && node.is_some() {
            self.fault_at(
                key,
                format!("must be a section: write [{}]", self.path(key)),
            );
        }
        Section {
            document: self.document,
            name: self.path(key),
            label: self.dotted(key),
            table,
            line: node.map(|node| self.document.line(node.span())),
            known: Vec::new(),
        }
    }

    /// The tables of an array of tables, with an absent one when there is none.
    pub(super) fn sections(&mut self, key: &str) -> Vec<Section<'a>> {
        self.known.push(key.to_owned());
        let node = self.node(key);
        let array = node.and_then(|node| node.get_ref().as_array());
        if array.is_none() && node.is_some() {
            self.fault_at(
                key,
                format!("must be a list of sections: write [[{}]]", self.path(key)),
            );
        }
        let tables = array.into_iter().flat_map(|array| array.iter()).enumerate();
        tables
            .filter_map(|(index, node)| {
                let table = node.get_ref().as_table();
                if table.is_none() {
                    self.fault_at(key, "must hold sections only");
                }
                Some(Section {
                    document: self.document,
                    name: self.path(key),
                    label: format!("{}[{}]", self.dotted(key), index + 1),
                    table: Some(table?),
                    line: Some(self.document.line(node.span())),
                    known: Vec::new(),
                })
            })
            .collect()
    }

    /// A section that is not in the document, to read defaults from.
    pub(super) fn absent(&self, key: &str) -> Section<'a> {
        Section {
            document: self.document,
            name: self.path(key),
            label: self.dotted(key),
            table: None,
            line: None,
            known: Vec::new(),
        }
    }

    /// A table whose keys are somebody else's business.
    pub(super) fn raw(&mut self, key: &str, about: &str) -> Option<&'a DeTable<'a>> {
        self.describe(key, "section", "empty", about);
        let node = self.node(key)?;
        let table = node.get_ref().as_table();
        if table.is_none() {
            self.fault_at(
                key,
                format!("must be a section: write [{}]", self.path(key)),
            );
        }
        table
    }

    /// Reports every key that nobody asked for, with the nearest one known.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        for (key, _) in table {
            let name = key.get_ref();
            if self.known.iter().any(|known| known == name) {
                continue;
            }
            let line = Some(self.document.line(key.span()));
            let what = match nearest(name, &self.known) {
                Some(near) => format!("unknown key; did you mean {near}?"),
                None => format!("unknown key; known here are {}", self.known.join(", ")),
            };
            self.document.problem(line, self.dotted(name), what);
        }
    }

    /// Notes a key as known, for the reference and for unknown ones.
    pub(super) fn describe(&mut self, key: &str, kind: &str, default: &str, about: &str) {
        self.known.push(key.to_owned());
        let reference = KeyReference {
            section: self.name.clone(),
            key: key.to_owned(),
            kind: kind.to_owned(),
            default: default.to_owned(),
            about: about.to_owned(),
        };
        let mut keys = self.document.keys.borrow_mut();
        if !keys.contains(&reference) {
            keys.push(reference);
        }
    }

    pub(super) fn node(&self, key: &str) -> Option<&'a Node<'a>> {
        self.table?.get(key)
    }

    fn path(&self, key: &str) -> String {
        join(&self.name, key)
    }

    fn dotted(&self, key: &str) -> String {
        join(&self.label, key)
    }
}

fn join(head: &str, key: &str) -> String {
    if head.is_empty() {
        key.to_owned()
    } else {
        format!("{head}.{key}")
    }
}

/// The known key most like `name`, if any is alike at all.
fn nearest<'k>(name: &str, known: &'k [String]) -> Option<&'k str> {
    let distance = |key: &str| strsim::damerau_levenshtein(name, key);
    let best = known.iter().min_by_key(|key| distance(key))?;
    // A third of the letters may differ; beyond that a guess only misleads.
    (distance(best) <= name.chars().count().max(3) / 3 + 1).then_some(best.as_str())
}
