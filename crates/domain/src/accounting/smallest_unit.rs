//! The store's own smallest unit, where it is coarser than the currency's.
//!
//! A store may round its currency to fewer decimals than ISO gives (whole forints), and then its
//! taxes are off by up to half of such a unit. The order itself proves it: every amount is whole
//! in the coarser unit, and every tax row is what rounding to it makes of the row's rate. Not here:
//! the rounding line ([`super::closing`]).

use rust_decimal::{Decimal, RoundingStrategy};

use crate::order::{Amounts, Order, ProductLine, TaxRow, TaxedItem};

/// `bound_minor` counted in the store's smallest unit, expressed in the currency's.
pub(super) fn widened(order: &Order, bound_minor: u64) -> u64 {
    let decimals = order.currency.decimals();
    let coarser = (0..decimals).find(|places| is_proven(order, *places));
    match coarser {
        Some(places) => bound_minor.saturating_mul(10_u64.saturating_pow(decimals - places)),
        None => bound_minor,
    }
}

/// Whether the order shows that the store rounds to `places` decimals.
fn is_proven(order: &Order, places: u32) -> bool {
    let whole = |amount: Decimal| amount == round(amount, places);
    let totals = &order.totals;
    let sums = [&totals.total, &totals.shipping, &totals.handling];
    let sums_are_whole = sums
        .into_iter()
        .all(|sum| [sum.ex_tax, sum.inc_tax, sum.tax].into_iter().all(whole));
    let mut rows = order.taxes.iter().filter(|row| !row.line_amount.is_zero());
    let mut shows_rounding = false;
    sums_are_whole
        && rows.all(|row| {
            let made = bases(order, row)
                .into_iter()
                .filter_map(|base| {
                    base.checked_mul(row.rate)?
                        .checked_div(Decimal::ONE_HUNDRED)
                })
                .find(|made| round(*made, places) == row.line_amount);
            shows_rounding |= made.is_some_and(|made| made != row.line_amount);
            whole(row.line_amount) && made.is_some()
        })
        && shows_rounding
}

/// What a tax row may have been charged on: its line before and after discounts.
fn bases(order: &Order, row: &TaxRow) -> Vec<Decimal> {
    let net = |amounts: &Amounts| amounts.ex_tax;
    match row.item {
        TaxedItem::Shipping => vec![net(&order.totals.shipping)],
        TaxedItem::Handling => vec![net(&order.totals.handling)],
        TaxedItem::Wrapping => vec![net(&order.totals.wrapping)],
        TaxedItem::Fee => order.fees.iter().map(|fee| fee.cost.ex_tax).collect(),
        TaxedItem::Item => {
            let own = |line: &&ProductLine| Some(line.id) == row.order_product_id;
            let lines = order.products.iter().filter(own);
            lines.flat_map(of_line).collect()
        }
        TaxedItem::Unspecified => {
            let lines = order.products.iter().flat_map(of_line);
            lines.chain([net(&order.totals.total)]).collect()
        }
    }
}

fn of_line(line: &ProductLine) -> Vec<Decimal> {
    let taken: Decimal = line.applied_discounts.iter().map(|one| one.amount).sum();
    let mut bases = vec![line.total.ex_tax, line.total.ex_tax - taken];
    bases.extend(
        line.discounted_total_inc_tax
            .and_then(|paid| paid.checked_sub(line.total.tax)),
    );
    bases
}

fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}
