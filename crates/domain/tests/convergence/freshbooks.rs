//! The account of one order, as FreshBooks would keep it: it refuses, or would spoil, what a
//! correct sequence of steps never asks for.
//!
//! Its arithmetic is its own. Not here: which step is next, and what is remembered of it.

use std::collections::BTreeMap;

use domain::books::{
    DesiredBooks, DesiredInvoice, DesiredPayment, DesiredRefund, Disposition, InvoiceLine, LineTax,
    RefundDocument, ShippingExpense,
};
use domain::difference::Step;
use domain::money::Money;
use rust_decimal::{Decimal, RoundingStrategy};

#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    pub(crate) content: DesiredInvoice,
    pub(crate) total: Money,
    pub(crate) sent: bool,
    pub(crate) removed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Payment {
    pub(crate) amount: Money,
    pub(crate) date: String,
}

/// An expense keeps its id when it is removed, so it can come back.
#[derive(Clone, Debug)]
pub(crate) struct Expense {
    pub(crate) content: ShippingExpense,
    pub(crate) removed: bool,
}

/// Everything the account holds for one order. Payments and documents by their natural keys;
/// those that were removed are gone from here, an invoice keeps its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) invoice: Option<Invoice>,
    pub(crate) payments: BTreeMap<String, Payment>,
    pub(crate) documents: BTreeMap<String, DesiredRefund>,
    pub(crate) shipping: BTreeMap<String, Expense>,
    /// Steps performed so far.
    pub(crate) writes: usize,
}

/// What a reader of the account sees. Two runs that end alike show the same.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Shown {
    invoice: Option<(DesiredInvoice, Money, bool)>,
    payments: BTreeMap<String, Payment>,
    documents: BTreeMap<String, DesiredRefund>,
    shipping: BTreeMap<String, ShippingExpense>,
}

impl Shown {
    /// What a plan says the account should show; nothing for an order that is not in the books.
    pub(crate) fn wanted(books: &DesiredBooks) -> Self {
        if !matches!(books.disposition, Disposition::Sent) {
            return Self::default();
        }
        let invoice = &books.invoice;
        let paid = books
            .payments
            .iter()
            .filter(|one| one.amount.amount_minor != 0);
        let row = |payment: &DesiredPayment| Payment {
            amount: payment.amount,
            date: payment.date.clone(),
        };
        let documents = books.refunds.iter();
        Self {
            invoice: Some((bare_invoice(invoice), invoice.expected_total, true)),
            payments: paid.map(|one| (one.key.clone(), row(one))).collect(),
            documents: documents
                .filter(|refund| refund.document != RefundDocument::None)
                .map(bare_refund)
                .collect(),
            shipping: books
                .shipping
                .iter()
                .map(|expense| (expense.key.clone(), expense.clone()))
                .collect(),
        }
    }
}

fn bare_invoice(content: &DesiredInvoice) -> DesiredInvoice {
    DesiredInvoice {
        // How far it may be rounded is not in the account.
        rounding_bound_minor: 0,
        ..content.clone()
    }
}

fn bare_refund(refund: &DesiredRefund) -> (String, DesiredRefund) {
    let bare = DesiredRefund {
        // Neither is this, nor how it came about.
        replaces: Vec::new(),
        rounding_bound_minor: 0,
        ..refund.clone()
    };
    (refund.key.clone(), bare)
}

impl Account {
    /// Performs one step. The error says what FreshBooks would have refused or spoiled.
    pub(crate) fn perform(&mut self, step: &Step, books: &DesiredBooks) -> Result<(), String> {
        self.writes += 1;
        match step {
            Step::CreateInvoice => {
                self.rebills_what_stands(&books.invoice)?;
                self.create_invoice(&books.invoice)
            }
            Step::UpdateInvoice => {
                self.rebills_what_stands(&books.invoice)?;
                self.update_invoice(&books.invoice)
            }
            Step::MarkSent => self.standing().map(|invoice| invoice.sent = true),
            Step::RemoveInvoice => self.remove_invoice(),
            Step::RestoreInvoice => match &mut self.invoice {
                Some(invoice) if invoice.removed => {
                    invoice.removed = false;
                    Ok(())
                }
                _ => Err("nothing to restore".to_owned()),
            },
            Step::CreatePayment(index) => {
                let payment = &books.payments[*index];
                let row = Payment {
                    amount: payment.amount,
                    date: payment.date.clone(),
                };
                match self.payments.insert(payment.key.clone(), row) {
                    Some(_) => Err(format!("{} is booked twice", payment.key)),
                    None => self.not_overpaid(),
                }
            }
            Step::ChangePayment(index) => {
                let payment = &books.payments[*index];
                let row = self.payments.get_mut(&payment.key);
                row.ok_or("no such payment")?.amount = payment.amount;
                self.not_overpaid()
            }
            Step::RemovePayment(key) => taken(self.payments.remove(key)),
            Step::CreateRefund(index) => {
                let refund = books.refunds[*index].clone();
                adds_up(&refund.lines, refund.amount)?;
                match self.documents.insert(refund.key.clone(), refund) {
                    Some(twice) => Err(format!("{} is booked twice", twice.key)),
                    None => self.standing().map(drop),
                }
            }
            Step::UpdateRefund(index) => {
                let refund = &books.refunds[*index];
                adds_up(&refund.lines, refund.amount)?;
                let row = self.documents.get_mut(&refund.key);
                let row = row.ok_or("no such document")?;
                if row.document != refund.document {
                    return Err(format!("{:?} is no {:?}", row.document, refund.document));
                }
                *row = refund.clone();
                Ok(())
            }
            Step::RemoveRefund(key) => taken(self.documents.remove(key)),
            Step::CreateShipping(index) => {
                let content = books.shipping[*index].clone();
                let key = content.key.clone();
                let expense = Expense {
                    content,
                    removed: false,
                };
                match self.shipping.insert(key, expense) {
                    Some(twice) => Err(format!("{} is booked twice", twice.content.key)),
                    None => Ok(()),
                }
            }
            Step::UpdateShipping(index) => {
                let content = &books.shipping[*index];
                let expense = self.shipping.get_mut(&content.key);
                let expense = expense.filter(|expense| !expense.removed);
                expense.ok_or("no such expense")?.content = content.clone();
                Ok(())
            }
            Step::RestoreShipping(key) => self.set_removed(key, false),
            Step::RemoveShipping(key) => {
                let standing = self.invoice.iter().filter(|invoice| !invoice.removed);
                let mut lines = standing.flat_map(|invoice| &invoice.content.lines);
                if lines.any(|line| line.rebills.as_ref() == Some(key)) {
                    return Err(format!("{key} is still on the invoice"));
                }
                self.set_removed(key, true)
            }
            Step::EmailInvoice => Err("the policy mails nobody".to_owned()),
            Step::Nothing | Step::Done | Step::Hold(_) | Step::HoldUnlessMended(..) => {
                Err("no step at all".to_owned())
            }
        }
    }

    pub(crate) fn shown(&self) -> Shown {
        let standing = self.invoice.as_ref().filter(|invoice| !invoice.removed);
        Shown {
            invoice: standing.map(|one| (bare_invoice(&one.content), one.total, one.sent)),
            payments: self.payments.clone(),
            documents: self.documents.values().map(bare_refund).collect(),
            shipping: self
                .shipping
                .iter()
                .filter(|(_, expense)| !expense.removed)
                .map(|(key, expense)| (key.clone(), expense.content.clone()))
                .collect(),
        }
    }

    fn rebills_what_stands(&self, desired: &DesiredInvoice) -> Result<(), String> {
        let mut named = desired
            .lines
            .iter()
            .filter_map(|line| line.rebills.as_ref());
        let stands = |key| {
            self.shipping
                .get(key)
                .is_some_and(|expense| !expense.removed)
        };
        match named.find(|key| !stands(*key)) {
            Some(key) => Err(format!("{key} is to be rebilled and does not stand")),
            None => Ok(()),
        }
    }

    fn set_removed(&mut self, key: &str, removed: bool) -> Result<(), String> {
        let expense = self.shipping.get_mut(key);
        let expense = expense.filter(|expense| expense.removed != removed);
        expense.ok_or("the expense is so already")?.removed = removed;
        Ok(())
    }

    fn standing(&mut self) -> Result<&mut Invoice, String> {
        let invoice = self.invoice.as_mut().filter(|invoice| !invoice.removed);
        invoice.ok_or_else(|| "there is no invoice".to_owned())
    }

    fn create_invoice(&mut self, desired: &DesiredInvoice) -> Result<(), String> {
        if self.invoice.is_some() {
            return Err(format!("invoice {} exists", desired.number));
        }
        self.invoice = Some(Invoice {
            content: desired.clone(),
            total: adds_up(&desired.lines, desired.expected_total)?,
            sent: false,
            removed: false,
        });
        Ok(())
    }

    fn update_invoice(&mut self, desired: &DesiredInvoice) -> Result<(), String> {
        let total = adds_up(&desired.lines, desired.expected_total)?;
        let invoice = self.standing()?;
        if invoice.total.currency != total.currency {
            return Err("an invoice keeps its currency".to_owned());
        }
        invoice.content = desired.clone();
        invoice.total = total;
        self.not_overpaid()
    }

    fn remove_invoice(&mut self) -> Result<(), String> {
        if !self.payments.is_empty() || !self.documents.is_empty() {
            return Err("money stands on the invoice that is removed".to_owned());
        }
        self.standing().map(|invoice| invoice.removed = true)
    }

    /// FreshBooks would cut what is too much and make a credit of the rest, without an error.
    fn not_overpaid(&mut self) -> Result<(), String> {
        let rows = self.payments.values();
        let paid: i64 = rows.map(|payment| payment.amount.amount_minor).sum();
        let total = self.standing()?.total;
        if paid > total.amount_minor {
            return Err(format!("{paid} smallest units are paid of {total}"));
        }
        Ok(())
    }
}

fn taken<T>(row: Option<T>) -> Result<(), String> {
    row.map(drop).ok_or_else(|| "nothing to remove".to_owned())
}

/// The total of the lines, tax rounded on each; an error when it is not what was expected.
fn adds_up(lines: &[InvoiceLine], expected: Money) -> Result<Money, String> {
    let decimals = expected.currency.decimals();
    let round = |value: Decimal| {
        value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
    };
    let mut total = Decimal::ZERO;
    for line in lines {
        let net = round(line.quantity * line.unit_cost);
        let tax = |base: Decimal, tax: &Option<LineTax>| {
            let percent = tax.as_ref().map_or(Decimal::ZERO, |tax| tax.percent);
            round(base * percent / Decimal::ONE_HUNDRED)
        };
        let first = tax(net, &line.tax1);
        let base = if line.compounded { net + first } else { net };
        total += net + first + tax(base, &line.tax2);
    }
    if total != expected.to_decimal() {
        return Err(format!("the lines make {total}, not {expected}"));
    }
    Ok(expected)
}
