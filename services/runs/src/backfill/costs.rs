//! What one order will cost at FreshBooks: the pipeline's own steps, counted instead of performed.
//!
//! The steps come from `domain::difference`, the same function that drives delivery. What each
//! step calls is written down here, and an end-to-end test compares it with what the vendor's
//! sandbox counted.

use std::ops::AddAssign;

use contracts::ledger::OrderEntry;
use contracts::ledger_conversion;
use domain::books::{DesiredBooks, Disposition, RefundDocument};
use domain::difference::{Step, Written, next_step};

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
        written.apply(&Step::CreateInvoice, desired);
        written.apply(&Step::MarkSent, desired);
        if !desired.shipping.is_empty() {
            // What its lines rebill is looked for among those that stand and those that do not.
            calls.reads = calls.reads.saturating_add(2);
        }
        for index in 0..desired.shipping.len() {
            written.apply(&Step::CreateShipping(index), desired);
        }
    }
    let mut created_here = false;
    for _ in 0..STEPS_MAX {
        let step = next_step(desired, &written);
        let Some(cost) = of_step(&step, desired, &written, created_here) else {
            break;
        };
        calls += cost;
        created_here |= step == Step::CreateInvoice;
        written.apply(&step, desired);
    }
    calls
}

/// What one step calls; `None` for an end, a hold, and the mail that orders of a backfill do not
/// get.
fn of_step(
    step: &Step,
    desired: &DesiredBooks,
    written: &Written,
    created_here: bool,
) -> Option<Calls> {
    Some(match step {
        Step::Nothing
        | Step::Done
        | Step::Hold(_)
        | Step::HoldUnlessMended(..)
        | Step::EmailInvoice => return None,
        Step::CreateInvoice => calls(0, 1, 0),
        Step::MarkSent | Step::RestoreInvoice | Step::RestoreShipping(_) => calls(0, 0, 1),
        // What is paid and what is due is read, unless nobody else can have paid yet.
        Step::CreatePayment(_) if created_here => calls(0, 1, 0),
        Step::CreatePayment(_) => calls(2, 1, 0),
        // What a person may have changed is read before it is written.
        Step::UpdateInvoice
        | Step::RemoveInvoice
        | Step::ChangePayment(_)
        | Step::RemovePayment(_)
        | Step::RemoveRefund(_)
        | Step::RemoveShipping(_) => calls(1, 0, 1),
        Step::CreateRefund(index) | Step::UpdateRefund(index) => {
            let document = desired.refunds.get(*index).map(|refund| &refund.document);
            let is_expense = matches!(document, Some(RefundDocument::Expense(_)));
            // The category's id is looked up by its name.
            let category = u64::from(is_expense);
            let reads = category.saturating_add(1);
            match step {
                // Looked for first: the ledger may be a restored one.
                Step::CreateRefund(_) => calls(reads, 1, 0),
                _ => calls(reads, 0, 1),
            }
        }
        // The category's id is looked up by its name.
        Step::UpdateShipping(_) => calls(2, 0, 1),
        // Before the invoice is, also among the client's, those that stand and those that do not.
        Step::CreateShipping(_) if written.invoice.is_none() => calls(3, 1, 0),
        Step::CreateShipping(_) => calls(1, 1, 0),
    })
}

/// Calls at FreshBooks.
const fn calls(reads: u64, creates: u64, updates: u64) -> Calls {
    Calls {
        store_reads: 0,
        reads,
        creates,
        updates,
    }
}

/// Whether the order will have an invoice, and so a client.
pub(super) fn wants_invoice(desired: &DesiredBooks) -> bool {
    matches!(desired.disposition, Disposition::Draft | Disposition::Sent)
}
