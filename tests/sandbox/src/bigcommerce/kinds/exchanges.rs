//! Exchanges: what the shopper gave back stands on the order with a quantity below zero.

use rust_decimal::Decimal;

use super::draft::rate;
use super::{Draft, Gen, Kind, Pay, kind};
use crate::bigcommerce::orders::model::InBooks::{Invoice, None};
use crate::bigcommerce::orders::spec::{CouponType, Discount, LineSpec, OrderSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "exchange",
        "An exchange without tax: one line of negative quantity",
        Invoice,
        |g| {
            let mut spec = exchange(g, &[40]);
            spec.rates.clear();
            for line in &mut spec.lines {
                line.rate_ids.clear();
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "exchange_taxed",
        "An exchange whose returned piece takes its tax back",
        Invoice,
        |g| Draft::paid(exchange(g, &[60])),
    ),
    kind(
        "exchange_two_taxes",
        "The same with two taxes on every line",
        Invoice,
        |g| {
            let mut spec = exchange(g, &[30, 20]);
            spec.rates = vec![
                rate(1, "State Tax", "6.25", 0),
                rate(2, "City Tax", "2.125", 0),
            ];
            for line in &mut spec.lines {
                line.rate_ids = vec![1, 2];
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "exchange_several",
        "Three pieces of three lines given back, one of them several times",
        Invoice,
        |g| {
            let mut spec = exchange(g, &[10, 15, 20]);
            if let Some(last) = spec.lines.last_mut() {
                last.quantity = 3;
                last.unit_price = third(&spec.currency, last.unit_price);
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "exchange_discounted",
        "An exchange with a coupon on what is new",
        Invoice,
        |g| {
            let mut spec = exchange(g, &[30]);
            spec.discounts.push(Discount::Coupon {
                code: "SEVEN".to_owned(),
                name: "Seven percent".to_owned(),
                kind: CouponType::Percent,
                value: Decimal::from(7),
            });
            Draft::paid(spec)
        },
    ),
    kind(
        "exchange_even",
        "What comes back is worth what goes out: a total of zero",
        Invoice,
        |g| {
            let mut spec = exchange(g, &[100]);
            spec.shipping = Decimal::ZERO;
            Draft::paid(spec)
        },
    ),
    kind(
        "exchange_below_zero",
        "More comes back than goes out: a negative total, to be held",
        None,
        |g| {
            let mut spec = exchange(g, &[100, 90]);
            spec.shipping = Decimal::ZERO;
            Draft::paid(spec)
                .status(10)
                .pay(Pay::Nothing)
                .method("Manual")
        },
    ),
    kind(
        "only_returned",
        "Nothing but a piece given back, untaxed: a negative total, to be held",
        None,
        |g| {
            let mut spec = exchange(g, &[50]);
            spec.lines.remove(0);
            spec.rates.clear();
            for line in &mut spec.lines {
                line.rate_ids.clear();
            }
            spec.shipping = Decimal::ZERO;
            Draft::paid(spec)
                .status(10)
                .pay(Pay::Nothing)
                .method("Manual")
        },
    ),
    kind(
        "removed_line",
        "A line of quantity 0: taken out by hand, and still listed",
        Invoice,
        |g| {
            let mut spec = g.goods(3);
            spec.lines[1].quantity = 0;
            Draft::paid(spec)
        },
    ),
];

/// A dear line, and for each of `percents` a line given back that is worth so much of it.
fn exchange(g: &mut Gen, percents: &[u32]) -> OrderSpec {
    let mut spec = g.goods(1);
    let price = g.amount(9_000, 30_000);
    let new = &mut spec.lines[0];
    new.unit_price = price;
    new.quantity = 1;
    let digits = crate::bigcommerce::money::digits(&spec.currency);
    for (n, percent) in percents.iter().enumerate() {
        let worth = price * Decimal::from(*percent) / Decimal::ONE_HUNDRED;
        spec.lines.push(LineSpec {
            name: format!("Returned piece {}", n + 1),
            unit_price: crate::bigcommerce::money::round(worth, digits),
            returned: true,
            ..spec.lines[0].clone()
        });
    }
    spec
}

fn third(currency: &str, price: Decimal) -> Decimal {
    let digits = crate::bigcommerce::money::digits(currency);
    crate::bigcommerce::money::round(price / Decimal::from(3), digits)
}
