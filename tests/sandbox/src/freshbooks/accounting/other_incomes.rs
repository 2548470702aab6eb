//! Other income: sales without an invoice. The list key is singular, and DELETE is real.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::Table;
use super::fields::{Input, money};
use super::list::{Filter, Test};
use super::payments::TYPES;
use super::{Removal, Resource};

pub(super) struct OtherIncomes;

const OBJECT: &str = "other_income";
const CATEGORIES: [&str; 5] = [
    "advertising",
    "in_person_sales",
    "online_sales",
    "rentals",
    "other",
];

const FILTERS: [Filter; 2] = [
    Filter::new("incomeid", Test::Equals("incomeid")),
    Filter::new("category_name", Test::Equals("category_name")),
];

impl Resource for OtherIncomes {
    fn path(&self) -> [&'static str; 2] {
        ["other_incomes", "other_incomes"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        OBJECT
    }
    fn removal(&self) -> Removal {
        Removal::Real
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.other_incomes
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.other_incomes
    }
    fn filters(&self) -> &'static [Filter] {
        &FILTERS
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        for field in ["amount", "category_name", "date"] {
            if body.get(field).is_none_or(Value::is_null) {
                return Err(Refusal::required(OBJECT, field));
            }
        }
        let mut row = Doc::new();
        let blank = json!({
            "source": "", "payment_type": null, "note": null, "taxes": [], "sourceid": null,
            "created_at": clock::eastern(), "updated": clock::eastern(), "vis_state": 0,
            "userid": 1,
        });
        row.extend(object(blank));
        write(account, &mut row, body)?;
        let id = account.other_incomes.next_id();
        row.extend([("id".into(), id.into()), ("incomeid".into(), id.into())]);
        account.other_incomes.put(id, row);
        Ok(id)
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let mut row = account
            .other_incomes
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::not_found(OBJECT, id))?;
        write(account, &mut row, body)?;
        account.other_incomes.put(id, row);
        Ok(())
    }
}

fn write(account: &Account, row: &mut Doc, body: &Doc) -> Result<(), Refusal> {
    let input = Input::new(OBJECT, body, &account.settings);
    input.copy_text(row, &["category_name", "source", "payment_type", "note"])?;
    one_of(&input, row, "category_name", &CATEGORIES)?;
    one_of(&input, row, "payment_type", &TYPES)?;
    if let Some(date) = input.date("date")? {
        row.insert("date".into(), date.into());
    }
    let code = if let Some((amount, code)) = input.money("amount")? {
        let code = code.unwrap_or_else(|| account.settings.base_currency.clone());
        row.insert("amount".into(), money(amount, &code));
        code
    } else {
        account.settings.base_currency.clone()
    };
    if let Some(Value::Array(taxes)) = input.raw("taxes") {
        let mut rows = Vec::new();
        for tax in taxes.iter().filter_map(Value::as_object) {
            let tax = input.nested(tax);
            let amount = tax.percent("amount")?.unwrap_or(Decimal::ZERO);
            let name = tax.text("name")?.flatten().unwrap_or_default();
            rows.push(json!({"name": name, "amount": money(amount, &code)}));
        }
        row.insert("taxes".into(), rows.into());
    }
    Ok(())
}

fn one_of(input: &Input<'_>, row: &Doc, field: &str, known: &[&str]) -> Result<(), Refusal> {
    match row.get(field) {
        Some(Value::String(value)) if !known.contains(&value.as_str()) => {
            let message = format!("{field} must be one of: {}.", known.join(", "));
            Err(input.refuse(
                field,
                errno::INVALID_VALUE,
                message,
                &Value::from(value.as_str()),
            ))
        }
        _ => Ok(()),
    }
}
