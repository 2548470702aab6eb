//! The limits within which the accounting computes, checked once, so that no sum can overflow.
//!
//! Not here: whether amounts make sense.

use rust_decimal::Decimal;

use super::Hold;
use crate::order::{Amounts, Order, Refund};

/// Largest amount, a trillion units; far beyond any order, far below overflow.
const AMOUNT_MAX: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0);
/// Largest quantity of a line.
const QUANTITY_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Largest tax rate, percent.
const RATE_MAX: Decimal = Decimal::from_parts(1_000, 0, 0, false, 0);
/// The most lines, taxes or transactions an order may have.
const ROWS_MAX: usize = 10_000;

/// Whether every number of the order can be computed with; else the hold that says which cannot.
pub(super) fn check(order: &Order) -> Result<(), Vec<Hold>> {
    let totals = &order.totals;
    let mut amounts_fit = [
        totals.subtotal,
        totals.shipping,
        totals.handling,
        totals.wrapping,
    ]
    .iter()
    .chain([&totals.total])
    .all(amounts_fit)
        && [
            totals.discount_amount,
            totals.coupon_discount,
            totals.gift_certificate_amount,
            totals.store_credit_amount,
        ]
        .iter()
        .all(|amount| fits(*amount, AMOUNT_MAX));
    for line in &order.products {
        amounts_fit &= fits(line.quantity, QUANTITY_MAX)
            && amounts_fit_all(&[line.price, line.total, line.wrapping])
            && line
                .applied_discounts
                .iter()
                .all(|share| fits(share.amount, AMOUNT_MAX));
    }
    for tax in &order.taxes {
        amounts_fit &= fits(tax.rate, RATE_MAX)
            && !tax.rate.is_sign_negative()
            && fits(tax.line_amount, AMOUNT_MAX);
    }
    amounts_fit &= order
        .coupons
        .iter()
        .all(|coupon| fits(coupon.discount, AMOUNT_MAX))
        && order.fees.iter().all(|fee| amounts_fit_all(&[fee.cost]))
        && order
            .transactions
            .iter()
            .all(|money| fits(money.amount, AMOUNT_MAX))
        && order.refunds.iter().all(refund_fits);
    let rows = order.products.len() + order.taxes.len() + order.fees.len();
    let rows_fit = rows <= ROWS_MAX
        && order.transactions.len() <= ROWS_MAX
        && order.coupons.len() <= 1_000
        && refund_rows(order) <= ROWS_MAX;
    if amounts_fit && rows_fit {
        return Ok(());
    }
    let message = if rows_fit {
        "An amount is above a trillion, a quantity above a billion, or a tax rate outside 0 to \
         1000 percent. Tillbook does not compute with such numbers; correct the order in the store."
            .to_owned()
    } else {
        format!(
            "The order has more than {ROWS_MAX} lines, taxes, transactions or refund rows, or more \
             than 1000 coupons. Tillbook does not carry orders of that size; book it by hand."
        )
    };
    Err(vec![Hold {
        code: "out_of_range",
        message,
    }])
}

fn refund_fits(refund: &Refund) -> bool {
    let amounts = [refund.total_amount, refund.total_tax];
    let ways = refund.payments.iter().map(|way| way.amount);
    let asked = refund.items.iter().filter_map(|item| item.requested_amount);
    let mut all = amounts.into_iter().chain(ways).chain(asked);
    all.all(|amount| fits(amount, AMOUNT_MAX))
        && refund
            .items
            .iter()
            .all(|item| fits(item.quantity, QUANTITY_MAX))
}

fn refund_rows(order: &Order) -> usize {
    order
        .refunds
        .iter()
        .map(|refund| 1 + refund.items.len() + refund.payments.len())
        .sum()
}

fn amounts_fit_all(amounts: &[Amounts]) -> bool {
    amounts.iter().all(amounts_fit)
}

fn amounts_fit(amounts: &Amounts) -> bool {
    fits(amounts.ex_tax, AMOUNT_MAX)
        && fits(amounts.inc_tax, AMOUNT_MAX)
        && fits(amounts.tax, AMOUNT_MAX)
}

fn fits(value: Decimal, max: Decimal) -> bool {
    value.abs() <= max
}
