//! What an order comes to, in units that can be booked.
//!
//! Most stores round; one that does not reports totals of more decimals than the currency has, and
//! then what was captured is what the shopper paid. Not here: the lines ([`super::entries`]).

use rust_decimal::Decimal;

use super::receipts;
use crate::money::{Error, Money};
use crate::order::Order;

/// The total that the invoice must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) total: Money,
    /// What had to be decided, in plain words; `None` where the store's total is bookable as it is.
    pub(crate) notice: Option<String>,
}

/// The order's total to the smallest unit: the store's own, or where that has more decimals than
/// the currency, what was captured if it is within one unit of it, else rounded half up.
pub(crate) fn expected(order: &Order) -> Result<Expected, Error> {
    let stated = order.totals.total.inc_tax;
    match Money::exact(stated, order.currency) {
        Ok(total) => Ok(Expected {
            total,
            notice: None,
        }),
        Err(Error::TooPrecise { .. }) => {
            let unit = Decimal::new(1, order.currency.decimals());
            let captured = receipts::captured_sum(order)
                .filter(|captured| (captured.to_decimal() - stated).abs() < unit)
                .filter(|captured| captured.amount_minor != 0);
            let rounded = Money::rounded(stated, order.currency)?;
            let (total, way) = match captured {
                Some(captured) => (captured, "what was captured"),
                None => (rounded, "rounded half up"),
            };
            let stated = stated.normalize();
            Ok(Expected {
                total,
                notice: Some(format!(
                    "The store's total is {stated}, finer than {}'s smallest unit; booked is \
                     {total}, {way}.",
                    order.currency
                )),
            })
        }
        Err(error) => Err(error),
    }
}
