//! The next step with payments and refunds of an invoice that stands.
//!
//! What is too much is taken out before the invoice is written, what is missing is booked after.

use super::{Mendable, Step, Written, WrittenPayment, refund_hash};
use crate::accounting::Hold;
use crate::books::{DesiredBooks, DesiredPayment, DesiredRefund, RefundDocument};
use crate::money::Money;

/// The next document or part of a payment that must not stand any longer.
pub(super) fn taken_back(desired: &DesiredBooks, written: &Written) -> Option<Step> {
    for (key, known) in &written.refunds {
        let wanted = desired.refunds.iter().find(|refund| refund.key == *key);
        let is_kept = match wanted.map(|refund| &refund.document) {
            Some(RefundDocument::CreditNote) => !known.is_expense,
            Some(RefundDocument::Expense(_)) => known.is_expense,
            Some(RefundDocument::None) => false,
            None if desired
                .refunds
                .iter()
                .any(|refund| refund.replaces.contains(key)) =>
            {
                false
            }
            None => return Some(refund_gone(desired, key)),
        };
        if !is_kept {
            return Some(Step::RemoveRefund(key.clone()));
        }
    }
    for (index, payment) in desired.payments.iter().enumerate() {
        let Some(known) = written.payments.get(&payment.key) else {
            continue;
        };
        if is_same_money(known, payment) && payment.amount.amount_minor < known.amount.amount_minor
        {
            return Some(if payment.amount.amount_minor == 0 {
                Step::RemovePayment(payment.key.clone())
            } else {
                Step::ChangePayment(index)
            });
        }
    }
    None
}

/// The next payment or refund to be booked.
pub(super) fn next(desired: &DesiredBooks, written: &Written, total: Money, paid: Money) -> Step {
    for (index, payment) in desired.payments.iter().enumerate() {
        let known = written.payments.get(&payment.key);
        let missing = match known {
            None if payment.amount.amount_minor == 0 => continue,
            None => payment.amount,
            Some(known) if known.amount == payment.amount => continue,
            Some(known) if is_same_money(known, payment) => {
                match payment.amount.checked_sub(known.amount) {
                    Ok(missing) => missing,
                    Err(_) => return amount_changed(desired, payment, known),
                }
            }
            Some(known) => return amount_changed(desired, payment, known),
        };
        let open = total.checked_sub(paid);
        let fits = open.is_ok_and(|open| missing.amount_minor <= open.amount_minor)
            && payment.amount.currency == total.currency;
        if !fits {
            return Step::Hold(exceeds_due(desired, payment, total, paid));
        }
        return if known.is_some() {
            Step::ChangePayment(index)
        } else {
            Step::CreatePayment(index)
        };
    }
    let gone = written
        .payments
        .keys()
        .find(|key| !desired.payments.iter().any(|payment| payment.key == **key));
    if let Some(key) = gone {
        return payment_gone(desired, key);
    }
    next_refund(desired, written).unwrap_or(Step::Done)
}

fn next_refund(desired: &DesiredBooks, written: &Written) -> Option<Step> {
    let of = |refund: &DesiredRefund| refund.document != RefundDocument::None;
    for (index, refund) in desired
        .refunds
        .iter()
        .enumerate()
        .filter(|(_, one)| of(one))
    {
        match written.refunds.get(&refund.key) {
            None => return Some(Step::CreateRefund(index)),
            Some(known) if known.content_hash != refund_hash(refund) => {
                return Some(Step::UpdateRefund(index));
            }
            Some(_) => {}
        }
    }
    None
}

/// Whether the store still says the same came in, so that only refunds moved the amount.
fn is_same_money(known: &WrittenPayment, payment: &DesiredPayment) -> bool {
    known.captured == payment.captured && known.amount.currency == payment.amount.currency
}

fn exceeds_due(
    desired: &DesiredBooks,
    payment: &DesiredPayment,
    total: Money,
    paid: Money,
) -> Hold {
    Hold {
        code: "payment_exceeds_due",
        message: format!(
            "Payment {} is {}, but of invoice {} ({total}) already {paid} is paid. Compare the \
             payments in the store and in FreshBooks.",
            payment.key, payment.amount, desired.invoice.number
        ),
    }
}

fn amount_changed(
    desired: &DesiredBooks,
    payment: &DesiredPayment,
    known: &WrittenPayment,
) -> Step {
    let hold = Hold {
        code: "payment_amount_changed",
        message: format!(
            "Payment {} was written as {}, the store now says {}. Compare both; make the payment of \
             invoice {} in FreshBooks {}, or delete it there, and release this.",
            payment.key, known.amount, payment.amount, desired.invoice.number, payment.amount
        ),
    };
    Step::HoldUnlessMended(Mendable::Payment(payment.key.clone()), hold)
}

fn payment_gone(desired: &DesiredBooks, key: &str) -> Step {
    let hold = Hold {
        code: "payment_gone",
        message: format!(
            "Payment {key} is written on invoice {}, but the store no longer reports it as money. \
             Check it at the gateway; if it did not come in, delete it in FreshBooks and release this.",
            desired.invoice.number
        ),
    };
    Step::HoldUnlessMended(Mendable::Payment(key.to_owned()), hold)
}

fn refund_gone(desired: &DesiredBooks, key: &str) -> Step {
    let hold = Hold {
        code: "refund_gone",
        message: format!(
            "{key} is booked for invoice {}, but the store no longer reports it. Check it at the \
             gateway; if nothing was given back, delete it in FreshBooks and release this.",
            desired.invoice.number
        ),
    };
    Step::HoldUnlessMended(Mendable::Refund(key.to_owned()), hold)
}
