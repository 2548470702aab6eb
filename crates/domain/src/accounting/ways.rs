//! The readable ways of writing an order's lines, the policy's own first.
//!
//! FreshBooks computes its tax from what the lines show, so the same order may come out exact in
//! one way and a cent off in another. Not here: the lines themselves ([`super::writer`]).

use super::taxes::most_rates;
use crate::order::Order;
use crate::policy::{DiscountMode, Policy, TaxMode};

/// One way of writing the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) discount: DiscountMode,
    /// How many rates of one priority stand in the first of FreshBooks' two places for taxes; the
    /// others share the second.
    pub(super) first_place_rates: usize,
}

/// The most partings of rates that are tried; a line with more rates is rare, and each parting is
/// a whole pass.
const PARTINGS_MAX: usize = 4;

/// Every way that the policy leaves open, in the order in which they are tried.
pub(super) fn ways(order: &Order, policy: &Policy) -> Vec<Way> {
    let own = Way {
        discount: policy.discount,
        first_place_rates: 1,
    };
    if policy.tax == TaxMode::Amount {
        // The tax is a line of its own and exact in any case.
        return vec![own];
    }
    let totals = &order.totals;
    let discounted = !totals.discount_amount.is_zero() || !totals.coupon_discount.is_zero();
    let mut modes = vec![own.discount];
    if discounted && own.discount == DiscountMode::Line {
        modes.push(DiscountMode::Net);
    }
    let partings = most_rates(order).saturating_sub(1).clamp(1, PARTINGS_MAX);
    let in_mode = |discount| {
        (1..=partings).map(move |first_place_rates| Way {
            discount,
            first_place_rates,
        })
    };
    modes.into_iter().flat_map(in_mode).collect()
}
