//! Closed periods: a step that would write into one is held, and no other.

use super::{Step, Written};
use crate::accounting::Hold;
use crate::books::DesiredBooks;

/// The hold of a step that would write into a closed period, if it does.
///
/// `first_open_day` is `YYYY-MM-DD`; days before it are closed, empty closes none. Days that are
/// not known close nothing.
pub fn closed_period(
    desired: &DesiredBooks,
    written: &Written,
    step: &Step,
    first_open_day: &str,
) -> Option<Hold> {
    let was = |date: Option<&String>| date.cloned().unwrap_or_default();
    let invoice_was = || was(written.invoice.as_ref().map(|invoice| &invoice.create_date));
    let payment_was = |key: &str| was(written.payments.get(key).map(|payment| &payment.date));
    let refund_was = |key: &str| was(written.refunds.get(key).map(|refund| &refund.date));
    let shipping_was = |key: &str| was(written.shipping.get(key).map(|expense| &expense.date));
    // Both the day something lies on and the day it moves to count.
    let (what, days) = match step {
        Step::CreateInvoice
        | Step::UpdateInvoice
        | Step::MarkSent
        | Step::RemoveInvoice
        | Step::RestoreInvoice => (
            "the invoice's date",
            [desired.invoice.create_date.clone(), invoice_was()],
        ),
        Step::CreatePayment(index) | Step::ChangePayment(index) => {
            let payment = desired.payments.get(*index)?;
            // A change of the amount leaves the day it was written under.
            let known = payment_was(&payment.key);
            let day = if known.is_empty() {
                payment.date.clone()
            } else {
                known
            };
            ("the payment's date", [day, String::new()])
        }
        Step::RemovePayment(key) => ("the payment's date", [payment_was(key), String::new()]),
        Step::CreateRefund(index) | Step::UpdateRefund(index) => {
            let refund = desired.refunds.get(*index)?;
            (
                "the refund's date",
                [refund.date.clone(), refund_was(&refund.key)],
            )
        }
        Step::RemoveRefund(key) => ("the refund's date", [refund_was(key), String::new()]),
        Step::CreateShipping(index) | Step::UpdateShipping(index) => {
            let expense = desired.shipping.get(*index)?;
            (
                "the shipping expense's date",
                [expense.date.clone(), shipping_was(&expense.key)],
            )
        }
        Step::RestoreShipping(key) | Step::RemoveShipping(key) => (
            "the shipping expense's date",
            [shipping_was(key), String::new()],
        ),
        // An e-mail changes nothing in the books.
        Step::EmailInvoice
        | Step::Nothing
        | Step::Hold(_)
        | Step::HoldUnlessMended(..)
        | Step::Done => return None,
    };
    let closed = |day: &&String| !day.is_empty() && day.as_str() < first_open_day;
    let day = days.iter().find(closed)?;
    Some(Hold {
        code: "period_closed",
        message: format!(
            "The books are closed for days before {first_open_day}, and {what} {day} lies there. \
             Book it by hand, or move books_locked_until back."
        ),
    })
}
