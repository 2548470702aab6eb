//! The next step, for every state of the ledger.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{books, document};
use domain::arithmetic::{Correction, correction};
use domain::books::{DesiredBooks, Disposition};
use domain::difference::{Step, Written, WrittenInvoice, closed_period, content_hash, next_step};
use domain::money::{Currency, Money};
use domain::policy::Policy;

fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::from_code("USD").unwrap(),
    }
}

fn desired() -> DesiredBooks {
    books(&document(), &Policy::default()).unwrap()
}

fn invoice(desired: &DesiredBooks, sent: bool) -> Written {
    Written {
        invoice: Some(WrittenInvoice {
            content_hash: content_hash(&desired.invoice),
            sent,
            total: usd(1000),
            removed: false,
            correction_minor: 0,
        }),
        payments: Default::default(),
    }
}

fn paid(desired: &DesiredBooks) -> Written {
    let mut written = invoice(desired, true);
    written.payments.insert("txn:501".to_owned(), usd(1000));
    written
}

#[track_caller]
fn holds(step: Step, code: &str) {
    assert!(
        matches!(&step, Step::Hold(hold) if hold.code == code),
        "{step:?}"
    );
}

#[test]
fn steps_lead_from_nothing_to_done_and_stop_there() {
    let desired = desired();
    assert_eq!(
        next_step(&desired, &Written::default()),
        Step::CreateInvoice
    );
    assert_eq!(
        next_step(&desired, &invoice(&desired, false)),
        Step::MarkSent
    );
    assert_eq!(
        next_step(&desired, &invoice(&desired, true)),
        Step::CreatePayment(0)
    );
    assert_eq!(next_step(&desired, &paid(&desired)), Step::Done);
}

#[test]
fn drafts_are_not_sent_and_changed_content_is_updated() {
    let mut desired = desired();
    let written = paid(&desired);
    desired
        .invoice
        .fields
        .insert("notes".to_owned(), "changed".to_owned());
    assert_eq!(next_step(&desired, &written), Step::UpdateInvoice);
    desired.disposition = Disposition::Draft;
    assert_eq!(
        next_step(&desired, &invoice(&desired, false)),
        Step::CreatePayment(0)
    );
}

#[test]
fn never_more_than_is_due_is_paid() {
    let desired = desired();
    let mut written = invoice(&desired, true);
    written.payments.insert("txn:400".to_owned(), usd(1));
    holds(next_step(&desired, &written), "payment_exceeds_due");
}

#[test]
fn changed_or_vanished_payments_are_held() {
    let mut desired = desired();
    let written = paid(&desired);
    desired.payments[0].amount = usd(900);
    holds(next_step(&desired, &written), "payment_amount_changed");
    desired.payments.clear();
    holds(next_step(&desired, &written), "payment_gone");
}

#[test]
fn an_invoice_is_not_lowered_below_what_is_paid() {
    let mut desired = desired();
    let written = paid(&desired);
    desired.invoice.expected_total = usd(999);
    holds(next_step(&desired, &written), "paid_more_than_due");
}

#[test]
fn unpaid_invoices_are_removed_and_paid_ones_are_not() {
    let mut desired = desired();
    let (open, settled) = (invoice(&desired, true), paid(&desired));
    desired.disposition = Disposition::Removed("cancelled".to_owned());
    assert_eq!(next_step(&desired, &Written::default()), Step::Nothing);
    assert_eq!(next_step(&desired, &open), Step::RemoveInvoice);
    holds(next_step(&desired, &settled), "paid_invoice_not_removed");
    let mut removed = open;
    removed.invoice.as_mut().unwrap().removed = true;
    assert_eq!(next_step(&desired, &removed), Step::Nothing);
    desired.disposition = Disposition::Sent;
    assert_eq!(next_step(&desired, &removed), Step::CreateInvoice);
}

#[test]
fn what_stands_stands_when_nothing_is_desired() {
    let mut desired = desired();
    let written = paid(&desired);
    desired.disposition = Disposition::Nothing("archived".to_owned());
    assert_eq!(next_step(&desired, &written), Step::Done);
    assert_eq!(next_step(&desired, &Written::default()), Step::Nothing);
}

#[test]
fn equal_content_hashes_equally_and_every_part_counts() {
    let base = desired().invoice;
    let hash = content_hash(&base);
    let mut same = base.clone();
    same.lines[0].unit_cost = "10.0".parse().unwrap();
    assert_eq!(content_hash(&same), hash);
    let changes: [fn(&mut domain::books::DesiredInvoice); 6] = [
        |invoice| invoice.number.push('x'),
        |invoice| invoice.create_date.push('x'),
        |invoice| invoice.due_offset_days += 1,
        |invoice| invoice.lines[0].name.push('x'),
        |invoice| invoice.lines[0].quantity += rust_decimal::Decimal::ONE,
        |invoice| invoice.expected_total.amount_minor += 1,
    ];
    for change in changes {
        let mut changed = base.clone();
        change(&mut changed);
        assert_ne!(content_hash(&changed), hash);
    }
}

#[test]
fn answered_totals_are_corrected_within_the_bound_only() {
    assert_eq!(correction(usd(1000), usd(1000), 1), Correction::None);
    assert_eq!(
        correction(usd(1000), usd(1001), 1),
        Correction::Line(usd(-1))
    );
    assert_eq!(correction(usd(1000), usd(998), 1), Correction::Beyond);
    let eur = Money {
        amount_minor: 1000,
        currency: Currency::from_code("EUR").unwrap(),
    };
    assert_eq!(correction(usd(1000), eur, 9), Correction::Beyond);
}

#[test]
fn steps_into_a_closed_period_are_held() {
    let desired = desired();
    for step in [
        Step::CreateInvoice,
        Step::UpdateInvoice,
        Step::CreatePayment(0),
    ] {
        assert_eq!(closed_period(&desired, &step, ""), None);
        assert_eq!(closed_period(&desired, &step, "2020-08-27"), None);
        let hold = closed_period(&desired, &step, "2020-08-28").unwrap();
        assert_eq!(hold.code, "period_closed");
    }
    assert_eq!(closed_period(&desired, &Step::Done, "2020-08-28"), None);
}
