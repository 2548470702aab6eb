//! What FreshBooks should show for one order.
//!
//! Plain data: `accounting` and `mapping` make it, `deliver` performs it. Not here: how it is
//! computed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::money::Money;

/// Everything FreshBooks should show for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredBooks {
    pub disposition: Disposition,
    pub client: DesiredClient,
    pub invoice: DesiredInvoice,
    pub payments: Vec<DesiredPayment>,
    /// For the console; they hold nothing back.
    pub notices: Vec<String>,
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
    pub amount: Money,
    /// `YYYY-MM-DD` in the store's time zone.
    pub date: String,
    /// A FreshBooks payment type.
    pub kind: String,
    pub note: String,
}
