//! However hints arrive, and wherever a delivery dies, the books end the same.
//!
//! A random history of one order; hints that fetch it at random moments, whose plans arrive in any
//! order and more than once, the newest somewhere among them; deliveries cut off in the middle.
//! What the account shows in the end must be what the last moment alone would have made of it.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod delivery;
mod freshbooks;
mod history;

use std::collections::{BTreeSet, VecDeque};

use delivery::{Cut, Delivery, Ended};
use domain::books::{DesiredBooks, Disposition};
use freshbooks::Shown;
use history::{Change, Line, Moment, any_change, followed, moments};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// One arrival of a plan: which moment it was made at, and where its delivery dies.
type Arrival = (Index, Option<(usize, Cut)>);

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        Just(Cut::BeforeEffect),
        Just(Cut::BeforeResult),
        Just(Cut::AfterResult)
    ]
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = (any::<Index>(), prop::option::of((0_usize..5, cut())));
    prop::collection::vec(arrival, 0..12)
}

/// What the arrivals make of the history, the newest moment's plan put at `newest` among them.
/// What was cut off is delivered once more, after all others.
fn deliver(
    moments: &[Moment],
    arrivals: &[Arrival],
    newest: &Arrival,
) -> Result<(Delivery, Ended), String> {
    let last = moments.len() - 1;
    let mut queue: VecDeque<_> = arrivals
        .iter()
        .map(|(moment, cut)| (moment.index(moments.len()), *cut))
        .collect();
    queue.insert(newest.0.index(arrivals.len() + 1), (last, newest.1));
    let mut delivery = Delivery::default();
    let mut ended = Ended::Superseded;
    while let Some((version, cut)) = queue.pop_front() {
        // What the accounting rules hold makes no plan.
        let Ok(books) = &moments[version] else {
            continue;
        };
        match delivery.deliver(version, books, cut)? {
            Ended::Interrupted => queue.push_back((version, None)),
            how if version == last => ended = how,
            _ => {}
        }
    }
    Ok((delivery, ended))
}

/// The account shows what the plan says, and what it would make alone of an empty account.
fn is_as_alone(
    delivery: &Delivery,
    version: usize,
    books: &DesiredBooks,
) -> Result<(), TestCaseError> {
    let mut alone = Delivery::default();
    let ended = alone.deliver(version, books, None).map_err(failed)?;
    prop_assert_eq!(ended, Ended::AtRest);
    prop_assert_eq!(delivery.account.shown(), alone.account.shown());
    prop_assert_eq!(delivery.account.shown(), Shown::wanted(books));
    Ok(())
}

/// The plan of the last moment, if it makes one.
fn last_plan(moments: &[Moment]) -> Option<(usize, &DesiredBooks)> {
    let books = moments.last()?.as_ref().ok()?;
    Some((moments.len() - 1, books))
}

fn failed(why: String) -> TestCaseError {
    TestCaseError::fail(why)
}

/// Applies the last plan once more: nothing may be written.
fn changes_nothing(
    delivery: &mut Delivery,
    version: usize,
    books: &DesiredBooks,
    ended: &Ended,
) -> Result<(), TestCaseError> {
    let writes = delivery.account.writes;
    let again = delivery.deliver(version, books, None).map_err(failed)?;
    prop_assert_eq!(&again, ended);
    prop_assert_eq!(delivery.account.writes, writes);
    Ok(())
}

/// Holds of the difference that leave the decision to a person, because money or the order itself
/// vanished.
const LEFT_TO_A_PERSON: [&str; 7] = [
    "payment_gone",
    "payment_amount_changed",
    "refund_gone",
    "paid_more_than_due",
    "payment_exceeds_due",
    "paid_invoice_not_removed",
    "currency_changed",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_hints_ends_in_the_same_books(
        changes in prop::collection::vec(followed(), 0..12),
        arrivals in arrivals(),
        newest in (any::<Index>(), prop::option::of((0_usize..5, cut()))),
    ) {
        let moments = moments(&changes);
        let (mut delivery, ended) = deliver(&moments, &arrivals, &newest).map_err(failed)?;
        let Some((version, books)) = last_plan(&moments) else {
            return Ok(());
        };
        prop_assert_eq!(&ended, &Ended::AtRest);
        if !matches!(books.disposition, Disposition::Nothing(_)) {
            is_as_alone(&delivery, version, books)?;
        }
        changes_nothing(&mut delivery, version, books, &ended)?;
    }

    #[test]
    fn what_vanishes_is_followed_or_left_to_a_person_and_never_spoiled(
        changes in prop::collection::vec(any_change(), 0..12),
        arrivals in arrivals(),
        newest in (any::<Index>(), prop::option::of((0_usize..5, cut()))),
    ) {
        let moments = moments(&changes);
        let (mut delivery, ended) = deliver(&moments, &arrivals, &newest).map_err(failed)?;
        let Some((version, books)) = last_plan(&moments) else {
            return Ok(());
        };
        match &ended {
            Ended::Held(code) => prop_assert!(LEFT_TO_A_PERSON.contains(code), "{code}"),
            _ if matches!(books.disposition, Disposition::Nothing(_)) => {}
            _ => is_as_alone(&delivery, version, books)?,
        }
        changes_nothing(&mut delivery, version, books, &ended)?;
    }

    #[test]
    fn an_order_that_left_the_lists_leaves_its_books_as_they_stood(
        changes in prop::collection::vec(followed(), 0..12),
        arrivals in arrivals(),
        newest in any::<Index>(),
    ) {
        let moments = moments(&changes);
        let newest = (newest, None);
        let (mut delivery, _) = deliver(&moments, &arrivals, &newest).map_err(failed)?;
        let before = delivery.account.shown();
        let Some((version, books)) = last_plan(&moments) else {
            return Ok(());
        };
        let left = DesiredBooks {
            disposition: Disposition::Nothing("archived unpaid".to_owned()),
            ..books.clone()
        };
        let ended = delivery.deliver(version + 1, &left, None).map_err(failed)?;
        prop_assert_eq!(ended, Ended::AtRest);
        prop_assert_eq!(delivery.account.shown(), before);
    }
}

/// Every moment of some histories delivered in turn: the steps, the holds, the moments, and how
/// many of them make no plan.
fn walk(
    histories: impl Strategy<Value = Vec<Change>>,
) -> (BTreeSet<&'static str>, BTreeSet<&'static str>, usize, usize) {
    let mut runner = TestRunner::deterministic();
    let (mut steps, mut holds) = (BTreeSet::new(), BTreeSet::new());
    let (mut all, mut planless) = (0, 0);
    for _ in 0..400 {
        let changes = histories.new_tree(&mut runner).unwrap().current();
        let mut delivery = Delivery::default();
        for (version, moment) in moments(&changes).iter().enumerate() {
            all += 1;
            let Ok(books) = moment else {
                planless += 1;
                continue;
            };
            if let Ended::Held(code) = delivery.deliver(version, books, None).unwrap() {
                holds.insert(code);
            }
        }
        steps.extend(delivery.seen);
    }
    (steps, holds, all, planless)
}

/// A property over histories that never remove a payment would prove nothing about removals.
#[test]
fn the_histories_reach_every_step_and_few_make_no_plan() {
    let (steps, holds, all, planless) = walk(prop::collection::vec(followed(), 0..12));
    let every = [
        "change payment",
        "create invoice",
        "create payment",
        "create refund",
        "create shipping",
        "mark sent",
        "remove invoice",
        "remove payment",
        "remove refund",
        "remove shipping",
        "restore invoice",
        "restore shipping",
        "update invoice",
        "update refund",
        "update shipping",
    ];
    assert_eq!(steps, BTreeSet::from(every));
    assert_eq!(holds, BTreeSet::new());
    assert!(planless * 20 < all, "{planless} of {all}");
}

#[test]
fn the_histories_in_which_money_vanishes_reach_the_holds_they_are_for() {
    let (_, mut holds, _, _) = walk(prop::collection::vec(any_change(), 0..12));
    // Rare in random histories: paid, voided, then made worth less than was paid.
    let line = Line {
        price_minor: 100,
        pieces: 1,
        taxed: false,
    };
    let shrunk = [
        Change::AddLine(line),
        Change::Capture(1000),
        Change::Void,
        Change::RemoveLine,
    ];
    let (_, more, _, _) = walk(Just(shrunk.to_vec()));
    holds.extend(more);
    assert_eq!(holds, BTreeSet::from(LEFT_TO_A_PERSON));
}
