//! Spreading an amount over weights without losing a unit.

use rust_decimal::{Decimal, RoundingStrategy};

/// Shares of `amount` in proportion to `weights`, rounded to `decimals`; they add up to `amount`
/// exactly. Weights without a sum give everything to the first.
pub(super) fn spread(amount: Decimal, weights: &[Decimal], decimals: u32) -> Vec<Decimal> {
    let sum: Decimal = weights.iter().sum();
    let mut shares = Vec::with_capacity(weights.len());
    if sum.is_zero() {
        shares.resize(weights.len(), Decimal::ZERO);
        if let Some(first) = shares.first_mut() {
            *first = amount;
        }
        return shares;
    }
    let mut weight_so_far = Decimal::ZERO;
    let mut given = Decimal::ZERO;
    for (index, weight) in weights.iter().enumerate() {
        weight_so_far += weight;
        let until_here = if index + 1 == weights.len() {
            amount
        } else {
            let exact = (weight_so_far / sum).checked_mul(amount).unwrap_or(given);
            exact.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
        };
        shares.push(until_here - given);
        given = until_here;
    }
    shares
}
