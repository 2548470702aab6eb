//! Credit notes: written by callers as goodwill or prepayment, by the system for overpayments.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{Table, integer, is_deleted, text};
use super::Resource;
use super::fields::{Input, money, stored_amount};
use super::invoice_lines;
use super::list::{Filter, Test};

pub(super) struct CreditNotes;

const OBJECT: &str = "credit_note";

const FILTERS: [Filter; 3] = [
    Filter::new("clientid", Test::Equals("clientid")),
    Filter::new("date_min", Test::DayFrom("create_date")),
    Filter::new("date_max", Test::DayBefore("create_date")),
];

impl Resource for CreditNotes {
    fn path(&self) -> [&'static str; 2] {
        ["credit_notes", "credit_notes"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        "credit_notes"
    }
    /// The JavaScript SDK writes and reads singles under the plural.
    fn alias(&self) -> Option<&'static str> {
        Some("credit_notes")
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.credit_notes
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.credit_notes
    }
    fn filters(&self) -> &'static [Filter] {
        &FILTERS
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        let input = Input::new(OBJECT, body, &account.settings);
        let client_id = input.required_id("clientid")?;
        let date = input.required_date("create_date")?;
        let client = account
            .clients
            .get(client_id)
            .ok_or_else(|| Refusal::unknown(OBJECT, "clientid", "Client", client_id))?;
        if is_deleted(client) {
            return Err(Refusal::deleted("client", client_id));
        }
        let currency = text(client, "currency_code").to_owned();
        let mut row = blank(account, client_id, &date, &currency);
        write(account, &mut row, &input)?;
        Ok(store(account, row))
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let mut row = account
            .credit_notes
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::not_found(OBJECT, id))?;
        let input = Input::new(OBJECT, body, &account.settings);
        if let Some(date) = input.date("create_date")? {
            row.insert("create_date".into(), date.into());
        }
        write(account, &mut row, &input)?;
        account.credit_notes.put(id, row);
        Ok(())
    }

    fn view(&self, account: &Account, row: &Doc, include: &[&str]) -> Doc {
        let mut view = row.clone();
        let currency = text(row, "currency_code");
        let spent = spent(account, integer(row, "id"));
        let left = stored_amount(row, "amount") - spent;
        view.insert("paid".into(), money(spent, currency));
        view.insert("outstanding".into(), money(left, currency));
        let payment_status = if spent.is_zero() {
            "unpaid"
        } else if left > Decimal::ZERO {
            "partial"
        } else {
            "paid"
        };
        view.insert("payment_status".into(), payment_status.into());
        if !include.contains(&"lines") {
            view.remove("lines");
        }
        view
    }
}

fn blank(account: &Account, client_id: u64, date: &str, currency: &str) -> Doc {
    let blank = json!({
        "clientid": client_id, "accounting_systemid": account.id(), "ownerid": 1,
        "credit_number": "", "credit_type": "goodwill", "currency_code": currency,
        "create_date": date, "notes": "", "terms": null, "language": "en", "status": "created",
        "display_status": "created", "payment_type": null, "amount": money(Decimal::ZERO, currency),
        "lines": [], "description": "", "uuid": uuid::Uuid::new_v4().to_string(), "updated": clock::eastern(),
        "vis_state": 0,
    });
    object(blank)
}

fn write(account: &Account, row: &mut Doc, input: &Input<'_>) -> Result<(), Refusal> {
    let kind_before = text(row, "credit_type").to_owned();
    input.copy_text(
        row,
        &["credit_number", "credit_type", "notes", "terms", "language"],
    )?;
    let kind = text(row, "credit_type");
    if kind != kind_before && !["goodwill", "prepayment"].contains(&kind) {
        let message = "credit_type must be goodwill or prepayment.";
        return Err(input.refuse("credit_type", errno::INVALID_VALUE, message, &kind.into()));
    }
    if let Some(code) = input.currency("currency_code")? {
        row.insert("currency_code".into(), code.into());
    }
    let currency = text(row, "currency_code").to_owned();
    if let Some(lines) = invoice_lines::read(account, input, &currency)? {
        row.insert("lines".into(), lines.into());
    }
    let mut lines = invoice_lines::stored(row);
    if lines.is_empty() && text(row, "credit_type") == "overpayment" {
        return Ok(());
    }
    let sum = invoice_lines::reckon(account, &mut lines, Decimal::ZERO, &currency);
    if sum.amount.is_sign_negative() && !sum.amount.is_zero() {
        let message = "The total of a credit note cannot be negative.";
        return Err(input.refuse("amount", errno::INVALID_TOTAL, message, &Value::Null));
    }
    let first = lines
        .first()
        .and_then(|line| line.get("description"))
        .cloned();
    row.insert("description".into(), first.unwrap_or_else(|| "".into()));
    row.insert("lines".into(), lines.into());
    row.insert("amount".into(), money(sum.amount, &currency));
    Ok(())
}

fn store(account: &mut Account, mut row: Doc) -> u64 {
    let id = account.credit_notes.next_id();
    if text(&row, "credit_number").is_empty() {
        let number = format!("CN{:07}", id - 50_000);
        row.insert("credit_number".into(), number.into());
    }
    row.extend([("id".into(), id.into()), ("creditid".into(), id.into())]);
    account.credit_notes.put(id, row);
    id
}

/// The system's own credit note for what was paid too much.
pub(super) fn from_overpayment(
    account: &mut Account,
    client_id: u64,
    rest: Decimal,
    currency: &str,
    date: &str,
) -> u64 {
    let mut row = blank(account, client_id, date, currency);
    row.insert("credit_type".into(), "overpayment".into());
    row.insert("amount".into(), money(rest, currency));
    row.insert("description".into(), "Overpayment".into());
    store(account, row)
}

/// A payment from credit needs a credit that still holds as much.
pub(super) fn check_spendable(account: &Account, id: u64, amount: Decimal) -> Result<(), Refusal> {
    let row = account
        .credit_notes
        .get(id)
        .ok_or_else(|| Refusal::unknown("payment", "creditid", "Credit note", id))?;
    let left = stored_amount(row, "amount") - spent(account, id);
    if is_deleted(row) || amount > left {
        let message = "The credit note does not hold that much.";
        return Err(
            Refusal::field("payment", "creditid", errno::INVALID_VALUE, message)
                .with_value(id.to_string()),
        );
    }
    Ok(())
}

fn spent(account: &Account, id: u64) -> Decimal {
    account
        .payments
        .rows_with("creditid", &id.to_string())
        .filter(|(_, payment)| !is_deleted(payment))
        .map(|(_, payment)| stored_amount(payment, "amount"))
        .sum()
}
