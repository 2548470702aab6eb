//! Nothing is lost or changed on the wire, and what is broken is named.

use std::collections::BTreeMap;

use domain::arithmetic::Model;
use domain::money::Currency;
use proptest::prelude::*;
use prost::Message;
use rust_decimal::Decimal;

use super::*;

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn fields() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-z_]{1,8}", text(), 0..4)
}

fn decimal_value() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), 0_u32..10).prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

fn money_value() -> impl Strategy<Value = Money> {
    (
        any::<i64>(),
        prop::sample::select(vec!["USD", "JPY", "XXX"]),
    )
        .prop_map(|(amount_minor, code)| Money {
            amount_minor,
            currency: Currency::from_code(code).unwrap(),
        })
}

fn line_value() -> impl Strategy<Value = d::InvoiceLine> {
    use d::LineKind::{
        Discount, Fee, Handling, Product, Refund, Rounding, Shipping, Tax, Wrapping,
    };
    let kinds = vec![
        Product, Shipping, Handling, Wrapping, Fee, Discount, Tax, Rounding, Refund,
    ];
    let tax = || {
        prop::option::of(
            (text(), decimal_value()).prop_map(|(name, percent)| d::LineTax { name, percent }),
        )
    };
    (
        prop::sample::select(kinds),
        text(),
        text(),
        decimal_value(),
        decimal_value(),
        tax(),
        tax(),
        any::<bool>(),
        prop::option::of("[a-z:0-9]{1,12}"),
    )
        .prop_map(
            |(kind, name, description, quantity, unit_cost, tax1, tax2, compounded, rebills)| {
                d::InvoiceLine {
                    kind,
                    name,
                    description,
                    quantity,
                    unit_cost,
                    tax1,
                    tax2,
                    compounded,
                    rebills,
                }
            },
        )
}

fn disposition_value() -> impl Strategy<Value = d::Disposition> {
    prop_oneof![
        text().prop_map(d::Disposition::Nothing),
        Just(d::Disposition::Draft),
        Just(d::Disposition::Sent),
        text().prop_map(d::Disposition::Removed),
        text().prop_map(d::Disposition::Undone),
    ]
}

fn refund_value() -> impl Strategy<Value = d::DesiredRefund> {
    let document = prop_oneof![
        Just(d::RefundDocument::CreditNote),
        text().prop_map(d::RefundDocument::Expense),
        Just(d::RefundDocument::None),
    ];
    (
        (text(), document, text(), text(), text()),
        (money_value(), money_value(), any::<u64>()),
        prop::collection::vec(line_value(), 0..3),
        prop::collection::vec(text(), 0..3),
    )
        .prop_map(
            |((key, document, number, date, note), (amount, tax, bound), lines, replaces)| {
                d::DesiredRefund {
                    key,
                    document,
                    number,
                    date,
                    amount,
                    tax,
                    lines,
                    note,
                    rounding_bound_minor: bound,
                    replaces,
                }
            },
        )
}

fn shipping_value() -> impl Strategy<Value = d::ShippingExpense> {
    (text(), text(), text(), text(), money_value(), text()).prop_map(
        |(key, category, number, date, amount, note)| d::ShippingExpense {
            key,
            category,
            number,
            date,
            amount,
            note,
        },
    )
}

fn books_value() -> impl Strategy<Value = d::DesiredBooks> {
    let client = (
        prop::option::of("[a-z@]{1,9}"),
        prop::option::of(1_u64..),
        prop::option::of("[a-z]{1,9}"),
        fields(),
    )
        .prop_map(
            |(email_key, customer_id, name_key, fields)| d::DesiredClient {
                email_key,
                customer_id,
                name_key,
                fields,
            },
        );
    let payment = (text(), money_value(), money_value(), text(), text(), text()).prop_map(
        |(key, amount, captured, date, kind, note)| d::DesiredPayment {
            key,
            amount,
            captured,
            date,
            kind,
            note,
        },
    );
    (
        disposition_value(),
        client,
        invoice_value(),
        prop::collection::vec(payment, 0..3),
        prop::collection::vec(refund_value(), 0..3),
        prop::collection::vec(shipping_value(), 0..3),
        prop::option::of(text().prop_filter("empty is none", |to| !to.is_empty())),
        prop::collection::vec(text(), 0..3),
        prop::collection::vec(alternative_value(), 0..3),
        prop::collection::vec(held_value(), 0..3),
    )
        .prop_map(
            |(
                disposition,
                client,
                invoice,
                payments,
                refunds,
                shipping,
                email_to,
                notices,
                alternatives,
                held_for,
            )| {
                d::DesiredBooks {
                    disposition,
                    client,
                    invoice,
                    payments,
                    refunds,
                    shipping,
                    email_to,
                    notices,
                    alternatives,
                    held_for,
                }
            },
        )
}

fn model_value() -> impl Strategy<Value = Model> {
    prop::sample::select(Model::ALL.to_vec())
}

fn alternative_value() -> impl Strategy<Value = d::Alternative> {
    (
        model_value(),
        invoice_value(),
        prop::collection::vec(refund_value(), 0..2),
        prop::collection::vec(shipping_value(), 0..2),
    )
        .prop_map(|(model, invoice, refunds, shipping)| d::Alternative {
            model,
            invoice,
            refunds,
            shipping,
        })
}

fn held_value() -> impl Strategy<Value = d::HeldFor> {
    (model_value(), text(), text()).prop_map(|(model, code, message)| d::HeldFor {
        model,
        code,
        message,
    })
}

fn invoice_value() -> impl Strategy<Value = d::DesiredInvoice> {
    (
        text(),
        text(),
        any::<u32>(),
        fields(),
        prop::collection::vec(line_value(), 0..4),
        money_value(),
        money_value(),
        any::<u64>(),
    )
        .prop_map(
            |(number, create_date, due_offset_days, fields, lines, total, tax, bound)| {
                d::DesiredInvoice {
                    number,
                    create_date,
                    due_offset_days,
                    fields,
                    lines,
                    expected_total: total,
                    expected_tax: tax,
                    rounding_bound_minor: bound,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_books_survive_the_wire(books in books_value()) {
        let bytes = to_wire(&books).encode_to_vec();
        let back = from_wire(&w::DesiredBooks::decode(bytes.as_slice()).unwrap()).unwrap();
        prop_assert_eq!(back, books);
    }
}

#[test]
fn an_empty_message_is_no_books() {
    assert_eq!(
        from_wire(&w::DesiredBooks::default()),
        Err(ConversionError::Missing {
            field: "books.disposition"
        })
    );
}
