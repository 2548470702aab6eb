//! The steps of an invoice that rebills its shipping: the expense before it, and gone after it.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{books, shipped};
use domain::books::{DesiredBooks, Disposition};
use domain::difference::{
    Step, Written, WrittenInvoice, WrittenShipping, closed_period, content_hash, next_step,
    shipping_hash,
};
use domain::policy::{Policy, ShippingMode};

const KEY: &str = "shipping:1";

/// Goods of 12.00 and a shipping of 6.00 that is an expense; nothing is paid.
fn desired() -> DesiredBooks {
    let policy = Policy {
        shipping: ShippingMode::Expense("Freight".to_owned()),
        ..Policy::default()
    };
    let mut books = books(&shipped(), &policy).unwrap();
    books.payments.clear();
    books
}

/// The same with shipping that is a mere line.
fn without_expense() -> DesiredBooks {
    let mut books = books(&shipped(), &Policy::default()).unwrap();
    books.payments.clear();
    books
}

/// Does a step to what the ledger knows, as delivery would.
fn perform(desired: &DesiredBooks, written: &mut Written, step: &Step) {
    let mut set_removed = |key: &str, removed| {
        written.shipping.get_mut(key).expect("written").removed = removed;
    };
    match step {
        Step::CreateShipping(index) | Step::UpdateShipping(index) => {
            let expense = &desired.shipping[*index];
            let known = WrittenShipping {
                content_hash: shipping_hash(expense),
                date: expense.date.clone(),
                removed: false,
            };
            written.shipping.insert(expense.key.clone(), known);
        }
        Step::RestoreShipping(key) => set_removed(key, false),
        Step::RemoveShipping(key) => set_removed(key, true),
        Step::CreateInvoice | Step::UpdateInvoice => {
            written.invoice = Some(WrittenInvoice {
                content_hash: content_hash(&desired.invoice),
                sent: true,
                total: desired.invoice.expected_total,
                removed: false,
                create_date: desired.invoice.create_date.clone(),
                correction_minor: 0,
            });
        }
        Step::RemoveInvoice => written.invoice.as_mut().expect("written").removed = true,
        Step::RestoreInvoice => written.invoice.as_mut().expect("written").removed = false,
        other => panic!("{other:?}"),
    }
}

/// Performs every step there is; which they were.
#[track_caller]
fn all(desired: &DesiredBooks, written: &mut Written) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..10 {
        match next_step(desired, written) {
            Step::Done | Step::Nothing => return steps,
            step => {
                perform(desired, written, &step);
                steps.push(step);
            }
        }
    }
    panic!("no rest: {steps:?}");
}

#[test]
fn the_expense_comes_before_the_invoice_and_goes_after_it() {
    let (desired, mut written) = (desired(), Written::default());
    let made = all(&desired, &mut written);
    assert_eq!(made, [Step::CreateShipping(0), Step::CreateInvoice]);

    // The same order without the expense: the invoice lets go of it first.
    let line = all(&without_expense(), &mut written);
    let removed = Step::RemoveShipping(KEY.to_owned());
    assert_eq!(line, [Step::UpdateInvoice, removed]);

    // And with it again, under its own id.
    let restored = Step::RestoreShipping(KEY.to_owned());
    let again = all(&desired, &mut written);
    assert_eq!(again, [restored, Step::UpdateInvoice]);
}

#[test]
fn what_changes_of_the_expense_alone_is_written_alone() {
    let (mut desired, mut written) = (desired(), Written::default());
    all(&desired, &mut written);
    desired.shipping[0].category = "Courier".to_owned();
    assert_eq!(all(&desired, &mut written), [Step::UpdateShipping(0)]);
}

#[test]
fn taking_out_ends_with_the_expense_and_bringing_back_begins_with_it() {
    let removed = Step::RemoveShipping(KEY.to_owned());
    for gone in [
        Disposition::Removed(String::new()),
        Disposition::Undone(String::new()),
    ] {
        let (desired, mut written) = (desired(), Written::default());
        all(&desired, &mut written);
        let mut none = without_expense();
        none.disposition = gone;
        let out = all(&none, &mut written);
        assert_eq!(out, [Step::RemoveInvoice, removed.clone()]);
        let back = all(&desired, &mut written);
        let restored = Step::RestoreShipping(KEY.to_owned());
        assert_eq!(back, [restored, Step::RestoreInvoice]);
    }
}

#[test]
fn an_expense_whose_invoice_was_never_written_does_not_stay() {
    let desired = desired();
    for gone in [
        Disposition::Nothing(String::new()),
        Disposition::Removed(String::new()),
        Disposition::Undone(String::new()),
    ] {
        let mut written = Written::default();
        perform(&desired, &mut written, &Step::CreateShipping(0));
        let mut none = without_expense();
        none.disposition = gone;
        let removed = Step::RemoveShipping(KEY.to_owned());
        assert_eq!(all(&none, &mut written), [removed]);
    }
}

#[test]
fn no_expense_is_written_into_a_closed_period_or_taken_out_of_it() {
    let (desired, mut written) = (desired(), Written::default());
    let closed = |written: &Written, step: &Step, day: &str| {
        closed_period(&desired, written, step, day).map(|hold| hold.code)
    };
    let create = Step::CreateShipping(0);
    assert_eq!(closed(&written, &create, "2020-08-27"), None);
    assert_eq!(
        closed(&written, &create, "2020-08-28"),
        Some("period_closed")
    );
    all(&desired, &mut written);
    for step in [
        Step::UpdateShipping(0),
        Step::RestoreShipping(KEY.to_owned()),
        Step::RemoveShipping(KEY.to_owned()),
    ] {
        assert_eq!(closed(&written, &step, "2020-08-27"), None, "{step:?}");
        assert_eq!(
            closed(&written, &step, "2020-08-28"),
            Some("period_closed"),
            "{step:?}"
        );
    }
}
