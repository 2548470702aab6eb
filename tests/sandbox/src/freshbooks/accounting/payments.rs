//! Payments: paying too much is no error. The amount is cut to what is due and the rest becomes
//! a credit note.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{Table, integer, is_deleted, text};
use super::Resource;
use super::fields::{Input, money, stored_amount};
use super::list::{Filter, Test};
use super::{credit_notes, invoice_status, invoices};

pub(super) struct Payments;

const OBJECT: &str = "payment";

pub(super) const TYPES: [&str; 16] = [
    "Check",
    "Credit",
    "Cash",
    "Bank Transfer",
    "Credit Card",
    "Debit",
    "PayPal",
    "2Checkout",
    "VISA",
    "MASTERCARD",
    "DISCOVER",
    "AMEX",
    "DINERS",
    "JCB",
    "ACH",
    "Other",
];

const FILTERS: [Filter; 17] = [
    Filter::with_many("logid", "logids", Test::Equals("logid")),
    Filter::new("date_min", Test::DayFrom("date")),
    Filter::new("date_max", Test::DayBefore("date")),
    Filter::new("updated_min", Test::DayFrom("updated")),
    Filter::new("updated_max", Test::DayBefore("updated")),
    Filter::new("amount", Test::Money("amount")),
    Filter::new("amount_min", Test::MoneyFrom("amount")),
    Filter::new("amount_max", Test::MoneyBefore("amount")),
    Filter::new("type", Test::Equals("type")),
    Filter::new("invoiceid", Test::Equals("invoiceid")),
    Filter::with_many("clientid", "clientids", Test::Equals("clientid")),
    Filter::new("customerid", Test::Equals("clientid")),
    Filter::new(
        "currency",
        Test::Other(|_, row, value| {
            row.get("amount")
                .and_then(|amount| amount.get("code"))
                .and_then(Value::as_str)
                == Some(value)
        }),
    ),
    Filter::new("from_credit", Test::Equals("from_credit")),
    Filter::new("notes", Test::Like(&["note"])),
    Filter::new("number", Test::Other(number_like)),
    Filter::new("client_name", Test::Other(client_like)),
];

fn number_like(account: &Account, row: &Doc, value: &str) -> bool {
    let invoice = account.invoices.get(integer(row, "invoiceid"));
    let credit = account.credit_notes.get(integer(row, "creditid"));
    invoice.is_some_and(|row| text(row, "invoice_number").contains(value))
        || credit.is_some_and(|row| text(row, "credit_number").contains(value))
}

fn client_like(account: &Account, row: &Doc, value: &str) -> bool {
    let wanted = value.to_lowercase();
    account
        .clients
        .get(integer(row, "clientid"))
        .is_some_and(|client| {
            let name = format!(
                "{} {} {}",
                text(client, "fname"),
                text(client, "lname"),
                text(client, "organization")
            );
            name.to_lowercase().contains(&wanted)
        })
}

impl Resource for Payments {
    fn path(&self) -> [&'static str; 2] {
        ["payments", "payments"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        "payments"
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.payments
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.payments
    }
    fn filters(&self) -> &'static [Filter] {
        &FILTERS
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        let input = Input::new(OBJECT, body, &account.settings);
        let invoice_id = input.required_id("invoiceid")?;
        let invoice = account
            .invoices
            .get(invoice_id)
            .ok_or_else(|| Refusal::unknown(OBJECT, "invoiceid", "Invoice", invoice_id))?;
        if is_deleted(invoice) {
            return Err(Refusal::deleted("invoice", invoice_id));
        }
        let date = input.required_date("date")?;
        let currency = text(invoice, "currency_code").to_owned();
        let amount =
            amount(&input, &currency)?.ok_or_else(|| Refusal::required(OBJECT, "amount"))?;
        if input.raw("type").is_none_or(Value::is_null) {
            return Err(Refusal::required(OBJECT, "type"));
        }
        let credit = input
            .integer("creditid")?
            .and_then(|id| u64::try_from(id).ok())
            .filter(|id| *id != 0);
        if let Some(credit) = credit {
            credit_notes::check_spendable(account, credit, amount)?;
        }
        let due = invoices::due(invoice, invoice_status::paid(account, invoice_id));
        let client_id = integer(invoice, "customerid");
        let mut row = Doc::new();
        row.insert("note".into(), "".into());
        row.insert("type".into(), "".into());
        row.insert("orderid".into(), Value::Null);
        row.insert("transactionid".into(), Value::Null);
        write(&input, &mut row)?;
        let overpayment = credit_the_rest(account, client_id, amount - due, &currency, &date);
        let id = account.payments.next_id();
        let fixed = json!({
            "id": id, "logid": id, "invoiceid": invoice_id, "clientid": client_id, "date": date,
            "accounting_systemid": account.id(), "amount": money(amount.min(due), &currency),
            "creditid": credit, "from_credit": credit.is_some(), "gateway": null,
            "overpaymentid": overpayment, "bulk_paymentid": null,
            "transaction_uuid": uuid::Uuid::new_v4().to_string(), "send_client_notification": false,
            "updated": clock::eastern(), "vis_state": 0,
        });
        row.extend(object(fixed));
        account.payments.put(id, row);
        self.settle(account, invoice_id);
        Ok(id)
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let mut row = account
            .payments
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::not_found(OBJECT, id))?;
        let input = Input::new(OBJECT, body, &account.settings);
        write(&input, &mut row)?;
        if let Some(date) = input.date("date")? {
            row.insert("date".into(), date.into());
        }
        let invoice_id = integer(&row, "invoiceid");
        let invoice = account
            .invoices
            .get(invoice_id)
            .ok_or_else(|| Refusal::unknown(OBJECT, "invoiceid", "Invoice", invoice_id))?;
        let currency = text(invoice, "currency_code").to_owned();
        if let Some(amount) = amount(&input, &currency)? {
            let others = invoice_status::paid(account, invoice_id) - stored_amount(&row, "amount");
            let due = invoices::due(invoice, others);
            let client_id = integer(invoice, "customerid");
            let date = text(&row, "date").to_owned();
            let overpayment = credit_the_rest(account, client_id, amount - due, &currency, &date);
            row.insert("amount".into(), money(amount.min(due), &currency));
            if overpayment.is_some() {
                row.insert("overpaymentid".into(), json!(overpayment));
            }
        }
        account.payments.put(id, row);
        self.settle(account, invoice_id);
        Ok(())
    }

    fn before_vis_state(&self, account: &Account, id: u64, to: u64) -> Result<(), Refusal> {
        let invoice_id = account
            .payments
            .get(id)
            .map_or(0, |row| integer(row, "invoiceid"));
        let gone = account.invoices.get(invoice_id).is_some_and(is_deleted);
        if to != 1 && gone {
            Err(Refusal::deleted("invoice", invoice_id))
        } else {
            Ok(())
        }
    }

    fn after_vis_state(&self, account: &mut Account, id: u64) {
        let invoice_id = account
            .payments
            .get(id)
            .map_or(0, |row| integer(row, "invoiceid"));
        invoice_status::settle(account, invoice_id);
    }
}

impl Payments {
    /// The invoice follows its payments; whether a draft becomes sent by one is the account's
    /// switch, since nobody knows.
    fn settle(&self, account: &mut Account, invoice_id: u64) {
        if account.settings.paying_draft_sends
            && let Some(mut row) = account.invoices.get(invoice_id).cloned()
            && invoice_status::stage(&row) == invoice_status::DRAFT
        {
            invoice_status::set_stage(&mut row, invoice_status::SENT);
            account.invoices.put(invoice_id, row);
        }
        invoice_status::settle(account, invoice_id);
    }
}

fn write(input: &Input<'_>, row: &mut Doc) -> Result<(), Refusal> {
    input.copy_text(row, &["note", "type", "orderid", "transactionid"])?;
    let kind = text(row, "type");
    if TYPES.contains(&kind) {
        return Ok(());
    }
    let message = format!("type must be one of: {}.", TYPES.join(", "));
    Err(input.refuse("type", errno::INVALID_VALUE, message, &kind.into()))
}

/// A positive amount in the invoice's currency, with no more decimals than it has.
fn amount(input: &Input<'_>, currency: &str) -> Result<Option<Decimal>, Refusal> {
    let Some((amount, code)) = input.money("amount")? else {
        return Ok(None);
    };
    let value = Value::from(amount.to_string());
    if amount.is_sign_negative() && !amount.is_zero() {
        let message = "A payment cannot be negative.";
        return Err(input.refuse("amount", errno::NEGATIVE, message, &value));
    }
    if amount.is_zero() || amount.normalize().scale() > super::super::arithmetic::decimals(currency)
    {
        let message = "A payment must be more than zero and no finer than its currency.";
        return Err(input.refuse("amount", errno::INVALID_VALUE, message, &value));
    }
    if code.as_deref().is_some_and(|code| code != currency) {
        let message = format!("A payment must be in the invoice's currency, {currency}.");
        return Err(input.refuse("amount", errno::INVALID_VALUE, message, &json!(code)));
    }
    Ok(Some(amount))
}

fn credit_the_rest(
    account: &mut Account,
    client_id: u64,
    rest: Decimal,
    currency: &str,
    date: &str,
) -> Option<u64> {
    (rest > Decimal::ZERO)
        .then(|| credit_notes::from_overpayment(account, client_id, rest, currency, date))
}
