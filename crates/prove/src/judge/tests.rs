//! One test a cause, from figures as the vendors give them.

use connect::bigcommerce::lists::{OrderRow, TransactionRow};
use connect::freshbooks::lists::{
    ClientNames, InvoiceFigures, LineFigures, OutgoingFigures, PaymentFigures,
};
use rust_decimal::Decimal;

use super::{Outcome, judge};
use crate::evidence::{Booked, Deleted, Evidence, Given, Outgoing, Taken};
use crate::report::Code;
use crate::terms::Terms;

mod deeds;
mod invoice_payments;
mod places;

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// 120.00 with 20.00 of tax, paid by card, in the books as it should be.
fn right() -> Evidence {
    let order = OrderRow {
        id: 100,
        status_id: Some(11),
        is_deleted: false,
        created_at: "2026-03-10T15:00:00Z".parse().ok(),
        modified_at: "2026-03-10T15:00:05Z".parse().ok(),
        total_inc_tax: Some(amount("120.0000")),
        total_ex_tax: Some(amount("100.0000")),
        total_tax: Some(amount("20.0000")),
        currency: "USD".to_owned(),
        gift_certificate_amount: Decimal::ZERO,
        store_credit_amount: Decimal::ZERO,
        payment_method: "Credit Card".to_owned(),
        payment_provider_id: "authorizenet".to_owned(),
        payment_status: "captured".to_owned(),
        customer_id: 0,
        email: "Ann@Example.com".to_owned(),
        company: String::new(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
    };
    Evidence {
        order,
        day: "2026-03-10".to_owned(),
        transactions: vec![taken("47", "purchase", "120")],
        refunds: Vec::new(),
        invoices: vec![booked()],
        outgoing: Vec::new(),
        pays: Vec::new(),
        client: Some(ClientNames {
            id: 7,
            email: "ann@example.com".to_owned(),
            organization: String::new(),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
        }),
        customer_email: None,
        deleted: Deleted::default(),
    }
}

fn taken(id: &str, event: &str, sum: &str) -> Taken {
    Taken {
        row: TransactionRow {
            unclear: None,
            id: id.to_owned(),
            event: event.to_owned(),
            method: "credit_card".to_owned(),
            amount: Some(amount(sum)),
            currency: "USD".to_owned(),
            gateway: "authorizenet".to_owned(),
            gateway_transaction_id: format!("g{id}"),
            ok: true,
            test: false,
            reference_transaction_id: String::new(),
            created_at: "2026-03-10T15:00:01Z".parse().ok(),
        },
        day: "2026-03-10".to_owned(),
    }
}

fn line(name: &str, net: &str, percent: u32) -> LineFigures {
    LineFigures {
        name: name.to_owned(),
        amount: Some(amount(net)),
        tax1: "VAT".to_owned(),
        tax2: String::new(),
        percent1: percent.into(),
        percent2: Decimal::ZERO,
        compounded: false,
    }
}

fn booked() -> Booked {
    Booked {
        invoice: InvoiceFigures {
            id: 3001,
            number: "100".to_owned(),
            client_id: 7,
            currency: "USD".to_owned(),
            amount: Some(amount("120.00")),
            paid: Some(amount("120.00")),
            discount: Decimal::ZERO,
            is_draft: false,
            is_deleted: false,
            create_date: "2026-03-10".to_owned(),
            // 15:00:07 UTC in New York's summer time.
            updated: "2026-03-10 11:00:07".to_owned(),
            lines: Some(vec![line("Mug", "100.00", 20)]),
        },
        payments: vec![payment("120.00", "Card txn:47")],
        renumbered: false,
    }
}

fn payment(sum: &str, note: &str) -> PaymentFigures {
    PaymentFigures {
        id: 401,
        invoice_id: 3001,
        amount: Some(amount(sum)),
        currency: "USD".to_owned(),
        date: "2026-03-10".to_owned(),
        note: note.to_owned(),
        from_credit: false,
    }
}

fn refund(sum: &str) -> Given {
    Given {
        id: "5".to_owned(),
        amount: amount(sum),
        day: "2026-03-12".to_owned(),
    }
}

fn credit_note(sum: &str) -> Outgoing {
    Outgoing {
        refund_id: "5".to_owned(),
        figures: OutgoingFigures {
            id: 51,
            number: "100-R5".to_owned(),
            client_id: 7,
            amount: Some(amount(sum)),
            currency: "USD".to_owned(),
            date: "2026-03-12".to_owned(),
            notes: "refund:5".to_owned(),
        },
    }
}

/// The codes after a change to what is right; empty when it matches.
fn codes_under(terms: &Terms, change: impl FnOnce(&mut Evidence)) -> Vec<Code> {
    let mut evidence = right();
    change(&mut evidence);
    match judge(&evidence, terms).outcome {
        Outcome::Matches | Outcome::OutOfBooks => Vec::new(),
        Outcome::Differs(causes) => causes.iter().map(|cause| cause.code).collect(),
        Outcome::Held(code, _) => panic!("held: {code}"),
    }
}

fn codes(change: impl FnOnce(&mut Evidence)) -> Vec<Code> {
    codes_under(&Terms::default(), change)
}

fn held(change: impl FnOnce(&mut Evidence)) -> &'static str {
    let mut evidence = right();
    evidence.invoices.clear();
    change(&mut evidence);
    match judge(&evidence, &Terms::default()).outcome {
        Outcome::Held(code, _) => code,
        other => panic!("{other:?}"),
    }
}

fn locked(day: &str) -> Terms {
    Terms {
        locked_until: day.parse().ok(),
        ..Terms::default()
    }
}

fn invoice(evidence: &mut Evidence) -> &mut InvoiceFigures {
    &mut evidence.invoices[0].invoice
}

#[test]
fn what_is_right_matches_and_its_sums_are_equal() {
    let judged = judge(&right(), &Terms::default());
    assert_eq!(judged.outcome, Outcome::Matches);
    let mut sums = crate::report::Sums::default();
    for (currency, part) in &judged.sums {
        assert_eq!(currency, "USD");
        sums.add(part);
    }
    assert_eq!((sums.orders, sums.difference()), (1, Decimal::ZERO));
    assert_eq!(sums.store_total, amount("120"));
    assert_eq!(sums.store_received, sums.books_received);
}

#[test]
fn an_order_without_an_invoice_is_missing_or_of_a_closed_period() {
    assert_eq!(codes(|e| e.invoices.clear()), [Code::Missing]);
    let closed = codes_under(&locked("2026-03-11"), |e| e.invoices.clear());
    assert_eq!(closed, [Code::LockedPeriod]);
    assert_eq!(codes_under(&locked("2026-03-11"), |_| {}), []);
}

#[test]
fn two_invoices_are_twice() {
    let found = codes(|e| {
        let mut copy = booked();
        copy.invoice.id = 3002;
        copy.payments.clear();
        e.invoices.push(copy);
    });
    assert_eq!(found, [Code::Twice]);
}

#[test]
fn a_total_that_differs_is_the_stores_change_or_a_persons_by_time() {
    let stale = |e: &mut Evidence| {
        e.order.total_inc_tax = Some(amount("130"));
        e.order.total_ex_tax = Some(amount("110"));
        e.order.modified_at = "2026-03-11T09:00:00Z".parse().ok();
    };
    assert_eq!(codes(stale), [Code::WrongTotal]);
    let edited = |e: &mut Evidence| {
        invoice(e).amount = Some(amount("125"));
        invoice(e).updated = "2026-03-11 09:00:00".to_owned();
    };
    assert_eq!(codes(edited), [Code::EditedByHand]);
    let unknown_time = |e: &mut Evidence| {
        invoice(e).amount = Some(amount("125"));
        invoice(e).updated = "yesterday".to_owned();
    };
    assert_eq!(codes(unknown_time), [Code::WrongTotal]);
}

#[test]
fn a_changed_number_or_a_discount_on_the_whole_is_a_persons_edit() {
    assert_eq!(
        codes(|e| e.invoices[0].renumbered = true),
        [Code::EditedByHand]
    );
    let discounted = codes(|e| invoice(e).discount = amount("1.00"));
    assert_eq!(discounted.first(), Some(&Code::EditedByHand));
}

#[test]
fn tax_is_what_the_total_has_beyond_its_lines() {
    let untaxed = |e: &mut Evidence| invoice(e).lines = Some(vec![line("Mug", "120.00", 0)]);
    assert_eq!(codes(untaxed), [Code::WrongTax]);
    // One smallest unit per two taxed lines is rounding.
    let within = |e: &mut Evidence| invoice(e).lines = Some(vec![line("Mug", "100.01", 20)]);
    assert_eq!(codes(within), []);
    let beyond = |e: &mut Evidence| invoice(e).lines = Some(vec![line("Mug", "100.02", 20)]);
    assert_eq!(codes(beyond), [Code::WrongTax]);
    let no_lines = |e: &mut Evidence| invoice(e).lines = None;
    assert_eq!(codes(no_lines), [Code::Unknown]);
}

#[test]
fn tax_as_amount_stands_in_the_last_lines() {
    let terms = Terms {
        tax_as_amount: true,
        ..Terms::default()
    };
    let lines = |tax: &str, mug: &str| vec![line("Mug", mug, 0), line("GST", tax, 0)];
    let right = |e: &mut Evidence| invoice(e).lines = Some(lines("20.00", "100.00"));
    assert_eq!(codes_under(&terms, right), []);
    let wrong = |e: &mut Evidence| invoice(e).lines = Some(lines("15.00", "105.00"));
    assert_eq!(codes_under(&terms, wrong), [Code::WrongTax]);
}

#[test]
fn a_rounding_line_within_its_bound_is_listed_and_beyond_it_is_a_fault() {
    let with = |sum: &str, net: &str| {
        let (sum, net) = (sum.to_owned(), net.to_owned());
        move |e: &mut Evidence| {
            invoice(e).lines = Some(vec![line("Mug", &net, 20), line("Rounding", &sum, 0)]);
        }
    };
    let mut evidence = right();
    with("0.01", "99.99")(&mut evidence);
    let judged = judge(&evidence, &Terms::default());
    assert_eq!(judged.outcome, Outcome::Matches);
    assert!(judged.rounding.unwrap().contains("0.01 USD"));
    let found = codes(with("0.05", "99.95"));
    assert!(found.contains(&Code::RoundingTooLarge), "{found:?}");
}

#[test]
fn another_currency_is_named_alone() {
    assert_eq!(
        codes(|e| invoice(e).currency = "EUR".to_owned()),
        [Code::WrongCurrency]
    );
}

#[test]
fn payments_are_counted_against_captures() {
    assert_eq!(
        codes(|e| e.invoices[0].payments.clear()),
        [Code::PaymentMissing]
    );
    let twice = |e: &mut Evidence| e.invoices[0].payments.push(payment("10.00", "by hand"));
    assert_eq!(codes(twice), [Code::PaymentTooMuch]);
    let closed = |e: &mut Evidence| {
        e.invoices[0].payments.clear();
        e.day = "2026-03-12".to_owned();
        invoice(e).create_date = e.day.clone();
    };
    assert_eq!(
        codes_under(&locked("2026-03-11"), closed),
        [Code::LockedPeriod]
    );
}

#[test]
fn authorisations_tests_failures_and_voids_are_no_money() {
    let unpaid = |change: fn(&mut Taken)| {
        codes(move |e| {
            change(&mut e.transactions[0]);
            e.invoices[0].payments.clear();
        })
    };
    assert_eq!(unpaid(|t| t.row.event = "authorization".to_owned()), []);
    assert_eq!(unpaid(|t| t.row.test = true), []);
    assert_eq!(unpaid(|t| t.row.ok = false), []);
    let voided = codes(|e| {
        let mut void = taken("48", "void", "120");
        void.row.reference_transaction_id = "47".to_owned();
        e.transactions.push(void);
        e.invoices[0].payments.clear();
    });
    assert_eq!(voided, []);
    let settled = codes(|e| {
        let mut settled = taken("48", "settled", "120");
        settled.row.reference_transaction_id = "47".to_owned();
        e.transactions.push(settled);
    });
    assert_eq!(settled, [], "money that settles is not counted twice");
}

#[test]
fn tenders_and_offline_orders_are_paid() {
    let tender = |e: &mut Evidence| {
        e.transactions[0].row.amount = Some(amount("100"));
        e.order.gift_certificate_amount = amount("20");
    };
    assert_eq!(codes(tender), []);
    let offline = |e: &mut Evidence| {
        e.transactions.clear();
        e.order.payment_provider_id = String::new();
        e.order.payment_method = "Cash".to_owned();
        e.order.payment_status = String::new();
    };
    assert_eq!(codes(offline), []);
    let left_open = Terms {
        offline_paid: false,
        ..Terms::default()
    };
    assert_eq!(codes_under(&left_open, offline), [Code::PaymentTooMuch]);
}

#[test]
fn a_refund_stands_in_a_credit_note_an_expense_or_a_lower_invoice() {
    let credited = |sum: &'static str| {
        codes(move |e| {
            e.refunds.push(refund("30"));
            e.outgoing.push(credit_note(sum));
        })
    };
    assert_eq!(
        codes(|e| e.refunds.push(refund("30"))),
        [Code::RefundMissing]
    );
    assert_eq!(credited("30.00"), []);
    assert_eq!(credited("20.00"), [Code::RefundMissing]);
    assert_eq!(credited("40.00"), [Code::RefundTooMuch]);
    let adjusted = |e: &mut Evidence| {
        e.refunds.push(refund("30"));
        invoice(e).amount = Some(amount("90.00"));
        invoice(e).lines = Some(vec![
            line("Mug", "100.00", 20),
            line("Refund 5", "-25.00", 20),
        ]);
        e.invoices[0].payments = vec![payment("90.00", "txn:47")];
    };
    assert_eq!(codes(adjusted), []);
    let unknown = codes(|e| e.outgoing.push(credit_note("30.00")));
    assert_eq!(unknown, [Code::RefundTooMuch]);
    let closed = codes_under(&locked("2026-03-15"), |e| e.refunds.push(refund("30")));
    assert_eq!(closed, [Code::LockedPeriod]);
}

#[test]
fn dates_are_wrong_or_in_a_closed_period() {
    let moved = |e: &mut Evidence| invoice(e).create_date = "2026-03-01".to_owned();
    assert_eq!(codes(moved), [Code::WrongDate]);
    assert_eq!(
        codes_under(&locked("2026-03-05"), moved),
        [Code::LockedPeriod]
    );
    let paid_late = |e: &mut Evidence| e.invoices[0].payments[0].date = "2026-03-11".to_owned();
    assert_eq!(codes(paid_late), [Code::WrongDate]);
    let credited_late = |e: &mut Evidence| {
        e.refunds.push(refund("30"));
        let mut note = credit_note("30.00");
        note.figures.date = "2026-03-13".to_owned();
        e.outgoing.push(note);
    };
    assert_eq!(codes(credited_late), [Code::WrongDate]);
}

#[test]
fn a_client_is_told_by_email_then_by_name() {
    let other = |e: &mut Evidence| {
        let client = e.client.as_mut().unwrap();
        client.email = "bob@example.com".to_owned();
    };
    assert_eq!(codes(other), [Code::ClientWrong]);
    assert_eq!(codes(|e| e.client = None), [Code::ClientWrong]);
    let moved = |e: &mut Evidence| {
        other(e);
        e.customer_email = Some("BOB@example.com".to_owned());
    };
    assert_eq!(codes(moved), [], "the customer has this e-mail now");
    let nameless = |name: &'static str| {
        codes(move |e| {
            e.order.email = String::new();
            e.client.as_mut().unwrap().first_name = name.to_owned();
        })
    };
    assert_eq!(nameless("ann"), []);
    assert_eq!(nameless("Bob"), [Code::ClientWrong]);
}

#[test]
fn what_was_paid_too_much_and_given_back_is_no_refund_of_the_order() {
    let over = |e: &mut Evidence| {
        e.transactions.push(taken("48", "capture", "30"));
        e.refunds.push(refund("30"));
    };
    assert_eq!(codes(over), []);
    let more = |e: &mut Evidence| {
        over(e);
        e.refunds[0].amount = amount("50");
    };
    assert_eq!(codes(more), [Code::RefundMissing]);
    let booked = |e: &mut Evidence| {
        more(e);
        e.outgoing.push(credit_note("20.00"));
    };
    assert_eq!(codes(booked), []);
}
