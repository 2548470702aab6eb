//! Invoices: drafts at birth, numbered, dated, taxed. Status and money are derived next door
//! (`invoice_status`), lines and sums in `invoice_lines`.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{Table, integer, is_deleted, text};
use super::fields::{Input, decimal, money, number_text, stored_amount};
use super::list::{Filter, Test};
use super::{Resource, Sort, invoice_lines, invoice_number, invoice_status};

pub(super) struct Invoices;

const OBJECT: &str = "invoice";

/// Text a caller may write; the address parts and names are snapshots of the client otherwise.
const TEXT: [&str; 17] = [
    "notes",
    "terms",
    "po_number",
    "discount_description",
    "language",
    "address",
    "street",
    "street2",
    "city",
    "province",
    "code",
    "country",
    "fname",
    "lname",
    "organization",
    "vat_name",
    "vat_number",
];

const FILTERS: [Filter; 10] = [
    Filter::new("invoice_number", Test::Equals("invoice_number")),
    Filter::with_many("invoiceid", "invoiceids", Test::Equals("invoiceid")),
    Filter::with_many("customerid", "customerids", Test::Equals("customerid")),
    Filter::new("date_min", Test::DayFrom("create_date")),
    Filter::new("date_max", Test::DayBefore("create_date")),
    Filter::new("updated_min", Test::DayFrom("updated")),
    Filter::new("updated_max", Test::DayBefore("updated")),
    Filter::new("v3_status", Test::Equals("v3_status")),
    Filter::new("paid", Test::Money("paid")),
    Filter::new("outstanding", Test::Money("outstanding")),
];

const SORTS: [Sort; 1] = [("invoice_date", |row| text(row, "create_date").to_owned())];

impl Resource for Invoices {
    fn path(&self) -> [&'static str; 2] {
        ["invoices", "invoices"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        "invoices"
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.invoices
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.invoices
    }
    fn filters(&self) -> &'static [Filter] {
        &FILTERS
    }
    fn sorts(&self) -> &'static [Sort] {
        &SORTS
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        let input = Input::new(OBJECT, body, &account.settings);
        let client_id = input.required_id("customerid")?;
        let create_date = input.required_date("create_date")?;
        let mut row = blank(account, client_id, &create_date)?;
        if let Some(code) = input.currency("currency_code")? {
            row.insert("currency_code".into(), code.into());
        }
        let stage = match (
            invoice_status::asked(&input, true)?,
            input.raw("v3_status").and_then(Value::as_str),
        ) {
            (Some(stage), _) => stage,
            (None, Some("sent")) => invoice_status::SENT,
            (None, Some("viewed")) => invoice_status::VIEWED,
            _ => invoice_status::DRAFT,
        };
        invoice_status::set_stage(&mut row, stage);
        write(account, &mut row, &input, None)?;
        if text(&row, "invoice_number").is_empty() {
            row.insert(
                "invoice_number".into(),
                invoice_number::next(account).into(),
            );
        }
        let id = account.invoices.next_id();
        row.extend([("id".into(), id.into()), ("invoiceid".into(), id.into())]);
        invoice_status::derive(account, id, &mut row);
        invoice_lines::follow(account, id, &Doc::new(), &row);
        account.invoices.put(id, row);
        Ok(id)
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let before = stored(account, id)?;
        let input = Input::new(OBJECT, body, &account.settings);
        let mut row = before.clone();
        if input.has("customerid") {
            let client = input.required_id("customerid")?;
            live_client(account, client)?;
            row.insert("customerid".into(), client.into());
        }
        if let Some(date) = input.date("create_date")? {
            row.insert("create_date".into(), date.into());
        }
        if let Some(code) = input.currency("currency_code")? {
            row.insert("currency_code".into(), code.into());
        }
        if let Some(stage) = invoice_status::asked(&input, false)? {
            invoice_status::set_stage(&mut row, stage);
        }
        write(account, &mut row, &input, Some(id))?;
        row.insert("version".into(), clock::version().into());
        invoice_status::derive(account, id, &mut row);
        invoice_lines::follow(account, id, &before, &row);
        account.invoices.put(id, row);
        Ok(())
    }

    /// Marks as sent, by itself or by way of an e-mail. Other actions run and change nothing.
    fn act(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let asked = |action| body.get(action).and_then(Value::as_bool).unwrap_or(false);
        if !asked("action_mark_as_sent") && !asked("action_email") {
            return Ok(());
        }
        let mut row = stored(account, id)?;
        if invoice_status::stage(&row) != invoice_status::VIEWED {
            invoice_status::set_stage(&mut row, invoice_status::SENT);
        }
        if asked("action_email") {
            let emails = integer(&row, "_emails") + 1;
            row.insert("_emails".into(), emails.into());
        }
        row.insert("version".into(), clock::version().into());
        invoice_status::derive(account, id, &mut row);
        account.invoices.put(id, row);
        Ok(())
    }

    fn before_vis_state(&self, account: &Account, id: u64, to: u64) -> Result<(), Refusal> {
        let row = stored(account, id)?;
        let paid = account
            .payments
            .rows_with("invoiceid", &id.to_string())
            .any(|(_, payment)| !is_deleted(payment));
        if to == 1 && paid {
            let message = "Invoices with payments cannot be deleted; remove the payments first.";
            return Err(Refusal::field(
                OBJECT,
                "vis_state",
                errno::INVALID_VALUE,
                message,
            ));
        }
        if to != 1 && is_deleted(&row) {
            invoice_number::check_free(account, text(&row, "invoice_number"), Some(id))?;
        }
        Ok(())
    }

    /// Stock and rebilled expenses come back with a deletion, and go again with its undoing.
    fn after_vis_state(&self, account: &mut Account, id: u64) {
        let Ok(row) = stored(account, id) else { return };
        let had = integer(&row, "_stock_taken") == 1;
        let has = !is_deleted(&row);
        match (had, has) {
            (true, false) => invoice_lines::follow(account, id, &row, &Doc::new()),
            (false, true) => invoice_lines::follow(account, id, &Doc::new(), &row),
            _ => {}
        }
        let mut row = row;
        row.insert("_stock_taken".into(), u64::from(has).into());
        account.invoices.put(id, row);
    }

    /// Lines and the rest only on request; overdue and the client's name are of the moment.
    fn view(&self, account: &Account, row: &Doc, include: &[&str]) -> Doc {
        let mut view = row.clone();
        invoice_status::derive(account, integer(row, "id"), &mut view);
        let client = account.clients.get(integer(row, "customerid"));
        let organization = client.map_or("", |client| text(client, "organization"));
        view.insert("current_organization".into(), organization.into());
        if !include.contains(&"lines") {
            view.remove("lines");
        }
        for name in include {
            let extra = match *name {
                "owner" => json!({"id": 1, "userid": 1, "fname": "Olive", "lname": "Owner"}),
                "presentation"
                | "late_fee"
                | "system"
                | "latest_journal_entry"
                | "invoice_profile" => Value::Null,
                "contacts" | "allowed_gateways" | "audit_logs" | "client_audits"
                | "late_reminders" | "attachments" | "payment_schedule" => json!([]),
                _ => continue,
            };
            view.insert((*name).into(), extra);
        }
        view
    }
}

fn stored(account: &Account, id: u64) -> Result<Doc, Refusal> {
    account
        .invoices
        .get(id)
        .cloned()
        .ok_or_else(|| Refusal::not_found(OBJECT, id))
}

fn live_client(account: &Account, id: u64) -> Result<&Doc, Refusal> {
    let client = account
        .clients
        .get(id)
        .ok_or_else(|| Refusal::unknown(OBJECT, "customerid", "Client", id))?;
    if is_deleted(client) {
        Err(Refusal::deleted("client", id))
    } else {
        Ok(client)
    }
}

/// A new invoice, with the client's name and address as they are now.
fn blank(account: &Account, client_id: u64, create_date: &str) -> Result<Doc, Refusal> {
    let client = live_client(account, client_id)?;
    let currency = text(client, "currency_code");
    let part = |field| client.get(field).cloned().unwrap_or(Value::Null);
    let zero = money(Decimal::ZERO, currency);
    let mut row = object(json!({
        "uuid": uuid::Uuid::new_v4().to_string(), "accountid": account.id(),
        "accounting_systemid": account.id(), "customerid": client_id, "ownerid": 1, "sentid": 1,
        "estimateid": 0, "parent": 0, "invoice_number": "", "series": null,
        "create_date": create_date, "created_at": clock::eastern(), "due_offset_days": 0,
        "date_paid": null, "fulfillment_date": null, "generation_date": null,
        "updated": clock::eastern(), "version": clock::version(), "currency_code": currency,
        "language": part("language"), "discount_value": "0", "discount_description": null,
        "deposit_amount": null, "deposit_percentage": null, "deposit_status": "none",
    }));
    row.extend(object(json!({
        "autobill_status": null, "dispute_status": null, "last_order_status": null,
        "lock_status": "unlocked", "auto_bill": false, "fname": part("fname"),
        "lname": part("lname"), "organization": part("organization"), "address": "",
        "street": part("p_street"), "street2": part("p_street2"), "city": part("p_city"),
        "province": part("p_province"), "code": part("p_code"), "country": part("p_country"),
        "sender_address": {}, "vat_name": part("vat_name"), "vat_number": part("vat_number"),
        "po_number": null, "notes": "", "terms": null, "description": "",
        "template": "clean-grouped", "payment_details": "", "return_uri": null,
        "show_attachments": false, "attach_pdf_to_email": false, "gmail": false,
        "basecampid": 0, "ext_archive": 0, "vis_state": 0, "amount": zero, "lines": [],
        "_tax_total": "0", "_stock_taken": 1, "_emails": 0,
    })));
    Ok(row)
}

/// Applies the data of a body to a row and sums it up.
fn write(
    account: &Account,
    row: &mut Doc,
    input: &Input<'_>,
    own: Option<u64>,
) -> Result<(), Refusal> {
    if let Some(value) = input.raw("due_date") {
        let message = "due_date is read-only; write due_offset_days.";
        return Err(input
            .refuse("due_date", errno::WRITE_DENIED, message, value)
            .with_status(403));
    }
    input.copy_text(row, &TEXT)?;
    if let Some(number) = input.text("invoice_number")?.flatten() {
        invoice_number::write(account, row, input, &number, own)?;
    }
    if let Some(days) = input.integer("due_offset_days")? {
        row.insert("due_offset_days".into(), days.into());
    }
    let days = row
        .get("due_offset_days")
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let due = clock::days_after(text(row, "create_date"), days).ok_or_else(|| {
        input.refuse(
            "due_offset_days",
            errno::NUMBER,
            "due_offset_days is out of range.",
            &days.into(),
        )
    })?;
    row.insert("due_date".into(), due.into());
    if let Some(discount) = input.percent("discount_value")? {
        if discount > Decimal::ONE_HUNDRED {
            let message = "discount_value must be a percent from 0 to 100.";
            return Err(input.refuse(
                "discount_value",
                errno::PERCENT,
                message,
                &number_text(discount),
            ));
        }
        row.insert("discount_value".into(), number_text(discount));
    }
    for field in ["show_attachments", "auto_bill"] {
        if let Some(flag) = input.boolean(field)? {
            row.insert(field.into(), flag.into());
        }
    }
    if let Some((deposit, _)) = input.money("deposit_amount")? {
        row.insert(
            "deposit_amount".into(),
            money(deposit, text(row, "currency_code")),
        );
    }
    if let Some(percent) = input.percent("deposit_percentage")? {
        row.insert("deposit_percentage".into(), number_text(percent));
    }
    if let Some(lines) = invoice_lines::read(account, input, text(row, "currency_code"))? {
        row.insert("lines".into(), lines.into());
    }
    reckon(account, row, input)
}

fn reckon(account: &Account, row: &mut Doc, input: &Input<'_>) -> Result<(), Refusal> {
    let currency = text(row, "currency_code").to_owned();
    let discount = row
        .get("discount_value")
        .and_then(decimal)
        .unwrap_or_default();
    let mut lines = invoice_lines::stored(row);
    let sum = invoice_lines::reckon(account, &mut lines, discount, &currency);
    if sum.amount.is_sign_negative() && !sum.amount.is_zero() {
        let message = "The total of an invoice cannot be negative.";
        return Err(input.refuse(
            "amount",
            errno::INVALID_TOTAL,
            message,
            &money(sum.amount, &currency)["amount"],
        ));
    }
    let first = lines
        .first()
        .and_then(|line| line.get("description"))
        .cloned();
    row.insert("description".into(), first.unwrap_or_else(|| "".into()));
    row.insert("lines".into(), lines.into());
    row.insert("amount".into(), money(sum.amount, &currency));
    row.insert("discount_total".into(), money(sum.discount, &currency));
    row.insert(
        "discount".into(),
        json!({"amount": money(sum.discount, &currency), "rate": number_text(discount), "type": "percent"}),
    );
    row.insert(
        "_tax_total".into(),
        money(sum.tax, &currency)["amount"].clone(),
    );
    Ok(())
}

/// What is still due, for payments.
pub(super) fn due(row: &Doc, paid: Decimal) -> Decimal {
    (stored_amount(row, "amount") - paid).max(Decimal::ZERO)
}

/// A link for the shopper; the invoice must have been sent.
pub(super) fn share_link(account: &Account, id: u64) -> Result<Value, Refusal> {
    let row = stored(account, id)?;
    if invoice_status::stage(&row) == invoice_status::DRAFT {
        let message = "The invoice must be sent before it can be shared.";
        return Err(Refusal::field(
            OBJECT,
            "status",
            errno::INVALID_VALUE,
            message,
        ));
    }
    let link = format!("https://sandbox.invalid/#/link/{}", text(&row, "uuid"));
    Ok(
        json!({"share_link": {"resourceid": id, "resource_type": OBJECT, "share_method": "share_link", "share_link": link}}),
    )
}
