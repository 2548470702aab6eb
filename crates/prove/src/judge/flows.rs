//! Money in and out in the books against the store's: payments, refunds, their days.

use rust_decimal::Decimal;

use super::standing::was_refunded;
use super::totals::{Lines, adjusted};
use super::{invoice_payments, money_in};
use crate::amounts::{minus, money, sum};
use crate::evidence::{Booked, Evidence, tokens};
use crate::report::{Cause, Code};
use crate::terms::Terms;

pub(super) fn causes(
    evidence: &Evidence,
    booked: &Booked,
    lines: &Lines,
    terms: &Terms,
) -> Vec<Cause> {
    let mut causes = refund_causes(evidence, booked, lines, terms);
    causes.extend(payment_cause(evidence, booked, lines, terms));
    causes.extend(day_causes(evidence, booked, terms));
    causes.extend(unclear_causes(evidence));
    causes
}

/// Transactions whose word for what they are nobody knows: they count as no money here and in the
/// books, and may be some.
fn unclear_causes(evidence: &Evidence) -> Vec<Cause> {
    let real = evidence.transactions.iter().filter(|taken| !taken.row.test);
    real.filter_map(|taken| {
        let word = taken.row.unclear.as_ref()?;
        let words = format!(
            "Transaction {} says {word:?}, which is no event or status that is known; look up at \
             the gateway whether it is money.",
            taken.row.id
        );
        Some(Cause::new(Code::PaymentUnclear, words))
    })
    .collect()
}

/// What came in beyond the order's total and went back again is no money of the order: it lowers
/// its refunds, the earliest first.
pub(super) fn without_excess(evidence: &Evidence, terms: &Terms) -> Evidence {
    let order = &evidence.order;
    let all = money_in::received(order, &evidence.transactions, was_refunded(evidence), terms);
    let total = order.total_inc_tax.unwrap_or(all);
    let mut excess = minus(all, total).max(Decimal::ZERO);
    let mut own = evidence.clone();
    own.refunds.sort_by(|left, right| left.day.cmp(&right.day));
    for refund in &mut own.refunds {
        let part = excess.min(refund.amount);
        refund.amount = minus(refund.amount, part);
        excess = minus(excess, part);
    }
    own.refunds.retain(|refund| !refund.amount.is_zero());
    own
}

/// What the store received, at most the order's total.
pub(super) fn received(evidence: &Evidence, terms: &Terms) -> Decimal {
    let order = &evidence.order;
    let all = money_in::received(order, &evidence.transactions, was_refunded(evidence), terms);
    order.total_inc_tax.map_or(all, |total| all.min(total))
}

fn payment_cause(
    evidence: &Evidence,
    booked: &Booked,
    lines: &Lines,
    terms: &Terms,
) -> Option<Cause> {
    let own = invoice_payments::own_received(evidence, terms);
    let others = booked.received_from_others();
    let expected = minus(sum([own, others]), adjusted(evidence, lines));
    let found = booked.received();
    if found == expected {
        return None;
    }
    let currency = &evidence.order.currency;
    let figures = format!(
        "{} of payments are due in the books, {} are there",
        money(expected, currency),
        money(found, currency)
    );
    if found > expected {
        return Some(Cause::new(Code::PaymentTooMuch, format!("{figures}.")));
    }
    let absent: Vec<_> = money_in::captured(&evidence.transactions)
        .into_iter()
        .filter(|taken| !has_token(booked, &taken.row.id))
        .collect();
    if !absent.is_empty() && absent.iter().all(|taken| terms.is_closed(&taken.day)) {
        let words = format!("{figures}; what is missing was paid in a closed period.");
        return Some(Cause::new(Code::LockedPeriod, words));
    }
    let names: Vec<&str> = absent.iter().map(|taken| taken.row.id.as_str()).collect();
    let which = if names.is_empty() {
        String::new()
    } else {
        format!("; not found: transaction {}", names.join(", "))
    };
    if let Some(gone) = evidence.deleted.payments.iter().max_by_key(|one| one.id) {
        let words = format!(
            "{figures}{which}; payment {} of {} was deleted in FreshBooks. Bring it back there.",
            gone.id,
            money(gone.amount.unwrap_or_default(), currency)
        );
        return Some(Cause::new(Code::PaymentDeletedInFreshbooks, words));
    }
    Some(Cause::new(
        Code::PaymentMissing,
        format!("{figures}{which}."),
    ))
}

fn has_token(booked: &Booked, transaction_id: &str) -> bool {
    let mut notes = booked.payments.iter().map(|payment| payment.note.as_str());
    notes.any(|note| tokens(note, "txn:").any(|id| id == transaction_id))
}

fn refund_causes(evidence: &Evidence, booked: &Booked, lines: &Lines, terms: &Terms) -> Vec<Cause> {
    let currency = &booked.invoice.currency;
    let mut causes = Vec::new();
    for refund in &evidence.refunds {
        let beside = beside(evidence, &refund.id);
        let on_invoice = lines.adjusted.contains(&refund.id);
        let found = if on_invoice {
            sum([beside, refund.amount])
        } else {
            beside
        };
        let figures = format!(
            "Refund {} is {} in the store and {} in the books",
            refund.id,
            money(refund.amount, currency),
            money(found, currency)
        );
        if found > refund.amount {
            causes.push(Cause::new(Code::RefundTooMuch, format!("{figures}.")));
        } else if found < refund.amount && terms.is_closed(&refund.day) {
            let words = format!("{figures}; its day {} is closed.", refund.day);
            causes.push(Cause::new(Code::LockedPeriod, words));
        } else if found < refund.amount {
            let mut gone = evidence.deleted.credit_notes.iter();
            let cause = match gone.find(|one| one.refund_id == refund.id) {
                Some(one) => Cause::new(
                    Code::CreditNoteDeletedInFreshbooks,
                    format!(
                        "{figures}; credit note {} was deleted in FreshBooks. Bring it back there.",
                        one.figures.number
                    ),
                ),
                None => Cause::new(Code::RefundMissing, format!("{figures}.")),
            };
            causes.push(cause);
        }
    }
    let known = |id: &&String| evidence.refunds.iter().any(|refund| refund.id == **id);
    let strays = evidence.outgoing.iter().map(|one| &one.refund_id);
    let mut strays: Vec<&String> = strays
        .chain(&lines.adjusted)
        .filter(|id| !known(id))
        .collect();
    strays.sort_unstable();
    strays.dedup();
    for id in strays {
        let words = format!("The books give back refund {id}, which the store does not know.");
        causes.push(Cause::new(Code::RefundTooMuch, words));
    }
    causes
}

/// What stands for a refund beside the invoice.
fn beside(evidence: &Evidence, refund_id: &str) -> Decimal {
    let found = evidence.outgoing.iter();
    sum(found
        .filter(|one| one.refund_id == refund_id)
        .filter_map(|one| one.figures.amount))
}

/// Payments and refunds that are booked, but on another day.
fn day_causes(evidence: &Evidence, booked: &Booked, terms: &Terms) -> Vec<Cause> {
    let mut causes = Vec::new();
    for taken in money_in::captured(&evidence.transactions) {
        let named = |note: &str| tokens(note, "txn:").any(|id| id == taken.row.id);
        for payment in booked.payments.iter().filter(|one| named(&one.note)) {
            let what = format!("The payment of transaction {}", taken.row.id);
            causes.extend(day_cause(&what, &payment.date, &taken.day, terms));
        }
    }
    for refund in &evidence.refunds {
        let booked = evidence.outgoing.iter();
        for one in booked.filter(|one| one.refund_id == refund.id) {
            let what = format!("What is booked for refund {}", refund.id);
            causes.extend(day_cause(&what, &one.figures.date, &refund.day, terms));
        }
    }
    causes
}

/// A document on another day than it should be on; one in a closed period is the graver case.
pub(super) fn day_cause(what: &str, found: &str, expected: &str, terms: &Terms) -> Option<Cause> {
    if found == expected {
        return None;
    }
    if terms.is_closed(found) && !terms.is_closed(expected) {
        let words = format!("{what} is dated {found}, in a closed period; its day is {expected}.");
        return Some(Cause::new(Code::LockedPeriod, words));
    }
    let words = format!("{what} is dated {found}; its day is {expected}.");
    Some(Cause::new(Code::WrongDate, words))
}
