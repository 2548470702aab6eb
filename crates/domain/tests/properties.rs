//! What holds for every order, not only for the spelled-out ones.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{document, product, tax};
use domain::account::account;
use domain::accounting::{Entry, entries, money_captured, receipts};
use domain::arithmetic::{Figures, Model, rounding_bound_minor};
use domain::books::LineKind;
use domain::difference::{Step, Written, WrittenInvoice, WrittenPayment, content_hash, next_step};
use domain::mapping::Mapping;
use domain::money::Money;
use domain::order::Order;
use domain::policy::{DiscountMode, Policy, TaxMode};
use domain::validate::read_order;
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

const RATES: [&str; 6] = ["0", "5", "8.25", "20", "7.5", "21"];

/// One line: price in cents, pieces, discount per mille, place in [`RATES`].
type Line = (i64, i64, i64, usize);

fn line() -> impl Strategy<Value = Line> {
    (1_i64..30_000, 1_i64..6, 0_i64..600, 0_usize..RATES.len())
}

fn cents(amount: i64) -> Decimal {
    Decimal::new(amount, 2)
}

fn half_up(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// The order as the store would compute it: tax on each line after discounts, rounded per line.
fn store_order(lines: &[Line], shipping: i64, inclusive: bool, discounted: bool) -> Value {
    let mut document = document();
    let (mut sum, mut taxes, mut discount) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let (mut products, mut rows) = (Vec::new(), Vec::new());
    let taxed = |amount: Decimal, rate: &str| {
        let rate: Decimal = rate.parse::<Decimal>().unwrap() / Decimal::ONE_HUNDRED;
        let base = if inclusive {
            Decimal::ONE + rate
        } else {
            Decimal::ONE
        };
        half_up(amount * rate / base)
    };
    for (index, (price, pieces, per_mille, rate)) in lines.iter().enumerate() {
        let id = index as u64 + 1;
        let total = cents(price * pieces);
        let off = if discounted {
            half_up(total * Decimal::new(*per_mille, 3))
        } else {
            Decimal::ZERO
        };
        let amount = taxed(total - off, RATES[*rate]);
        let mut row = product(
            id,
            "Thing",
            &pieces.to_string(),
            &cents(*price).to_string(),
            &total.to_string(),
        );
        row["total_tax"] = json!(amount.to_string());
        row["applied_discounts"] = json!([{"id": "d", "amount": off.to_string(), "name": "Sale"}]);
        products.push(row);
        rows.push(tax(
            id,
            "item",
            &format!("T{}", RATES[*rate]),
            RATES[*rate],
            &amount.to_string(),
        ));
        sum += total;
        discount += off;
        taxes += amount;
    }
    let amount = taxed(cents(shipping), "8.25");
    rows.push(tax(0, "shipping", "T8.25", "8.25", &amount.to_string()));
    taxes += amount;
    let basis = sum + cents(shipping) - discount;
    let order = &mut document["order"];
    order["is_tax_inclusive_pricing"] = json!(inclusive);
    for key in ["shipping_cost_ex_tax", "shipping_cost_inc_tax"] {
        order[key] = json!(cents(shipping).to_string());
    }
    order["shipping_cost_tax"] = json!(amount.to_string());
    order["discount_amount"] = json!(discount.to_string());
    let (ex, inc) = if inclusive {
        (basis - taxes, basis)
    } else {
        (basis, basis + taxes)
    };
    order["total_ex_tax"] = json!(ex.to_string());
    order["total_inc_tax"] = json!(inc.to_string());
    order["total_tax"] = json!(taxes.to_string());
    document["products"] = json!(products);
    document["taxes"] = json!(rows);
    document["transactions"] = json!([common::transaction(501, "purchase", &inc.to_string())]);
    document
}

/// Checks what must hold for an order that is not held, whatever the account's arithmetic.
fn adds_up(document: &Value, policy: &Policy) -> Result<(), TestCaseError> {
    for model in Model::ALL {
        adds_up_by(document, policy, model)?;
    }
    Ok(())
}

fn adds_up_by(document: &Value, policy: &Policy, model: Model) -> Result<(), TestCaseError> {
    let order = read_order(document).unwrap().order;
    let lines = match entries(&order, policy, model) {
        Ok(lines) => lines,
        Err(holds) => return Err(TestCaseError::fail(format!("held: {holds:?}"))),
    };
    let predicted = model
        .predict(lines.iter().map(Figures::from), order.currency)
        .unwrap();
    let total = Money::exact(order.totals.total.inc_tax, order.currency).unwrap();
    prop_assert_eq!(predicted.total, total);
    let plugs: Vec<_> = lines
        .iter()
        .filter(|l| l.kind == LineKind::Rounding)
        .collect();
    prop_assert!(plugs.len() <= 1);
    let rounding: Decimal = plugs.iter().map(|l| l.unit_cost).sum();
    let bound = match policy.tax {
        TaxMode::Percent => rounding_bound_minor(lines.iter().map(Figures::from)),
        TaxMode::Amount => lines.len() as u64,
    };
    prop_assert!(rounding.abs() <= cents(bound as i64));
    if policy.tax == TaxMode::Percent {
        let store = Money::rounded(order.totals.total.tax, order.currency).unwrap();
        let off = store.checked_sub(predicted.tax).unwrap();
        prop_assert!(off.amount_minor.unsigned_abs() <= bound);
        // Nothing is off without a word: the line names both taxes.
        let is_named = |line: &&&Entry| {
            let text = &line.description;
            text.contains(&store.to_string()) && text.contains(&predicted.tax.to_string())
        };
        prop_assert!(off.amount_minor == 0 || plugs.iter().any(|line| is_named(&line)));
        prop_assert!(rounding.is_zero() || plugs.iter().any(|line| is_named(&line)));
    }
    for line in &lines {
        prop_assert!(line.unit_cost.normalize().scale() <= 2);
        let is_told = line.kind == LineKind::Rounding || line.description.contains("less Sale");
        let is_plain = line.quantity == Decimal::ONE || line.description.is_empty();
        prop_assert!(is_plain || is_told || line.description.starts_with("Less Sale"));
    }
    same_pieces(&order, &lines)?;
    let paid: i64 = receipts(&order, policy)
        .unwrap()
        .iter()
        .map(|r| r.amount.amount_minor)
        .sum();
    prop_assert!(paid <= total.amount_minor);
    Ok(())
}

/// A parted quantity is the same quantity; one that was put together is one piece.
fn same_pieces(order: &Order, lines: &[Entry]) -> Result<(), TestCaseError> {
    for (index, product) in order.products.iter().enumerate() {
        let own = lines
            .iter()
            .filter(|line| line.source.product == Some(index));
        let pieces: Decimal = own.map(|line| line.quantity).sum();
        let free = product.total.inc_tax.is_zero();
        prop_assert!(
            pieces == product.quantity || pieces == Decimal::ONE || free || pieces.is_zero()
        );
    }
    Ok(())
}

/// Numbers up to the decimal's own limits, at any scale.
fn extreme() -> impl Strategy<Value = Decimal> {
    let any_size = (any::<i128>(), 0_u32..96, 0_u32..29).prop_map(|(digits, bits, scale)| {
        Decimal::from_i128_with_scale((digits % (1_i128 << 95)) >> bits, scale)
    });
    prop_oneof![4 => any_size, 1 => Just(Decimal::MAX), 1 => Just(Decimal::MIN), 1 => Just(Decimal::ZERO)]
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[-+]?[0-9]{1,30}(\\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?".prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("ok")),
        Just(json!("purchase")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(inner, 1..4).prop_map(|values| {
                let keys = ["id", "amount", "rate", "quantity"];
                keys.iter()
                    .map(|k| (*k).to_owned())
                    .zip(values)
                    .collect::<Value>()
            }),
        ]
    })
}

/// Every place in a document, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            map.iter()
                .for_each(|(key, value)| places(value, &format!("{at}/{key}"), found));
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| places(value, &format!("{at}/{index}"), found)),
        _ => {}
    }
}

/// Performs the steps as FreshBooks would answer them; ends within a bound.
fn carry_out(desired: &domain::books::DesiredBooks) -> (Written, Vec<Step>) {
    let mut written = Written::default();
    let mut steps = Vec::new();
    for _ in 0..desired.payments.len() + 5 {
        let step = next_step(desired, &written);
        steps.push(step.clone());
        match step {
            Step::CreateInvoice | Step::UpdateInvoice => {
                written.invoice = Some(WrittenInvoice {
                    content_hash: content_hash(&desired.invoice),
                    sent: false,
                    total: desired.invoice.expected_total,
                    removed: false,
                    create_date: desired.invoice.create_date.clone(),
                    correction_minor: 0,
                });
            }
            Step::MarkSent => written.invoice.as_mut().unwrap().sent = true,
            Step::CreatePayment(index) => {
                let payment = &desired.payments[index];
                let known = WrittenPayment {
                    amount: payment.amount,
                    captured: payment.captured,
                    date: payment.date.clone(),
                };
                written.payments.insert(payment.key.clone(), known);
            }
            _ => break,
        }
    }
    (written, steps)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn undiscounted_orders_add_up(
        lines in prop::collection::vec(line(), 1..12),
        shipping in 0_i64..5_000,
        inclusive: bool,
        amount: bool,
    ) {
        let tax = if amount { TaxMode::Amount } else { TaxMode::Percent };
        let policy = Policy { tax, ..Policy::default() };
        let document = store_order(&lines, shipping, inclusive, false);
        adds_up(&document, &policy)?;
        if inclusive && !amount {
            // Differences are carried from line to line, so however many lines, one unit is left.
            let order = read_order(&document).unwrap().order;
            let lines = entries(&order, &policy, Model::default()).unwrap();
            let rounding = lines.iter().filter(|line| line.kind == LineKind::Rounding);
            let rounding: Decimal = rounding.map(|line| line.unit_cost).sum();
            prop_assert!(rounding.abs() <= cents(1));
        }
    }

    #[test]
    fn discounted_orders_add_up(
        lines in prop::collection::vec(line(), 1..12),
        shipping in 0_i64..5_000,
        inclusive: bool,
        net: bool,
    ) {
        let discount = if net { DiscountMode::Net } else { DiscountMode::Line };
        let policy = Policy { discount, ..Policy::default() };
        adds_up(&store_order(&lines, shipping, inclusive, true), &policy)?;
    }

    #[test]
    fn the_same_order_gives_the_same_books(
        lines in prop::collection::vec(line(), 1..6),
        inclusive: bool,
    ) {
        let order = read_order(&store_order(&lines, 500, inclusive, true)).unwrap().order;
        let books = || account(&order, false, &Policy::default(), &Mapping::built_in());
        prop_assert_eq!(books(), books());
    }

    #[test]
    fn steps_end_in_done_with_everything_written(lines in prop::collection::vec(line(), 1..6)) {
        let order = read_order(&store_order(&lines, 500, false, false)).unwrap().order;
        let desired = account(&order, false, &Policy::default(), &Mapping::built_in()).unwrap();
        let (written, steps) = carry_out(&desired);
        prop_assert_eq!(steps.last(), Some(&Step::Done));
        prop_assert_eq!(written.payments.len(), desired.payments.len());
    }

    #[test]
    fn no_json_makes_the_core_panic(document in arbitrary_json()) {
        let _ = read_order(&document);
        let _ = read_order(&json!({"order": document}));
    }

    #[test]
    fn no_damage_to_an_order_makes_the_core_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), arbitrary_json()), 1..4),
        net: bool,
        amount: bool,
    ) {
        let mut document = store_order(&[(1999, 3, 100, 2), (500, 1, 0, 3)], 700, true, true);
        for (place, value) in damage {
            let mut found = Vec::new();
            places(&document, "", &mut found);
            let place = place.get(&found).clone();
            if let Some(slot) = document.pointer_mut(&place) {
                *slot = value;
            }
        }
        if let Ok(read) = read_order(&document) {
            let policy = Policy {
                discount: if net { DiscountMode::Net } else { DiscountMode::Line },
                tax: if amount { TaxMode::Amount } else { TaxMode::Percent },
                ..Policy::default()
            };
            if let Ok(books) = account(&read.order, false, &policy, &Mapping::built_in()) {
                let _ = carry_out(&books);
            }
        }
    }

    #[test]
    fn extreme_numbers_are_errors_not_panics(
        numbers in prop::collection::vec(extreme(), 8),
        rate in any::<u64>(),
        inclusive: bool,
    ) {
        let document = store_order(&[(1999, 3, 100, 2), (500, 2, 0, 3)], 700, inclusive, true);
        let mut order = read_order(&document).unwrap().order;
        let number = |index: usize| numbers[index];
        order.products[0].total.ex_tax = number(0);
        order.products[1].total.inc_tax = number(1);
        order.products[1].total.ex_tax = number(7);
        order.products[0].total.inc_tax = number(0);
        order.products[0].quantity = number(1);
        order.products[0].applied_discounts[0].amount = number(2);
        order.totals.shipping.inc_tax = number(3);
        order.totals.total.inc_tax = number(4);
        order.totals.discount_amount = number(5);
        order.transactions[0].amount = number(6);
        order.taxes[0].line_amount = number(7);
        order.taxes[0].rate = Decimal::from(rate);
        let _ = account(&order, false, &Policy::default(), &Mapping::built_in());
        let _ = money_captured(&order);
    }
}
