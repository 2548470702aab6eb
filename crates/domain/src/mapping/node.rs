//! A document as a tree, from YAML or JSON alike, and its hash.
//!
//! Reading is bounded in bytes, depth and nodes, so that aliases cannot blow a small text up.
//! Not here: what the keys mean.

use std::cell::Cell;
use std::fmt::{self, Write as _};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};

use super::fault::{FaultCode, Faults};

/// Longest document, bytes.
pub(super) const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 12;
/// Most values, keys not counted.
const MAX_NODES: usize = 20_000;
/// The key under which serde_json hands over a number's text (feature `arbitrary_precision`).
const JSON_NUMBER: &str = "$serde_json::private::Number";

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i128),
    /// A number with a point or an exponent, as text; never computed with.
    Fraction(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the document; no key twice.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// What it is, for a message.
    pub(super) fn form(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a yes/no value",
            Self::Integer(_) | Self::Fraction(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a block of keys",
        }
    }
}

/// Reads YAML or JSON. A text that starts with `{` is read as JSON first, since YAML refuses some
/// JSON escapes.
pub(super) fn parse(text: &str) -> Result<Node, Faults> {
    let mut faults = Faults::default();
    if text.len() > MAX_DOCUMENT_BYTES {
        let message = format!(
            "The document has {} bytes; a mapping may have {MAX_DOCUMENT_BYTES}. Shorten its tables or \
             share rules through parts.",
            text.len()
        );
        faults.add(FaultCode::TooLarge, "", message);
        return Err(faults);
    }
    let budget = Budget::new();
    if text.trim_start().starts_with('{') {
        let mut json = serde_json::Deserializer::from_str(text);
        if let Ok(node) = budget.seed().deserialize(&mut json)
            && json.end().is_ok()
        {
            return Ok(node);
        }
    }
    let budget = Budget::new();
    budget
        .seed()
        .deserialize(serde_yaml_ng::Deserializer::from_str(text))
        .map_err(|error| {
            let code = if budget.spent() {
                FaultCode::TooLarge
            } else {
                FaultCode::Syntax
            };
            let message = format!(
                "The document cannot be read as YAML or JSON: {error}. Correct that place."
            );
            faults.add(code, "", message);
            faults
        })
}

/// SHA-256, hex, of the tree in a canonical form: sorted keys, no spaces. The YAML and the JSON
/// form of one document have the same hash; a comment or a new line does not change it.
pub(super) fn hash(node: &Node) -> String {
    let mut canonical = String::new();
    write_canonical(node, &mut canonical);
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(canonical.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn write_canonical(node: &Node, out: &mut String) {
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Integer(value) => out.push_str(&value.to_string()),
        Node::Fraction(text) => out.push_str(text),
        Node::Text(text) => write_text(text, out),
        Node::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Node::Map(pairs) => {
            let mut sorted: Vec<_> = pairs.iter().collect();
            sorted.sort_by(|left, right| left.0.cmp(&right.0));
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// What is left of the bounds, shared by all values of one document.
struct Budget {
    nodes_left: Cell<usize>,
    spent: Cell<bool>,
}

impl Budget {
    fn new() -> Self {
        Self {
            nodes_left: Cell::new(MAX_NODES),
            spent: Cell::new(false),
        }
    }

    fn seed(&self) -> NodeSeed<'_> {
        NodeSeed {
            budget: self,
            depth: 0,
        }
    }

    fn spent(&self) -> bool {
        self.spent.get()
    }

    fn refuse<E: de::Error>(&self, what: &str, limit: usize) -> E {
        self.spent.set(true);
        E::custom(format_args!("it has more than {limit} {what}"))
    }
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    budget: &'a Budget,
    depth: usize,
}

impl NodeSeed<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.budget.refuse("levels of nesting", MAX_DEPTH));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let left = self.budget.nodes_left.get();
        if left == 0 {
            return Err(self.budget.refuse("values", MAX_NODES));
        }
        self.budget.nodes_left.set(left - 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, number, list or block of keys")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(i128::from(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(i128::from(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Fraction(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let seed = self.deeper()?;
        let mut pairs: Vec<(String, Node)> = Vec::new();
        let mut known = std::collections::BTreeSet::new();
        while let Some(key) = access.next_key::<String>()? {
            if key == JSON_NUMBER {
                return Ok(json_number(access.next_value::<String>()?));
            }
            if !known.insert(key.clone()) {
                return Err(de::Error::custom(format_args!(
                    "the key {key:?} stands twice in one block"
                )));
            }
            pairs.push((key, access.next_value_seed(seed)?));
        }
        Ok(Node::Map(pairs))
    }
}

fn json_number(text: String) -> Node {
    text.parse().map_or(Node::Fraction(text), Node::Integer)
}
