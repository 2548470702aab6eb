//! Small changes that make a draft's total and tax exact: a net price by a unit, a quantity in two.
//!
//! In stores whose prices contain the tax, the net prices are Tillbook's own choice, so one of them
//! may be a unit more or less. Where FreshBooks rounds each line, a quantity parted into two lines
//! rounds twice. The fewest changes are taken that reach the goal. Not here: other ways of writing
//! the lines ([`super::ways`]).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Entry;
use super::closing::Goal;
use super::tuning_steps::{Change, changed, changes};
use crate::arithmetic::Model;
use crate::books::LineKind;
use crate::money::Error;
use crate::order::Order;

/// How far a change may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Net prices of stores whose prices contain the tax.
    Prices,
    /// And quantities, parted into two lines.
    Pieces,
}

/// The most units by which net or tax may be off for a tuning to be tried; beyond it is no rounding.
const OFF_MAX: i64 = 12;
/// The most lines that are tried: a long order has one that helps among its first.
const LINES_MAX: usize = 120;
/// Sums on the way may leave the goal by this much.
const ROOM: i64 = OFF_MAX + 4;
const WIDTH: usize = (2 * ROOM + 1) as usize;

/// `entries` with the fewest changes that meet the goal; `None` when none within reach does.
pub(super) fn tuned(
    order: &Order,
    entries: &[Entry],
    goal: &Goal,
    reach: Reach,
) -> Result<Option<Vec<Entry>>, Error> {
    let made = goal.predict(entries)?;
    let tax = goal.tax.checked_sub(made.tax)?.amount_minor;
    let net = goal.total.checked_sub(made.total)?.amount_minor - tax;
    if tax.abs() > OFF_MAX || net.abs() > OFF_MAX {
        return Ok(None);
    }
    let found = match goal.model {
        Model::PerLine => by_lines(order, entries, goal, reach, (net, tax))?,
        // A sum is rounded once: only what the sum is made of can move it.
        Model::PerTax | Model::PerInvoice => by_groups(order, entries, goal, net)?,
    };
    match found {
        // Measured once more as a whole, so that no slip of the search reaches the books.
        Some(entries) if goal.is_met(&entries)? => Ok(Some(entries)),
        _ => Ok(None),
    }
}

/// Whether the line's net price is Tillbook's own choice.
pub(super) fn is_free(order: &Order, entry: &Entry) -> bool {
    let taxed = entry.tax1.is_some() || entry.tax2.is_some();
    order.tax_inclusive && taxed && !matches!(entry.kind, LineKind::Rounding | LineKind::Tax)
}

/// Where each line's taxes are rounded, every line moves net and tax by itself: the cheapest set of
/// changes whose sums are the goal is found line by line.
fn by_lines(
    order: &Order,
    entries: &[Entry],
    goal: &Goal,
    reach: Reach,
    (net, tax): (i64, i64),
) -> Result<Option<Vec<Entry>>, Error> {
    let mut open: Vec<(usize, Vec<Change>)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let changes = changes(order, entry, goal, reach)?;
        if !changes.is_empty() {
            open.push((index, changes));
        }
        if open.len() == LINES_MAX {
            break;
        }
    }
    let Some(picked) = Search::run(&open, net, tax) else {
        return Ok(None);
    };
    let mut result = Vec::with_capacity(entries.len() + picked.len());
    for (index, entry) in entries.iter().enumerate() {
        match picked.iter().find(|(at, _)| *at == index) {
            Some((_, change)) => result.extend(changed(order, entry, *change, goal.currency())),
            None => result.push(entry.clone()),
        }
    }
    Ok(Some(result))
}

/// The cheapest way to each pair of sums, line by line.
struct Search {
    /// Of every place: its cost so far.
    costs: Vec<Option<u32>>,
    /// By line: which change led to each place; 0 for none, else its number from 1.
    steps: Vec<Vec<u8>>,
}

impl Search {
    /// Line and change, of the cheapest set of changes that sums to `net` and `tax`.
    fn run(open: &[(usize, Vec<Change>)], net: i64, tax: i64) -> Option<Vec<(usize, Change)>> {
        let mut search = Self {
            costs: vec![None; WIDTH * WIDTH],
            steps: Vec::with_capacity(open.len()),
        };
        *search.costs.get_mut(place(0, 0)?)? = Some(0);
        for (_, changes) in open {
            search.line(changes);
        }
        search.costs.get(place(net, tax)?).copied().flatten()?;
        let (mut net, mut tax) = (net, tax);
        let mut picked = Vec::new();
        for ((index, changes), steps) in open.iter().zip(&search.steps).rev() {
            let step = usize::from(*steps.get(place(net, tax)?)?);
            if let Some(change) = step.checked_sub(1).and_then(|at| changes.get(at)) {
                picked.push((*index, *change));
                net -= change.net;
                tax -= change.tax;
            }
        }
        Some(picked)
    }

    fn line(&mut self, changes: &[Change]) {
        let before = self.costs.clone();
        let mut steps = vec![0_u8; WIDTH * WIDTH];
        for (at, cost) in before.iter().enumerate() {
            let Some(cost) = cost else { continue };
            let (net, tax) = sums(at);
            for (number, change) in (1_u8..).zip(changes) {
                let Some(to) = place(net + change.net, tax + change.tax) else {
                    continue;
                };
                let cost = cost + change.cost;
                let known = self.costs.get_mut(to);
                let (Some(known), Some(step)) = (known, steps.get_mut(to)) else {
                    continue;
                };
                if known.is_none_or(|known| cost < known) {
                    *known = Some(cost);
                    *step = number;
                }
            }
        }
        self.steps.push(steps);
    }
}

/// The place of two sums, if they are in the room.
fn place(net: i64, tax: i64) -> Option<usize> {
    let at = |sum: i64| usize::try_from(sum + ROOM).ok().filter(|at| *at < WIDTH);
    Some(at(net)? * WIDTH + at(tax)?)
}

fn sums(place: usize) -> (i64, i64) {
    let sum = |at: usize| at as i64 - ROOM;
    (sum(place / WIDTH), sum(place % WIDTH))
}

/// The most groups of lines with the same taxes that are moved against each other.
const GROUPS_MAX: usize = 4;
/// The most units that one group is moved.
const MOVE_MAX: i64 = 3;

/// Where sums are rounded, only how much net each tax is on can matter: units are moved to, from and
/// between the groups of lines with the same taxes.
fn by_groups(
    order: &Order,
    entries: &[Entry],
    goal: &Goal,
    net: i64,
) -> Result<Option<Vec<Entry>>, Error> {
    let mut groups: Vec<usize> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let is_new = || {
            !groups
                .iter()
                .any(|at| entries.get(*at).is_some_and(|of| alike(of, entry)))
        };
        if can_move(order, entry) && is_new() && groups.len() < GROUPS_MAX {
            groups.push(index);
        }
    }
    let mut moves: Vec<Vec<i64>> = vec![Vec::new()];
    for _ in &groups {
        let longer = moves.iter().flat_map(|known| {
            (-MOVE_MAX..=MOVE_MAX).map(move |step| {
                let mut next = known.clone();
                next.push(step);
                next
            })
        });
        moves = longer.collect();
    }
    moves.retain(|steps| steps.iter().sum::<i64>() == net);
    moves.sort_by_key(|steps| steps.iter().map(|step| step.abs()).sum::<i64>());
    for steps in moves {
        let Some(moved) = shifted(order, entries, &groups, &steps, goal) else {
            continue;
        };
        if goal.is_met(&moved)? {
            return Ok(Some(moved));
        }
    }
    Ok(None)
}

fn alike(left: &Entry, right: &Entry) -> bool {
    left.tax1 == right.tax1 && left.tax2 == right.tax2 && left.compounded == right.compounded
}

/// A line of one piece, whose price can be a unit more without becoming unreadable.
fn can_move(order: &Order, entry: &Entry) -> bool {
    is_free(order, entry) && entry.quantity == Decimal::ONE && entry.kind != LineKind::Discount
}

/// The entries with each group's units spread over its movable lines; `None` when a price would
/// change its sign.
fn shifted(
    order: &Order,
    entries: &[Entry],
    groups: &[usize],
    steps: &[i64],
    goal: &Goal,
) -> Option<Vec<Entry>> {
    let unit = Decimal::new(1, goal.currency().decimals());
    let mut moved = entries.to_vec();
    for (group, step) in groups.iter().zip(steps) {
        let of = entries.get(*group)?;
        let mut places: Vec<usize> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if can_move(order, entry) && alike(entry, of) {
                places.push(index);
            }
        }
        let sign = Decimal::from(step.signum());
        for count in 0..step.unsigned_abs().to_usize()? {
            let at = *places.get(count % places.len().max(1))?;
            let entry = moved.get_mut(at)?;
            entry.unit_cost += sign * unit;
            entry.source.net += sign * unit;
            if entry.unit_cost.is_zero() {
                return None;
            }
        }
    }
    Some(moved)
}
