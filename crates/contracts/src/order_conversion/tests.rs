//! Nothing is lost or changed on the wire, and what is broken is named.

use domain::money::Currency;
use domain::order as d;
use proptest::prelude::*;
use prost::Message;
use rust_decimal::Decimal;

use super::names::{
    COUPON_TYPES, DISCOUNT_TARGETS, EVENTS, PRODUCT_TYPES, REFUND_ITEMS, TAXED_ITEMS,
};
use super::*;
use crate::order as w;

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn decimal_value() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), 0_u32..10).prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

fn amounts_value() -> impl Strategy<Value = d::Amounts> {
    (decimal_value(), decimal_value(), decimal_value()).prop_map(|(ex_tax, inc_tax, tax)| {
        d::Amounts {
            ex_tax,
            inc_tax,
            tax,
        }
    })
}

fn id_value() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(1_u64..)
}

fn pick<T: Copy + std::fmt::Debug>(
    table: &'static [(&'static str, T)],
) -> impl Strategy<Value = T> {
    (0..table.len()).prop_map(|index| table[index].1)
}

fn address_value() -> impl Strategy<Value = d::Address> {
    (
        prop::collection::vec(text(), 13),
        id_value(),
        prop::collection::vec((text(), text()), 0..3),
    )
        .prop_map(|(texts, id, fields)| {
            let [
                first_name,
                last_name,
                company,
                street_1,
                street_2,
                city,
                state,
                zip,
                country,
                country_iso2,
                phone,
                email,
                shipping_method,
            ] = texts.try_into().unwrap();
            d::Address {
                id,
                first_name,
                last_name,
                company,
                street_1,
                street_2,
                city,
                state,
                zip,
                country,
                country_iso2,
                phone,
                email,
                shipping_method,
                form_fields: fields
                    .into_iter()
                    .map(|(name, value)| d::FormField { name, value })
                    .collect(),
            }
        })
}

fn product_value() -> impl Strategy<Value = d::ProductLine> {
    (
        (any::<u64>(), id_value(), id_value(), id_value(), id_value()),
        (text(), text(), text(), text()),
        (
            decimal_value(),
            decimal_value(),
            decimal_value(),
            prop::option::of(decimal_value()),
        ),
        (amounts_value(), amounts_value(), amounts_value()),
        pick(PRODUCT_TYPES),
        prop::collection::vec(
            (
                text(),
                decimal_value(),
                text(),
                text(),
                pick(DISCOUNT_TARGETS),
            ),
            0..3,
        ),
        prop::collection::vec((text(), text()), 0..3),
    )
        .prop_map(
            |(ids, texts, numbers, amounts, product_type, discounts, options)| d::ProductLine {
                id: ids.0,
                product_id: ids.1,
                variant_id: ids.2,
                order_address_id: ids.3,
                parent_order_product_id: ids.4,
                name: texts.0,
                sku: texts.1,
                upc: texts.2,
                wrapping_name: texts.3,
                quantity: numbers.0,
                base_price: numbers.1,
                quantity_refunded: numbers.2,
                discounted_total_inc_tax: numbers.3,
                price: amounts.0,
                total: amounts.1,
                wrapping: amounts.2,
                product_type,
                applied_discounts: discounts
                    .into_iter()
                    .map(|(id, amount, name, code, target)| d::AppliedDiscount {
                        id,
                        amount,
                        name,
                        code,
                        target,
                    })
                    .collect(),
                options: options
                    .into_iter()
                    .map(|(display_name, display_value)| d::ProductOption {
                        display_name,
                        display_value,
                    })
                    .collect(),
            },
        )
}

fn currency_value() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["USD", "JPY", "KWD", "XXX"])
        .prop_map(|code| Currency::from_code(code).unwrap())
}

fn tax_value() -> impl Strategy<Value = d::TaxRow> {
    (
        id_value(),
        id_value(),
        pick(TAXED_ITEMS),
        text(),
        text(),
        any::<u32>(),
        (decimal_value(), decimal_value(), decimal_value()),
    )
        .prop_map(
            |(product, address, item, name, class, priority, numbers)| d::TaxRow {
                order_product_id: product,
                order_address_id: address,
                item,
                name,
                class,
                priority,
                rate: numbers.0,
                priority_amount: numbers.1,
                line_amount: numbers.2,
            },
        )
}

fn transaction_value() -> impl Strategy<Value = d::Transaction> {
    (
        (text(), text(), text(), text(), text(), text()),
        pick(EVENTS),
        decimal_value(),
        currency_value(),
        (any::<bool>(), any::<bool>(), any::<i64>()),
        prop::option::of("[a-z0-9]{1,9}"),
    )
        .prop_map(
            |(texts, event, amount, currency, rest, reference)| d::Transaction {
                id: texts.0,
                order_id: texts.1,
                method: texts.2,
                gateway: texts.3,
                gateway_transaction_id: texts.4,
                card_type: texts.5,
                event,
                amount,
                currency,
                ok: rest.0,
                test: rest.1,
                created_at_s: rest.2,
                reference_transaction_id: reference,
            },
        )
}

fn refund_value() -> impl Strategy<Value = d::Refund> {
    let item = (
        pick(REFUND_ITEMS),
        text(),
        decimal_value(),
        prop::option::of(decimal_value()),
    )
        .prop_map(
            |(item_type, item_id, quantity, requested_amount)| d::RefundItem {
                item_type,
                item_id,
                quantity,
                requested_amount,
            },
        );
    let payment = (
        text(),
        text(),
        decimal_value(),
        any::<bool>(),
        any::<bool>(),
        text(),
    )
        .prop_map(
            |(id, provider_id, amount, offline, is_declined, transaction_id)| d::RefundPayment {
                id,
                provider_id,
                amount,
                offline,
                is_declined,
                transaction_id,
            },
        );
    (
        text(),
        any::<i64>(),
        text(),
        decimal_value(),
        decimal_value(),
        prop::collection::vec(item, 0..3),
        prop::collection::vec(payment, 0..3),
    )
        .prop_map(
            |(id, created_at_s, reason, total_amount, total_tax, items, payments)| d::Refund {
                id,
                created_at_s,
                reason,
                total_amount,
                total_tax,
                items,
                payments,
            },
        )
}

fn totals_value() -> impl Strategy<Value = d::Totals> {
    (
        prop::collection::vec(amounts_value(), 5),
        prop::collection::vec(decimal_value(), 4),
    )
        .prop_map(|(amounts, numbers)| d::Totals {
            subtotal: amounts[0],
            shipping: amounts[1],
            handling: amounts[2],
            wrapping: amounts[3],
            total: amounts[4],
            discount_amount: numbers[0],
            coupon_discount: numbers[1],
            gift_certificate_amount: numbers[2],
            store_credit_amount: numbers[3],
        })
}

fn order_value() -> impl Strategy<Value = d::Order> {
    let coupon = (
        text(),
        decimal_value(),
        decimal_value(),
        prop::sample::select(&COUPON_TYPES[..]),
    )
        .prop_map(|(code, amount, discount, coupon_type)| d::Coupon {
            code,
            amount,
            discount,
            coupon_type,
        });
    let fee =
        (any::<u64>(), text(), text(), amounts_value()).prop_map(|(id, name, fee_type, cost)| {
            d::Fee {
                id,
                name,
                fee_type,
                cost,
            }
        });
    (
        (
            any::<u64>(),
            any::<u32>(),
            id_value(),
            currency_value(),
            any::<bool>(),
            any::<bool>(),
            any::<Option<u32>>(),
        ),
        (any::<i64>(), any::<i64>(), totals_value(), address_value()),
        prop::collection::vec(address_value(), 0..2),
        prop::collection::vec(product_value(), 0..3),
        prop::collection::vec(tax_value(), 0..3),
        prop::collection::vec(coupon, 0..2),
        prop::collection::vec(fee, 0..2),
        prop::collection::vec(transaction_value(), 0..3),
        prop::collection::vec(refund_value(), 0..2),
        prop::collection::vec(text(), 13),
    )
        .prop_map(
            |(head, times, addresses, products, taxes, coupons, fees, money, refunds, texts)| {
                let [
                    status,
                    custom_status,
                    payment_method,
                    payment_provider_id,
                    payment_status,
                    customer_message,
                    staff_notes,
                    order_source,
                    external_id,
                    external_order_id,
                    channel_id,
                    store_time_zone,
                    _,
                ] = texts.try_into().unwrap();
                d::Order {
                    id: head.0,
                    status_id: head.1,
                    customer_id: head.2,
                    currency: head.3,
                    is_deleted: head.4,
                    tax_inclusive: head.5,
                    created_at_s: times.0,
                    modified_at_s: times.1,
                    totals: times.2,
                    billing_address: times.3,
                    shipping_addresses: addresses,
                    transactions: money,
                    products,
                    taxes,
                    coupons,
                    fees,
                    refunds,
                    status,
                    custom_status,
                    payment_method,
                    payment_provider_id,
                    payment_status,
                    customer_message,
                    staff_notes,
                    order_source,
                    external_id,
                    external_order_id,
                    channel_id,
                    store_time_zone,
                    store_decimals: head.6,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_survives_the_wire(order in order_value()) {
        let bytes = to_wire(&order).encode_to_vec();
        let back = from_wire(&w::Order::decode(bytes.as_slice()).unwrap()).unwrap();
        prop_assert_eq!(back, order);
    }
}

#[test]
fn broken_fields_are_named() {
    let good = w::Order {
        currency_code: "USD".to_owned(),
        totals: Some(w::Totals::default()),
        ..w::Order::default()
    };
    assert!(from_wire(&good).is_ok());
    let no_currency = w::Order {
        currency_code: String::new(),
        ..good.clone()
    };
    assert!(matches!(
        from_wire(&no_currency),
        Err(ConversionError::Currency {
            field: "order.currency_code",
            ..
        })
    ));
    let fees = vec![w::Fee {
        cost: Some(w::Amounts {
            ex_tax: "1,5".to_owned(),
            ..w::Amounts::default()
        }),
        ..w::Fee::default()
    }];
    assert_eq!(
        from_wire(&w::Order {
            fees,
            ..good.clone()
        }),
        Err(ConversionError::NotDecimal { field: "fees.cost" })
    );
    let coupons = vec![w::Coupon {
        r#type: 6,
        ..w::Coupon::default()
    }];
    assert_eq!(
        from_wire(&w::Order { coupons, ..good }),
        Err(ConversionError::UnknownValue {
            field: "coupons.type"
        })
    );
}
