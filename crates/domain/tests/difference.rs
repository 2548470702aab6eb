//! The next step, for every state of the ledger.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{books, document, refund};
use domain::arithmetic::{Correction, correction};
use domain::books::{DesiredBooks, Disposition, RefundDocument};
use domain::difference::{
    Step, Written, WrittenInvoice, WrittenPayment, WrittenRefund, closed_period, content_hash,
    next_step, refund_hash, with_booked_days,
};
use domain::money::{Currency, Money};
use domain::policy::{Policy, RefundMode};
use serde_json::json;

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
            create_date: desired.invoice.create_date.clone(),
            correction_minor: 0,
        }),
        ..Written::default()
    }
}

fn payment(amount_minor: i64) -> WrittenPayment {
    WrittenPayment {
        amount: usd(amount_minor),
        captured: usd(amount_minor),
        date: "2020-08-27".to_owned(),
    }
}

fn paid(desired: &DesiredBooks) -> Written {
    let mut written = invoice(desired, true);
    written.payments.insert("txn:501".to_owned(), payment(1000));
    written
}

#[track_caller]
fn holds(step: Step, code: &str) {
    assert!(
        matches!(&step, Step::Hold(hold) | Step::HoldUnlessMended(_, hold) if hold.code == code),
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
fn an_email_that_is_due_is_the_last_step_and_only_while_it_is_wanted() {
    let mut desired = desired();
    let mut written = paid(&desired);
    written.email_due = true;
    assert_eq!(next_step(&desired, &written), Step::Done);
    desired.email_to = Some("ada@example.com".to_owned());
    assert_eq!(next_step(&desired, &written), Step::EmailInvoice);
    written.payments.clear();
    assert_eq!(next_step(&desired, &written), Step::CreatePayment(0));
    let mut settled = paid(&desired);
    settled.email_due = false;
    assert_eq!(next_step(&desired, &settled), Step::Done);
    desired.disposition = Disposition::Draft;
    settled.email_due = true;
    assert_eq!(next_step(&desired, &settled), Step::Done);
}

#[test]
fn never_more_than_is_due_is_paid() {
    let desired = desired();
    let mut written = invoice(&desired, true);
    written.payments.insert("txn:400".to_owned(), payment(1));
    holds(next_step(&desired, &written), "payment_exceeds_due");
}

#[test]
fn changed_or_vanished_payments_are_held() {
    let mut desired = desired();
    let written = paid(&desired);
    desired.payments[0].amount = usd(900);
    desired.payments[0].captured = usd(900);
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
    // Restored, not made anew: its number is taken.
    assert_eq!(next_step(&desired, &removed), Step::RestoreInvoice);
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
    let written = Written::default();
    for step in [
        Step::CreateInvoice,
        Step::UpdateInvoice,
        Step::CreatePayment(0),
    ] {
        assert_eq!(closed_period(&desired, &written, &step, ""), None);
        assert_eq!(closed_period(&desired, &written, &step, "2020-08-27"), None);
        let hold = closed_period(&desired, &written, &step, "2020-08-28").unwrap();
        assert_eq!(hold.code, "period_closed");
    }
    let done = closed_period(&desired, &written, &Step::Done, "2020-08-28");
    assert_eq!(done, None);
}

#[test]
fn a_refund_in_an_open_period_of_an_invoice_in_a_closed_one_is_booked() {
    let desired = refunded(&RefundMode::CreditNote);
    let written = paid(&desired);
    let step = next_step(&desired, &written);
    assert_eq!(step, Step::CreateRefund(0));
    assert_eq!(closed_period(&desired, &written, &step, "2020-09-01"), None);
    let closed = closed_period(&desired, &written, &step, "2020-09-02").unwrap();
    assert_eq!(closed.code, "period_closed");
}

#[test]
fn what_was_written_into_a_period_that_closed_since_is_not_taken_out() {
    let mut desired = desired();
    let mut written = paid(&desired);
    written.refunds.insert(
        "refund:9".to_owned(),
        WrittenRefund {
            is_expense: false,
            content_hash: String::new(),
            amount: usd(100),
            date: "2020-09-01".to_owned(),
        },
    );
    // A deleted order's own day is not known any more; the ledger's is.
    desired.invoice.create_date = String::new();
    for step in [
        Step::RemoveInvoice,
        Step::RemovePayment("txn:501".to_owned()),
        Step::RemoveRefund("refund:9".to_owned()),
    ] {
        let at = |day| closed_period(&desired, &written, &step, day);
        assert_eq!(at("2020-08-27"), None, "{step:?}");
        assert_eq!(at("2020-09-02").unwrap().code, "period_closed", "{step:?}");
    }
}

/// The order with 4.00 of its 10.00 given back.
fn refunded(mode: &RefundMode) -> DesiredBooks {
    let mut order = document();
    order["order"]["status_id"] = json!(14);
    let custom = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": 4}]);
    order["refunds"] = json!([refund(7, "4.00", "0", custom)]);
    let policy = Policy {
        refund: mode.clone(),
        ..Policy::default()
    };
    books(&order, &policy).unwrap()
}

fn booked(desired: &DesiredBooks, index: usize, is_expense: bool) -> WrittenRefund {
    WrittenRefund {
        is_expense,
        content_hash: refund_hash(&desired.refunds[index]),
        amount: desired.refunds[index].amount,
        date: desired.refunds[index].date.clone(),
    }
}

#[test]
fn refunds_are_booked_after_payments_followed_and_taken_back() {
    let desired = refunded(&RefundMode::CreditNote);
    let mut written = invoice(&desired, true);
    assert_eq!(next_step(&desired, &written), Step::CreatePayment(0));
    written = paid(&desired);
    assert_eq!(next_step(&desired, &written), Step::CreateRefund(0));
    let key = "refund:7".to_owned();
    written
        .refunds
        .insert(key.clone(), booked(&desired, 0, false));
    assert_eq!(next_step(&desired, &written), Step::Done);

    let mut changed = desired.clone();
    changed.refunds[0].note.push('!');
    assert_eq!(next_step(&changed, &written), Step::UpdateRefund(0));
    let mut declined = desired.clone();
    declined.refunds[0].document = RefundDocument::None;
    assert_eq!(
        next_step(&declined, &written),
        Step::RemoveRefund(key.clone())
    );
    let mut gone = desired.clone();
    gone.refunds.clear();
    holds(next_step(&gone, &written), "refund_gone");
    // The policy changed: the credit note makes way for the expense.
    let expense = refunded(&RefundMode::Expense("Other Expenses".to_owned()));
    assert_eq!(next_step(&expense, &written), Step::RemoveRefund(key));
    written.refunds.clear();
    assert_eq!(next_step(&expense, &written), Step::CreateRefund(0));
}

#[test]
fn a_refund_booked_from_its_transaction_makes_way_for_its_record() {
    let mut desired = refunded(&RefundMode::CreditNote);
    let mut written = paid(&desired);
    let early = "refund:T900".to_owned();
    written
        .refunds
        .insert(early.clone(), booked(&desired, 0, false));
    desired.refunds[0].replaces = vec![early.clone()];
    assert_eq!(next_step(&desired, &written), Step::RemoveRefund(early));
}

#[test]
fn adjusted_payments_are_lowered_before_the_invoice_and_raised_after_it() {
    let before = desired();
    let adjusted = refunded(&RefundMode::Adjust);
    assert_eq!(adjusted.payments[0].amount, usd(600));
    let mut written = paid(&before);
    assert_eq!(next_step(&adjusted, &written), Step::ChangePayment(0));
    written.payments.get_mut("txn:501").unwrap().amount = usd(600);
    assert_eq!(next_step(&adjusted, &written), Step::UpdateInvoice);
    let known = written.invoice.as_mut().unwrap();
    known.content_hash = content_hash(&adjusted.invoice);
    known.total = usd(600);
    assert_eq!(next_step(&adjusted, &written), Step::Done);
    // Declined after all: everything goes up again, the invoice first.
    assert_eq!(next_step(&before, &written), Step::UpdateInvoice);
    let known = written.invoice.as_mut().unwrap();
    known.content_hash = content_hash(&before.invoice);
    known.total = usd(1000);
    assert_eq!(next_step(&before, &written), Step::ChangePayment(0));
}

#[test]
fn a_payment_given_back_whole_is_removed_and_never_booked() {
    let mut adjusted = refunded(&RefundMode::Adjust);
    adjusted.payments[0].amount = usd(0);
    let written = paid(&adjusted);
    let key = "txn:501".to_owned();
    assert_eq!(next_step(&adjusted, &written), Step::RemovePayment(key));
    assert_eq!(next_step(&adjusted, &invoice(&adjusted, true)), Step::Done);
}

#[test]
fn undoing_takes_out_refunds_then_payments_then_the_invoice() {
    let mut desired = refunded(&RefundMode::CreditNote);
    let mut written = paid(&desired);
    written
        .refunds
        .insert("refund:7".to_owned(), booked(&desired, 0, false));
    desired.disposition = Disposition::Undone("asked for".to_owned());
    let mut steps = Vec::new();
    loop {
        let step = next_step(&desired, &written);
        match &step {
            Step::RemoveRefund(key) => drop(written.refunds.remove(key)),
            Step::RemovePayment(key) => drop(written.payments.remove(key)),
            Step::RemoveInvoice => written.invoice.as_mut().unwrap().removed = true,
            _ => break,
        }
        steps.push(step);
    }
    assert_eq!(
        steps,
        [
            Step::RemoveRefund("refund:7".to_owned()),
            Step::RemovePayment("txn:501".to_owned()),
            Step::RemoveInvoice
        ]
    );
    assert_eq!(next_step(&desired, &written), Step::Nothing);
    // And back again.
    desired.disposition = Disposition::Sent;
    assert_eq!(next_step(&desired, &written), Step::RestoreInvoice);
}

#[test]
fn a_changed_currency_is_held_by_name() {
    let desired = desired();
    let mut written = paid(&desired);
    let eur = Currency::from_code("EUR").unwrap();
    written.invoice.as_mut().unwrap().total.currency = eur;
    holds(next_step(&desired, &written), "currency_changed");
}

#[test]
fn a_zone_that_changed_moves_no_booked_day_and_writes_nothing() {
    let booked = desired();
    let written = paid(&booked);
    // 23:47 and 02:30 UTC are other days in each of these.
    for zone in [
        "UTC",
        "Asia/Tokyo",
        "Pacific/Kiritimati",
        "Etc/GMT+12",
        "",
        "Mars/Base",
    ] {
        let mut order = document();
        order["store"]["time_zone"] = json!(zone);
        let now = books(&order, &Policy::default()).unwrap();
        let kept = with_booked_days(&now, &written);
        assert_eq!(
            kept.invoice.create_date, booked.invoice.create_date,
            "{zone}"
        );
        assert_eq!(kept.payments[0].date, "2020-08-27", "{zone}");
        assert_eq!(next_step(&kept, &written), Step::Done, "{zone}");
        // What is not booked yet has the day of its zone.
        assert_eq!(with_booked_days(&now, &Written::default()), now);
    }
    // A day further off than zones can be was moved by something else.
    let mut moved = booked.clone();
    moved.invoice.create_date = "2020-08-30".to_owned();
    let kept = with_booked_days(&moved, &written);
    assert_eq!(next_step(&kept, &written), Step::UpdateInvoice);
}
