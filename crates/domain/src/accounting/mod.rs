//! What an order means for the books: the lines of its invoice and the money that came in.
//!
//! Pure: an order and a policy in, entries and receipts out, or every reason why not. Not here:
//! the words of the invoice ([`crate::mapping`]), FreshBooks' arithmetic ([`crate::arithmetic`]),
//! and whether the order is in the books at all ([`crate::account`]).

mod charges;
mod closing;
mod describe;
mod discounts;
mod entries;
mod given_back;
mod payment_type;
mod range;
mod receipts;
mod refund_lines;
mod refund_shares;
mod refunds;
mod smallest_unit;
mod spread;
mod tax_lines;
mod taxes;
mod total;
mod tuning;
mod tuning_steps;
mod ways;
mod writer;

pub(crate) use closing::bound_minor;
pub use entries::entries;
pub(crate) use payment_type::overridden as overridden_payment_type;
pub(crate) use receipts::{day, time_zone};
pub use receipts::{money_captured, paid_offline, receipts};
pub use refunds::{Payout, PayoutWay, Refunded, all_given_back, money_given_back, refunds};
pub(crate) use total::expected as expected_total;

use rust_decimal::Decimal;

use crate::books::{LineKind, LineTax};
use crate::money::Money;

/// One line of the invoice before the mapping words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: LineKind,
    pub name: String,
    pub description: String,
    /// Empty when the line is no product or the product has none.
    pub sku: String,
    /// The shopper's choices, e.g. `Colour: red, Size: M`; empty when there are none.
    pub options: String,
    pub quantity: Decimal,
    /// Before tax; never more decimals than the currency has.
    pub unit_cost: Decimal,
    pub tax1: Option<LineTax>,
    pub tax2: Option<LineTax>,
    /// `tax2` is computed on the amount plus `tax1`.
    pub compounded: bool,
    /// Where the line comes from.
    pub source: EntrySource,
}

/// The order's own amounts behind an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct EntrySource {
    /// Index into [`crate::order::Order::products`], for product lines.
    pub product: Option<usize>,
    /// The store's amount in its own tax basis, as reported.
    pub amount: Decimal,
    /// The line's amount before tax that the entry stands for.
    pub net: Decimal,
}

/// Money that came in for the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Natural key within the order, e.g. `txn:4711`.
    pub key: String,
    pub amount: Money,
    /// `YYYY-MM-DD` in the store's time zone.
    pub date: String,
    /// A FreshBooks payment type, by the policy's table.
    pub kind: String,
    pub gateway: String,
    pub method: String,
    /// The store's transaction id; empty for offline orders.
    pub transaction_id: String,
    /// The gateway's own id; empty when there is none.
    pub gateway_transaction_id: String,
    /// What the payment stands for in plain words, e.g. `Gift certificate`.
    pub label: String,
}

/// Why an order is held for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Stable, snake case.
    pub code: &'static str,
    /// The thing, the reason, the remedy; no customer data.
    pub message: String,
}

impl<'a> From<&'a Entry> for crate::arithmetic::Figures<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            quantity: entry.quantity,
            unit_cost: entry.unit_cost,
            tax1: entry.tax1.as_ref(),
            tax2: entry.tax2.as_ref(),
            compounded: entry.compounded,
        }
    }
}
