//! An order's entries in the mapping's words, with everything that follows from them.
//!
//! Done once for each arithmetic whose lines differ. Not here: which lines there are
//! ([`crate::accounting`]).

use super::texts::{fit_refunds, fit_texts};
use super::{not_computable, refunds, shipping};
use crate::accounting::{self, Entry, Hold, Receipt, Refunded};
use crate::arithmetic::{Figures, Model};
use crate::books::{
    Alternative, DesiredClient, DesiredInvoice, DesiredPayment, DesiredRefund, ShippingExpense,
};
use crate::mapping::{Mapped, MappedPayment, Mapping, Sources};
use crate::money::Money;
use crate::order::Order;
use crate::policy::{Policy, TaxMode};

/// What is the same whatever the lines are.
pub(super) struct Frame<'a> {
    pub(super) order: &'a Order,
    pub(super) policy: &'a Policy,
    pub(super) mapping: &'a Mapping,
    /// By its keys; the mapping gives it its fields.
    pub(super) client: &'a DesiredClient,
    pub(super) number: &'a str,
    /// `YYYY-MM-DD` in the store's time zone.
    pub(super) day: &'a str,
    pub(super) total: Money,
    pub(super) receipts: &'a [Receipt],
    pub(super) refunds: &'a [Refunded],
}

/// The books in words that fit FreshBooks.
pub(super) struct Worded {
    pub(super) client: DesiredClient,
    pub(super) invoice: DesiredInvoice,
    pub(super) payments: Vec<DesiredPayment>,
    pub(super) refunds: Vec<DesiredRefund>,
    pub(super) shipping: Vec<ShippingExpense>,
    pub(super) notices: Vec<String>,
}

impl Worded {
    /// As what stands otherwise in an account that rounds by `model`.
    pub(super) fn alternative(self, model: Model) -> Alternative {
        Alternative {
            model,
            invoice: self.invoice,
            refunds: self.refunds,
            shipping: self.shipping,
        }
    }
}

impl Frame<'_> {
    /// The books of these entries, or why a person has to look.
    pub(super) fn worded(&self, entries: &[Entry], model: Model) -> Result<Worded, Vec<Hold>> {
        let Mapped {
            client,
            invoice: fields,
            lines,
            payments,
        } = self.mapped(entries)?;
        let expected_tax = Money::rounded(self.order.totals.total.tax, self.order.currency)
            .map_err(|error| vec![not_computable(&error)])?;
        let mut invoice = DesiredInvoice {
            number: self.number.to_owned(),
            create_date: self.day.to_owned(),
            due_offset_days: self.policy.due_offset_days_for(self.order.status_id),
            fields,
            rounding_bound_minor: accounting::bound_minor(self.order, &lines),
            lines,
            expected_total: self.total,
            expected_tax,
        };
        let mut notices = Vec::new();
        let predicted_tax = same_amounts(&invoice, model).map_err(|hold| vec![hold])?;
        if self.policy.tax == TaxMode::Percent && predicted_tax != expected_tax {
            notices.push(format!(
                "FreshBooks' percents make {predicted_tax} tax, the store charged {expected_tax}: \
                 rounding within the policy's bound."
            ));
        }
        let mut client = DesiredClient {
            fields: client,
            ..self.client.clone()
        };
        let mut payments = self.payments(payments);
        let refunds = self.refunds.to_vec();
        let mode = &self.policy.refund;
        let mut refunds = refunds::book(refunds, mode, model, &mut invoice, &mut payments)
            .map_err(|hold| vec![hold])?;
        let shipping =
            shipping::book(&self.policy.shipping, &mut invoice).map_err(|hold| vec![hold])?;
        fit_texts(&mut client, &mut invoice, &mut payments, &mut notices);
        fit_refunds(&mut refunds, &mut notices);
        Ok(Worded {
            client,
            invoice,
            payments,
            refunds,
            shipping,
            notices,
        })
    }

    fn mapped(&self, entries: &[Entry]) -> Result<Mapped, Vec<Hold>> {
        let sources = Sources {
            order: self.order,
            entries,
            receipts: self.receipts,
            number: self.number,
            create_date: self.day,
        };
        self.mapping.evaluate(&sources).map_err(|faults| {
            let hold = |fault: crate::mapping::MappingFault| Hold {
                code: "mapping_fault",
                message: format!(
                    "The mapping {:?} cannot be applied: {fault}",
                    self.mapping.name()
                ),
            };
            faults.into_iter().map(hold).collect::<Vec<_>>()
        })
    }

    fn payments(&self, mapped: Vec<MappedPayment>) -> Vec<DesiredPayment> {
        let mut mapped = mapped.into_iter();
        let receipts = self.receipts.iter();
        receipts
            .map(|receipt| self.payment(receipt, mapped.next().unwrap_or_default()))
            .collect()
    }

    fn payment(&self, receipt: &Receipt, words: MappedPayment) -> DesiredPayment {
        // The connection's own table wins over the mapping's look-up.
        let (gateway, method) = (&receipt.gateway, &receipt.method);
        let set = accounting::overridden_payment_type(self.policy, gateway, method);
        let kind = match set {
            Some(kind) => kind.to_owned(),
            None if words.kind.is_empty() => receipt.kind.clone(),
            None => words.kind,
        };
        DesiredPayment {
            key: receipt.key.clone(),
            amount: receipt.amount,
            captured: receipt.amount,
            date: receipt.date.clone(),
            kind,
            note: words.note,
        }
    }
}

/// A mapping words lines; it must not change what they add up to. Gives the predicted tax.
fn same_amounts(invoice: &DesiredInvoice, model: Model) -> Result<Money, Hold> {
    let lines = invoice.lines.iter().map(Figures::from);
    let predicted = model
        .predict(lines, invoice.expected_total.currency)
        .map_err(|error| not_computable(&error))?;
    if predicted.total == invoice.expected_total {
        return Ok(predicted.tax);
    }
    Err(Hold {
        code: "mapping_changed_amounts",
        message: format!(
            "The mapped lines make {}, the order is {}. A mapping may word lines, not change \
             them; correct the mapping and publish it, then release.",
            predicted.total, invoice.expected_total
        ),
    })
}
