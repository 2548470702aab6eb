//! Credit notes: found by client, written, changed, removed.
//!
//! FreshBooks computes a credit note's total from its lines, so each write returns it as it then
//! is, for the caller to compare. Not here: which refunds have one.

use domain::books::{DesiredRefund, InvoiceLine};
use domain::money::{Currency, Money};
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::invoice_body;
use super::invoices::{as_written, money};
use crate::error::VendorError;
use crate::json;

pub(super) const CREDIT_NOTES: Resource = Resource {
    path: ["credit_notes", "credit_notes"],
    list_template: "/accounting/account/{account_id}/credit_notes/credit_notes",
    single_template: "/accounting/account/{account_id}/credit_notes/credit_notes/{id}",
    single: "credit_note",
    plural: "credit_notes",
};

/// A credit note as FreshBooks has it.
#[derive(Clone, PartialEq, Eq)]
pub struct CreditNote {
    pub id: u64,
    pub number: String,
    pub client_id: u64,
    /// The grand total.
    pub amount: Money,
    /// `YYYY-MM-DD`.
    pub create_date: String,
    /// Names our refund.
    pub notes: String,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: u64,
}

/// Leaves the notes out.
impl std::fmt::Debug for CreditNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreditNote")
            .field("id", &self.id)
            .field("number", &self.number)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

impl CreditNote {
    /// Whether it was deleted (softly).
    pub fn is_deleted(&self) -> bool {
        self.vis_state == 1
    }
}

impl Client {
    /// The credit notes of one client that are not deleted.
    pub async fn list_credit_notes_of_client(
        &self,
        client_id: u64,
    ) -> Result<Vec<CreditNote>, VendorError> {
        let id = client_id.to_string();
        let wanted = |row: &Value| {
            json::id(&row["clientid"]) == Some(client_id) && json::id(&row["vis_state"]) != Some(1)
        };
        self.search(CREDIT_NOTES, &[("search[clientid]", id.as_str())], wanted)
            .await?
            .iter()
            .map(credit_note)
            .collect()
    }

    /// One credit note; deleted ones are given too.
    pub async fn get_credit_note(&self, id: u64) -> Result<CreditNote, VendorError> {
        credit_note(&self.single(CREDIT_NOTES, id, &[]).await?)
    }

    /// Creates the credit note of a refund.
    ///
    /// Not idempotent; after [`VendorError::UnknownOutcome`] look for the number in
    /// [`Client::list_credit_notes_of_client`].
    pub async fn create_credit_note(
        &self,
        client_id: u64,
        refund: &DesiredRefund,
    ) -> Result<CreditNote, VendorError> {
        let mut body = body(refund, None);
        body["clientid"] = json!(client_id);
        body["credit_number"] = json!(refund.number);
        body["credit_type"] = json!("goodwill");
        credit_note(&self.create(CREDIT_NOTES, &[], body).await?).map_err(as_written)
    }

    /// Makes date, notes and lines what is desired; `correction` is one more line. Idempotent.
    pub async fn update_credit_note(
        &self,
        id: u64,
        refund: &DesiredRefund,
        correction: Option<&InvoiceLine>,
    ) -> Result<CreditNote, VendorError> {
        let body = body(refund, correction);
        credit_note(&self.change(CREDIT_NOTES, id, &[], body).await?).map_err(as_written)
    }

    /// Deletes softly. Idempotent.
    pub async fn remove_credit_note(&self, id: u64) -> Result<(), VendorError> {
        self.change(CREDIT_NOTES, id, &[], json!({"vis_state": 1}))
            .await
            .map(drop)
    }
}

fn body(refund: &DesiredRefund, correction: Option<&InvoiceLine>) -> Value {
    let currency = refund.amount.currency;
    let lines: Vec<Value> = refund
        .lines
        .iter()
        .chain(correction)
        .map(|row| invoice_body::line(row, currency))
        .collect();
    json!({
        "create_date": refund.date,
        "currency_code": currency.code(),
        "notes": refund.note,
        "lines": lines,
    })
}

fn credit_note(record: &Value) -> Result<CreditNote, VendorError> {
    let id = json::id(&record["id"]).or_else(|| json::id(&record["creditid"]));
    let code = record["amount"]["code"]
        .as_str()
        .or_else(|| record["currency_code"].as_str());
    let code = code.ok_or_else(|| VendorError::field("currency_code"))?;
    let currency = Currency::from_code(code).map_err(|_| VendorError::field("currency_code"))?;
    Ok(CreditNote {
        id: id.ok_or_else(|| VendorError::field("credit_note.id"))?,
        number: json::text(&record["credit_number"]),
        client_id: json::id(&record["clientid"]).ok_or_else(|| VendorError::field("clientid"))?,
        amount: money(&record["amount"], currency, "amount")?,
        create_date: json::text(&record["create_date"]),
        notes: json::text(&record["notes"]),
        vis_state: json::id(&record["vis_state"]).unwrap_or(0),
    })
}
