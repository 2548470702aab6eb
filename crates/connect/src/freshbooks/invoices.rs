//! Invoices: found by their number, written, marked as sent, removed.
//!
//! Nothing here trusts FreshBooks' arithmetic or ours: every write returns the invoice as
//! FreshBooks then has it, for the caller to compare. Not here: what the invoice should say.

use domain::books::DesiredInvoice;
use domain::money::{Currency, Money};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::{Client, Resource};
use super::invoice_body;
pub use super::invoice_body::Rebilled;
use crate::error::{Transient, VendorError};
use crate::json;

pub(super) const INVOICES: Resource = Resource {
    path: ["invoices", "invoices"],
    list_template: "/accounting/account/{account_id}/invoices/invoices",
    single_template: "/accounting/account/{account_id}/invoices/invoices/{id}",
    single: "invoice",
    plural: "invoices",
};

/// Lines come only when asked for.
const WITH_LINES: [(&str, &str); 1] = [("include[]", "lines")];

/// Whether a search looks at deleted invoices too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    Exclude,
    Include,
}

/// An invoice as FreshBooks has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    pub id: u64,
    pub number: String,
    pub client_id: u64,
    /// The grand total.
    pub amount: Money,
    pub outstanding: Money,
    pub paid: Money,
    pub currency: Currency,
    /// `draft`, `sent`, `partial`, `paid`, …
    pub v3_status: String,
    pub display_status: String,
    /// `unpaid`, `partial`, `paid`, `auto-paid`.
    pub payment_status: String,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: u64,
    /// As FreshBooks writes it: US/Eastern, no zone.
    pub updated: String,
    /// `YYYY-MM-DD`.
    pub create_date: String,
    /// What whoever made it left as a mark; empty when there is none.
    pub mark: String,
    /// `None` when the reply left them out; [`Client::get_invoice`] asks for them.
    pub lines: Option<Vec<LineRecord>>,
    status: Option<u64>,
}

/// A line as FreshBooks has it. Texts may name what a customer bought.
#[derive(Clone, PartialEq, Eq)]
pub struct LineRecord {
    pub name: String,
    pub description: String,
    pub quantity: Decimal,
    pub unit_cost: Decimal,
    pub tax1: Option<(String, Decimal)>,
    pub tax2: Option<(String, Decimal)>,
    pub amount: Option<Money>,
    /// The expense that the line rebills.
    pub expense_id: Option<u64>,
}

/// Figures only.
impl std::fmt::Debug for LineRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineRecord")
            .field("quantity", &self.quantity)
            .field("unit_cost", &self.unit_cost)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

impl Invoice {
    /// Whether it has left the draft state, and so is in FreshBooks' reports. The number in
    /// `status` lies for part-paid invoices and counts only when there is nothing else.
    pub fn is_sent(&self) -> bool {
        let told: Vec<&str> = [self.v3_status.as_str(), self.display_status.as_str()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        if told.is_empty() {
            return self.status.is_some_and(|status| status != 1);
        }
        !told.iter().any(|text| matches!(*text, "draft" | "created"))
    }

    /// Whether it was deleted (softly).
    pub fn is_deleted(&self) -> bool {
        self.vis_state == 1
    }

    /// SHA-256, in hex, of number, date, currency, amount and lines: it changes when a person
    /// edits the invoice, and not by payments. `None` without lines.
    pub fn vendor_hash(&self) -> Option<String> {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            // The length keeps neighbouring texts apart.
            hash.update(text.len().to_be_bytes());
            hash.update(text.as_bytes());
        };
        add(&self.number);
        add(&self.create_date);
        add(self.currency.code());
        add(&self.amount.amount_minor.to_string());
        for line in self.lines.as_ref()? {
            add(&line.name);
            add(&line.description);
            add(&line.quantity.normalize().to_string());
            add(&line.unit_cost.normalize().to_string());
            for tax in [&line.tax1, &line.tax2] {
                let (name, percent) = tax.as_ref().map_or(("", Decimal::ZERO), |(n, p)| (n, *p));
                add(name);
                add(&percent.normalize().to_string());
            }
        }
        Some(
            hash.finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

impl Client {
    /// Invoices with exactly this number. Lists leave out deleted ones, so including them costs
    /// a second search.
    pub async fn find_invoices_by_number(
        &self,
        number: &str,
        deleted: Deleted,
    ) -> Result<Vec<Invoice>, VendorError> {
        if number.is_empty() {
            return Err(VendorError::Unsendable {
                reason: "a search by number needs a number",
            });
        }
        let live = [("search[invoice_number]", number), WITH_LINES[0]];
        let gone = [live[0], ("search[vis_state]", "1"), WITH_LINES[0]];
        let wanted = |is_gone: bool| {
            move |row: &Value| {
                json::text(&row["invoice_number"]) == number
                    && (json::id(&row["vis_state"]) == Some(1)) == is_gone
            }
        };
        let rows = match deleted {
            Deleted::Exclude => self.search(INVOICES, &live, wanted(false)).await?,
            Deleted::Include => {
                // Not `try_join`: a call that is under way is never cut off, it may be refreshing
                // a token.
                let (live, gone) = tokio::join!(
                    self.search(INVOICES, &live, wanted(false)),
                    self.search(INVOICES, &gone, wanted(true)),
                );
                let mut rows = live?;
                rows.extend(gone?);
                rows
            }
        };
        rows.iter().map(invoice).collect()
    }

    /// Whether the client has any invoice that is not deleted.
    pub async fn has_invoices(&self, client_id: u64) -> Result<bool, VendorError> {
        let id = client_id.to_string();
        let wanted = |row: &Value| {
            json::id(&row["customerid"]) == Some(client_id)
                && json::id(&row["vis_state"]) != Some(1)
        };
        let filters = [("search[customerid]", id.as_str())];
        let rows = self.search(INVOICES, &filters, wanted).await?;
        Ok(!rows.is_empty())
    }

    /// One invoice with its lines; deleted ones are given too.
    pub async fn get_invoice(&self, id: u64) -> Result<Invoice, VendorError> {
        invoice(&self.single(INVOICES, id, &WITH_LINES).await?)
    }

    /// Creates a draft. `rebilled` has the expenses that its lines name.
    ///
    /// Not idempotent; after [`VendorError::UnknownOutcome`], and also when
    /// [`VendorError::may_be_duplicate`], look the number up, deleted ones included.
    pub async fn create_invoice(
        &self,
        client_id: u64,
        desired: &DesiredInvoice,
        mark: &str,
        rebilled: &Rebilled,
    ) -> Result<Invoice, VendorError> {
        let body = invoice_body::for_create(client_id, desired, mark, rebilled)?;
        invoice(&self.create(INVOICES, &WITH_LINES, body).await?).map_err(as_written)
    }

    /// Makes fields and lines what is desired; number and payments stay. Give `client_id` only
    /// to move the invoice to another client.
    pub async fn update_invoice(
        &self,
        id: u64,
        client_id: Option<u64>,
        desired: &DesiredInvoice,
        rebilled: &Rebilled,
    ) -> Result<Invoice, VendorError> {
        let body = invoice_body::for_update(client_id, desired, rebilled)?;
        invoice(&self.change(INVOICES, id, &WITH_LINES, body).await?).map_err(as_written)
    }

    /// Marks as sent without any e-mail. Idempotent.
    pub async fn mark_sent(&self, id: u64) -> Result<Invoice, VendorError> {
        let body = json!({"action_mark_as_sent": true});
        invoice(&self.change(INVOICES, id, &WITH_LINES, body).await?).map_err(as_written)
    }

    /// Has FreshBooks mail the invoice to one address, in its own words and without a PDF. Not
    /// idempotent: each call is one more e-mail.
    pub async fn email_invoice(&self, id: u64, to: &str) -> Result<Invoice, VendorError> {
        let body = json!({
            "action_email": true,
            "email_recipients": [to],
            "email_include_pdf": false,
        });
        invoice(&self.change(INVOICES, id, &WITH_LINES, body).await?).map_err(as_written)
    }

    /// Deletes softly. Its payments must be gone first. Idempotent.
    pub async fn remove_invoice(&self, id: u64) -> Result<(), VendorError> {
        self.change(INVOICES, id, &[], json!({"vis_state": 1}))
            .await
            .map(drop)
    }

    /// Undoes a soft deletion; the invoice with its lines as it is then. Idempotent.
    pub async fn restore_invoice(&self, id: u64) -> Result<Invoice, VendorError> {
        let body = json!({"vis_state": 0});
        invoice(&self.change(INVOICES, id, &WITH_LINES, body).await?).map_err(as_written)
    }
}

/// What a reply to a write that cannot be read means: the write has happened.
pub(super) fn as_written(error: VendorError) -> VendorError {
    match error {
        VendorError::Unreadable { .. } => VendorError::UnknownOutcome {
            cause: Transient::Garbled,
        },
        other => other,
    }
}

fn invoice(record: &Value) -> Result<Invoice, VendorError> {
    let id = json::id(&record["id"]).or_else(|| json::id(&record["invoiceid"]));
    let currency = currency(record)?;
    let lines = record["lines"].as_array();
    Ok(Invoice {
        id: id.ok_or_else(|| VendorError::field("invoice.id"))?,
        number: json::text(&record["invoice_number"]),
        client_id: json::id(&record["customerid"])
            .ok_or_else(|| VendorError::field("customerid"))?,
        amount: money(&record["amount"], currency, "amount")?,
        outstanding: money(&record["outstanding"], currency, "outstanding")?,
        paid: money(&record["paid"], currency, "paid")?,
        currency,
        v3_status: json::text(&record["v3_status"]),
        display_status: json::text(&record["display_status"]),
        payment_status: json::text(&record["payment_status"]),
        vis_state: json::id(&record["vis_state"]).unwrap_or(0),
        updated: json::text(&record["updated"]),
        create_date: json::text(&record["create_date"]),
        mark: json::text(&record[invoice_body::MARK_FIELD]),
        lines: lines
            .map(|rows| rows.iter().map(|row| line(row, currency)).collect())
            .transpose()?,
        status: json::id(&record["status"]),
    })
}

fn currency(record: &Value) -> Result<Currency, VendorError> {
    let code = record["amount"]["code"]
        .as_str()
        .or_else(|| record["currency_code"].as_str());
    let code = code.ok_or_else(|| VendorError::field("currency_code"))?;
    Currency::from_code(code).map_err(|_| VendorError::field("currency_code"))
}

/// An exact amount in `currency`; another code or more decimals than it has is unreadable.
pub(super) fn money(
    value: &Value,
    currency: Currency,
    name: &'static str,
) -> Result<Money, VendorError> {
    let code_fits = value["code"]
        .as_str()
        .is_none_or(|code| code == currency.code());
    let amount = json::decimal(&value["amount"]).filter(|_| code_fits);
    let amount = amount.ok_or_else(|| VendorError::field(name))?;
    Money::exact(amount, currency).map_err(|_| VendorError::field(name))
}

fn line(row: &Value, currency: Currency) -> Result<LineRecord, VendorError> {
    let tax = |name: &str, percent: &str| {
        let name = json::text(&row[name]);
        (!name.is_empty()).then(|| (name, json::decimal(&row[percent]).unwrap_or_default()))
    };
    Ok(LineRecord {
        name: json::text(&row["name"]),
        description: json::text(&row["description"]),
        quantity: json::decimal(&row["qty"]).ok_or_else(|| VendorError::field("lines.qty"))?,
        unit_cost: json::decimal(&row["unit_cost"]["amount"])
            .ok_or_else(|| VendorError::field("lines.unit_cost"))?,
        tax1: tax("taxName1", "taxAmount1"),
        tax2: tax("taxName2", "taxAmount2"),
        amount: money(&row["amount"], currency, "lines.amount").ok(),
        expense_id: json::id(&row["expenseid"]).filter(|id| *id != 0),
    })
}
