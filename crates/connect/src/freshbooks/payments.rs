//! Payments: listed by invoice, read, created, changed, removed.
//!
//! FreshBooks cuts an overpayment to what is due and turns the rest into a credit, without an
//! error; the reply shows it, for the caller to compare. Not here: which payments are due.

use domain::books::DesiredPayment;
use domain::money::{Currency, Money};
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::invoices::{as_written, money};
use crate::error::VendorError;
use crate::json;

pub(super) const PAYMENTS: Resource = Resource {
    path: ["payments", "payments"],
    list_template: "/accounting/account/{account_id}/payments/payments",
    single_template: "/accounting/account/{account_id}/payments/payments/{id}",
    single: "payment",
    plural: "payments",
};

/// A payment as FreshBooks has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Payment {
    pub id: u64,
    pub invoice_id: u64,
    pub amount: Money,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// FreshBooks' payment type.
    pub kind: String,
    /// Holds our natural key.
    pub note: String,
    /// There was more than was due: `amount` was cut, and the rest is a credit.
    pub overpayment_id: Option<u64>,
    /// Paid from a credit, not with money.
    pub from_credit: bool,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: u64,
}

impl Payment {
    /// Whether it was deleted (softly).
    pub fn is_deleted(&self) -> bool {
        self.vis_state == 1
    }
}

/// Leaves the note out.
impl std::fmt::Debug for Payment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payment")
            .field("id", &self.id)
            .field("invoice_id", &self.invoice_id)
            .field("amount", &self.amount)
            .field("overpayment_id", &self.overpayment_id)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// The payments of one invoice that are not deleted.
    pub async fn list_payments_of_invoice(
        &self,
        invoice_id: u64,
    ) -> Result<Vec<Payment>, VendorError> {
        let id = invoice_id.to_string();
        let wanted = |row: &Value| {
            json::id(&row["invoiceid"]) == Some(invoice_id)
                && json::id(&row["vis_state"]) != Some(1)
        };
        let filters = [("search[invoiceid]", id.as_str())];
        self.search(PAYMENTS, &filters, wanted)
            .await?
            .iter()
            .map(payment)
            .collect()
    }

    /// Books a payment, without a notice to the client.
    ///
    /// Not idempotent; after [`VendorError::UnknownOutcome`] look for the key in the notes of
    /// [`Client::list_payments_of_invoice`]. Compare the amount returned with the one asked.
    pub async fn create_payment(
        &self,
        invoice_id: u64,
        desired: &DesiredPayment,
    ) -> Result<Payment, VendorError> {
        let body = json!({
            "invoiceid": invoice_id,
            "amount": {
                "amount": desired.amount.to_decimal().to_string(),
                "code": desired.amount.currency.code(),
            },
            "date": desired.date,
            "type": desired.kind,
            "note": desired.note,
            "send_client_notification": false,
        });
        payment(&self.create(PAYMENTS, &[], body).await?).map_err(as_written)
    }

    /// One payment; deleted ones are given too.
    pub async fn get_payment(&self, id: u64) -> Result<Payment, VendorError> {
        payment(&self.single(PAYMENTS, id, &[]).await?)
    }

    /// Makes a payment's amount this one; date, type and note stay. Idempotent.
    pub async fn change_payment_amount(
        &self,
        id: u64,
        amount: Money,
    ) -> Result<Payment, VendorError> {
        let body = json!({
            "amount": {
                "amount": amount.to_decimal().to_string(),
                "code": amount.currency.code(),
            },
        });
        payment(&self.change(PAYMENTS, id, &[], body).await?).map_err(as_written)
    }

    /// Deletes softly. Idempotent.
    pub async fn remove_payment(&self, id: u64) -> Result<(), VendorError> {
        self.change(PAYMENTS, id, &[], json!({"vis_state": 1}))
            .await
            .map(drop)
    }
}

fn payment(record: &Value) -> Result<Payment, VendorError> {
    let id = json::id(&record["id"]).or_else(|| json::id(&record["logid"]));
    let code = record["amount"]["code"]
        .as_str()
        .ok_or_else(|| VendorError::field("amount.code"))?;
    let currency = Currency::from_code(code).map_err(|_| VendorError::field("amount.code"))?;
    Ok(Payment {
        id: id.ok_or_else(|| VendorError::field("payment.id"))?,
        invoice_id: json::id(&record["invoiceid"])
            .ok_or_else(|| VendorError::field("invoiceid"))?,
        amount: money(&record["amount"], currency, "amount")?,
        date: json::text(&record["date"]),
        kind: json::text(&record["type"]),
        note: json::text(&record["note"]),
        overpayment_id: json::id(&record["overpaymentid"]).filter(|id| *id != 0),
        from_credit: json::flag(&record["from_credit"]),
        vis_state: json::id(&record["vis_state"]).unwrap_or(0),
    })
}
