//! The corpus in the suite: fewer orders than `cargo xtask corpus`, the same judgement.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

use corpus::judge::{Verdict, books_of, judge};
use corpus::{fuzz, run, table};
use domain::books::{InvoiceLine, LineKind, RoundingLine};
use domain::mapping::Mapping;
use domain::money::Money;
use domain::policy::Policy;
use rust_decimal::Decimal;
use sandbox::bigcommerce::corpus::{Settings, Shop, classes};
use sandbox::freshbooks::arithmetic::Rounding;
use serde_json::json;

fn shop(tax_inclusive: bool) -> Shop {
    Shop::new(&Settings {
        tax_inclusive,
        currency: "EUR".to_owned(),
        no_rounding: false,
        time_zone: "Europe/Berlin".to_owned(),
    })
}

#[test]
fn every_order_is_exact_or_within_its_bound_or_held_as_its_class_expects() {
    let report = run::run(1_284, 20_000).unwrap();
    assert_eq!(report.orders, 1_284);
    assert!(report.classes.len() >= 214, "{}", report.classes.len());
    assert!(report.unexplained.is_empty(), "{}", table::render(&report));
}

#[test]
fn the_same_seed_gives_the_same_story() {
    for class in [
        "later_refunded_twice",
        "multi_address",
        "everything_discounted",
    ] {
        let of = || shop(true).story(class, 42).unwrap();
        let documents = |story: Vec<_>| -> Vec<_> {
            story
                .into_iter()
                .map(|moment: sandbox::bigcommerce::corpus::Moment| moment.document)
                .collect()
        };
        assert_eq!(documents(of()), documents(of()), "{class}");
    }
}

#[test]
fn class_names_are_unique() {
    let mut names: Vec<_> = classes().map(|class| class.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), classes().count());
}

/// A judge that cannot find a fault proves nothing.
#[test]
fn a_planted_cent_a_planted_payment_and_a_planted_currency_are_found() {
    let story = shop(false).story("paid_card_many_lines", 3).unwrap();
    let moment = &story[0];
    let good = books_of(
        moment.document.as_ref(),
        &Policy::default(),
        &Mapping::built_in(),
    );
    let verdict = |books: &_, moment: &_| judge(moment, books, Rounding::Line);
    assert!(matches!(verdict(&good, moment), Verdict::Booked(_)));

    let mut dear = good.clone();
    dear.as_mut().unwrap().invoice.lines[0].unit_cost += Decimal::TEN;
    assert!(!matches!(verdict(&dear, moment), Verdict::Booked(_)));

    let mut unpaid = good.clone();
    unpaid.as_mut().unwrap().payments.clear();
    assert!(matches!(verdict(&unpaid, moment), Verdict::Wrong(_)));

    let mut foreign = moment.clone();
    foreign.summary["currency"] = json!("USD");
    assert!(matches!(verdict(&good, &foreign), Verdict::Wrong(_)));
}

#[test]
fn a_planted_tax_of_a_refund_and_a_plug_beyond_the_policys_bound_are_found() {
    let story = shop(false).story("fully_refunded", 5).unwrap();
    let moment = story.last().unwrap();
    let good = books_of(
        moment.document.as_ref(),
        &Policy::default(),
        &Mapping::built_in(),
    );
    let verdict = |books: &_, moment: &_| judge(moment, books, Rounding::Line);
    assert!(matches!(verdict(&good, moment), Verdict::Booked(_)));

    let mut untaxed = good.clone();
    let refund = &mut untaxed.as_mut().unwrap().refunds[0];
    refund.tax = Money::zero(refund.tax.currency);
    let told = verdict(&untaxed, moment);
    assert!(
        matches!(&told, Verdict::Wrong(why) if why.contains("of tax back")),
        "{told:?}"
    );

    // A unit is moved from a line to the plug, so that the total still stands: ten of them are
    // more than rounding explains, whatever Tillbook says its bound is.
    let mut plugged = good.clone();
    let invoice = &mut plugged.as_mut().unwrap().invoice;
    invoice.rounding_bound_minor = 1_000;
    let untaxed = InvoiceLine {
        kind: LineKind::Rounding,
        name: RoundingLine::NAME.to_owned(),
        quantity: Decimal::ONE,
        unit_cost: Decimal::new(10, 2),
        tax1: None,
        tax2: None,
        ..invoice.lines[0].clone()
    };
    let other = InvoiceLine {
        kind: LineKind::Product,
        unit_cost: Decimal::new(-10, 2),
        ..untaxed.clone()
    };
    invoice.lines.extend([untaxed, other]);
    let told = verdict(&plugged, moment);
    assert!(
        matches!(&told, Verdict::Wrong(why) if why.contains("rounding explains")),
        "{told:?}"
    );
}

#[test]
fn a_total_that_is_booked_otherwise_without_a_word_is_found() {
    let shop = Shop::new(&Settings {
        tax_inclusive: false,
        currency: "EUR".to_owned(),
        no_rounding: true,
        time_zone: "Europe/Berlin".to_owned(),
    });
    let story = shop.story("unrounded_total_cut", 7).unwrap();
    let moment = &story[0];
    assert_ne!(moment.summary["payable"], moment.summary["total_inc_tax"]);
    let mut books = books_of(
        moment.document.as_ref(),
        &Policy::default(),
        &Mapping::built_in(),
    );
    let verdict = |books: &_| judge(moment, books, Rounding::Line);
    assert!(matches!(verdict(&books), Verdict::Booked(_)));
    books.as_mut().unwrap().notices.clear();
    let told = verdict(&books);
    assert!(
        matches!(&told, Verdict::Wrong(why) if why.contains("no notice")),
        "{told:?}"
    );
}

#[test]
fn mutated_documents_never_panic_and_are_refused_by_name() {
    let done = fuzz::fuzz(3_000, 5).unwrap();
    assert_eq!(done.documents, 3_000);
    assert!(done.booked > 0 && done.refused > 0, "{done:?}");
}
