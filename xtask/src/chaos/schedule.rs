//! What happens in one run, and when: drawn from the seed alone. Pure.

use serde::Serialize;
use serde_json::Value;

use super::MERCHANTS;
use super::dice::Dice;
use super::fault::{Act, KINDS};

/// Orders are placed and faults strike within this time from the start.
const PLACING_MS: u64 = 5_000;
const STRIKING_MS: u64 = 7_000;
/// Every kind that is not rare is in every fourth schedule at least.
const DEALT: u64 = 13;
/// Drawn beside those, so that kinds meet in all pairs.
const DRAWN: u64 = 4;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Schedule {
    pub(super) seed: u64,
    pub(super) orders: Vec<Order>,
    pub(super) changes: Vec<Change>,
    pub(super) strikes: Vec<Strike>,
}

/// An order to be placed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Order {
    pub(super) at_ms: u64,
    /// Place in [`MERCHANTS`].
    pub(super) merchant: usize,
    /// Whether its kind foresees changes, and the throw that chooses it among such.
    pub(super) changes: bool,
    pub(super) kind: u64,
    pub(super) seed: u64,
    pub(super) storm_ms: u64,
    /// First shown as it is at the checkout.
    pub(super) evolves: bool,
}

/// The next change that an order's kind foresees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Change {
    pub(super) at_ms: u64,
    /// Place in the orders.
    pub(super) order: usize,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Strike {
    pub(super) at_ms: u64,
    /// Place in [`KINDS`].
    pub(super) kind: usize,
    pub(super) name: &'static str,
    /// The merchant whose store or account it strikes.
    pub(super) merchant: usize,
    /// Which of a service's processes; which service, where the kind leaves it open.
    pub(super) process: u64,
    /// How long it lasts, where it does.
    pub(super) last_ms: u64,
    /// Seconds that the clock is stepped to; hours that a hook is late.
    pub(super) amount: i64,
    /// What the sandbox is asked for, without whom it strikes.
    pub(super) body: Value,
}

impl Schedule {
    /// The schedule of a seed: always the same.
    pub(super) fn of(seed: u64, orders: u64) -> Self {
        let mut dice = Dice::new(seed);
        let orders: Vec<Order> = (0..orders)
            .map(|number| order(&mut dice, seed, number))
            .collect();
        let changes = changes(&mut dice, &orders);
        let mut strikes: Vec<Strike> = kinds(&mut dice, seed)
            .into_iter()
            .filter_map(|kind| strike(&mut dice, kind))
            .collect();
        strikes.sort_by_key(|strike| strike.at_ms);
        Self {
            seed,
            orders,
            changes,
            strikes,
        }
    }
}

fn merchant(dice: &mut Dice) -> usize {
    let count = u64::try_from(MERCHANTS.len()).unwrap_or(1);
    usize::try_from(dice.between(0, count)).unwrap_or(0)
}

fn order(dice: &mut Dice, seed: u64, number: u64) -> Order {
    let at_ms = dice.between(0, PLACING_MS);
    let merchant = merchant(dice);
    let changes = dice.percent(45);
    Order {
        at_ms,
        merchant,
        changes,
        kind: dice.throw(),
        // Another order each time, and people who come back now and then.
        seed: seed.wrapping_mul(1_000).wrapping_add(number),
        storm_ms: dice.between(50, 1_500),
        // What grows at the checkout may not be changed before it has grown.
        evolves: dice.percent(30) && !changes,
    }
}

/// Up to three changes of each order that may have some, soon after one another.
fn changes(dice: &mut Dice, orders: &[Order]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, order) in orders.iter().enumerate().filter(|(_, order)| order.changes) {
        // Not before the order has become what it is.
        let mut at_ms = order.at_ms.saturating_add(order.storm_ms);
        for _ in 0..3 {
            at_ms = at_ms.saturating_add(dice.between(100, 2_500));
            changes.push(Change {
                at_ms,
                order: place,
            });
        }
    }
    changes
}

/// The kinds of this seed: the next few in turn, some by chance, and seldom a rare one.
fn kinds(dice: &mut Dice, seed: u64) -> Vec<usize> {
    let of = |wanted: fn(&Option<u64>) -> bool| {
        let all = KINDS.iter().enumerate();
        let found = all.filter(|(_, kind)| wanted(&kind.rare));
        found.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let (common, rare) = (of(Option::is_none), of(Option::is_some));
    let first = seed.wrapping_mul(DEALT);
    let count = u64::try_from(common.len()).unwrap_or(1).max(1);
    let turn = (0..DEALT).map(|n| first.wrapping_add(n).checked_rem(count).unwrap_or(0));
    let mut chosen: Vec<usize> = turn
        .filter_map(|place| common.get(usize::try_from(place).unwrap_or(0)).copied())
        .collect();
    for _ in 0..DRAWN {
        chosen.extend(dice.one_of(&common).copied());
    }
    for place in rare {
        let percent = KINDS.get(place).and_then(|kind| kind.rare).unwrap_or(0);
        if dice.percent(percent) {
            chosen.push(place);
        }
    }
    chosen
}

fn strike(dice: &mut Dice, place: usize) -> Option<Strike> {
    let kind = KINDS.get(place)?;
    let at_ms = dice.between(200, STRIKING_MS);
    let last_ms = match kind.act {
        // Longer than the ack wait, and than the settling of an open intent.
        Act::Pause(_) => dice.between(7_000, 9_000),
        Act::HangRedis => dice.between(1_000, 4_000),
        _ => 0,
    };
    let amount = match kind.act {
        // Ahead, and by little: a change that the store dates in our future is asked for again
        // until that moment has passed.
        Act::StepClock => i64::try_from(dice.between(2, 15)).unwrap_or(2),
        Act::LateHook => i64::try_from(dice.between(3, 70)).unwrap_or(3),
        _ => 0,
    };
    let body = match kind.act {
        Act::FreshBooks(body)
        | Act::BigCommerce(body)
        | Act::Reorder(body)
        | Act::RenewalTrouble(body) => body(dice),
        _ => Value::Null,
    };
    Some(Strike {
        at_ms,
        kind: place,
        name: kind.name,
        merchant: merchant(dice),
        process: dice.throw(),
        last_ms,
        amount,
        body,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_schedule_and_another_seed_another() {
        let once = Schedule::of(7, 60);
        assert_eq!(once, Schedule::of(7, 60));
        assert_ne!(once.strikes, Schedule::of(8, 60).strikes);
        assert_eq!(once.orders.len(), 60);
    }

    #[test]
    fn four_seeds_in_a_row_deal_every_kind_that_is_not_rare() {
        let met: BTreeSet<&str> = (40..44)
            .flat_map(|seed| Schedule::of(seed, 1).strikes)
            .map(|strike| strike.name)
            .collect();
        let left: Vec<&str> = KINDS
            .iter()
            .filter(|kind| kind.rare.is_none() && !met.contains(kind.name))
            .map(|kind| kind.name)
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn two_hundred_seeds_meet_the_rare_kinds_too() {
        let met: BTreeSet<&str> = (1..=200)
            .flat_map(|seed| Schedule::of(seed, 1).strikes)
            .map(|strike| strike.name)
            .collect();
        assert_eq!(met.len(), KINDS.len());
    }

    #[test]
    fn a_change_comes_after_its_order() {
        let schedule = Schedule::of(3, 80);
        assert!(!schedule.changes.is_empty());
        for change in &schedule.changes {
            assert!(change.at_ms > schedule.orders[change.order].at_ms);
        }
    }
}
