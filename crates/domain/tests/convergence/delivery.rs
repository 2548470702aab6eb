//! Plans performed one after the other against an account and a ledger, by the rule the services
//! use: the newest snapshot wins, an older plan is superseded, each step is an intent, an effect
//! and a result, and an intent whose result was lost is looked up before anything else.
//!
//! Not here: what a plan says.

use std::collections::BTreeSet;

use domain::books::DesiredBooks;
use domain::books::RefundDocument;
use domain::difference::{
    Step, Written, WrittenInvoice, WrittenPayment, WrittenRefund, WrittenShipping, content_hash,
    next_step, refund_hash, shipping_hash,
};
use domain::money::Money;

use crate::freshbooks::Account;

/// Far more than any plan of the test needs; more would be a loop.
const STEPS_MAX: usize = 60;

/// Where a delivery dies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Its intent is stored, the call was not made.
    BeforeEffect,
    /// The call was made, its reply is lost.
    BeforeResult,
    /// The result is stored, the next step has not begun.
    AfterResult,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended {
    AtRest,
    Superseded,
    Held(&'static str),
    Interrupted,
}

/// What a step writes, under its natural key.
#[derive(Clone, Debug)]
enum Intent {
    Invoice,
    Payment { key: String, captured: Money },
    Refund(String),
    Shipping(String),
}

/// One order's ledger entry and its account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) account: Account,
    /// The names of all steps that were performed.
    pub(crate) seen: BTreeSet<&'static str>,
    written: Written,
    version: usize,
    open: Option<Intent>,
}

impl Delivery {
    /// Performs what is left to do for a plan. `cut` is the step, from 0, at which the process
    /// dies, and where in it.
    pub(crate) fn deliver(
        &mut self,
        version: usize,
        books: &DesiredBooks,
        cut: Option<(usize, Cut)>,
    ) -> Result<Ended, String> {
        if version < self.version {
            return Ok(Ended::Superseded);
        }
        self.version = version;
        self.settle();
        for number in 0..STEPS_MAX {
            let step = next_step(books, &self.written);
            match &step {
                Step::Done | Step::Nothing => return Ok(Ended::AtRest),
                Step::Hold(hold) | Step::HoldUnlessMended(_, hold) => {
                    return Ok(Ended::Held(hold.code));
                }
                _ => {}
            }
            let cut = cut.filter(|(at, _)| *at == number).map(|(_, cut)| cut);
            self.open = Some(self.intent(&step, books));
            if matches!(cut, Some(Cut::BeforeEffect)) {
                return Ok(Ended::Interrupted);
            }
            let spoiled = |why: String| format!("{step:?}: {why}");
            self.account.perform(&step, books).map_err(spoiled)?;
            self.seen.insert(name(&step));
            if matches!(cut, Some(Cut::BeforeResult)) {
                return Ok(Ended::Interrupted);
            }
            self.settle();
            if matches!(cut, Some(Cut::AfterResult)) {
                return Ok(Ended::Interrupted);
            }
        }
        Err(format!("no rest after {STEPS_MAX} steps"))
    }

    fn intent(&self, step: &Step, books: &DesiredBooks) -> Intent {
        match step {
            Step::CreatePayment(index) | Step::ChangePayment(index) => Intent::Payment {
                key: books.payments[*index].key.clone(),
                captured: books.payments[*index].captured,
            },
            Step::RemovePayment(key) => Intent::Payment {
                key: key.clone(),
                captured: self.written.payments[key].captured,
            },
            Step::CreateRefund(index) | Step::UpdateRefund(index) => {
                Intent::Refund(books.refunds[*index].key.clone())
            }
            Step::RemoveRefund(key) => Intent::Refund(key.clone()),
            Step::CreateShipping(index) | Step::UpdateShipping(index) => {
                Intent::Shipping(books.shipping[*index].key.clone())
            }
            Step::RestoreShipping(key) | Step::RemoveShipping(key) => Intent::Shipping(key.clone()),
            _ => Intent::Invoice,
        }
    }

    /// Takes into the ledger what the account shows under the open intent's natural key.
    fn settle(&mut self) {
        match self.open.take() {
            None => {}
            Some(Intent::Invoice) => {
                let found = self.account.invoice.as_ref();
                self.written.invoice = found.map(|invoice| WrittenInvoice {
                    content_hash: content_hash(&invoice.content),
                    sent: invoice.sent,
                    total: invoice.total,
                    removed: invoice.removed,
                    create_date: invoice.content.create_date.clone(),
                    correction_minor: 0,
                });
            }
            Some(Intent::Payment { key, captured }) => {
                let found = self.account.payments.get(&key);
                let known = found.map(|payment| WrittenPayment {
                    amount: payment.amount,
                    captured,
                    date: payment.date.clone(),
                });
                match known {
                    Some(known) => drop(self.written.payments.insert(key, known)),
                    None => drop(self.written.payments.remove(&key)),
                }
            }
            Some(Intent::Refund(key)) => {
                let found = self.account.documents.get(&key);
                let known = found.map(|refund| WrittenRefund {
                    is_expense: matches!(refund.document, RefundDocument::Expense(_)),
                    content_hash: refund_hash(refund),
                    amount: refund.amount,
                    date: refund.date.clone(),
                });
                match known {
                    Some(known) => drop(self.written.refunds.insert(key, known)),
                    None => drop(self.written.refunds.remove(&key)),
                }
            }
            Some(Intent::Shipping(key)) => {
                let found = self.account.shipping.get(&key);
                let known = found.map(|expense| WrittenShipping {
                    content_hash: shipping_hash(&expense.content),
                    date: expense.content.date.clone(),
                    removed: expense.removed,
                });
                match known {
                    Some(known) => drop(self.written.shipping.insert(key, known)),
                    None => drop(self.written.shipping.remove(&key)),
                }
            }
        }
    }
}

fn name(step: &Step) -> &'static str {
    match step {
        Step::CreateInvoice => "create invoice",
        Step::UpdateInvoice => "update invoice",
        Step::MarkSent => "mark sent",
        Step::RemoveInvoice => "remove invoice",
        Step::RestoreInvoice => "restore invoice",
        Step::CreatePayment(_) => "create payment",
        Step::ChangePayment(_) => "change payment",
        Step::RemovePayment(_) => "remove payment",
        Step::CreateRefund(_) => "create refund",
        Step::UpdateRefund(_) => "update refund",
        Step::RemoveRefund(_) => "remove refund",
        Step::CreateShipping(_) => "create shipping",
        Step::UpdateShipping(_) => "update shipping",
        Step::RestoreShipping(_) => "restore shipping",
        Step::RemoveShipping(_) => "remove shipping",
        Step::EmailInvoice => "email invoice",
        Step::Nothing | Step::Done | Step::Hold(_) | Step::HoldUnlessMended(..) => "none",
    }
}
