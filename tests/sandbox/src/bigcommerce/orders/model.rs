//! An order as the store keeps it: its spec and sums, its state, its money movements.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::later::Later;
use super::spec::OrderSpec;
use super::sums::Sums;

/// What an accountant expects of an order of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InBooks {
    Invoice,
    None,
}

impl InBooks {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::None => "none",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) id: u64,
    /// purchase, authorization, capture, refund, void, pending, settled.
    pub(crate) event: String,
    /// credit_card, gift_certificate, store_credit, offline, …
    pub(crate) method: String,
    pub(crate) amount: Decimal,
    pub(crate) gateway: String,
    pub(crate) gateway_transaction_id: String,
    pub(crate) ok: bool,
    /// A word other than `ok` and `error`; such a movement is never `ok`.
    pub(crate) status: Option<&'static str>,
    /// Shown without a date, as some failed movements are.
    pub(crate) undated: bool,
    pub(crate) test: bool,
    pub(crate) reference: Option<u64>,
    pub(crate) at: Timestamp,
}

impl Transaction {
    /// Signed money this movement brought: only `ok`, non-test purchases, captures, settlements
    /// (in) and refunds (out) are money.
    pub(crate) fn money(&self) -> Decimal {
        match self.event.as_str() {
            _ if !self.ok || self.test => Decimal::ZERO,
            "purchase" | "capture" | "settled" => self.amount,
            "refund" => -self.amount,
            _ => Decimal::ZERO,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RefundItem {
    /// PRODUCT, GIFT_WRAPPING, SHIPPING, HANDLING, ORDER or FEE.
    pub(crate) item_type: String,
    pub(crate) item_id: u64,
    pub(crate) quantity: u32,
    pub(crate) requested_amount: Option<Decimal>,
    /// What it was worth, tax included.
    pub(crate) amount: Decimal,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: u64,
    pub(crate) at: Timestamp,
    pub(crate) reason: String,
    /// Shown without a date.
    pub(crate) undated: bool,
    /// Amount and tax are the merchant's own figures.
    pub(crate) overridden: bool,
    pub(crate) total_amount: Decimal,
    pub(crate) total_tax: Decimal,
    pub(crate) items: Vec<RefundItem>,
    pub(crate) payments: Vec<RefundPayment>,
}

#[derive(Clone, Debug)]
pub(crate) struct RefundPayment {
    pub(crate) id: u64,
    /// `storecredit`, `giftcertificate`, `custom` for offline, or the gateway.
    pub(crate) provider_id: String,
    pub(crate) amount: Decimal,
    pub(crate) offline: bool,
    pub(crate) declined: bool,
    pub(crate) transaction_id: Option<u64>,
}

/// Verbatim pieces given by a test, in place of what would be computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    /// Merged over the computed order.
    pub(crate) order: Map<String, Value>,
    /// Sub-resource name (`products`, `taxes`, `coupons`, `shipping_addresses`, `fees`,
    /// `shipments`, `messages`, `transactions`, `refunds`) to its rows.
    pub(crate) rows: BTreeMap<String, Vec<Value>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) in_books: InBooks,
    pub(crate) spec: OrderSpec,
    pub(crate) sums: Sums,
    pub(crate) line_ids: Vec<u64>,
    pub(crate) address_id: u64,
    /// Of the further shipping addresses.
    pub(crate) elsewhere_ids: Vec<u64>,
    pub(crate) tax_row_base: u64,
    pub(crate) status_id: u64,
    pub(crate) payment_status: String,
    pub(crate) archived: bool,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) shipped: Option<Timestamp>,
    pub(crate) cart_id: String,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) refunds: Vec<Refund>,
    /// Units refunded by line index.
    pub(crate) refunded: BTreeMap<usize, u32>,
    /// Fields a vendor-side PUT has set that the arithmetic does not know.
    pub(crate) overrides: Map<String, Value>,
    pub(crate) raw: Option<Raw>,
    /// What will happen to it, the next one first.
    pub(crate) later: Vec<Later>,
}

impl Order {
    /// Captures minus refunds, voided, test and failed movements left out.
    pub(crate) fn captured(&self) -> Decimal {
        self.standing().map(Transaction::money).sum()
    }

    /// Movements that no void took back.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &Transaction> {
        self.transactions
            .iter()
            .filter(|one| !self.is_voided(one.id))
    }

    fn is_voided(&self, id: u64) -> bool {
        let mut voids = self.transactions.iter().filter(|t| t.event == "void");
        voids.any(|void| void.ok && void.reference == Some(id))
    }

    /// What is left to pay by other means than gift certificates and store credit.
    pub(crate) fn due_by_card(&self) -> Decimal {
        self.sums.payable() - self.spec.gift_certificate - self.spec.store_credit
    }

    /// Computes the sums again after an edit of the spec.
    pub(crate) fn recompute(&mut self) {
        self.sums = super::sums::compute(&self.spec);
    }
}

/// BigCommerce's fifteen states, by id.
pub(crate) const STATUSES: [&str; 15] = [
    "Incomplete",
    "Pending",
    "Shipped",
    "Partially Shipped",
    "Refunded",
    "Cancelled",
    "Declined",
    "Awaiting Payment",
    "Awaiting Pickup",
    "Awaiting Shipment",
    "Completed",
    "Awaiting Fulfillment",
    "Manual Verification Required",
    "Disputed",
    "Partially Refunded",
];

pub(crate) fn status_name(id: u64) -> &'static str {
    usize::try_from(id)
        .ok()
        .and_then(|index| STATUSES.get(index).copied())
        .unwrap_or("")
}
