//! The next step from what is written to what the books should say.
//!
//! Pure: deliver performs one step, writes its result to the ledger and asks again. Not here: how
//! a step is performed, and how a doubtful write is found again.

mod applied;
mod closed;
mod content;
mod days;
mod invoice_payment;
mod moneys;
mod shipping;

use std::collections::BTreeMap;

use crate::accounting::Hold;
use crate::books::{DesiredBooks, Disposition};
use crate::money::Money;

pub use closed::closed_period;
pub use content::{content_hash, refund_hash, shipping_hash};
pub use days::with_booked_days;

/// What the ledger knows about an order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Written {
    pub invoice: Option<WrittenInvoice>,
    /// By payment key.
    pub payments: BTreeMap<String, WrittenPayment>,
    /// By refund key.
    pub refunds: BTreeMap<String, WrittenRefund>,
    /// By the expense's key.
    pub shipping: BTreeMap<String, WrittenShipping>,
    /// The invoice was marked as sent by Tillbook, and the e-mail that goes with it was not tried.
    pub email_due: bool,
}

/// A payment as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPayment {
    pub amount: Money,
    /// What the store had captured then.
    pub captured: Money,
    /// `YYYY-MM-DD`; empty when not known.
    pub date: String,
}

/// The document of a refund as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRefund {
    /// An expense; otherwise a credit note.
    pub is_expense: bool,
    /// [`refund_hash`] of what was sent.
    pub content_hash: String,
    /// The total FreshBooks answered.
    pub amount: Money,
    /// `YYYY-MM-DD`; empty when not known.
    pub date: String,
}

/// An expense of the shipping as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenShipping {
    /// [`shipping_hash`] of what was sent.
    pub content_hash: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    pub removed: bool,
}

/// The invoice as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenInvoice {
    /// [`content_hash`] of what was sent.
    pub content_hash: String,
    pub sent: bool,
    /// The total FreshBooks answered.
    pub total: Money,
    pub removed: bool,
    /// `YYYY-MM-DD`; empty when not known.
    pub create_date: String,
    /// Correction line that FreshBooks' own arithmetic made necessary, smallest units.
    pub correction_minor: i64,
}

/// What has to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The order is not in the books and nothing of it was written.
    Nothing,
    CreateInvoice,
    UpdateInvoice,
    MarkSent,
    /// Index into [`DesiredBooks::payments`].
    CreatePayment(usize),
    /// Index into [`DesiredBooks::payments`]: its amount is lowered or raised.
    ChangePayment(usize),
    /// The key of a payment.
    RemovePayment(String),
    /// Index into [`DesiredBooks::refunds`].
    CreateRefund(usize),
    /// Index into [`DesiredBooks::refunds`].
    UpdateRefund(usize),
    /// The key of a refund whose document is taken back out.
    RemoveRefund(String),
    /// Index into [`DesiredBooks::shipping`].
    CreateShipping(usize),
    /// Index into [`DesiredBooks::shipping`].
    UpdateShipping(usize),
    /// The key of an expense that was taken out and is wanted again.
    RestoreShipping(String),
    /// The key of an expense that no invoice names any longer.
    RemoveShipping(String),
    RemoveInvoice,
    /// The invoice was removed and is wanted again.
    RestoreInvoice,
    /// FreshBooks mails the invoice to [`DesiredBooks::email_to`].
    EmailInvoice,
    Hold(Hold),
    /// A hold that ends when a person has put this right in FreshBooks. What it shows is read
    /// first and taken into the ledger when it is gone, or when it is what is wanted.
    HoldUnlessMended(Mendable, Hold),
    /// What should be there is there.
    Done,
}

/// What a person can put right in FreshBooks, by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mendable {
    Payment(String),
    Refund(String),
}

/// The next step. Repeated until it is [`Step::Nothing`], [`Step::Done`] or a hold.
pub fn next_step(desired: &DesiredBooks, written: &Written) -> Step {
    let standing = written.invoice.as_ref().filter(|invoice| !invoice.removed);
    let sent = match &desired.disposition {
        // An expense that no invoice names is only half of what it should have become.
        Disposition::Nothing(_) if standing.is_none() => {
            return shipping::without_invoice(written).unwrap_or(Step::Nothing);
        }
        // What stands, stands.
        Disposition::Nothing(_) => return Step::Done,
        Disposition::Removed(_) => return removal(desired, standing, written),
        Disposition::Undone(_) => return undoing(standing, written),
        Disposition::PaysInvoice(_) => {
            return invoice_payment::next_step(desired, standing, written);
        }
        Disposition::Draft => false,
        Disposition::Sent => true,
    };
    let Some(invoice) = standing else {
        if !written.payments.is_empty() {
            return Step::Hold(Hold {
                code: "payments_without_invoice",
                message: format!(
                    "Invoice {} was removed, but {} payments were written for it. Compare it in \
                     FreshBooks and restore or book it by hand.",
                    desired.invoice.number,
                    written.payments.len()
                ),
            });
        }
        if let Some(step) = shipping::missing(desired, written) {
            return step;
        }
        // A removed invoice keeps its number, so a second one is never made beside it.
        return match written.invoice {
            Some(_) => Step::RestoreInvoice,
            None => Step::CreateInvoice,
        };
    };
    let currency = desired.invoice.expected_total.currency;
    if invoice.total.currency != currency {
        return Step::Hold(Hold {
            code: "currency_changed",
            message: format!(
                "Invoice {} was written in {}, the order is now in {currency}. Tillbook does not \
                 change the currency of an invoice; correct the order or book it by hand.",
                desired.invoice.number, invoice.total.currency
            ),
        });
    }
    if let Some(step) = moneys::taken_back(desired, written) {
        return step;
    }
    let paid = match sum(
        written.payments.values().map(|payment| &payment.amount),
        desired,
    ) {
        Ok(paid) => paid,
        Err(hold) => return Step::Hold(hold),
    };
    let is_changed = invoice.content_hash != content_hash(&desired.invoice);
    if is_changed && paid.amount_minor > desired.invoice.expected_total.amount_minor.max(0) {
        return Step::Hold(Hold {
            code: "paid_more_than_due",
            message: format!(
                "Invoice {} should now be {}, but {paid} is already written as paid. Give the \
                 difference back in the store, or book it by hand.",
                desired.invoice.number, desired.invoice.expected_total
            ),
        });
    }
    if let Some(step) = shipping::missing(desired, written) {
        return step;
    }
    if is_changed {
        return Step::UpdateInvoice;
    }
    if let Some(step) = shipping::left_over(desired, written) {
        return step;
    }
    if sent && !invoice.sent {
        return Step::MarkSent;
    }
    match moneys::next(desired, written, invoice.total, paid) {
        // Last, so that the shopper's copy shows what is paid.
        Step::Done if written.email_due && sent && desired.email_to.is_some() => Step::EmailInvoice,
        step => step,
    }
}

fn removal(desired: &DesiredBooks, standing: Option<&WrittenInvoice>, written: &Written) -> Step {
    if standing.is_none() {
        return shipping::without_invoice(written).unwrap_or(Step::Nothing);
    }
    let mut payments = written.payments.iter();
    let paid = payments.find(|(_, payment)| payment.amount.amount_minor != 0);
    let paid = paid.map(|(key, _)| Mendable::Payment(key.clone()));
    let refunded = || written.refunds.keys().next().cloned().map(Mendable::Refund);
    match paid.or_else(refunded) {
        None => Step::RemoveInvoice,
        Some(document) => Step::HoldUnlessMended(
            document,
            Hold {
                code: "paid_invoice_not_removed",
                message: format!(
                    "The order is gone or was never paid in the store, but invoice {} has payments \
                     or refunds in FreshBooks. Tillbook removes no paid invoice. Check the money at \
                     the gateway; if it did not come in, delete them in FreshBooks and release this.",
                    desired.invoice.number
                ),
            },
        ),
    }
}

/// Takes back out what was written, in the order FreshBooks allows it.
fn undoing(standing: Option<&WrittenInvoice>, written: &Written) -> Step {
    if let Some(key) = written.refunds.keys().next_back() {
        return Step::RemoveRefund(key.clone());
    }
    if let Some(key) = written.payments.keys().next_back() {
        return Step::RemovePayment(key.clone());
    }
    match standing {
        Some(_) => Step::RemoveInvoice,
        None => shipping::without_invoice(written).unwrap_or(Step::Nothing),
    }
}

fn sum<'a>(
    amounts: impl Iterator<Item = &'a Money>,
    desired: &DesiredBooks,
) -> Result<Money, Hold> {
    let mut sum = Money::zero(desired.invoice.expected_total.currency);
    for amount in amounts {
        sum = sum.checked_add(*amount).map_err(|error| Hold {
            code: "payments_do_not_add_up",
            message: format!(
                "The payments written for invoice {} cannot be added: {error}. Compare them in \
                 FreshBooks.",
                desired.invoice.number
            ),
        })?;
    }
    Ok(sum)
}
