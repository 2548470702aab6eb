//! Payments: one per captured transaction, never more than is due.
//!
//! FreshBooks cuts an overpayment without an error and makes a credit of the rest, so what is due
//! is read and compared before money is booked.

use connect::freshbooks::Payment;
use contracts::ledger::{IntentKind, WrittenPayment};
use domain::account::contains_token;
use domain::books::DesiredPayment;
use stage::{Failure, Reason, vendor};

use crate::account::Workplace;
use crate::entry::OpenEntry;
use crate::{invoice, wire};

/// Books one payment. `due_known` says that this very delivery created the invoice, so nobody
/// else can have paid it and what is due need not be read.
pub(crate) async fn create(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredPayment,
    due_known: bool,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return Ok(());
    };
    if !due_known {
        let current = invoice::get(place, known.invoice_id).await?;
        if desired.amount.amount_minor > current.outstanding.amount_minor {
            return Err(Failure::held(Reason::new(
                "exceeds_what_is_due",
                format!(
                    "payment {} of {} exceeds what invoice {} has open ({}); was it paid by hand?",
                    desired.key, desired.amount, known.number, current.outstanding
                ),
            )));
        }
    }
    entry
        .begin(IntentKind::CreatePayment, &desired.key, None)
        .await?;
    match place
        .account
        .create_payment(known.invoice_id, desired)
        .await
    {
        Ok(payment) => {
            place.wrote();
            entry.done(|value| value.payments.push(written(&desired.key, &payment)));
            if payment.amount == desired.amount && payment.overpayment_id.is_none() {
                return Ok(());
            }
            entry.finish().await?;
            Err(Failure::held(Reason::new(
                "overpaid",
                format!(
                    "FreshBooks booked {} of payment {} over {} and made a credit of the rest; correct it by hand",
                    payment.amount, desired.key, desired.amount
                ),
            )))
        }
        Err(error) if error.is_outcome_unknown() => {
            Err(place.after_settling(vendor::failure("booking a payment", &error)))
        }
        Err(error) => {
            entry.withdraw().await?;
            Err(place.vendor_failure("booking a payment", &error).await)
        }
    }
}

/// The active payments of an invoice.
pub(crate) async fn find_all(
    place: &Workplace<'_>,
    invoice_id: u64,
) -> Result<Vec<Payment>, Failure> {
    match place.account.list_payments_of_invoice(invoice_id).await {
        Ok(payments) => Ok(payments),
        Err(error) => Err(place.vendor_failure("reading the payments", &error).await),
    }
}

/// Whether a payment in FreshBooks is the one of a key: its note names the key.
pub(crate) fn is(found: &Payment, key: &str) -> bool {
    contains_token(&found.note, key)
}

/// What the ledger keeps of a payment.
pub(crate) fn written(key: &str, payment: &Payment) -> WrittenPayment {
    WrittenPayment {
        key: key.to_owned(),
        payment_id: payment.id,
        amount: Some(wire::money(payment.amount)),
    }
}
