//! What the proof must know of a connection's policy. Not here: where it is read from.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::amounts::decimals;

/// Whether orders of a status are to be in the books, by the policy's `[status]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    None,
    Draft,
    Sent,
}

/// The part of a connection's policy that decides what the books must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Stands before the order id in invoice numbers.
    pub prefix: String,
    /// Overrides the accounting table, by status id.
    pub status: BTreeMap<u32, Standing>,
    /// Orders without transactions count as paid in full once in a paid status.
    pub offline_paid: bool,
    /// Orders that look like the payment of another's invoice are sales all the same.
    pub lookalikes_are_sales: bool,
    /// Tax stands on lines of its own with exact amounts, not in percents.
    pub tax_as_amount: bool,
    /// Days before it are closed.
    pub locked_until: Option<Date>,
    /// IANA name; `None` asks the store.
    pub time_zone: Option<String>,
    /// Decimals to which the store rounds a currency, by code, where its settings say.
    pub store_decimals: BTreeMap<String, u32>,
    /// Orders changed within this are too young to be called wrong.
    pub grace: Duration,
}

/// How long an order may take into the books before its absence counts.
pub const GRACE: Duration = Duration::from_secs(15 * 60);

impl Default for Terms {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            status: BTreeMap::new(),
            offline_paid: true,
            lookalikes_are_sales: false,
            tax_as_amount: false,
            locked_until: None,
            time_zone: None,
            store_decimals: BTreeMap::new(),
            grace: GRACE,
        }
    }
}

impl Terms {
    /// The invoice number of an order.
    pub fn number(&self, order_id: u64) -> String {
        format!("{}{order_id}", self.prefix)
    }

    /// The order whose invoice has this number; `None` for numbers that are not Tillbook's:
    /// another prefix, leading zeros, or below 100, where the store's order ids begin.
    pub fn order_of(&self, number: &str) -> Option<u64> {
        let digits = number.strip_prefix(self.prefix.as_str())?;
        let id: u64 = digits.parse().ok()?;
        (id >= 100 && id.to_string() == digits).then_some(id)
    }

    /// The smallest unit of the store's rounding: the currency's own, or a coarser one.
    pub(crate) fn unit(&self, currency: &str) -> Decimal {
        let own = decimals(currency);
        let stated = self.store_decimals.get(currency).copied();
        Decimal::new(1, stated.filter(|stated| *stated < own).unwrap_or(own))
    }

    /// Whether a day (`YYYY-MM-DD`) lies in a closed period.
    pub fn is_closed(&self, day: &str) -> bool {
        self.locked_until
            .is_some_and(|first_open| day < first_open.to_string().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tillbooks_numbers_name_an_order() {
        let terms = Terms {
            prefix: "BC-".to_owned(),
            ..Terms::default()
        };
        assert_eq!(terms.order_of("BC-123"), Some(123));
        for foreign in ["123", "BC-0123", "BC-12x", "BC-", "BC-99", "bc-123"] {
            assert_eq!(terms.order_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_first_open_day_is_open() {
        let terms = Terms {
            locked_until: Some("2026-02-01".parse().unwrap()),
            ..Terms::default()
        };
        assert!(terms.is_closed("2026-01-31"));
        assert!(!terms.is_closed("2026-02-01"));
    }
}
