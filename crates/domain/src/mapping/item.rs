//! The entries of a `fields` list: fields, rows and parts.
//!
//! Not here: the document around them; see `document`.

use rust_decimal::Decimal;

use super::block::{Block, flag, scalar, text_of, wrong_form};
use super::document::{Item, ItemKind, OnMissing, PieceForm, Test, ValueForm, When};
use super::fault::{FaultCode, Faults};
use super::node::Node;

const FIELD_KEYS: &[&str] = &[
    "to",
    "from",
    "const",
    "lookup",
    "key",
    "on_missing",
    "join",
    "required",
    "when",
    "expr",
    "each",
    "append",
    "use",
    "fields",
];

pub(super) fn items(node: &Node, at: &str, faults: &mut Faults) -> Vec<Item> {
    let Node::List(list) = node else {
        wrong_form(at, node, "a list of fields", faults);
        return Vec::new();
    };
    list.iter()
        .enumerate()
        .filter_map(|(index, node)| item(node, &format!("{at}[{index}]"), faults))
        .collect()
}

fn item(node: &Node, at: &str, faults: &mut Faults) -> Option<Item> {
    let block = Block::open(node, at, FIELD_KEYS, faults)?;
    let when = block
        .get("when")
        .and_then(|node| when(node, &block.at("when"), faults));
    let kind = if block.get("append").is_some() {
        block.only(
            FIELD_KEYS,
            &["append", "when", "use", "fields"],
            "an \"append\"",
            faults,
        );
        ItemKind::Append {
            to: block.text("append", faults)?,
            rows: rows(&block, faults)?,
        }
    } else if block.get("each").is_some() {
        block.only(
            FIELD_KEYS,
            &["to", "each", "when", "use", "fields"],
            "an \"each\"",
            faults,
        );
        let (list, alias) = each(&block, faults)?;
        ItemKind::Each {
            to: block.required_text("to", faults)?,
            list,
            alias,
            rows: rows(&block, faults)?,
        }
    } else if block.get("to").is_some() {
        block.only(
            FIELD_KEYS,
            &[
                "to",
                "from",
                "const",
                "lookup",
                "key",
                "on_missing",
                "join",
                "required",
                "when",
                "expr",
            ],
            "a field",
            faults,
        );
        let required = block
            .get("required")
            .is_some_and(|node| flag(node, &block.at("required"), faults));
        ItemKind::Field {
            to: block.text("to", faults)?,
            value: value(&block, faults)?,
            required,
        }
    } else if block.get("use").is_some() {
        block.only(FIELD_KEYS, &["use", "when"], "a \"use\"", faults);
        ItemKind::Use {
            part: block.text("use", faults)?,
        }
    } else {
        block.missing("to", faults);
        return None;
    };
    Some(Item {
        at: at.to_owned(),
        when,
        kind,
    })
}

/// The rows' fields, written out or taken from a part.
fn rows(block: &Block<'_>, faults: &mut Faults) -> Option<Vec<Item>> {
    match (block.get("fields"), block.get("use")) {
        (Some(fields), None) => Some(items(fields, &block.at("fields"), faults)),
        (None, Some(_)) => {
            let part = block.text("use", faults)?;
            Some(vec![Item {
                at: block.at("use"),
                when: None,
                kind: ItemKind::Use { part },
            }])
        }
        (None, None) => {
            block.missing("fields", faults);
            None
        }
        (Some(_), Some(_)) => {
            let message = "Both \"fields\" and \"use\" stand here. Keep one; \"use\" may also stand as a row of \"fields\".";
            faults.add(FaultCode::WrongForm, &block.path, message);
            None
        }
    }
}

/// `order.products as p`.
fn each(block: &Block<'_>, faults: &mut Faults) -> Option<(String, String)> {
    let text = block.text("each", faults)?;
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    if let [list, "as", alias] = words.as_slice()
        && alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return Some(((*list).to_owned(), (*alias).to_owned()));
    }
    let message = "Write a list and a name for its rows, e.g. \"order.products as p\".";
    faults.add(FaultCode::WrongForm, &block.at("each"), message);
    None
}

fn value(block: &Block<'_>, faults: &mut Faults) -> Option<ValueForm> {
    const FORMS: [&str; 4] = ["from", "const", "lookup", "expr"];
    let forms: Vec<_> = FORMS
        .into_iter()
        .filter(|form| block.get(form).is_some())
        .collect();
    let [form] = forms.as_slice() else {
        let message = "A field takes exactly one of \"from\", \"const\" and \"lookup\". Keep one.";
        faults.add(FaultCode::WrongForm, &block.path, message);
        return None;
    };
    match *form {
        "from" => block.only(
            FIELD_KEYS,
            &["to", "from", "join", "required", "when"],
            "a field with \"from\"",
            faults,
        ),
        "const" => block.only(
            FIELD_KEYS,
            &["to", "const", "required", "when"],
            "a field with \"const\"",
            faults,
        ),
        "lookup" => block.only(
            FIELD_KEYS,
            &["to", "lookup", "key", "on_missing", "required", "when"],
            "a field with \"lookup\"",
            faults,
        ),
        _ => return Some(ValueForm::Expr),
    }
    match *form {
        "from" => {
            let pieces = pieces(block.get("from")?, &block.at("from"), faults);
            let join = match block.get("join") {
                Some(_) => Some(block.text("join", faults)?),
                None => None,
            };
            Some(ValueForm::From { pieces, join })
        }
        "const" => scalar(block.get("const")?, &block.at("const"), faults).map(ValueForm::Const),
        _ => {
            let table = block.text("lookup", faults)?;
            let Some(key) = block.get("key") else {
                block.missing("key", faults);
                return None;
            };
            let keys = texts(key, &block.at("key"), faults);
            let on_missing = block
                .get("on_missing")
                .map_or(Some(OnMissing::Error), |node| {
                    on_missing(node, &block.at("on_missing"), faults)
                })?;
            Some(ValueForm::Lookup {
                table,
                keys,
                on_missing,
            })
        }
    }
}

fn pieces(node: &Node, at: &str, faults: &mut Faults) -> Vec<PieceForm> {
    match node {
        Node::List(list) if list.is_empty() => {
            faults.add(
                FaultCode::WrongForm,
                at,
                "The list is empty. Name at least one source field.",
            );
            Vec::new()
        }
        Node::List(list) => list
            .iter()
            .enumerate()
            .filter_map(|(index, node)| piece(node, &format!("{at}[{index}]"), faults))
            .collect(),
        node => piece(node, at, faults).into_iter().collect(),
    }
}

fn piece(node: &Node, at: &str, faults: &mut Faults) -> Option<PieceForm> {
    if let Node::Text(path) = node {
        return Some(PieceForm {
            path: path.clone(),
            before: String::new(),
            after: String::new(),
        });
    }
    if !matches!(node, Node::Map(_)) {
        wrong_form(
            at,
            node,
            "a source field, or a block with path, before and after",
            faults,
        );
        return None;
    }
    let block = Block::open(node, at, &["path", "before", "after"], faults)?;
    let mut around = |key| match block.get(key) {
        Some(_) => block.text(key, faults),
        None => Some(String::new()),
    };
    let (before, after) = (around("before")?, around("after")?);
    Some(PieceForm {
        path: block.required_text("path", faults)?,
        before,
        after,
    })
}

fn texts(node: &Node, at: &str, faults: &mut Faults) -> Vec<String> {
    match node {
        Node::Text(text) => vec![text.clone()],
        Node::List(list) if !list.is_empty() => list
            .iter()
            .enumerate()
            .filter_map(|(index, node)| text_of(node, &format!("{at}[{index}]"), faults))
            .collect(),
        node => {
            wrong_form(at, node, "a source field or a list of them", faults);
            Vec::new()
        }
    }
}

fn on_missing(node: &Node, at: &str, faults: &mut Faults) -> Option<OnMissing> {
    match node {
        Node::Text(text) if text == "error" => return Some(OnMissing::Error),
        Node::Text(text) if text == "omit" => return Some(OnMissing::Omit),
        Node::Map(pairs) if pairs.len() == 1 => {
            let block = Block::open(node, at, &["text", "from"], faults)?;
            if block.get("text").is_some() {
                return block.text("text", faults).map(OnMissing::Text);
            }
            return block.text("from", faults).map(OnMissing::From);
        }
        _ => {}
    }
    let message = "Write \"error\", \"omit\", {text: …} for a fixed text or {from: …} for another source field.";
    faults.add(FaultCode::WrongForm, at, message);
    None
}

fn when(node: &Node, at: &str, faults: &mut Faults) -> Option<When> {
    if matches!(node, Node::Text(_)) {
        return Some(When::Expr);
    }
    let block = Block::open(
        node,
        at,
        &["path", "is", "equals", "not_equals", "greater_than"],
        faults,
    )?;
    let path = block.required_text("path", faults)?;
    let tests: Vec<_> = ["is", "equals", "not_equals", "greater_than"]
        .into_iter()
        .filter_map(|key| block.get(key).map(|node| (key, node)))
        .collect();
    let [(key, node)] = tests.as_slice() else {
        let message =
            "A condition takes exactly one of is, equals, not_equals and greater_than. Keep one.";
        faults.add(FaultCode::WrongForm, at, message);
        return None;
    };
    let test_at = block.at(key);
    let text = scalar(node, &test_at, faults)?;
    let test = match (*key, text.as_str()) {
        ("is", "present") => Test::Present,
        ("is", "absent") => Test::Absent,
        ("equals", _) => Test::Equals(text),
        ("not_equals", _) => Test::NotEquals(text),
        ("greater_than", number) if Decimal::from_str_exact(number).is_ok() => {
            Test::GreaterThan(Decimal::from_str_exact(number).unwrap_or_default())
        }
        ("greater_than", _) => {
            faults.add(
                FaultCode::WrongForm,
                &test_at,
                "Write a plain number, e.g. 0.",
            );
            return None;
        }
        _ => {
            faults.add(
                FaultCode::WrongForm,
                &test_at,
                "Write \"present\" or \"absent\".",
            );
            return None;
        }
    };
    Some(When::Closed { path, test })
}
