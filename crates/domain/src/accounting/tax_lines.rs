//! The tax as exact amounts: one untaxed line per tax name (`tax = "amount"`).

use rust_decimal::Decimal;

use super::entries::plain;
use super::{Entry, Hold};
use crate::books::LineKind;
use crate::order::Order;

/// Lines that together are the order's `total_tax`; `bound_minor` is what rounding explains.
pub(super) fn tax_lines(order: &Order, bound_minor: u64) -> Result<Vec<Entry>, Hold> {
    let total = order.totals.total.tax;
    let mut by_name: Vec<(&str, Decimal)> = Vec::new();
    for row in order.taxes.iter().filter(|row| !row.line_amount.is_zero()) {
        let name = [row.name.trim(), row.class.trim()]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("Tax");
        match by_name.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += row.line_amount,
            None => by_name.push((name, row.line_amount)),
        }
    }
    let line = |name: &str, amount| plain(LineKind::Tax, name.to_owned(), amount);
    match by_name.as_slice() {
        [] if total.is_zero() => return Ok(Vec::new()),
        [] => return Ok(vec![line("Tax", rounded(order, total))]),
        // One name only: the order's own tax is its amount.
        [(name, _)] => return Ok(vec![line(name, rounded(order, total))]),
        _ => {}
    }
    let sum: Decimal = by_name.iter().map(|(_, amount)| *amount).sum();
    let bound = Decimal::from(bound_minor) * Decimal::new(1, order.currency.decimals());
    if (sum - total).abs() > bound {
        return Err(Hold {
            code: "tax_rows_do_not_add_up",
            message: format!(
                "The store's tax is {total} {}, its tax rows make {sum}. Correct the order's taxes \
                 in the store.",
                order.currency
            ),
        });
    }
    // The last name takes what rounding left, so that the tax is exact.
    let mut left = rounded(order, total);
    let last = by_name.len() - 1;
    let mut lines = Vec::with_capacity(by_name.len());
    for (index, (name, amount)) in by_name.into_iter().enumerate() {
        let amount = if index == last {
            left
        } else {
            rounded(order, amount)
        };
        left -= amount;
        if !amount.is_zero() {
            lines.push(line(name, amount));
        }
    }
    Ok(lines)
}

fn rounded(order: &Order, amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(
        order.currency.decimals(),
        rust_decimal::RoundingStrategy::MidpointAwayFromZero,
    )
}
