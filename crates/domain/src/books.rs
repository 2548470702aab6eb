//! What FreshBooks should show for one order.
//!
//! Plain data: `accounting` and `mapping` make it, `deliver` performs it. Not here: how it is
//! computed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::arithmetic::Model;
use crate::money::Money;

/// Everything FreshBooks should show for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredBooks {
    pub disposition: Disposition,
    pub client: DesiredClient,
    pub invoice: DesiredInvoice,
    pub payments: Vec<DesiredPayment>,
    pub refunds: Vec<DesiredRefund>,
    /// Expenses that lines of the invoice rebill.
    pub shipping: Vec<ShippingExpense>,
    /// Whom FreshBooks mails the invoice, once; `None` when no e-mail is to go out.
    pub email_to: Option<String>,
    /// For the console; they hold nothing back.
    pub notices: Vec<String>,
    /// The same books for accounts whose arithmetic needs other lines; empty where it does not.
    pub alternatives: Vec<Alternative>,
    /// Why the order is held in accounts for which it has no lines; some other has.
    pub held_for: Vec<HeldFor>,
}

/// Why the order waits for a person where the account rounds by this model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFor {
    pub model: Model,
    /// Of [`crate::accounting::Hold`].
    pub code: String,
    pub message: String,
}

/// What stands otherwise in an account that rounds by another model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    pub model: Model,
    pub invoice: DesiredInvoice,
    pub refunds: Vec<DesiredRefund>,
    pub shipping: Vec<ShippingExpense>,
}

impl DesiredBooks {
    /// The invoice as each arithmetic writes it, the likeliest first.
    pub fn invoices(&self) -> impl Iterator<Item = &DesiredInvoice> {
        let others = self.alternatives.iter().map(|other| &other.invoice);
        std::iter::once(&self.invoice).chain(others)
    }

    /// The books for an account that rounds by `model`, or why the order is held there; they have
    /// no alternatives.
    pub fn for_model(&self, model: Model) -> Result<Self, Vec<&HeldFor>> {
        let holds = self.held_for.iter().filter(|held| held.model == model);
        let holds: Vec<&HeldFor> = holds.collect();
        if !holds.is_empty() {
            return Err(holds);
        }
        let other = self.alternatives.iter().find(|one| one.model == model);
        let mut books = Self {
            alternatives: Vec::new(),
            held_for: Vec::new(),
            ..self.clone()
        };
        if let Some(other) = other {
            books.invoice = other.invoice.clone();
            books.refunds = other.refunds.clone();
            books.shipping = other.shipping.clone();
        }
        Ok(books)
    }
}

/// Whether and how the order is in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Not in the books, with the reason in plain words. An invoice that exists stays.
    Nothing(String),
    /// An invoice that stays a draft.
    Draft,
    /// An invoice, marked as sent.
    Sent,
    /// An unpaid invoice that exists is removed, with the reason in plain words.
    Removed(String),
    /// Nothing of Tillbook's own writes for the order is to stand, with the reason in plain words:
    /// refunds are taken back out, then payments, then the invoice.
    Undone(String),
}

/// The FreshBooks client an order belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DesiredClient {
    /// Lower case, trimmed; `None` when the order has no e-mail.
    pub email_key: Option<String>,
    /// BigCommerce customer id; `None` for guests.
    pub customer_id: Option<u64>,
    /// Lower-cased company or full name; the key of last resort.
    pub name_key: Option<String>,
    /// FreshBooks client field (`fname`, `p_city`, …) to text.
    pub fields: BTreeMap<String, String>,
}

/// The invoice of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredInvoice {
    /// At most 20 characters, unique per account: also the natural key.
    pub number: String,
    /// `YYYY-MM-DD`, the order's day in the store's time zone.
    pub create_date: String,
    pub due_offset_days: u32,
    /// FreshBooks invoice field (`notes`, `po_number`, `street`, …) to text.
    pub fields: BTreeMap<String, String>,
    pub lines: Vec<InvoiceLine>,
    /// What FreshBooks' `amount` must be after the write. Carries the currency.
    pub expected_total: Money,
    /// The tax that is part of it.
    pub expected_tax: Money,
    /// The largest rounding line the policy allows here, smallest units.
    pub rounding_bound_minor: u64,
}

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineKind {
    Product,
    Shipping,
    Handling,
    Wrapping,
    Fee,
    Discount,
    /// A tax booked as an exact amount (`tax = "amount"`).
    Tax,
    Rounding,
    /// What was given back, taken off the invoice (`refund = "adjust"`).
    Refund,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLine {
    pub kind: LineKind,
    pub name: String,
    pub description: String,
    pub quantity: Decimal,
    /// In the invoice's currency, before tax; never more decimals than the currency has.
    pub unit_cost: Decimal,
    pub tax1: Option<LineTax>,
    pub tax2: Option<LineTax>,
    /// `tax2` is computed on the amount plus `tax1`.
    pub compounded: bool,
    /// The key of the expense in [`DesiredBooks::shipping`] that this line bills to the client.
    pub rebills: Option<String>,
}

/// The words of the line that makes up for rounding.
#[derive(Clone, Copy, Debug)]
pub struct RoundingLine;

impl RoundingLine {
    /// Its name, by which it is also told from the order's own lines.
    pub const NAME: &'static str = "Rounding";

    /// States both taxes where they differ, and that rounding is all there is to it.
    pub fn description(store_tax: Money, books_tax: Money) -> String {
        if store_tax == books_tax {
            return format!("Rounding. The tax is the store's: {store_tax}.");
        }
        format!("Rounding. Tax in the store: {store_tax}, in these lines: {books_tax}.")
    }
}

/// A tax as FreshBooks takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTax {
    pub name: String,
    /// Percent, at most three decimals.
    pub percent: Decimal,
}

/// Money that came in for the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredPayment {
    /// Natural key within the order, e.g. `txn:4711`; the note contains it.
    pub key: String,
    /// What is to be booked: `captured` less what a refund lowered it by. Zero: no payment stands.
    pub amount: Money,
    /// What came in.
    pub captured: Money,
    /// `YYYY-MM-DD` in the store's time zone.
    pub date: String,
    /// A FreshBooks payment type.
    pub kind: String,
    pub note: String,
}

/// How a refund stands in FreshBooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundDocument {
    CreditNote,
    /// With the name of the expense category.
    Expense(String),
    /// In no document of its own: the invoice and its payments were lowered by it, or it was
    /// declined.
    None,
}

/// Money that was given back for the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredRefund {
    /// Natural key within the order, e.g. `refund:55`; the note contains it.
    pub key: String,
    pub document: RefundDocument,
    /// The credit note's number; also names the expense.
    pub number: String,
    /// `YYYY-MM-DD`, the refund's day in the store's time zone.
    pub date: String,
    /// With tax. What the document's total must be after the write.
    pub amount: Money,
    /// The tax that is part of it.
    pub tax: Money,
    /// Positive; what was given back.
    pub lines: Vec<InvoiceLine>,
    pub note: String,
    /// The largest rounding line the policy allows here, smallest units.
    pub rounding_bound_minor: u64,
    /// Keys under which the same money may have been booked before its record was known.
    pub replaces: Vec<String>,
}

/// What shipping cost, booked as an expense that the invoice rebills to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippingExpense {
    /// Natural key within the order, e.g. `shipping:1`; the note contains it.
    pub key: String,
    /// The name of a FreshBooks expense category.
    pub category: String,
    /// The invoice's number and the expense's place on it; unique per account.
    pub number: String,
    /// `YYYY-MM-DD`, the invoice's.
    pub date: String,
    /// Before tax: the tax is on the invoice's line, and on an expense it would read as input tax.
    pub amount: Money,
    pub note: String,
}

impl ShippingExpense {
    /// The words of the note by which the expense of an invoice is found again.
    pub fn marker(invoice_number: &str, key: &str) -> String {
        format!("invoice {invoice_number} ({key})")
    }
}
