//! What an invoice says of itself: five status fields, derived from its stage and its payments.
//!
//! The integer `status` lies about part payment: it stays 2 while `v3_status` says partial.

use rust_decimal::Decimal;
use serde_json::Value;

use super::super::call::Doc;
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{integer, is_deleted, text};
use super::fields::{Input, money, stored_amount};
use super::{expenses, invoice_lines};

pub(super) const DISPUTED: u64 = 0;
pub(super) const DRAFT: u64 = 1;
pub(super) const SENT: u64 = 2;
pub(super) const VIEWED: u64 = 3;
const PAID: u64 = 4;

/// How far the invoice went, apart from money. Kept under a key that is never shown.
pub(super) fn stage(row: &Doc) -> u64 {
    integer(row, "_stage")
}

pub(super) fn set_stage(row: &mut Doc, stage: u64) {
    row.insert("_stage".into(), stage.into());
    if stage == SENT && row.get("fulfillment_date").is_none_or(Value::is_null) {
        let date = row.get("create_date").cloned().unwrap_or(Value::Null);
        row.insert("fulfillment_date".into(), date);
    }
}

/// A written `status`: only some values, and only as an integer.
pub(super) fn asked(input: &Input<'_>, creating: bool) -> Result<Option<u64>, Refusal> {
    let Some(value) = input.raw("status").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    if creating {
        let known = value
            .as_u64()
            .filter(|stage| (DRAFT..=VIEWED).contains(stage));
        return known.map(Some).ok_or_else(|| {
            let message = "This status cannot be set on a new invoice.";
            input.refuse("status", errno::STATUS_ON_CREATE, message, value)
        });
    }
    if !value.is_number() {
        return Err(input.refuse("status", errno::NUMBER, "status must be a number.", value));
    }
    let known = value.as_u64().filter(|stage| *stage <= VIEWED);
    known.map(Some).ok_or_else(|| {
        let message = "must be one of draft/sent/viewed/disputed";
        input.refuse("status", errno::INVALID_VALUE, message, value)
    })
}

/// What active payments add up to.
pub(super) fn paid(account: &Account, invoice: u64) -> Decimal {
    account
        .payments
        .rows_with("invoiceid", &invoice.to_string())
        .filter(|(_, payment)| !is_deleted(payment))
        .map(|(_, payment)| stored_amount(payment, "amount"))
        .sum()
}

/// Writes every field that follows from stage, amount and payments.
pub(super) fn derive(account: &Account, id: u64, row: &mut Doc) {
    let currency = text(row, "currency_code").to_owned();
    let amount = stored_amount(row, "amount");
    let paid = paid(account, id);
    let outstanding = amount - paid;
    let covered = !paid.is_zero() && outstanding <= Decimal::ZERO;
    let payment_status = if covered {
        "paid"
    } else if paid.is_zero() {
        "unpaid"
    } else {
        "partial"
    };
    let stage = stage(row);
    let overdue = matches!(stage, SENT | VIEWED) && !covered && !amount.is_zero() && is_past(row);
    let v3_status = match (stage, payment_status) {
        (DISPUTED, _) => "disputed",
        (_, "paid") => "paid",
        (_, "partial") => "partial",
        _ if overdue => "overdue",
        (SENT, _) => "sent",
        (VIEWED, _) => "viewed",
        _ => "draft",
    };
    let display = match stage {
        DRAFT => "draft",
        VIEWED => "viewed",
        _ if payment_status == "partial" => "outstanding",
        _ => "sent",
    };
    row.insert("paid".into(), money(paid, &currency));
    row.insert("net_paid_amount".into(), money(paid, &currency));
    row.insert("outstanding".into(), money(outstanding, &currency));
    row.insert("status".into(), if covered { PAID } else { stage }.into());
    row.insert("payment_status".into(), payment_status.into());
    row.insert("v3_status".into(), v3_status.into());
    row.insert("display_status".into(), display.into());
    let date_paid = if covered {
        last_payment(account, id)
    } else {
        Value::Null
    };
    row.insert("date_paid".into(), date_paid);
}

fn is_past(row: &Doc) -> bool {
    text(row, "due_date")
        .parse::<jiff::civil::Date>()
        .is_ok_and(|due| due < clock::today())
}

fn last_payment(account: &Account, invoice: u64) -> Value {
    account
        .payments
        .rows_with("invoiceid", &invoice.to_string())
        .filter(|(_, payment)| !is_deleted(payment))
        .map(|(_, payment)| text(payment, "date"))
        .max()
        .map_or(Value::Null, Value::from)
}

/// Derives and stores anew, after its payments changed.
pub(super) fn settle(account: &mut Account, id: u64) {
    let Some(mut row) = account.invoices.get(id).cloned() else {
        return;
    };
    derive(account, id, &mut row);
    row.insert("updated".into(), clock::eastern().into());
    row.insert("version".into(), clock::version().into());
    let covered = text(&row, "payment_status") == "paid";
    for line in invoice_lines::stored(&row)
        .iter()
        .filter_map(Value::as_object)
    {
        let expense = integer(line, "expenseid");
        if expense != 0 {
            expenses::rebill(account, expense, Some((id, covered)));
        }
    }
    account.invoices.put(id, row);
}
