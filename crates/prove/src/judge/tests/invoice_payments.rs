//! An order on account and the order that pays its invoice: each right by itself, and as two sales.

use super::*;

/// The paid order: nothing came in by itself, another order paid its invoice.
fn paid() -> Evidence {
    let mut paid = right();
    paid.order.payment_method = "Purchase Order".to_owned();
    paid.order.payment_provider_id = String::new();
    paid.order.payment_status = String::new();
    paid.order.status_id = Some(7);
    paid.transactions.clear();
    let note = "Order 101 paid this invoice (invoice-payment:101). Card (txn:47)";
    paid.invoices[0].payments = vec![payment("120.00", note)];
    paid
}

/// The order that paid it.
fn paying() -> Evidence {
    let mut paying = right();
    paying.order.id = 101;
    paying.invoices.clear();
    paying.client = None;
    paying.pays = paid().invoices[0].payments.clone();
    paying
}

fn found(evidence: &Evidence, terms: &Terms) -> Vec<Code> {
    match judge(evidence, terms).outcome {
        Outcome::Differs(causes) => causes.iter().map(|cause| cause.code).collect(),
        Outcome::Matches => Vec::new(),
        other => panic!("{other:?}"),
    }
}

/// Revenue and money of both orders together, the store's and the books'.
fn together(orders: [&Evidence; 2]) -> [Decimal; 4] {
    let mut all = [Decimal::ZERO; 4];
    for evidence in orders {
        for (_, sums) in judge(evidence, &Terms::default()).sums {
            let own = [
                sums.store_total,
                sums.books_total,
                sums.store_received,
                sums.books_received,
            ];
            all.iter_mut().zip(own).for_each(|(sum, one)| *sum += one);
        }
    }
    all
}

#[test]
fn both_orders_match_and_count_once_before_and_after_the_paid_status() {
    for status in [7, 10] {
        let mut on_account = paid();
        on_account.order.status_id = Some(status);
        assert_eq!(found(&on_account, &Terms::default()), [], "{status}");
        assert_eq!(found(&paying(), &Terms::default()), [], "{status}");
        let once = amount("120");
        assert_eq!(together([&on_account, &paying()]), [once; 4], "{status}");
    }
}

#[test]
fn an_offline_payment_beside_the_real_one_is_too_much() {
    let mut on_account = paid();
    on_account.order.status_id = Some(10);
    on_account.invoices[0]
        .payments
        .push(payment("120.00", "Paid (offline:100)"));
    assert_eq!(
        found(&on_account, &Terms::default()),
        [Code::PaymentTooMuch]
    );
}

#[test]
fn a_part_that_another_order_paid_leaves_the_rest_to_the_status() {
    let mut on_account = paid();
    on_account.order.status_id = Some(10);
    on_account.invoices[0].payments[0].amount = Some(amount("50"));
    assert_eq!(
        found(&on_account, &Terms::default()),
        [Code::PaymentMissing]
    );
    on_account.invoices[0]
        .payments
        .push(payment("70.00", "Paid (offline:100)"));
    assert_eq!(found(&on_account, &Terms::default()), []);
}

#[test]
fn a_paying_order_whose_money_is_missing_misdated_or_a_sale_too_is_named() {
    let less = |change: fn(&mut Evidence)| {
        let mut paying = paying();
        change(&mut paying);
        found(&paying, &Terms::default())
    };
    assert_eq!(
        less(|e| e.pays[0].amount = Some(amount("20"))),
        [Code::PaymentMissing]
    );
    assert_eq!(
        less(|e| e.refunds.push(refund("30"))),
        [Code::PaymentTooMuch],
        "given back, and still on the invoice"
    );
    assert_eq!(
        less(|e| e.pays[0].date = "2026-03-11".to_owned()),
        [Code::WrongDate]
    );
    assert_eq!(less(|e| e.invoices.push(booked())), [Code::Doubled]);
}

#[test]
fn a_sale_that_only_pays_another_invoice_is_named_and_ordinary_goods_are_not() {
    let sold = |name: &str, terms: &Terms| {
        let mut evidence = right();
        evidence.invoices[0].invoice.lines = Some(vec![line(name, "100.00", 20)]);
        found(&evidence, terms)
    };
    for name in [
        "Invoice payment for order 8101",
        "Payment of invoices",
        "Order #8101 payment",
        "Invoice 8101",
    ] {
        assert_eq!(sold(name, &Terms::default()), [Code::Doubled], "{name}");
        let ordinary = Terms {
            lookalikes_are_sales: true,
            ..Terms::default()
        };
        assert_eq!(sold(name, &ordinary), [], "{name}");
    }
    for name in [
        "Invoice template 2026",
        "Mug 8101",
        "Prepaid card",
        "Payment terminal",
    ] {
        assert_eq!(sold(name, &Terms::default()), [], "{name}");
    }
}
