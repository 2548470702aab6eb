//! The store's own smallest unit, where it is coarser than the currency's.
//!
//! A store may round its currency to fewer decimals than ISO gives (whole forints), and then its
//! taxes are off by up to half of such a unit. The store's currency settings say so; where they
//! could not be read, the order itself proves it: every amount is whole in the coarser unit, and
//! every tax row is what rounding to it makes of the row's rate. Not here: the rounding line
//! ([`super::closing`]).

use rust_decimal::{Decimal, RoundingStrategy};

use crate::order::{Amounts, Order, ProductLine, TaxRow, TaxedItem};

/// `bound_minor` counted in the store's smallest unit, expressed in the currency's.
pub(super) fn widened(order: &Order, bound_minor: u64) -> u64 {
    let decimals = order.currency.decimals();
    let stated = order.store_decimals.filter(|places| *places < decimals);
    let coarser = stated.or_else(|| (0..decimals).find(|places| is_proven(order, *places)));
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
    let unit = Decimal::new(1, places);
    sums_are_whole
        && rows.all(|row| {
            // Half a unit is rounding; a base that was itself rounded adds its share of tax.
            let rate = row.rate / Decimal::ONE_HUNDRED;
            let room = unit / Decimal::TWO + unit * rate;
            let made = bases(order, row)
                .into_iter()
                .filter_map(|base| base.checked_mul(rate))
                .find(|made| (*made - row.line_amount).abs() <= room);
            let currency = order.currency.decimals();
            shows_rounding |= made.is_some_and(|made| round(made, currency) != row.line_amount);
            whole(row.line_amount) && made.is_some()
        })
        && shows_rounding
}

/// What a tax row may have been charged on, before tax: its line before and after discounts.
fn bases(order: &Order, row: &TaxRow) -> Vec<Decimal> {
    let same = |other: &&TaxRow| {
        other.item == row.item
            && other.order_product_id == row.order_product_id
            && other.order_address_id == row.order_address_id
    };
    let rates: Decimal = order.taxes.iter().filter(same).map(|row| row.rate).sum();
    let before_tax = |amounts: &Amounts, taken: Decimal| {
        if order.tax_inclusive {
            let part = (Decimal::ONE_HUNDRED + rates) / Decimal::ONE_HUNDRED;
            (amounts.inc_tax - taken)
                .checked_div(part)
                .unwrap_or(amounts.ex_tax)
        } else {
            amounts.ex_tax - taken
        }
    };
    let of_line = |line: &ProductLine| {
        let taken = line.applied_discounts.iter().map(|one| one.amount).sum();
        [Decimal::ZERO, taken].map(|taken| before_tax(&line.total, taken))
    };
    let none = Decimal::ZERO;
    match row.item {
        TaxedItem::Shipping => vec![before_tax(&order.totals.shipping, none)],
        TaxedItem::Handling => vec![before_tax(&order.totals.handling, none)],
        TaxedItem::Wrapping => vec![before_tax(&order.totals.wrapping, none)],
        TaxedItem::Fee => {
            let fees = order.fees.iter();
            fees.map(|fee| before_tax(&fee.cost, none)).collect()
        }
        TaxedItem::Item => {
            let own = |line: &&ProductLine| Some(line.id) == row.order_product_id;
            let lines = order.products.iter().filter(own);
            lines.flat_map(of_line).collect()
        }
        TaxedItem::Unspecified => {
            let lines = order.products.iter().flat_map(of_line);
            lines
                .chain([before_tax(&order.totals.total, none)])
                .collect()
        }
    }
}

fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}
