//! The changes that one line allows, and what each does to net and tax.
//!
//! Not here: which of them are made ([`super::tuning`]).

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::Entry;
use super::closing::Goal;
use super::tuning::{Reach, is_free};
use crate::arithmetic::tax_on;
use crate::money::{Currency, Error};
use crate::order::Order;

/// One change to one line, with what it adds to the sums in smallest units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) net: i64,
    pub(super) tax: i64,
    /// How much it disturbs a reader.
    pub(super) cost: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The line's net amount is so much more.
    Net(Decimal),
    /// So many pieces stand in a line of their own, at the same price.
    Part(Decimal),
    /// Pieces that were put together stand apart again: so many at a price, the others at one unit
    /// more.
    Exact { pieces: Decimal, at: Decimal },
}

/// The most pieces of a line that are tried in a line of their own.
const PARTS_MAX: u32 = 12;
/// No change that helps moves a sum by as much.
const UNITS_MAX: i64 = 1_000;
/// A parted line disturbs more than any moved price.
const PART_COST: u32 = 100;

/// Every change that the line allows.
pub(super) fn changes(
    order: &Order,
    entry: &Entry,
    goal: &Goal,
    reach: Reach,
) -> Result<Vec<Change>, Error> {
    let currency = goal.currency();
    let mut list = Vec::new();
    if entry.tax1.is_none() && entry.tax2.is_none() {
        return Ok(list);
    }
    let line = Line::of(entry, currency)?;
    if is_free(order, entry) {
        for step in [1, -1, 2, -2] {
            let moved = Decimal::from(step) * line.unit;
            // Pieces keep a price that is exact in smallest units.
            let is_exact = (moved / entry.quantity) == round(moved / entry.quantity, currency);
            let net = line.net + moved;
            if !is_exact || net.is_zero() || net.is_sign_negative() != line.net.is_sign_negative() {
                continue;
            }
            list.push(Change {
                net: step,
                tax: line.units(line.tax(net)? - line.own_tax),
                cost: step.unsigned_abs() as u32,
                kind: Kind::Net(moved),
            });
        }
    }
    if reach == Reach::Pieces {
        part(entry, &line, &mut list)?;
        apart(order, entry, &line, &mut list)?;
    }
    Ok(list)
}

/// Some pieces in a line of their own; only what changes the tax is worth it.
fn part(entry: &Entry, line: &Line<'_>, list: &mut Vec<Change>) -> Result<(), Error> {
    let is_whole = entry.quantity.fract().is_zero();
    if !is_whole || entry.quantity < Decimal::TWO {
        return Ok(());
    }
    let most = (entry.quantity / Decimal::TWO)
        .trunc()
        .to_u32()
        .unwrap_or(PARTS_MAX);
    for pieces in (1..=most.min(PARTS_MAX)).map(Decimal::from) {
        let own = line.tax(pieces * entry.unit_cost)?;
        let others = line.tax((entry.quantity - pieces) * entry.unit_cost)?;
        push_part(line, own + others, Kind::Part(pieces), list);
    }
    Ok(())
}

/// Pieces whose price was not exact stand at two prices, a unit apart.
fn apart(
    order: &Order,
    entry: &Entry,
    line: &Line<'_>,
    list: &mut Vec<Change>,
) -> Result<(), Error> {
    let product = entry.source.product.and_then(|at| order.products.get(at));
    let quantity = product.map_or(Decimal::ONE, |product| product.quantity.abs());
    if entry.quantity != Decimal::ONE || quantity < Decimal::TWO || !quantity.fract().is_zero() {
        return Ok(());
    }
    let at = (line.net / quantity).round_dp_with_strategy(
        line.currency.decimals(),
        RoundingStrategy::ToNegativeInfinity,
    );
    let dearer = (line.net - at * quantity) / line.unit;
    let pieces = quantity - dearer;
    if at.is_zero() || dearer.is_zero() || pieces <= Decimal::ZERO {
        return Ok(());
    }
    let own = line.tax(pieces * at)?;
    let others = line.tax(dearer * (at + line.unit))?;
    push_part(line, own + others, Kind::Exact { pieces, at }, list);
    Ok(())
}

fn push_part(line: &Line<'_>, tax: Decimal, kind: Kind, list: &mut Vec<Change>) {
    let tax = line.units(tax - line.own_tax);
    if tax != 0 && !list.iter().any(|known| known.net == 0 && known.tax == tax) {
        list.push(Change {
            net: 0,
            tax,
            cost: PART_COST,
            kind,
        });
    }
}

/// The lines that take the entry's place.
pub(super) fn changed(
    order: &Order,
    entry: &Entry,
    change: Change,
    currency: Currency,
) -> Vec<Entry> {
    let with = |quantity: Decimal, unit_cost: Decimal| {
        let mut line = entry.clone();
        line.quantity = quantity.normalize();
        line.unit_cost = unit_cost;
        line.unit_cost.rescale(currency.decimals());
        line.source.net = quantity * unit_cost;
        line
    };
    match change.kind {
        Kind::Net(moved) => {
            let net = entry.quantity * entry.unit_cost + moved;
            vec![with(entry.quantity, net / entry.quantity)]
        }
        Kind::Part(pieces) => vec![
            with(entry.quantity - pieces, entry.unit_cost),
            with(pieces, entry.unit_cost),
        ],
        Kind::Exact { pieces, at } => {
            let unit = Decimal::new(1, currency.decimals());
            let product = entry.source.product.and_then(|at| order.products.get(at));
            let quantity = product.map_or(pieces, |product| product.quantity.abs());
            vec![with(pieces, at), with(quantity - pieces, at + unit)]
        }
    }
}

/// The figures of the line as it stands.
struct Line<'a> {
    entry: &'a Entry,
    currency: Currency,
    unit: Decimal,
    net: Decimal,
    own_tax: Decimal,
}

impl<'a> Line<'a> {
    fn of(entry: &'a Entry, currency: Currency) -> Result<Self, Error> {
        let mut line = Self {
            entry,
            currency,
            unit: Decimal::new(1, currency.decimals()),
            net: entry
                .quantity
                .checked_mul(entry.unit_cost)
                .ok_or(Error::Overflow)?,
            own_tax: Decimal::ZERO,
        };
        line.own_tax = line.tax(line.net)?;
        Ok(line)
    }

    fn tax(&self, net: Decimal) -> Result<Decimal, Error> {
        let entry = self.entry;
        tax_on(
            net,
            entry.tax1.as_ref(),
            entry.tax2.as_ref(),
            entry.compounded,
            self.currency,
        )
    }

    /// In smallest units; what is far beyond any rounding is cut, and reaches no goal.
    fn units(&self, amount: Decimal) -> i64 {
        let units = (amount / self.unit).to_i64().unwrap_or(UNITS_MAX);
        units.clamp(-UNITS_MAX, UNITS_MAX)
    }
}

fn round(value: Decimal, currency: Currency) -> Decimal {
    value.round_dp(currency.decimals())
}
