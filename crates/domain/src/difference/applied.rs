//! What the ledger would say after a step that FreshBooks took as it was sent.
//!
//! For whoever counts or rehearses steps instead of performing them. Not here: what FreshBooks
//! answers, which deliver writes down.

use super::{
    Step, Written, WrittenInvoice, WrittenPayment, WrittenRefund, WrittenShipping, content_hash,
    refund_hash, shipping_hash,
};
use crate::books::{DesiredBooks, RefundDocument};

impl Written {
    /// Takes the step as done. Nothing changes by a hold, by an end, or by an index that `desired`
    /// does not have.
    pub fn apply(&mut self, step: &Step, desired: &DesiredBooks) {
        match step {
            Step::CreateInvoice | Step::UpdateInvoice => self.apply_invoice(desired),
            Step::MarkSent => {
                if let Some(invoice) = &mut self.invoice {
                    invoice.sent = true;
                }
                self.email_due = desired.email_to.is_some();
            }
            Step::EmailInvoice => self.email_due = false,
            Step::RemoveInvoice | Step::RestoreInvoice => {
                if let Some(invoice) = &mut self.invoice {
                    invoice.removed = matches!(step, Step::RemoveInvoice);
                }
            }
            Step::CreatePayment(index) | Step::ChangePayment(index) => {
                self.apply_payment(desired, *index);
            }
            Step::RemovePayment(key) => drop(self.payments.remove(key)),
            Step::CreateRefund(index) | Step::UpdateRefund(index) => {
                self.apply_refund(desired, *index);
            }
            Step::RemoveRefund(key) => drop(self.refunds.remove(key)),
            Step::CreateShipping(index) | Step::UpdateShipping(index) => {
                self.apply_shipping(desired, *index);
            }
            Step::RestoreShipping(key) | Step::RemoveShipping(key) => {
                if let Some(expense) = self.shipping.get_mut(key) {
                    expense.removed = matches!(step, Step::RemoveShipping(_));
                }
            }
            Step::Nothing | Step::Done | Step::Hold(_) | Step::HoldUnlessMended(..) => {}
        }
    }

    fn apply_invoice(&mut self, desired: &DesiredBooks) {
        let sent = self.invoice.as_ref().is_some_and(|invoice| invoice.sent);
        self.invoice = Some(WrittenInvoice {
            content_hash: content_hash(&desired.invoice),
            sent,
            total: desired.invoice.expected_total,
            removed: false,
            create_date: desired.invoice.create_date.clone(),
            correction_minor: 0,
        });
    }

    fn apply_payment(&mut self, desired: &DesiredBooks, index: usize) {
        if let Some(payment) = desired.payments.get(index) {
            let known = WrittenPayment {
                amount: payment.amount,
                captured: payment.captured,
                date: payment.date.clone(),
            };
            self.payments.insert(payment.key.clone(), known);
        }
    }

    fn apply_refund(&mut self, desired: &DesiredBooks, index: usize) {
        if let Some(refund) = desired.refunds.get(index) {
            let known = WrittenRefund {
                is_expense: matches!(refund.document, RefundDocument::Expense(_)),
                content_hash: refund_hash(refund),
                amount: refund.amount,
                date: refund.date.clone(),
            };
            self.refunds.insert(refund.key.clone(), known);
        }
    }

    fn apply_shipping(&mut self, desired: &DesiredBooks, index: usize) {
        if let Some(expense) = desired.shipping.get(index) {
            let known = WrittenShipping {
                content_hash: shipping_hash(expense),
                date: expense.date.clone(),
                removed: false,
            };
            self.shipping.insert(expense.key.clone(), known);
        }
    }
}
