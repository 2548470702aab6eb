//! What a merchant may choose about the books, with the accounting page's defaults.
//!
//! A value that is no choice is refused with the choices there are. Not here: the wording (see
//! [`crate::mapping`]).

mod invoice_payments;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de::Error as _};

pub use invoice_payments::{InvoicePaymentOrders, ProductMark, Unmarked};

/// The policy of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// `[invoice]`: number prefix and e-mail.
    pub invoice: InvoicePolicy,
    /// `[status]`: status id to `none`, `draft` or `sent`; overrides the built-in table.
    #[serde(deserialize_with = "by_status")]
    pub status: BTreeMap<u32, StatusRule>,
    /// `tax`: `percent` (default, taxes by name and percent) or `amount` (exact tax lines).
    pub tax: TaxMode,
    /// `discount`: `line` (default, named negative lines) or `net` (prices are reduced).
    pub discount: DiscountMode,
    /// `shipping`: `line` (default) or `expense:<category>` (an expense in that FreshBooks category,
    /// rebilled to the client by the line).
    pub shipping: ShippingMode,
    /// `refund`: `credit_note` (default), `adjust` (the invoice and its payments are lowered) or
    /// `expense:<category>` (an expense in that FreshBooks category).
    pub refund: RefundMode,
    /// `offline_paid`: orders without transactions are paid in full once in a paid status.
    pub offline_paid: bool,
    /// `due_offset_days`: days from the order's day to the due date; default 30.
    pub due_offset_days: u32,
    /// `[due_offset_days_by_status]`: the same, per status id.
    #[serde(deserialize_with = "by_status")]
    pub due_offset_days_by_status: BTreeMap<u32, u32>,
    /// `books_locked_until`: `YYYY-MM-DD`; days before it are closed.
    #[serde(deserialize_with = "date")]
    pub books_locked_until: Option<Date>,
    /// `unknown_sku`: what a line whose SKU is no item leads to: `create` (default, the item is
    /// made), `text` (nothing) or `hold` (the order waits for a person).
    pub unknown_sku: UnknownSku,
    /// `client_conflicts`: who wins where a person changed a client's field that the store changed
    /// too: `keep` (default, the person), `overwrite` (the store) or `hold` (a person decides).
    pub client_conflicts: ClientConflicts,
    /// `[payment_types]`: `gateway/method`, `gateway/*` or `*/method` to a FreshBooks type.
    #[serde(deserialize_with = "payment_types")]
    pub payment_types: BTreeMap<String, &'static str>,
    /// `[invoice_payment_orders]`: marks of orders that only pay another order's invoice.
    pub invoice_payment_orders: InvoicePaymentOrders,
}

/// How invoices are named and sent.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InvoicePolicy {
    /// `invoice.prefix`: stands before the order id; together at most 20 characters.
    #[serde(deserialize_with = "prefix")]
    pub prefix: String,
    /// `invoice.email`: FreshBooks mails the shopper an invoice once it is marked as sent; `false`
    /// by default.
    pub email: bool,
}

/// Whether orders of a status are in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusRule {
    None,
    Draft,
    Sent,
}

/// How tax appears on the invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaxMode {
    #[default]
    Percent,
    Amount,
}

/// How discounts appear on the invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiscountMode {
    #[default]
    Line,
    Net,
}

/// How shipping appears on the invoice.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ShippingMode {
    #[default]
    Line,
    /// The line rebills an expense in the FreshBooks category of this name.
    Expense(String),
}

/// How money that was given back appears in the books.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum RefundMode {
    #[default]
    CreditNote,
    /// A negative line on the invoice, and lower payments.
    Adjust,
    /// An expense in the FreshBooks category of this name.
    Expense(String),
}

/// What happens to a line whose SKU is no FreshBooks item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownSku {
    #[default]
    Create,
    Text,
    Hold,
}

/// Who wins where a person changed a client's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientConflicts {
    #[default]
    Keep,
    Overwrite,
    Hold,
}

/// Every payment type FreshBooks knows. Source: its official JavaScript SDK.
pub const PAYMENT_TYPES: [&str; 16] = [
    "Check",
    "Credit",
    "Cash",
    "Bank Transfer",
    "Credit Card",
    "Debit",
    "PayPal",
    "2Checkout",
    "VISA",
    "MASTERCARD",
    "DISCOVER",
    "AMEX",
    "DINERS",
    "JCB",
    "ACH",
    "Other",
];

/// The longest invoice number FreshBooks takes, in characters.
pub const INVOICE_NUMBER_MAX_CHARS: usize = 20;

/// The longest credit note number Tillbook asks for. FreshBooks publishes no limit; a number that
/// it cut would not be found again after a lost reply, so the invoice number's limit is kept.
pub const CREDIT_NOTE_NUMBER_MAX_CHARS: usize = INVOICE_NUMBER_MAX_CHARS;

impl Default for Policy {
    fn default() -> Self {
        Self {
            invoice: InvoicePolicy::default(),
            status: BTreeMap::new(),
            tax: TaxMode::default(),
            discount: DiscountMode::default(),
            shipping: ShippingMode::default(),
            refund: RefundMode::default(),
            offline_paid: true,
            due_offset_days: 30,
            due_offset_days_by_status: BTreeMap::new(),
            books_locked_until: None,
            unknown_sku: UnknownSku::default(),
            client_conflicts: ClientConflicts::default(),
            payment_types: BTreeMap::new(),
            invoice_payment_orders: InvoicePaymentOrders::default(),
        }
    }
}

impl Policy {
    /// Days to the due date for an order of this status.
    pub fn due_offset_days_for(&self, status_id: u32) -> u32 {
        self.due_offset_days_by_status
            .get(&status_id)
            .copied()
            .unwrap_or(self.due_offset_days)
    }
}

impl<'de> Deserialize<'de> for ShippingMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = String::deserialize(deserializer)?;
        match (value.as_str(), category(&value)) {
            ("line", _) => Ok(Self::Line),
            (_, Some(category)) => Ok(Self::Expense(category)),
            _ => Err(D::Error::custom(format!(
                "shipping = {value:?} is no choice; use \"line\" or \"expense:\" and the name of a \
                 FreshBooks expense category"
            ))),
        }
    }
}

/// The category that `expense:<category>` names.
fn category(value: &str) -> Option<String> {
    let category = value.strip_prefix("expense:")?.trim();
    (!category.is_empty()).then(|| category.to_owned())
}

impl<'de> Deserialize<'de> for RefundMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = String::deserialize(deserializer)?;
        match (value.as_str(), category(&value)) {
            ("credit_note", _) => Ok(Self::CreditNote),
            ("adjust", _) => Ok(Self::Adjust),
            (_, Some(category)) => Ok(Self::Expense(category)),
            _ => Err(D::Error::custom(format!(
                "refund = {value:?} is no choice; use \"credit_note\", \"adjust\" or \
                 \"expense:\" and the name of a FreshBooks expense category"
            ))),
        }
    }
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let prefix = String::deserialize(deserializer)?;
    if prefix.chars().count() > 14 || prefix.chars().any(char::is_control) {
        return Err(D::Error::custom(
            "invoice.prefix must be at most 14 printable characters, so that an order id fits \
             behind it in FreshBooks' 20; shorten it",
        ));
    }
    Ok(prefix)
}

fn by_status<'de, D, T>(deserializer: D) -> Result<BTreeMap<u32, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let table = BTreeMap::<String, T>::deserialize(deserializer)?;
    table
        .into_iter()
        .map(|(key, value)| match key.parse::<u32>() {
            Ok(id) if id <= 14 => Ok((id, value)),
            _ => Err(D::Error::custom(format!(
                "{key:?} is no BigCommerce order status; use an id from 0 to 14"
            ))),
        })
        .collect()
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if text.is_empty() {
        return Ok(None);
    }
    text.parse::<Date>().map(Some).map_err(|_| {
        D::Error::custom(format!(
            "books_locked_until = {text:?} is no day; write it as \"2026-01-01\""
        ))
    })
}

fn payment_types<'de, D>(deserializer: D) -> Result<BTreeMap<String, &'static str>, D::Error>
where
    D: Deserializer<'de>,
{
    let table = BTreeMap::<String, String>::deserialize(deserializer)?;
    table
        .into_iter()
        .map(|(key, value)| {
            if key.split('/').filter(|part| !part.is_empty()).count() != 2 {
                return Err(D::Error::custom(format!(
                    "payment_types key {key:?} must read \"gateway/method\", \"gateway/*\" or \
                     \"*/method\""
                )));
            }
            match PAYMENT_TYPES.iter().find(|known| **known == value) {
                Some(known) => Ok((key.to_ascii_lowercase(), *known)),
                None => Err(D::Error::custom(format!(
                    "{value:?} is no FreshBooks payment type; use one of {}",
                    PAYMENT_TYPES.join(", ")
                ))),
            }
        })
        .collect()
}
