//! An amount and its tax, in parts that the order's own lines and rates make.
//!
//! What a refund's items do not explain is a custom value with a tax of its own: somewhere among
//! the order's taxed and untaxed lines it must lie. Not here: items ([`super::refund_shares`]) and
//! how a part becomes a line ([`super::refund_lines`]).

use rust_decimal::Decimal;

use super::Entry;
use super::refund_lines::round;
use super::refund_shares::{Share, Taxes, by_taxes, divisor};
use crate::books::LineKind;
use crate::money::Currency;

/// The ways to make `gross` with `tax` in it of the order's lines, the likeliest first. Each is at
/// most as much of every rate as the order has, unless `is_free`: then the merchant's own figures
/// stand, whatever the order's lines are worth.
pub(super) fn ways(
    entries: &[Entry],
    gross: Decimal,
    tax: Decimal,
    is_free: bool,
    currency: Currency,
) -> Vec<Vec<(Share, Decimal)>> {
    if gross <= Decimal::ZERO || tax < Decimal::ZERO {
        return Vec::new();
    }
    let groups = by_taxes(entries.iter());
    let has = |taxes: &Taxes| {
        let own = groups.iter().find(|(known, _)| known == taxes);
        own.map_or(Decimal::ZERO, |(_, worth)| *worth)
    };
    let fits =
        |taxes: &Taxes, amount: Decimal, slack: Decimal| is_free || amount <= has(taxes) + slack;
    let untaxed = Taxes::default();
    let unit = Decimal::new(1, currency.decimals());
    let mut found = Vec::new();
    if tax.is_zero() && fits(&untaxed, gross, Decimal::ZERO) {
        found.push(vec![(part(untaxed.clone()), gross)]);
    }
    let taxed: Vec<&Taxes> = groups
        .iter()
        .map(|(taxes, _)| taxes)
        .filter(|taxes| divisor(taxes) > Decimal::ONE)
        .collect();
    for taxes in &taxed {
        let Some(amount) = tax.checked_div(share_of_tax(taxes)) else {
            continue;
        };
        // The store rounds each line's tax, so the amount behind their sum is known only to half a
        // unit a line over the rate.
        let half = Decimal::new(5, currency.decimals() + 1);
        let slack = half.checked_div(share_of_tax(taxes)).unwrap_or_default();
        let slack = (slack + half) * Decimal::from(lines_with(entries, taxes));
        let amount = if (gross - amount).abs() <= slack {
            gross
        } else {
            round(amount, currency)
        };
        let rest = gross - amount;
        if rest >= Decimal::ZERO && fits(taxes, amount, slack) && fits(&untaxed, rest, slack) {
            found.push(vec![
                (part((*taxes).clone()), amount),
                (part(untaxed.clone()), rest),
            ]);
        }
    }
    for (index, one) in taxed.iter().enumerate() {
        for other in taxed.iter().skip(index + 1) {
            let (low, high) = (share_of_tax(one), share_of_tax(other));
            // one × low + (gross − one) × high = tax
            let of_one = (tax - gross * high).checked_div(low - high);
            let of_one = of_one.map(|amount| round(amount, currency));
            let Some(of_one) = of_one.filter(|amount| *amount > Decimal::ZERO) else {
                continue;
            };
            let rest = gross - of_one;
            if rest > Decimal::ZERO && fits(one, of_one, unit) && fits(other, rest, unit) {
                found.push(vec![
                    (part((*one).clone()), of_one),
                    (part((*other).clone()), rest),
                ]);
            }
        }
    }
    found
}

/// The order's lines that carry these taxes; one at least.
fn lines_with(entries: &[Entry], taxes: &Taxes) -> usize {
    let carries = |entry: &&Entry| entry.tax1 == taxes.tax1 && entry.tax2 == taxes.tax2;
    entries.iter().filter(carries).count().max(1)
}

/// Tax in one unit of money with tax.
fn share_of_tax(taxes: &Taxes) -> Decimal {
    let divisor = divisor(taxes);
    (divisor - Decimal::ONE)
        .checked_div(divisor)
        .unwrap_or(Decimal::ZERO)
}

/// A custom value without tax.
pub(super) fn free_share() -> Share {
    part(Taxes::default())
}

fn part(taxes: Taxes) -> Share {
    let tax_ratio = share_of_tax(&taxes);
    Share {
        kind: LineKind::Refund,
        name: "Refund".to_owned(),
        quantity: Decimal::ONE,
        taxes,
        weight: Decimal::ZERO,
        tax_ratio,
        is_custom: false,
    }
}
