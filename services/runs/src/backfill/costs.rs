//! What one order will cost at FreshBooks: the pipeline's own steps, counted instead of performed.
//!
//! The steps come from `domain::difference`, the same function that drives delivery. What each
//! step calls is written down here, and an end-to-end test compares it with what the vendor's
//! sandbox counted.

use std::ops::AddAssign;

use contracts::ledger::OrderEntry;
use contracts::ledger_conversion;
use domain::books::{
    DesiredBooks, DesiredPayment, DesiredRefund, Disposition, RefundDocument, ShippingExpense,
};
use domain::difference::{
    Step, Written, WrittenInvoice, WrittenPayment, WrittenRefund, WrittenShipping, content_hash,
    next_step, refund_hash, shipping_hash,
};

/// Calls at both vendors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) store_reads: u64,
    pub(super) reads: u64,
    pub(super) creates: u64,
    pub(super) updates: u64,
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Self) {
        self.store_reads = self.store_reads.saturating_add(other.store_reads);
        self.reads = self.reads.saturating_add(other.reads);
        self.creates = self.creates.saturating_add(other.creates);
        self.updates = self.updates.saturating_add(other.updates);
    }
}

/// What FreshBooks holds of an order before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// The ledger knows its invoice.
    Known(Written),
    /// Nobody knows of an invoice.
    Absent,
    /// The ledger does not know it, FreshBooks has an invoice of the number.
    Unknown,
}

/// What the ledger's entry says; `None` when it has no invoice, or cannot be read as money.
pub(super) fn written(entry: &OrderEntry) -> Option<Written> {
    entry.invoice.as_ref()?;
    ledger_conversion::written(entry).ok()
}

/// Steps that are counted before it counts as a loop.
const STEPS_MAX: usize = 200;

/// The calls at FreshBooks, without those for the client.
pub(super) fn of_order(desired: &DesiredBooks, before: &Before) -> Calls {
    let mut calls = Calls::default();
    let is_nothing = matches!(desired.disposition, Disposition::Nothing(_));
    let mut written = match before {
        Before::Known(written) => written.clone(),
        Before::Absent | Before::Unknown => Written::default(),
    };
    if *before != Before::Known(written.clone())
        && !is_nothing
        && !desired.invoice.number.is_empty()
    {
        // Lookup asks for the invoice's number, among those that stand and those that do not.
        calls.reads = 2;
    }
    if !wants_invoice(desired) && written.invoice.is_none() {
        return calls;
    }
    if *before == Before::Unknown {
        // It is asked for once more, and read with its payments into the ledger.
        calls.reads = calls.reads.saturating_add(3);
        written = as_desired(desired, true);
        if !desired.shipping.is_empty() {
            // What its lines rebill is looked for among those that stand and those that do not.
            calls.reads = calls.reads.saturating_add(2);
        }
        for expense in &desired.shipping {
            keep_shipping(&mut written, expense);
        }
    }
    let mut created_here = false;
    for _ in 0..STEPS_MAX {
        let step = next_step(desired, &written);
        match step {
            // Orders of a backfill are not mailed.
            Step::Nothing
            | Step::Done
            | Step::Hold(_)
            | Step::HoldUnlessMended(..)
            | Step::EmailInvoice => break,
            Step::CreateInvoice => {
                calls.creates = calls.creates.saturating_add(1);
                written.invoice = as_desired(desired, false).invoice;
                created_here = true;
            }
            Step::UpdateInvoice => {
                calls.reads = calls.reads.saturating_add(1);
                calls.updates = calls.updates.saturating_add(1);
                let sent = written.invoice.as_ref().is_some_and(|known| known.sent);
                written.invoice = as_desired(desired, sent).invoice;
            }
            Step::MarkSent => {
                calls.updates = calls.updates.saturating_add(1);
                if let Some(invoice) = &mut written.invoice {
                    invoice.sent = true;
                }
            }
            Step::CreatePayment(index) => {
                let Some(payment) = desired.payments.get(index) else {
                    break;
                };
                // What is paid and what is due is read, unless nobody else can have paid yet.
                let reads = if created_here { 0 } else { 2 };
                calls.reads = calls.reads.saturating_add(reads);
                calls.creates = calls.creates.saturating_add(1);
                keep_payment(&mut written, payment);
            }
            Step::ChangePayment(index) => {
                let Some(payment) = desired.payments.get(index) else {
                    break;
                };
                calls += READ_THEN_UPDATE;
                keep_payment(&mut written, payment);
            }
            Step::RemovePayment(key) => {
                calls += READ_THEN_UPDATE;
                written.payments.remove(&key);
            }
            Step::CreateRefund(index) | Step::UpdateRefund(index) => {
                let Some(refund) = desired.refunds.get(index) else {
                    break;
                };
                let is_expense = matches!(refund.document, RefundDocument::Expense(_));
                // The category's id is looked up by its name.
                calls.reads = calls.reads.saturating_add(u64::from(is_expense));
                if written.refunds.contains_key(&refund.key) {
                    calls += READ_THEN_UPDATE;
                } else {
                    // Looked for first: the ledger may be a restored one.
                    calls.reads = calls.reads.saturating_add(1);
                    calls.creates = calls.creates.saturating_add(1);
                }
                keep_refund(&mut written, refund, is_expense);
            }
            Step::RemoveRefund(key) => {
                calls += READ_THEN_UPDATE;
                written.refunds.remove(&key);
            }
            Step::CreateShipping(index) | Step::UpdateShipping(index) => {
                let Some(expense) = desired.shipping.get(index) else {
                    break;
                };
                // The category's id is looked up by its name.
                calls.reads = calls.reads.saturating_add(1);
                if written.invoice.is_none() {
                    // Looked for among the client's, those that stand and those that do not.
                    calls.reads = calls.reads.saturating_add(2);
                }
                if written.shipping.contains_key(&expense.key) {
                    calls += READ_THEN_UPDATE;
                } else {
                    calls.creates = calls.creates.saturating_add(1);
                }
                keep_shipping(&mut written, expense);
            }
            Step::RestoreShipping(key) => {
                calls.updates = calls.updates.saturating_add(1);
                set_removed(&mut written, &key, false);
            }
            Step::RemoveShipping(key) => {
                calls += READ_THEN_UPDATE;
                set_removed(&mut written, &key, true);
            }
            Step::RemoveInvoice => {
                calls += READ_THEN_UPDATE;
                if let Some(invoice) = &mut written.invoice {
                    invoice.removed = true;
                }
            }
            Step::RestoreInvoice => {
                calls.updates = calls.updates.saturating_add(1);
                if let Some(invoice) = &mut written.invoice {
                    invoice.removed = false;
                }
            }
        }
    }
    calls
}

/// What a person may have changed is read before it is written.
const READ_THEN_UPDATE: Calls = Calls {
    store_reads: 0,
    reads: 1,
    creates: 0,
    updates: 1,
};

fn keep_payment(written: &mut Written, payment: &DesiredPayment) {
    let known = WrittenPayment {
        amount: payment.amount,
        captured: payment.captured,
        date: payment.date.clone(),
    };
    written.payments.insert(payment.key.clone(), known);
}

fn keep_refund(written: &mut Written, refund: &DesiredRefund, is_expense: bool) {
    let known = WrittenRefund {
        is_expense,
        content_hash: refund_hash(refund),
        amount: refund.amount,
        date: refund.date.clone(),
    };
    written.refunds.insert(refund.key.clone(), known);
}

fn keep_shipping(written: &mut Written, expense: &ShippingExpense) {
    let known = WrittenShipping {
        content_hash: shipping_hash(expense),
        date: expense.date.clone(),
        removed: false,
    };
    written.shipping.insert(expense.key.clone(), known);
}

fn set_removed(written: &mut Written, key: &str, removed: bool) {
    if let Some(known) = written.shipping.get_mut(key) {
        known.removed = removed;
    }
}

/// Whether the order will have an invoice, and so a client.
pub(super) fn wants_invoice(desired: &DesiredBooks) -> bool {
    matches!(desired.disposition, Disposition::Draft | Disposition::Sent)
}

/// The invoice as it will stand when it was written.
fn as_desired(desired: &DesiredBooks, sent: bool) -> Written {
    Written {
        invoice: Some(WrittenInvoice {
            content_hash: content_hash(&desired.invoice),
            sent,
            total: desired.invoice.expected_total,
            removed: false,
            create_date: desired.invoice.create_date.clone(),
            correction_minor: 0,
        }),
        ..Written::default()
    }
}
