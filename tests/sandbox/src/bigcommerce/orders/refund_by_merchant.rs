//! Refunds whose figures no sum of items gives: the merchant's own, and the rest of an order.

use rust_decimal::Decimal;

use super::model::{Order, RefundItem};
use super::refund::{Figures, To, book, paid_back};
use crate::bigcommerce::kinds::After;
use crate::bigcommerce::money::round;

/// A refund of the first line by the merchant's own amount and tax
/// (`uses_merchant_override_values`).
///
/// # Errors
/// When the order has no such line, or less was paid.
pub(super) fn overridden(
    order: &mut Order,
    after: After,
    ids: &mut impl FnMut() -> u64,
) -> Result<u64, String> {
    let digits = order.sums.digits;
    let line = order.spec.lines.first().zip(order.sums.lines.first());
    let (line, sums) = line.ok_or("the order has no line")?;
    let (cost, cost_tax) = (sums.part.discounted_inc_tax(), sums.part.tax);
    let all = line.quantity;
    let smallest = Decimal::new(1, digits);
    let (quantity, amount) = if after == After::OverrideBelow {
        // About a tenth less, and at least the smallest unit.
        (all, cost - round(cost / Decimal::TEN, digits).max(smallest))
    } else {
        let share = Decimal::new(4, 1) / Decimal::from(all.max(1));
        (1, round(cost * share, digits).max(smallest))
    };
    let amount = round(amount, digits);
    let tax = match after {
        After::OverrideWithoutTax => Decimal::ZERO,
        _ if cost.is_zero() => Decimal::ZERO,
        After::OverrideOtherTax => round(cost_tax * amount / cost / Decimal::TWO, digits),
        _ => round(cost_tax * amount / cost, digits),
    };
    let row = RefundItem {
        item_type: "PRODUCT".to_owned(),
        item_id: order.line_ids.first().copied().unwrap_or(0),
        quantity,
        requested_amount: Some(amount),
        amount,
    };
    let figures = Figures {
        rows: vec![row],
        amount,
        tax,
        reason: "Goodwill".to_owned(),
        overridden: true,
    };
    let id = book(order, figures, To::Origin, false, ids)?;
    *order.refunded.entry(0).or_default() += quantity;
    Ok(id)
}

/// All that is left of the order's amount and tax, in items that do not add up to it.
///
/// # Errors
/// When nothing is left, or less was paid.
pub(super) fn the_rest(
    order: &mut Order,
    after: After,
    ids: &mut impl FnMut() -> u64,
) -> Result<u64, String> {
    let digits = order.sums.digits;
    let back: Decimal = order.refunds.iter().map(paid_back).sum();
    let given = order
        .refunds
        .iter()
        .filter(|refund| !paid_back(refund).is_zero());
    let given_tax: Decimal = given.map(|refund| refund.total_tax).sum();
    let amount = order.sums.payable() - back;
    if amount <= Decimal::ZERO {
        return Err("nothing of the order is left".to_owned());
    }
    let as_products = after == After::RestWithoutShipping;
    let rows = if as_products {
        products_left(order)
    } else {
        vec![RefundItem {
            item_type: "ORDER".to_owned(),
            item_id: order.id,
            quantity: 1,
            requested_amount: Some(amount),
            amount,
        }]
    };
    let tax = match after {
        After::RestAsOneUntaxedItem => Decimal::ZERO,
        _ => round(order.sums.total_tax, digits) - given_tax,
    };
    let figures = Figures {
        rows,
        amount,
        tax,
        reason: String::new(),
        overridden: false,
    };
    let id = book(order, figures, To::Origin, false, ids)?;
    if as_products {
        for (index, line) in order.spec.lines.iter().enumerate() {
            if !line.returned {
                order.refunded.insert(index, line.quantity);
            }
        }
    }
    Ok(id)
}

/// The lines of which something is left, without the amounts that are asked.
fn products_left(order: &Order) -> Vec<RefundItem> {
    let lines = order.spec.lines.iter().zip(&order.line_ids).enumerate();
    lines
        .filter_map(|(index, (line, id))| {
            let done = order.refunded.get(&index).copied().unwrap_or(0);
            let quantity = line.quantity.checked_sub(done)?;
            (quantity > 0 && !line.returned).then(|| RefundItem {
                item_type: "PRODUCT".to_owned(),
                item_id: *id,
                quantity,
                requested_amount: None,
                amount: Decimal::ZERO,
            })
        })
        .collect()
}
