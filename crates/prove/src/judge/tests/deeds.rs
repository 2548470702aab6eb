//! What a person did in FreshBooks, each deed by its own name.

use super::*;

/// The right evidence after a deed, with what FreshBooks then shows among the deleted.
fn codes_after(deed: impl FnOnce(&mut Evidence)) -> Vec<Code> {
    codes(deed)
}

#[test]
fn a_deleted_payment_is_told_from_one_that_never_was() {
    let deleted = |evidence: &mut Evidence| {
        let payments = std::mem::take(&mut evidence.invoices[0].payments);
        evidence.deleted.payments = payments;
    };
    assert_eq!(codes_after(deleted), [Code::PaymentDeletedInFreshbooks]);
    let never = |evidence: &mut Evidence| evidence.invoices[0].payments.clear();
    assert_eq!(codes_after(never), [Code::PaymentMissing]);
    // A deleted payment beside one that is there is nobody's business.
    let replaced = |evidence: &mut Evidence| {
        evidence.deleted.payments = vec![payment("120.00", "Card txn:47")];
    };
    assert_eq!(codes_after(replaced), []);
}

#[test]
fn a_deleted_invoice_is_told_from_one_that_never_was() {
    let deleted = |evidence: &mut Evidence| {
        let invoices = std::mem::take(&mut evidence.invoices);
        let gone = invoices.into_iter().map(|booked| booked.invoice);
        evidence.deleted.invoices = gone.collect();
    };
    assert_eq!(codes_after(deleted), [Code::InvoiceDeletedInFreshbooks]);
    assert_eq!(codes_after(|e| e.invoices.clear()), [Code::Missing]);
}

#[test]
fn a_deleted_credit_note_is_told_from_one_that_never_was() {
    let deleted = |evidence: &mut Evidence| {
        evidence.refunds = vec![refund("30.00")];
        evidence.deleted.credit_notes = vec![credit_note("30.00")];
    };
    assert_eq!(codes_after(deleted), [Code::CreditNoteDeletedInFreshbooks]);
    let never = |evidence: &mut Evidence| evidence.refunds = vec![refund("30.00")];
    assert_eq!(codes_after(never), [Code::RefundMissing]);
    let lowered = |evidence: &mut Evidence| {
        evidence.refunds = vec![refund("30.00")];
        evidence.outgoing = vec![credit_note("20.00")];
    };
    assert_eq!(codes_after(lowered), [Code::RefundMissing]);
}

#[test]
fn a_deleted_client_is_told_from_another_one() {
    let deleted = |evidence: &mut Evidence| {
        evidence.client = None;
        evidence.deleted.client = true;
    };
    assert_eq!(codes_after(deleted), [Code::ClientDeletedInFreshbooks]);
}

#[test]
fn an_invoice_typed_with_the_orders_number_is_told_from_one_that_was_moved() {
    let another = |evidence: &mut Evidence| {
        evidence.client.as_mut().unwrap().email = "bob@example.com".to_owned();
    };
    assert_eq!(codes_after(another), [Code::ClientWrong]);
    let typed = codes_after(|evidence| {
        another(evidence);
        evidence.invoices[0].payments.clear();
    });
    assert_eq!(typed.first(), Some(&Code::NumberTaken), "{typed:?}");
    let paid_by_hand = codes_after(|evidence| {
        another(evidence);
        evidence.invoices[0].payments = vec![payment("120.00", "Paid in the shop")];
    });
    assert_eq!(paid_by_hand.first(), Some(&Code::NumberTaken));
    // It lost its payment as well: that is what happened last, and no other invoice.
    let moved = codes_after(|evidence| {
        another(evidence);
        evidence.deleted.payments = std::mem::take(&mut evidence.invoices[0].payments);
    });
    assert!(!moved.contains(&Code::NumberTaken), "{moved:?}");
}

#[test]
fn a_payment_that_was_added_or_changed_does_not_fit_what_came_in() {
    let added = |evidence: &mut Evidence| {
        evidence.invoices[0].payments.push(payment("5.00", "Cash"));
    };
    assert_eq!(codes_after(added), [Code::PaymentTooMuch]);
    let lowered = |evidence: &mut Evidence| {
        evidence.invoices[0].payments = vec![payment("100.00", "Card txn:47")];
    };
    assert_eq!(codes_after(lowered), [Code::PaymentMissing]);
}
