//! A checked mapping run on one order.
//!
//! Every fault of an order is found in one go, and none of them tells a value in its text. Not
//! here: how values are read from the order; see `path` and `view`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::books::{InvoiceLine, LineKind, LineTax};
use crate::policy::PAYMENT_TYPES;

use super::document::Test;
use super::fault::{FaultCode, Faults};
use super::path::Row;
use super::plan::{Condition, Fallback, Piece, Plan, Rows, Rule, Value};
use super::read::{FieldType, Read, kind_of};
use super::target::Entity;
use super::{Mapped, MappedPayment, Sources};

/// Most lines one order may give.
const MAX_LINES: usize = 5_000;
/// Most decimals FreshBooks takes in a tax percent.
const MAX_PERCENT_DECIMALS: u32 = 3;

pub(super) fn evaluate(plan: &Plan, sources: &Sources<'_>, faults: &mut Faults) -> Mapped {
    let run = Run { plan, sources };
    let mut mapped = Mapped::default();
    run.head(&mut mapped, faults);
    mapped.lines.reserve(sources.entries.len());
    for rows in &plan.lines {
        run.each(rows, faults, |run, row, faults| {
            let mut draft = LineDraft::default();
            run.row(rows, row, faults, |rule, value, faults| {
                draft.set(rule, value, faults)
            });
            if mapped.lines.len() >= MAX_LINES {
                return false;
            }
            mapped.lines.push(draft.finish(rows, faults));
            true
        });
    }
    for rows in &plan.payments {
        run.each(rows, faults, |run, row, faults| {
            let mut payment = MappedPayment::default();
            run.row(rows, row, faults, |rule, value, faults| {
                set_payment(&mut payment, rule, value, faults)
            });
            require(!payment.kind.is_empty(), "type", rows, faults);
            require(!payment.note.is_empty(), "note", rows, faults);
            mapped.payments.push(payment);
            true
        });
    }
    mapped
}

/// The client's fields that a person alone decides, without an order: rules that read nothing but
/// the billing address and the customer's id. What cannot be read is left out.
pub(super) fn client(plan: &Plan, sources: &Sources<'_>) -> BTreeMap<String, String> {
    let run = Run { plan, sources };
    let (mut fields, mut faults) = (BTreeMap::new(), Faults::default());
    for rule in &plan.head {
        let name = rule.target.name;
        let is_ours = rule.entity == Entity::Client && !fields.contains_key(name);
        if !is_ours || !is_personal(rule) || !run.holds(&rule.whens, None) {
            continue;
        }
        if let Some(text) = run.value(rule, None, &mut faults).into_text() {
            fields.insert(name.to_owned(), text.into_owned());
        }
    }
    fields
}

fn is_personal(rule: &Rule) -> bool {
    let of_person = |path: &super::path::SourcePath| {
        path.text.starts_with("order.billing_address.") || path.text == "order.customer_id"
    };
    let value = match &rule.value {
        Value::Const(_) => true,
        Value::First(pieces) | Value::Join(pieces, _) => {
            pieces.iter().all(|piece| of_person(&piece.path))
        }
        Value::Lookup {
            keys, on_missing, ..
        } => {
            let otherwise = match on_missing {
                Fallback::From(path) => of_person(path),
                Fallback::Error | Fallback::Omit | Fallback::Text(_) => true,
            };
            otherwise && keys.iter().all(of_person)
        }
    };
    value && rule.whens.iter().all(|when| of_person(&when.path))
}

struct Run<'m, 's> {
    plan: &'m Plan,
    sources: &'m Sources<'s>,
}

impl<'m> Run<'m, '_> {
    fn head(&self, mapped: &mut Mapped, faults: &mut Faults) {
        for rule in &self.plan.head {
            let fields = match rule.entity {
                Entity::Client => &mut mapped.client,
                _ => &mut mapped.invoice,
            };
            if fields.contains_key(rule.target.name) || !self.holds(&rule.whens, None) {
                continue;
            }
            if let Some(text) = self.value(rule, None, faults).into_text() {
                fields.insert(rule.target.name.to_owned(), text.into_owned());
            }
        }
    }

    /// Calls `make` for each source row whose conditions hold, until it says no.
    fn each(
        &self,
        rows: &'m Rows,
        faults: &mut Faults,
        mut make: impl FnMut(&Self, Option<Row<'m>>, &mut Faults) -> bool,
    ) {
        let Some(list) = rows.list else {
            if self.holds(&rows.whens, None) && !make(self, None, faults) {
                too_many(rows, faults);
            }
            return;
        };
        for index in 0..list.len(self.sources) {
            let row = list.row(self.sources, index);
            if self.holds(&rows.whens, row) && !make(self, row, faults) {
                return too_many(rows, faults);
            }
        }
    }

    /// Gives `set` the value of each rule; the first present value of a target wins.
    fn row(
        &self,
        rows: &'m Rows,
        row: Option<Row<'m>>,
        faults: &mut Faults,
        mut set: impl FnMut(&'m Rule, Read<'m>, &mut Faults),
    ) {
        for rule in &rows.rules {
            if self.holds(&rule.whens, row) {
                let value = self.value(rule, row, faults);
                if !value.is_missing() {
                    set(rule, value, faults);
                }
            }
        }
    }

    fn holds(&self, whens: &[Condition], row: Option<Row<'m>>) -> bool {
        whens.iter().all(|when| {
            let value = when.path.read(self.sources, row);
            match &when.test {
                Test::Present => !value.is_missing(),
                Test::Absent => value.is_missing(),
                Test::Equals(wanted) => equals(value, wanted),
                Test::NotEquals(wanted) => !equals(value, wanted),
                Test::GreaterThan(bound) => {
                    value.as_decimal().is_some_and(|number| number > *bound)
                }
            }
        })
    }

    fn value(&self, rule: &'m Rule, row: Option<Row<'m>>, faults: &mut Faults) -> Read<'m> {
        let value = match &rule.value {
            Value::Const(text) => Read::Text(Cow::Borrowed(text)),
            Value::First(pieces) => self.first(pieces, row),
            Value::Join(pieces, join) => self.join(pieces, join, row),
            Value::Lookup { .. } => self.look_up(rule, row, faults),
        };
        if rule.required && value.is_missing() {
            let message = format!(
                "The order has no value for \"{}\", which the mapping requires. \
                                   Fill it in the store, or make the field optional.",
                rule.target.name
            );
            faults.add(FaultCode::ValueMissing, &rule.at, message);
        }
        value
    }

    fn first(&self, pieces: &'m [Piece], row: Option<Row<'m>>) -> Read<'m> {
        for piece in pieces {
            let value = piece.path.read(self.sources, row);
            if value.is_missing() {
                continue;
            }
            if piece.before.is_empty() && piece.after.is_empty() {
                return value;
            }
            let mut text = String::new();
            write_piece(piece, value, &mut text);
            return Read::Text(Cow::Owned(text));
        }
        Read::Missing
    }

    fn join(&self, pieces: &'m [Piece], join: &str, row: Option<Row<'m>>) -> Read<'m> {
        let mut text = String::new();
        for piece in pieces {
            let value = piece.path.read(self.sources, row);
            if value.is_missing() {
                continue;
            }
            if !text.is_empty() {
                text.push_str(join);
            }
            write_piece(piece, value, &mut text);
        }
        if text.is_empty() {
            Read::Missing
        } else {
            Read::Text(Cow::Owned(text))
        }
    }

    /// The first key that is in the table decides.
    fn look_up(&self, rule: &'m Rule, row: Option<Row<'m>>, faults: &mut Faults) -> Read<'m> {
        let Value::Lookup {
            table,
            keys,
            on_missing,
        } = &rule.value
        else {
            return Read::Missing;
        };
        let table = self.plan.tables.get(*table);
        let mut not_listed = None;
        for key in keys {
            let Some(text) = key.read(self.sources, row).into_text() else {
                continue;
            };
            let found = match table.and_then(|table| table.get(text.as_ref())) {
                Some(found) => Some(found),
                None => table.and_then(|table| table.get(&text.to_lowercase())),
            };
            if let Some(found) = found {
                return Read::Text(Cow::Borrowed(found));
            }
            not_listed.get_or_insert(text);
        }
        match on_missing {
            Fallback::Omit => Read::Missing,
            Fallback::Text(text) => Read::Text(Cow::Borrowed(text)),
            Fallback::From(path) => path.read(self.sources, row),
            Fallback::Error => {
                let Some(text) = not_listed else {
                    return Read::Missing;
                };
                let message = format!(
                    "The order's value for \"{}\" is in no row of its table. Add a row, or set \"on_missing\".",
                    rule.target.name
                );
                faults.add_with_value(
                    FaultCode::ValueNotListed,
                    &rule.at,
                    message,
                    Some(text.into_owned()),
                );
                Read::Missing
            }
        }
    }
}

fn write_piece(piece: &Piece, value: Read<'_>, out: &mut String) {
    out.push_str(&piece.before);
    if let Some(text) = value.into_text() {
        out.push_str(&text);
    }
    out.push_str(&piece.after);
}

/// Numbers compare as numbers, everything else as text; a missing value equals nothing.
fn equals(value: Read<'_>, wanted: &str) -> bool {
    if let Read::Integer(_) | Read::Decimal(_) = value {
        let wanted = Decimal::from_str_exact(wanted).ok();
        return wanted.is_some() && value.as_decimal() == wanted;
    }
    value.into_text().is_some_and(|text| text == wanted)
}

fn too_many(rows: &Rows, faults: &mut Faults) {
    let message = format!(
        "The order gives more than {MAX_LINES} invoice lines. Narrow the rows with a \"when\"."
    );
    faults.add(FaultCode::TooLarge, &rows.at, message);
}

fn require(present: bool, name: &str, rows: &Rows, faults: &mut Faults) {
    if !present {
        let message = format!(
            "A row has no value for \"{name}\", which FreshBooks needs. Give the field another source."
        );
        faults.add(FaultCode::ValueMissing, &rows.at, message);
    }
}

/// A value that is not of its target's type.
fn wrong_type(rule: &Rule, value: Read<'_>, faults: &mut Faults) {
    let message = format!(
        "The order's value for \"{}\" is no {}. Correct it in the store, or map another source field.",
        rule.target.name,
        rule.target.field_type.as_str()
    );
    let value = value.into_text().map(Cow::into_owned);
    faults.add_with_value(FaultCode::ValueType, &rule.at, message, value);
}

fn set_payment(payment: &mut MappedPayment, rule: &Rule, value: Read<'_>, faults: &mut Faults) {
    let field = if rule.target.name == "type" {
        &mut payment.kind
    } else {
        &mut payment.note
    };
    if !field.is_empty() {
        return;
    }
    let Some(text) = value.into_text() else {
        return;
    };
    if rule.target.field_type == FieldType::PaymentType && !PAYMENT_TYPES.contains(&text.as_ref()) {
        return wrong_type(rule, Read::Text(text), faults);
    }
    *field = text.into_owned();
}

/// An invoice line as far as its rules have filled it.
#[derive(Default)]
struct LineDraft {
    kind: Option<LineKind>,
    name: Option<String>,
    description: Option<String>,
    quantity: Option<Decimal>,
    unit_cost: Option<Decimal>,
    tax_names: [Option<String>; 2],
    tax_percents: [Option<Decimal>; 2],
    compounded: Option<bool>,
    /// A value of the wrong type was reported, so that its absence is not.
    faulty: bool,
}

impl LineDraft {
    fn set(&mut self, rule: &Rule, value: Read<'_>, faults: &mut Faults) {
        let ok = match rule.target.name {
            "kind" => put(
                &mut self.kind,
                value.clone().into_text().and_then(|text| kind_of(&text)),
            ),
            "name" => put(&mut self.name, text(value.clone())),
            "description" => put(&mut self.description, text(value.clone())),
            "qty" => put(&mut self.quantity, value.as_decimal()),
            "unit_cost" => put(&mut self.unit_cost, value.as_decimal()),
            "taxName1" => put(&mut self.tax_names[0], text(value.clone())),
            "taxName2" => put(&mut self.tax_names[1], text(value.clone())),
            "taxAmount1" => put(&mut self.tax_percents[0], percent(&value)),
            "taxAmount2" => put(&mut self.tax_percents[1], percent(&value)),
            "compounded_tax" => put(&mut self.compounded, flag(&value)),
            _ => true,
        };
        if !ok {
            self.faulty = true;
            wrong_type(rule, value, faults);
        }
    }

    fn finish(self, rows: &Rows, faults: &mut Faults) -> InvoiceLine {
        if !self.faulty {
            require(self.name.is_some(), "name", rows, faults);
            require(self.quantity.is_some(), "qty", rows, faults);
            require(self.unit_cost.is_some(), "unit_cost", rows, faults);
        }
        let [name1, name2] = self.tax_names;
        let [percent1, percent2] = self.tax_percents;
        InvoiceLine {
            kind: self.kind.unwrap_or(LineKind::Product),
            name: self.name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            quantity: self.quantity.unwrap_or_default(),
            unit_cost: self.unit_cost.unwrap_or_default(),
            tax1: tax(name1, percent1, ["taxName1", "taxAmount1"], rows, faults),
            tax2: tax(name2, percent2, ["taxName2", "taxAmount2"], rows, faults),
            compounded: self.compounded.unwrap_or_default(),
            rebills: None,
        }
    }
}

/// Fills an empty slot; false when there is no value of the slot's type.
fn put<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let Some(value) = value else { return false };
    slot.get_or_insert(value);
    true
}

fn text(value: Read<'_>) -> Option<String> {
    value.into_text().map(Cow::into_owned)
}

fn percent(value: &Read<'_>) -> Option<Decimal> {
    value
        .as_decimal()
        .map(|percent| percent.normalize())
        .filter(|percent| percent.scale() <= MAX_PERCENT_DECIMALS)
}

fn flag(value: &Read<'_>) -> Option<bool> {
    match value {
        Read::Bool(value) => Some(*value),
        Read::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// A tax needs both its name and its percent.
fn tax(
    name: Option<String>,
    percent: Option<Decimal>,
    names: [&str; 2],
    rows: &Rows,
    faults: &mut Faults,
) -> Option<LineTax> {
    if name.is_some() != percent.is_some() {
        let absent = if name.is_some() { names[1] } else { names[0] };
        require(false, absent, rows, faults);
    }
    Some(LineTax {
        name: name?,
        percent: percent?,
    })
}
