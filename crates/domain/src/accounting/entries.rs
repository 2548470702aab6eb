//! The invoice's lines: the first readable way of writing them that gives the store's own sums.
//!
//! The ladder of the accounting policy, section 2: the lines as the policy says, discounts taken
//! into prices, other partings of the rates, a quantity parted in two; and where none of them makes
//! total and tax exact, a `Rounding` line within its bound that names both taxes, or the order is
//! held. Not here: one way's lines ([`super::writer`]) and FreshBooks' arithmetic
//! ([`crate::arithmetic`]).

use rust_decimal::Decimal;

use super::closing::{Goal, close};
use super::tuning::{Reach, tuned};
use super::ways::ways;
use super::writer::{Draft, write};
use super::{Entry, EntrySource, Hold, range, smallest_unit, tax_lines};
use crate::arithmetic::{Model, bound_of_halves};
use crate::books::LineKind;
use crate::money::Error;
use crate::order::Order;
use crate::policy::{Policy, TaxMode};

/// The lines of an order's invoice in an account that rounds by `model`, or every reason why there
/// are none.
///
/// Their predicted total is the order's `total_inc_tax` to the smallest unit.
pub fn entries(order: &Order, policy: &Policy, model: Model) -> Result<Vec<Entry>, Vec<Hold>> {
    range::check(order)?;
    compute(order, policy, model).map_err(|error| {
        vec![Hold {
            code: "not_computable",
            message: sentence(&error),
        }]
    })?
}

type Computed = Result<Result<Vec<Entry>, Vec<Hold>>, Error>;

fn compute(order: &Order, policy: &Policy, model: Model) -> Computed {
    let goal = Goal::of(order, model)?;
    if policy.tax == TaxMode::Amount {
        return by_amount(order, policy, &goal);
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for way in ways(order, policy) {
        let draft = write(order, policy, way)?;
        if goal.is_met(&draft.entries)? {
            return Ok(Ok(draft.entries));
        }
        if let Some(entries) = tuned(order, &draft.entries, &goal, Reach::Prices)? {
            return Ok(Ok(entries));
        }
        drafts.push(draft);
    }
    for draft in &drafts {
        if let Some(entries) = tuned(order, &draft.entries, &goal, Reach::Pieces)? {
            return Ok(Ok(entries));
        }
    }
    let mut refused = None;
    for draft in drafts {
        let bound = bound_of_halves(draft.halves);
        match close(order, &goal, draft.entries, bound)? {
            Ok(entries) => return Ok(Ok(entries)),
            // The policy's own way is the one whose sums a person is shown.
            Err(holds) => refused = refused.or(Some(holds)),
        }
    }
    Ok(Err(refused.unwrap_or_default()))
}

/// Untaxed lines, and one line for each tax with its exact amount.
fn by_amount(order: &Order, policy: &Policy, goal: &Goal) -> Computed {
    let mut holds = Vec::new();
    for way in ways(order, policy) {
        let mut draft = write(order, policy, way)?;
        let bound = bound_of_halves(draft.halves);
        match tax_lines::tax_lines(order, smallest_unit::widened(order, bound)) {
            Ok(lines) => draft.entries.extend(lines),
            Err(hold) => {
                holds.push(hold);
                continue;
            }
        }
        match close(order, goal, draft.entries, bound)? {
            Ok(entries) => return Ok(Ok(entries)),
            Err(more) => holds.extend(more),
        }
    }
    Ok(Err(holds))
}

/// An untaxed line of one piece.
pub(super) fn plain(kind: LineKind, name: String, amount: Decimal) -> Entry {
    Entry {
        kind,
        name,
        description: String::new(),
        sku: String::new(),
        options: String::new(),
        quantity: Decimal::ONE,
        unit_cost: amount,
        tax1: None,
        tax2: None,
        compounded: false,
        source: EntrySource {
            product: None,
            amount,
            net: amount,
        },
    }
}

/// An error of the core as a sentence for people.
pub(super) fn sentence(error: &Error) -> String {
    format!("The order's sums cannot be computed: {error}. Correct the order in the store.")
}
