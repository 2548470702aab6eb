//! Which orders are placed where. Pure.
//!
//! Every kind in turn; in each round a kind is at the next merchant, so that it meets every
//! currency and both tax settings. Kinds that may be held go to merchants of their own.

use crate::shops::holds::MayBeHeld;
use crate::shops::orders::Kind;
use crate::shops::world::Merchant;

/// An order to be placed.
#[derive(Clone, Debug)]
pub(super) struct Choice<'a> {
    pub(super) kind: &'a Kind,
    pub(super) merchant: Merchant,
    pub(super) seed: u64,
}

/// Orders until at least `wanted` of those that no kind lets wait belong in the books.
///
/// Ends after the first round when no kind belongs there.
pub(super) fn choose<'a>(
    kinds: &'a [Kind],
    holds: &MayBeHeld,
    (main, apart): (&[Merchant], &[Merchant]),
    wanted: usize,
    seed: u64,
) -> Vec<Choice<'a>> {
    // What may be held and belongs nowhere proves without a difference all the same.
    let is_apart = |kind: &Kind| kind.in_books && holds.any(&kind.name);
    let mut chosen: Vec<Choice<'a>> = Vec::new();
    let mut counted = 0_usize;
    for round in 0.. {
        let before = counted;
        for (turn, kind) in kinds.iter().enumerate() {
            let merchants = if is_apart(kind) { apart } else { main };
            let place = turn.saturating_add(round).checked_rem(merchants.len());
            let Some(merchant) = place.and_then(|place| merchants.get(place)) else {
                continue;
            };
            chosen.push(Choice {
                kind,
                merchant: *merchant,
                seed: seed.saturating_add(u64::try_from(chosen.len()).unwrap_or(u64::MAX)),
            });
            counted = counted.saturating_add(usize::from(kind.in_books && !is_apart(kind)));
            if counted >= wanted {
                return chosen;
            }
        }
        if counted == before {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::stores::parted;
    use super::*;

    fn kind(name: &str, in_books: bool) -> Kind {
        Kind {
            name: name.to_owned(),
            in_books,
        }
    }

    #[test]
    fn a_kind_meets_every_merchant_and_one_that_may_be_held_only_those_apart() {
        let kinds = [
            kind("sale", true),
            kind("declined", false),
            kind("odd", true),
        ];
        let holds = MayBeHeld::only("odd", "sums_do_not_match");
        let (main, apart) = parted();
        let chosen = choose(&kinds, &holds, (main, apart), main.len(), 7);
        let met = |name: &str| {
            let of_kind = chosen.iter().filter(|choice| choice.kind.name == name);
            let names = of_kind.map(|choice| choice.merchant.name);
            names.collect::<BTreeSet<_>>()
        };
        let names = |merchants: &[Merchant]| {
            let names = merchants.iter().map(|merchant| merchant.name);
            names.collect::<BTreeSet<_>>()
        };
        assert_eq!(met("sale"), names(main));
        assert_eq!(met("odd"), names(apart));
        let seeds: BTreeSet<u64> = chosen.iter().map(|choice| choice.seed).collect();
        assert_eq!((seeds.len(), seeds.first()), (chosen.len(), Some(&7)));
    }

    #[test]
    fn only_orders_that_must_be_in_the_books_are_counted() {
        let kinds = [kind("sale", true), kind("declined", false)];
        let chosen = choose(&kinds, &MayBeHeld::default(), parted(), 5, 1);
        let sales = chosen.iter().filter(|choice| choice.kind.in_books);
        assert_eq!((sales.count(), chosen.len()), (5, 9));
        let none = [kind("declined", false)];
        assert_eq!(
            choose(&none, &MayBeHeld::default(), parted(), 5, 1).len(),
            1
        );
    }
}
