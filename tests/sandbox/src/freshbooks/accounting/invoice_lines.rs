//! The lines of invoices and credit notes: read from a body, checked, stored as they are read
//! back. A PUT replaces the whole set; line ids start at 1 again.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::arithmetic::{Line, Tax, Totals, totals};
use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{integer, is_deleted, text};
use super::fields::{Input, decimal, money, number_text, stored_amount};
use super::{expenses, items};

/// FreshBooks names no limit; this one keeps a runaway client from filling the memory.
/// Far above the largest order a test brings: 1,000 products and their shipping.
const MOST_LINES: usize = 5_000;

/// Reads `lines` when the body has them. `currency` overwrites the code of every unit cost.
pub(super) fn read(
    account: &Account,
    input: &Input<'_>,
    currency: &str,
) -> Result<Option<Vec<Value>>, Refusal> {
    let Some(value) = input.raw("lines") else {
        return Ok(None);
    };
    let Some(lines) = value.as_array() else {
        return if value.is_null() {
            Ok(None)
        } else {
            Err(input.refuse(
                "lines",
                errno::INVALID_VALUE,
                "lines must be a list.",
                &Value::Null,
            ))
        };
    };
    if lines.len() > MOST_LINES {
        let message = format!("The sandbox takes at most {MOST_LINES} lines; send fewer.");
        return Err(input.refuse("lines", errno::INVALID_VALUE, message, &lines.len().into()));
    }
    let mut stored = Vec::with_capacity(lines.len());
    for (position, line) in lines.iter().enumerate() {
        let body = line.as_object().ok_or_else(|| {
            input.refuse(
                "lines",
                errno::INVALID_VALUE,
                "A line must be an object.",
                line,
            )
        })?;
        stored.push(read_one(
            account,
            &input.nested(body),
            currency,
            position + 1,
        )?);
    }
    Ok(Some(stored))
}

fn read_one(
    account: &Account,
    input: &Input<'_>,
    currency: &str,
    lineid: usize,
) -> Result<Value, Refusal> {
    let kind = input.integer("type")?.unwrap_or(0);
    if !(0..=1).contains(&kind) {
        let message = "type must be 0 or 1.";
        return Err(input.refuse("type", errno::INVALID_VALUE, message, &kind.into()));
    }
    let expense = if kind == 1 {
        rebilled(account, input)?
    } else {
        0
    };
    let quantity = input.decimal("qty")?.unwrap_or(Decimal::ONE);
    let unit_cost = input
        .money("unit_cost")?
        .map_or(Decimal::ZERO, |(amount, _)| amount);
    let mut row = Doc::new();
    row.extend([
        ("name".into(), "".into()),
        ("description".into(), "".into()),
    ]);
    input.copy_text(&mut row, &["name", "description"])?;
    for (name_field, percent_field, number_field) in [
        ("taxName1", "taxAmount1", "taxNumber1"),
        ("taxName2", "taxAmount2", "taxNumber2"),
    ] {
        let name = input.text(name_field)?.flatten().unwrap_or_default();
        let percent = input.percent(percent_field)?.unwrap_or(Decimal::ZERO);
        if name.is_empty() && !percent.is_zero() {
            return Err(Refusal::required(input.object, name_field));
        }
        row.insert(number_field.into(), tax_number(account, &name));
        row.insert(name_field.into(), name.into());
        row.insert(percent_field.into(), number_text(percent));
    }
    let fixed = json!({
        "lineid": lineid, "type": kind, "qty": number_text(quantity),
        "unit_cost": money(unit_cost, currency), "amount": money(Decimal::ZERO, currency),
        "compounded_tax": input.boolean("compounded_tax")?.unwrap_or(false),
        "taxno": 0, "taskno": lineid, "date": null, "updated": clock::eastern(),
        "retainer_id": null, "retainer_period_id": null, "expenseid": expense,
        "basecampid": 0, "domain_id": null, "modern_project_id": null,
        "modern_time_entries": [],
    });
    row.extend(object(fixed));
    Ok(Value::Object(row))
}

fn rebilled(account: &Account, input: &Input<'_>) -> Result<u64, Refusal> {
    let id = input.required_id("expenseid")?;
    let expense = account
        .expenses
        .get(id)
        .ok_or_else(|| Refusal::unknown(input.object, "expenseid", "Expense", id))?;
    if is_deleted(expense) {
        return Err(Refusal::deleted("expense", id));
    }
    if integer(expense, "clientid") == 0 {
        let message = "The expense has no client.";
        return Err(input.refuse(
            "expenseid",
            errno::EXPENSE_WITHOUT_CLIENT,
            message,
            &id.into(),
        ));
    }
    Ok(id)
}

/// The registration number of the tax of this name, read-only on the line.
fn tax_number(account: &Account, name: &str) -> Value {
    let known = account
        .taxes
        .rows()
        .find(|(_, tax)| !name.is_empty() && text(tax, "name") == name);
    known
        .and_then(|(_, tax)| tax.get("number").cloned())
        .unwrap_or(Value::Null)
}

/// Sums stored lines and writes each one's amount.
pub(super) fn reckon(
    account: &Account,
    lines: &mut [Value],
    discount_percent: Decimal,
    currency: &str,
) -> Totals {
    let places = super::super::arithmetic::decimals(currency);
    let read: Vec<Line> = lines
        .iter()
        .filter_map(Value::as_object)
        .map(line)
        .collect();
    let mut sum = totals(&read, discount_percent, account.settings.rounding, places);
    let surcharge = Decimal::new(account.settings.surcharge_minor, places);
    sum.tax += surcharge;
    sum.amount += surcharge;
    for (line, amount) in lines.iter_mut().zip(&sum.lines) {
        if let Value::Object(line) = line {
            line.insert("amount".into(), money(*amount, currency));
            let unit_cost = stored_amount(line, "unit_cost");
            line.insert("unit_cost".into(), money(unit_cost, currency));
        }
    }
    sum
}

fn line(row: &Doc) -> Line {
    let number = |field| row.get(field).and_then(decimal).unwrap_or_default();
    let tax = |name, percent| {
        let percent = number(percent);
        (!percent.is_zero()).then(|| Tax {
            name: text(row, name).to_owned(),
            percent,
        })
    };
    Line {
        quantity: number("qty"),
        unit_cost: stored_amount(row, "unit_cost"),
        tax1: tax("taxName1", "taxAmount1"),
        tax2: tax("taxName2", "taxAmount2"),
        compounded: row
            .get("compounded_tax")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    }
}

/// The stored lines of a row.
pub(super) fn stored(row: &Doc) -> Vec<Value> {
    row.get("lines")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Moves stock and rebilled expenses from the old lines to the new ones.
pub(super) fn follow(account: &mut Account, id: u64, before: &Doc, after: &Doc) {
    let mut stock: BTreeMap<String, Decimal> = BTreeMap::new();
    for (lines, sign) in [
        (stored(before), Decimal::ONE),
        (stored(after), Decimal::NEGATIVE_ONE),
    ] {
        for line in lines.iter().filter_map(Value::as_object) {
            let quantity = line.get("qty").and_then(decimal).unwrap_or_default();
            *stock.entry(text(line, "name").to_owned()).or_default() += sign * quantity;
            let expense = integer(line, "expenseid");
            if expense != 0 {
                let paid = text(after, "payment_status") == "paid";
                let tied = sign.is_sign_negative().then_some((id, paid));
                expenses::rebill(account, expense, tied);
            }
        }
    }
    for (name, delta) in stock {
        if !delta.is_zero() {
            items::move_stock(account, &name, delta);
        }
    }
}
