//! A block of keys with its place, and single values of good form.
//!
//! Each reader reports what has the wrong form and where. Not here: which keys belong where.

use super::fault::{FaultCode, Faults, nearest};
use super::node::Node;

/// Longest name of a mapping, part, table or row, characters.
pub(super) const MAX_NAME_CHARS: usize = 100;
/// Longest single text, characters.
const MAX_TEXT_CHARS: usize = 4_000;

/// A block of keys, with its place.
pub(super) struct Block<'a> {
    pub(super) pairs: &'a [(String, Node)],
    pub(super) path: String,
}

impl<'a> Block<'a> {
    /// Reports a node that is no block, and every key that is not allowed.
    pub(super) fn open(
        node: &'a Node,
        path: &str,
        allowed: &[&str],
        faults: &mut Faults,
    ) -> Option<Self> {
        let Node::Map(pairs) = node else {
            wrong_form(path, node, "a block of keys", faults);
            return None;
        };
        let block = Self {
            pairs,
            path: path.to_owned(),
        };
        for (key, _) in pairs
            .iter()
            .filter(|(key, _)| !allowed.contains(&key.as_str()))
        {
            let hint = nearest(key, allowed.iter().copied());
            let message = format!(
                "The key \"{key}\" is unknown here.{hint} Known: {}.",
                allowed.join(", ")
            );
            faults.add(FaultCode::UnknownKey, &block.at(key), message);
        }
        Some(block)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.pairs
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, node)| node)
    }

    pub(super) fn at(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Reports keys that are known, but not beside the others.
    pub(super) fn only(&self, known: &[&str], allowed: &[&str], what: &str, faults: &mut Faults) {
        for (key, _) in self.pairs {
            if known.contains(&key.as_str()) && !allowed.contains(&key.as_str()) {
                let message = format!("The key \"{key}\" does not belong to {what}. Remove it.");
                faults.add(FaultCode::UnknownKey, &self.at(key), message);
            }
        }
    }

    pub(super) fn missing(&self, key: &str, faults: &mut Faults) {
        let message = format!("The key \"{key}\" is missing. Add it.");
        faults.add(FaultCode::MissingKey, &self.at(key), message);
    }

    pub(super) fn text(&self, key: &str, faults: &mut Faults) -> Option<String> {
        text_of(self.get(key)?, &self.at(key), faults)
    }

    pub(super) fn required_text(&self, key: &str, faults: &mut Faults) -> Option<String> {
        if self.get(key).is_none() {
            self.missing(key, faults);
        }
        self.text(key, faults)
    }

    pub(super) fn name(&self, key: &str, faults: &mut Faults) -> Option<String> {
        let name = self.required_text(key, faults)?;
        if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS {
            let message =
                format!("A name has 1 to {MAX_NAME_CHARS} characters. Choose another one.");
            faults.add(FaultCode::WrongForm, &self.at(key), message);
        }
        Some(name)
    }

    pub(super) fn exactly(&self, key: &str, wanted: &str, code: FaultCode, faults: &mut Faults) {
        if self.get(key).is_none() {
            return self.missing(key, faults);
        }
        let Some(found) = self.text(key, faults) else {
            return;
        };
        if found != wanted {
            let message =
                format!("\"{found}\" is unknown to this version of Tillbook. Write \"{wanted}\".");
            faults.add(code, &self.at(key), message);
        }
    }
}

pub(super) fn wrong_form(at: &str, node: &Node, wanted: &str, faults: &mut Faults) {
    let message = format!("Found {}, but {wanted} belongs here.", node.form());
    faults.add(FaultCode::WrongForm, at, message);
}

pub(super) fn flag(node: &Node, at: &str, faults: &mut Faults) -> bool {
    if let Node::Bool(value) = node {
        return *value;
    }
    wrong_form(at, node, "true or false", faults);
    false
}

pub(super) fn text_of(node: &Node, at: &str, faults: &mut Faults) -> Option<String> {
    let Node::Text(text) = node else {
        wrong_form(at, node, "a text", faults);
        return None;
    };
    if text.chars().count() > MAX_TEXT_CHARS {
        let message = format!("The text is longer than {MAX_TEXT_CHARS} characters. Shorten it.");
        faults.add(FaultCode::TooLarge, at, message);
        return None;
    }
    Some(text.clone())
}

/// A text, whole number or yes/no value as text. Numbers with a point must be in quotes, so that
/// no reader of YAML can change their last digits.
pub(super) fn scalar(node: &Node, at: &str, faults: &mut Faults) -> Option<String> {
    match node {
        Node::Integer(value) => Some(value.to_string()),
        Node::Bool(value) => Some(value.to_string()),
        Node::Fraction(text) => {
            let message = format!(
                "The number {text} is not in quotes, so its digits are not sure. Write \"{text}\"."
            );
            faults.add(FaultCode::WrongForm, at, message);
            None
        }
        node => text_of(node, at, faults),
    }
}
