//! What the lines must add up to, and the one line that may make up for rounding.
//!
//! Not here: how the lines are written ([`super::writer`]).

use rust_decimal::Decimal;

use super::entries::plain;
use super::{Entry, Hold, smallest_unit, total};
use crate::arithmetic::{Figures, Model, Predicted, rounding_bound_minor};
use crate::books::{InvoiceLine, LineKind, RoundingLine};
use crate::money::{Currency, Error, Money};
use crate::order::Order;

/// The sums that the lines must make, and the arithmetic by which FreshBooks makes them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) total: Money,
    pub(super) tax: Money,
    pub(super) model: Model,
}

impl Goal {
    /// What the store says of `order`, for an account that rounds by `model`.
    pub(super) fn of(order: &Order, model: Model) -> Result<Self, Error> {
        Ok(Self {
            total: total::expected(order)?.total,
            tax: Money::rounded(order.totals.total.tax, order.currency)?,
            model,
        })
    }

    pub(super) fn currency(&self) -> Currency {
        self.total.currency
    }

    /// What FreshBooks will make of the lines.
    pub(super) fn predict(&self, entries: &[Entry]) -> Result<Predicted, Error> {
        let figures = entries.iter().map(Figures::from);
        self.model.predict(figures, self.currency())
    }

    /// Whether total and tax come out to the smallest unit.
    pub(super) fn is_met(&self, entries: &[Entry]) -> Result<bool, Error> {
        let made = self.predict(entries)?;
        Ok(made.total == self.total && made.tax == self.tax)
    }
}

/// The most that rounding explains of an order's lines, in smallest units of the currency. Where
/// tax is a line of its own, every other line may have been taxed, and its net amount was rounded.
pub(crate) fn bound_minor(order: &Order, lines: &[InvoiceLine]) -> u64 {
    let is_bare = |line: &&InvoiceLine| matches!(line.kind, LineKind::Tax | LineKind::Rounding);
    let bound = if lines.iter().any(|line| line.kind == LineKind::Tax) {
        let others = lines.iter().filter(|line| !is_bare(line)).count();
        (others as u64).max(1)
    } else {
        rounding_bound_minor(lines.iter().map(Figures::from))
    };
    smallest_unit::widened(order, bound)
}

/// Adds the rounding line where total or tax need one, or says why the order is held.
///
/// `bound_minor` is what rounding explains, in smallest units of the currency.
pub(super) fn close(
    order: &Order,
    goal: &Goal,
    mut entries: Vec<Entry>,
    bound_minor: u64,
) -> Result<Result<Vec<Entry>, Vec<Hold>>, Error> {
    let bound = smallest_unit::widened(order, bound_minor);
    let made = goal.predict(&entries)?;
    let tax_lines = entries.iter().filter(|entry| entry.kind == LineKind::Tax);
    let exact_tax: Decimal = tax_lines.map(|entry| entry.unit_cost).sum();
    let books_tax = made
        .tax
        .checked_add(Money::rounded(exact_tax, goal.currency())?)?;
    let lacks = goal.total.checked_sub(made.total)?;
    let tax_off = goal.tax.checked_sub(books_tax)?;
    let mut holds = Vec::new();
    if lacks.amount_minor.unsigned_abs() > bound {
        holds.push(sums_differ(order, &made, goal, bound));
    }
    if tax_off.amount_minor.unsigned_abs() > bound {
        holds.push(tax_differs(goal, books_tax, bound));
    }
    if !holds.is_empty() {
        return Ok(Err(holds));
    }
    if lacks.amount_minor != 0 || tax_off.amount_minor != 0 {
        let mut line = plain(
            LineKind::Rounding,
            RoundingLine::NAME.to_owned(),
            lacks.to_decimal(),
        );
        line.description = RoundingLine::description(goal.tax, books_tax);
        entries.push(line);
    }
    Ok(Ok(entries))
}

fn sums_differ(order: &Order, made: &Predicted, goal: &Goal, bound: u64) -> Hold {
    Hold {
        code: "sums_do_not_match",
        message: format!(
            "The store's total is {} with {} tax; its lines make {} with {} tax ({} taxed \
             lines, so at most {bound} smallest units may be rounding). Compare products, \
             shipping, handling, wrapping, fees and discounts of order {} in the store and correct \
             what is off; where the store is right, book the order by hand and purge this letter.",
            goal.total, goal.tax, made.total, made.tax, made.taxed_lines, order.id
        ),
    }
}

fn tax_differs(goal: &Goal, made: Money, bound: u64) -> Hold {
    Hold {
        code: "tax_does_not_match",
        message: format!(
            "The store's tax is {}, the percents on the lines make {made}; {bound} smallest units \
             of {} is the most that rounding explains. Set tax = \"amount\" for this connection \
             and release, or correct the order's taxes in the store.",
            goal.tax,
            goal.currency()
        ),
    }
}
