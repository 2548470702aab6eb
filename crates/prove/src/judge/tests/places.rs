//! Whether an order belongs in the books, and what waits for a person.

use super::*;
use crate::terms::Standing;

#[test]
fn a_draft_is_in_no_report_unless_the_policy_wants_one() {
    let draft = |e: &mut Evidence| invoice(e).is_draft = true;
    assert_eq!(codes(draft), [Code::Draft]);
    let wanted = Terms {
        status: [(11, Standing::Draft)].into(),
        ..Terms::default()
    };
    assert_eq!(codes_under(&wanted, draft), []);
}

#[test]
fn orders_that_are_not_to_be_in_the_books() {
    let none = Terms {
        status: [(11, Standing::None)].into(),
        ..Terms::default()
    };
    assert_eq!(codes_under(&none, |_| {}), [Code::ShouldNotBeInBooks]);
    assert_eq!(codes_under(&none, |e| e.invoices.clear()), []);
    let unpaid = |status: u64| {
        move |e: &mut Evidence| {
            e.order.status_id = Some(status);
            e.transactions.clear();
        }
    };
    for status in [0, 5, 6] {
        assert_eq!(
            codes(unpaid(status)),
            [Code::ShouldNotBeInBooks],
            "{status}"
        );
        let absent = codes(|e| {
            unpaid(status)(e);
            e.invoices.clear();
        });
        assert_eq!(absent, [], "{status}");
    }
    assert_eq!(
        codes(|e| e.order.status_id = Some(5)),
        [],
        "cancelled and paid stays"
    );
    let archived = |e: &mut Evidence| {
        e.order.is_deleted = true;
        e.order.status_id = Some(7);
        e.transactions.clear();
    };
    assert_eq!(codes(archived), [], "what stands, stands");
}

#[test]
fn what_waits_for_a_person_is_held_and_not_missing() {
    assert_eq!(
        held(|e| e.order.currency = "ZZZ".to_owned()),
        "unknown_currency"
    );
    assert_eq!(held(|e| e.order.status_id = Some(77)), "unknown_status");
    assert_eq!(
        held(|e| e.order.status_id = Some(6)),
        "declined_but_captured"
    );
    assert_eq!(
        held(|e| e.order.status_id = Some(14)),
        "refund_without_record"
    );
    assert_eq!(
        held(|e| e.refunds.push(refund("130"))),
        "refund_above_payments"
    );
    assert_eq!(
        held(|e| e.order.total_ex_tax = Some(amount("99"))),
        "sums_do_not_add_up"
    );
    assert_eq!(held(|e| e.order.total_inc_tax = None), "unreadable_total");
    let twice = held(|e| e.transactions.push(taken("48", "capture", "10")));
    assert_eq!(twice, "paid_more_than_due");
    let nobody = held(|e| {
        e.order.email = String::new();
        e.order.first_name = String::new();
        e.order.last_name = String::new();
    });
    assert_eq!(nobody, "missing_customer");
    let foreign = held(|e| e.transactions[0].row.currency = "EUR".to_owned());
    assert_eq!(foreign, "payment_currency_differs");
}

#[test]
fn an_order_that_gives_money_back_waits_for_a_credit_note_by_hand() {
    let negative = |evidence: &mut Evidence| {
        evidence.invoices.clear();
        evidence.transactions.clear();
        let order = &mut evidence.order;
        order.total_inc_tax = Some(amount("-12.00"));
        order.total_ex_tax = Some(amount("-10.00"));
        order.total_tax = Some(amount("-2.00"));
    };
    assert_eq!(held(negative), "negative_total");
}
