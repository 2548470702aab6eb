//! What is left of an order's invoice once its earlier refunds are taken off, line by line.
//!
//! A refund of all that is left mirrors it, so that its tax is the invoice's own and not a share
//! of it. Not here: whether a refund is one of all that is left ([`super::refund_lines`]).

use rust_decimal::Decimal;

use super::spread::spread;
use super::{Entry, Refunded};
use crate::books::{InvoiceLine, LineKind};
use crate::money::Currency;

/// The invoice's lines without what was given back of them; `None` where the earlier refunds gave
/// back more of something than the invoice shows. Discounts stand as lines of their own, as on the
/// invoice.
pub(super) fn left(
    entries: &[Entry],
    earlier: &[Refunded],
    currency: Currency,
) -> Option<Vec<InvoiceLine>> {
    let mut rests: Vec<InvoiceLine> = entries
        .iter()
        .filter(|entry| entry.kind != LineKind::Rounding)
        .map(line)
        .collect();
    let was_given = earlier.iter().flat_map(|refund| &refund.lines);
    for given in was_given.filter(|line| line.kind != LineKind::Rounding) {
        let same_thing = |rest: &InvoiceLine| {
            rest.kind == given.kind && rest.name == given.name && is_taxed_alike(rest, given)
        };
        let amount = take(&mut rests, amount(given)?, same_thing)?;
        // A custom value, or more of a thing than its line shows after discounts.
        let over = take(&mut rests, amount, |rest| is_taxed_alike(rest, given))?;
        if !over.is_zero() {
            return None;
        }
    }
    rests.retain(|rest| !rest.unit_cost.is_zero() && !rest.quantity.is_zero());
    if !earlier.is_empty() {
        // What was given back was worth less by its discounts; what is left of those goes with
        // what is left of the goods.
        return Some(without_negatives(&rests, currency));
    }
    Some(rests)
}

/// The same lines with every negative one spread over those that are taxed like it.
pub(super) fn without_negatives(lines: &[InvoiceLine], currency: Currency) -> Vec<InvoiceLine> {
    let is_negative = |line: &InvoiceLine| amount(line).is_some_and(|sum| sum < Decimal::ZERO);
    let mut rests: Vec<InvoiceLine> = lines.iter().filter(|l| !is_negative(l)).cloned().collect();
    for taken in lines.iter().filter(|line| is_negative(line)) {
        let sum = amount(taken).unwrap_or_default();
        let alike: Vec<usize> = (0..rests.len())
            .filter(|index| {
                let rest = rests.get(*index);
                rest.is_some_and(|rest| rest.kind != LineKind::Tax && is_taxed_alike(rest, taken))
            })
            .collect();
        let weights: Vec<Decimal> = alike
            .iter()
            .filter_map(|index| rests.get(*index).and_then(amount))
            .collect();
        let worth: Decimal = weights.iter().sum();
        if worth + sum < Decimal::ZERO || worth.is_zero() {
            rests.push(taken.clone());
            continue;
        }
        for (index, share) in alike.iter().zip(spread(sum, &weights, currency.decimals())) {
            if let Some(rest) = rests.get_mut(*index) {
                let now = amount(rest).unwrap_or_default() + share;
                set(rest, now);
            }
        }
    }
    rests.retain(|rest| !rest.unit_cost.is_zero());
    rests
}

/// Takes an amount off positive lines; gives what did not fit. `None` on overflow.
fn take(
    rests: &mut [InvoiceLine],
    mut wanted: Decimal,
    fits: impl Fn(&InvoiceLine) -> bool,
) -> Option<Decimal> {
    for rest in rests.iter_mut().filter(|rest| fits(rest)) {
        let has = amount(rest)?;
        let part = has.min(wanted);
        if part > Decimal::ZERO {
            set(rest, has - part);
            wanted -= part;
        }
    }
    Some(wanted)
}

/// Whole pieces at the line's price where the amount is that, else one of the whole.
fn set(line: &mut InvoiceLine, amount: Decimal) {
    let pieces = amount.checked_div(line.unit_cost);
    match pieces.filter(|pieces| pieces.fract().is_zero() && *pieces > Decimal::ZERO) {
        Some(pieces) => line.quantity = pieces.normalize(),
        None => {
            line.quantity = Decimal::ONE;
            line.unit_cost = amount;
        }
    }
}

pub(super) fn amount(line: &InvoiceLine) -> Option<Decimal> {
    line.quantity.checked_mul(line.unit_cost)
}

fn is_taxed_alike(left: &InvoiceLine, right: &InvoiceLine) -> bool {
    left.tax1 == right.tax1 && left.tax2 == right.tax2 && left.compounded == right.compounded
}

fn line(entry: &Entry) -> InvoiceLine {
    InvoiceLine {
        kind: entry.kind,
        name: entry.name.clone(),
        description: String::new(),
        quantity: entry.quantity,
        unit_cost: entry.unit_cost,
        tax1: entry.tax1.clone(),
        tax2: entry.tax2.clone(),
        compounded: entry.compounded,
        rebills: None,
    }
}
