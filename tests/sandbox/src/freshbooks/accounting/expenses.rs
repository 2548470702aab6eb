//! Expenses and their categories. An expense with a client can be rebilled on an invoice; its
//! status follows that invoice.

use serde_json::{Value, json};

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{Table, integer, is_deleted, text};
use super::fields::{Input, money, number_text, stored_amount};
use super::list::Filter;
use super::{Removal, Resource};

pub(super) struct Expenses;
pub(super) struct Categories;

const OBJECT: &str = "expense";
const INTERNAL: u64 = 0;
const OUTSTANDING: u64 = 1;
const INVOICED: u64 = 2;
const RECOUPED: u64 = 4;

impl Resource for Expenses {
    fn path(&self) -> [&'static str; 2] {
        ["expenses", "expenses"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        "expenses"
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.expenses
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.expenses
    }
    fn filters(&self) -> &'static [Filter] {
        &[]
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        for field in ["categoryid", "staffid", "date", "amount"] {
            if body.get(field).is_none_or(Value::is_null) {
                return Err(Refusal::required(OBJECT, field));
            }
        }
        let mut row = Doc::new();
        let blank = json!({
            "accounting_systemid": account.id(), "vendor": "", "notes": "", "clientid": 0,
            "invoiceid": null, "projectid": 0, "taxName1": null, "taxName2": null,
            "taxPercent1": null, "taxPercent2": null, "taxAmount1": null, "taxAmount2": null,
            "compounded_tax": false, "markup_percent": "0", "has_receipt": false, "vis_state": 0,
            "status": INTERNAL, "updated": clock::eastern(),
        });
        row.extend(object(blank));
        write(account, &mut row, body)?;
        let duplicate = account
            .expenses
            .rows()
            .any(|(_, other)| lookalike(&row, other));
        let id = account.expenses.next_id();
        row.extend([
            ("id".into(), id.into()),
            ("expenseid".into(), id.into()),
            ("isduplicate".into(), duplicate.into()),
        ]);
        account.expenses.put(id, row);
        Ok(id)
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let mut row = account
            .expenses
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::not_found(OBJECT, id))?;
        write(account, &mut row, body)?;
        account.expenses.put(id, row);
        Ok(())
    }

    /// An assumption, on the strict side: no source tells what becomes of an invoice whose rebilled
    /// expense is deleted, so the emulator does not let it come to that.
    fn before_vis_state(&self, account: &Account, id: u64, to: u64) -> Result<(), Refusal> {
        match rebilled_by(account, id) {
            Some(invoice) if to == 1 => {
                let message = format!("The expense is on invoice {invoice}; take it off first.");
                Err(Refusal::field(
                    OBJECT,
                    "vis_state",
                    errno::INVALID_VALUE,
                    message,
                ))
            }
            _ => Ok(()),
        }
    }
}

fn write(account: &Account, row: &mut Doc, body: &Doc) -> Result<(), Refusal> {
    let input = Input::new(OBJECT, body, &account.settings);
    input.copy_text(row, &["vendor", "notes", "taxName1", "taxName2"])?;
    if input.has("categoryid") {
        let category = input.required_id("categoryid")?;
        if account.categories.get(category).is_none() {
            return Err(Refusal::unknown(OBJECT, "categoryid", "Category", category));
        }
        row.insert("categoryid".into(), category.into());
    }
    if let Some(staff) = input.integer("staffid")? {
        row.insert("staffid".into(), staff.into());
    }
    if let Some(client) = input.integer("clientid")? {
        let id = u64::try_from(client).unwrap_or(0);
        if id != 0 && account.clients.get(id).is_none() {
            return Err(Refusal::unknown(OBJECT, "clientid", "Client", client));
        }
        row.insert("clientid".into(), id.into());
    }
    if let Some(date) = input.date("date")? {
        row.insert("date".into(), date.into());
    }
    for field in ["amount", "taxAmount1", "taxAmount2"] {
        if let Some((amount, code)) = input.money(field)? {
            let code = code.unwrap_or_else(|| account.settings.base_currency.clone());
            row.insert(field.into(), money(amount, &code));
        }
    }
    for field in ["taxPercent1", "taxPercent2", "markup_percent"] {
        if let Some(percent) = input.percent(field)? {
            row.insert(field.into(), number_text(percent));
        }
    }
    if let Some(compounded) = input.boolean("compounded_tax")? {
        row.insert("compounded_tax".into(), compounded.into());
    }
    if row.get("invoiceid").is_none_or(Value::is_null) {
        let status = if integer(row, "clientid") == 0 {
            INTERNAL
        } else {
            OUTSTANDING
        };
        row.insert("status".into(), status.into());
    }
    Ok(())
}

/// The live invoice that rebills the expense, if one does.
fn rebilled_by(account: &Account, id: u64) -> Option<u64> {
    let row = account.expenses.get(id)?;
    let invoice = integer(row, "invoiceid");
    (invoice != 0).then_some(invoice)
}

/// Same vendor, day and amount: FreshBooks flags it by itself.
fn lookalike(one: &Doc, other: &Doc) -> bool {
    !is_deleted(other)
        && text(one, "vendor") == text(other, "vendor")
        && text(one, "date") == text(other, "date")
        && stored_amount(one, "amount") == stored_amount(other, "amount")
}

/// Ties an expense to the invoice that rebills it, or unties it.
pub(super) fn rebill(account: &mut Account, id: u64, invoice: Option<(u64, bool)>) {
    let Some(mut row) = account.expenses.get(id).cloned() else {
        return;
    };
    let status = match invoice {
        Some((_, true)) => RECOUPED,
        Some((_, false)) => INVOICED,
        None if integer(&row, "clientid") == 0 => INTERNAL,
        None => OUTSTANDING,
    };
    row.insert(
        "invoiceid".into(),
        invoice.map_or(Value::Null, |(invoice, _)| invoice.into()),
    );
    row.insert("status".into(), status.into());
    account.expenses.put(id, row);
}

impl Resource for Categories {
    fn path(&self) -> [&'static str; 2] {
        ["expenses", "categories"]
    }
    fn single(&self) -> &'static str {
        "category"
    }
    fn plural(&self) -> &'static str {
        "categories"
    }
    fn removal(&self) -> Removal {
        Removal::ReadOnly
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.categories
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.categories
    }
    fn filters(&self) -> &'static [Filter] {
        &[]
    }
    fn create(&self, _account: &mut Account, _body: &Doc) -> Result<u64, Refusal> {
        Err(super::wrong_method())
    }
    fn update(&self, _account: &mut Account, _id: u64, _body: &Doc) -> Result<(), Refusal> {
        Err(super::wrong_method())
    }
}

/// The categories a new business starts with (a selection).
pub(in super::super) fn seed_categories(account: &mut Account) {
    const NAMES: [&str; 12] = [
        "Advertising",
        "Car & Truck Expenses",
        "Contractors",
        "Education and Training",
        "Employee Benefits",
        "Meals & Entertainment",
        "Office Expenses & Postage",
        "Other Expenses",
        "Professional Services",
        "Rent or Lease",
        "Shipping",
        "Supplies",
    ];
    for name in NAMES {
        let id = account.categories.next_id();
        let row = json!({
            "id": id, "categoryid": id, "category": name, "is_cogs": name == "Shipping",
            "is_editable": true, "parentid": null, "vis_state": 0, "updated": clock::eastern(),
        });
        if let Value::Object(row) = row {
            account.categories.put(id, row);
        }
    }
}
