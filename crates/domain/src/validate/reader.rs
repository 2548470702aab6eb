//! Reading single values out of a document, tolerant of the vendor's spellings.
//!
//! Money comes as string or number in any decimal text, whole numbers come as strings, and null,
//! `""`, `{}`, `[]` and absence mean the same: nothing. What only decorates is read by
//! [`Node::text`] and the `_if_readable` readers, which find no fault: an odd form is nothing too.
//! Every fault is collected, none stops the reading. Not here: the
//! shape of an order.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{Fault, Flag};

/// Decimals beyond which a number can only be a float's noise.
const DECIMALS_MAX: u32 = 8;
/// Reading goes on after this many faults, but only counts them.
const FAULTS_MAX: usize = 200;

/// Collects everything that is wrong or suspicious.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) faults: RefCell<Vec<Fault>>,
    pub(super) flags: RefCell<Vec<Flag>>,
}

/// One value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    value: &'a Value,
    place: Place<'a>,
    parent: Option<&'a Node<'a>>,
    findings: &'a Findings,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

static NULL: Value = Value::Null;

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value, findings: &'a Findings) -> Self {
        Self {
            value,
            place: Place::Root,
            parent: None,
            findings,
        }
    }

    /// The member of an object; null when it is absent.
    pub(super) fn get(&'a self, key: &'a str) -> Node<'a> {
        let value = self.value.get(key).unwrap_or(&NULL);
        Node {
            value,
            place: Place::Key(key),
            parent: Some(self),
            findings: self.findings,
        }
    }

    /// The first member that says something.
    pub(super) fn get_any(&'a self, keys: &[&'a str]) -> Node<'a> {
        let found = keys
            .iter()
            .find(|key| self.value.get(**key).is_some_and(|v| !is_nothing(v)));
        self.get(found.or(keys.first()).copied().unwrap_or(""))
    }

    /// Null, absent, empty text, or an empty object or list.
    pub(super) fn is_absent(&self) -> bool {
        is_nothing(self.value)
    }

    pub(super) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    pub(super) fn is_array(&self) -> bool {
        self.value.is_array()
    }

    /// A list; absent is empty.
    pub(super) fn list<T>(&'a self, read: impl Fn(&Node<'_>) -> T) -> Vec<T> {
        let items = match self.value {
            Value::Array(items) => items,
            _ if self.is_absent() => return Vec::new(),
            _ => {
                self.fault("not_a_list", "is no list; fetch the order again");
                return Vec::new();
            }
        };
        let node = |(index, value)| Node {
            value,
            place: Place::Index(index),
            parent: Some(self),
            findings: self.findings,
        };
        items
            .iter()
            .enumerate()
            .map(node)
            .filter(|node| {
                let fits = node.is_object();
                if !fits {
                    node.fault("not_an_object", "is no object; fetch the order again");
                }
                fits
            })
            .map(|node| read(&node))
            .collect()
    }

    /// As [`Self::list`], for lists that only decorate: whatever is no list of objects is nothing.
    pub(super) fn list_if_readable<T>(&'a self, read: impl Fn(&Node<'_>) -> T) -> Vec<T> {
        let items = self.value.as_array().map(Vec::as_slice);
        let node = |(index, value)| Node {
            value,
            place: Place::Index(index),
            parent: Some(self),
            findings: self.findings,
        };
        items
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(node)
            .filter(Node::is_object)
            .map(|node| read(&node))
            .collect()
    }

    /// Text; numbers and booleans as they are written. Anything else is no text and nothing.
    pub(super) fn text(&self) -> String {
        match self.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        }
    }

    /// As [`Self::text`], where something hangs on it: a list or an object is a fault.
    pub(super) fn needed_text(&self) -> String {
        if !self.is_absent() && matches!(self.value, Value::Array(_) | Value::Object(_)) {
            self.fault("not_text", "must be text; correct the field in the store");
        }
        self.text()
    }

    /// A form field's answer: text, number or a list of them.
    pub(super) fn answer(&self) -> String {
        let Value::Array(items) = self.value else {
            return self.text();
        };
        let mut joined = String::new();
        for value in items {
            let item = Node { value, ..*self };
            let text = item.text();
            if !joined.is_empty() && !text.is_empty() {
                joined.push_str(", ");
            }
            joined.push_str(&text);
        }
        joined
    }

    /// An amount; absent is zero.
    pub(super) fn money(&self) -> Decimal {
        self.money_or_none().unwrap_or(Decimal::ZERO)
    }

    /// An amount, or nothing when it is absent.
    pub(super) fn money_or_none(&self) -> Option<Decimal> {
        if self.is_absent() {
            return None;
        }
        let read = self.scalar().and_then(decimal);
        if read.is_none() {
            self.fault(
                "not_an_amount",
                "must be an amount like 12.50; correct the order in the store or fetch it again",
            );
        }
        read
    }

    /// An amount that only decorates; nothing where it cannot be read.
    pub(super) fn money_if_readable(&self) -> Option<Decimal> {
        self.scalar().and_then(decimal)
    }

    /// An id that only decorates; nothing where it cannot be read.
    pub(super) fn id_if_readable(&self) -> Option<u64> {
        self.scalar().and_then(whole).filter(|id| *id != 0)
    }

    /// As [`Self::time_or_none`], for a date that has a substitute.
    pub(super) fn time_if_readable(&self) -> Option<i64> {
        self.scalar().and_then(instant)
    }

    /// A whole number that is not negative; absent is zero.
    pub(super) fn whole(&self) -> u64 {
        self.whole_or_none().unwrap_or(0)
    }

    /// A whole number, or nothing when it is absent.
    pub(super) fn whole_or_none(&self) -> Option<u64> {
        if self.is_absent() {
            return None;
        }
        let read = self.scalar().and_then(whole);
        if read.is_none() {
            self.fault(
                "not_a_whole_number",
                "must be a whole number from 0; fetch the order again",
            );
        }
        read
    }

    /// An id; absent and 0 are nothing.
    pub(super) fn id(&self) -> Option<u64> {
        self.whole_or_none().filter(|id| *id != 0)
    }

    /// Yes or no in any spelling; nothing when absent.
    pub(super) fn flag_or_none(&self) -> Option<bool> {
        let read = match self.value {
            Value::Bool(value) => Some(*value),
            _ if self.is_absent() => return None,
            _ => match self.scalar() {
                Some("1" | "true" | "True" | "yes") => Some(true),
                Some("0" | "false" | "False" | "no") => Some(false),
                _ => None,
            },
        };
        if read.is_none() {
            self.fault(
                "not_yes_or_no",
                "must be true or false; fetch the order again",
            );
        }
        read
    }

    /// Unix seconds of an RFC 2822 or ISO 8601 date; nothing when absent.
    pub(super) fn time_or_none(&self) -> Option<i64> {
        if self.is_absent() {
            return None;
        }
        let read = self.scalar().and_then(instant);
        if read.is_none() {
            self.fault(
                "not_a_date",
                "must be an RFC 2822 or ISO 8601 date; fetch the order again",
            );
        }
        read
    }

    /// As [`Self::time_or_none`]; absence is a fault.
    pub(super) fn time(&self) -> i64 {
        if self.is_absent() {
            self.fault(
                "missing_date",
                "is missing; without it no day can be booked",
            );
        }
        self.time_or_none().unwrap_or(0)
    }

    /// Notes a fault at this place. `message` continues a sentence that starts with the place.
    pub(super) fn fault(&self, code: &'static str, message: impl fmt::Display) {
        let mut faults = self.findings.faults.borrow_mut();
        if faults.len() < FAULTS_MAX {
            let path = self.path();
            let message = format!("{path} {message}.");
            faults.push(Fault {
                code,
                path,
                message,
            });
        } else if faults.len() == FAULTS_MAX {
            let message = format!(
                "There are more than {FAULTS_MAX} faults; correct these first, then run the order \
                 again."
            );
            faults.push(Fault {
                code: "too_many_faults",
                path: String::new(),
                message,
            });
        }
    }

    /// Notes a suspicion about this place; it holds nothing back.
    pub(super) fn flag(&self, code: &'static str, message: impl fmt::Display) {
        let message = format!("{} {message}.", self.path());
        self.findings
            .flags
            .borrow_mut()
            .push(Flag { code, message });
    }

    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        self.write_path(&mut path);
        path
    }

    fn write_path(&self, path: &mut String) {
        if let Some(parent) = self.parent {
            parent.write_path(path);
        }
        match self.place {
            Place::Root => {}
            Place::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Place::Index(index) => {
                let _ = write!(path, "[{index}]");
            }
        }
    }

    fn scalar(&self) -> Option<&'a str> {
        match self.value {
            Value::String(text) => Some(text.trim()),
            Value::Number(number) => Some(number.as_str()),
            _ => None,
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn whole(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().or_else(|| {
        let number = decimal(text)?;
        number
            .fract()
            .is_zero()
            .then(|| u64::try_from(number).ok())?
    })
}

/// Any decimal text, exponents too. Noise of floats behind the eighth decimal is rounded away.
fn decimal(text: &str) -> Option<Decimal> {
    // Longer text is no amount, and would only cost time; the parser itself would skip underscores.
    if text.len() > 64 || text.contains('_') {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let plain = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()?
    } else {
        text.parse::<Decimal>().ok()?
    };
    if plain.scale() > DECIMALS_MAX {
        return Some(plain.round_dp(DECIMALS_MAX).normalize());
    }
    Some(plain)
}

fn instant(text: &str) -> Option<i64> {
    static PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
    if let Ok(at) = PARSER.parse_timestamp(text) {
        return Some(at.as_second());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_second());
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return Some(TimeZone::UTC.to_timestamp(local).ok()?.as_second());
    }
    // A number of few digits is no date that anybody wrote down as seconds.
    let seconds = text
        .parse::<i64>()
        .ok()
        .filter(|at| at.abs() >= 100_000_000)?;
    Timestamp::from_second(seconds)
        .ok()
        .map(Timestamp::as_second)
}
