//! Tax rows that nothing tells apart: two special districts of one name, rate and priority. Both
//! are due.

use rust_decimal::Decimal;

use super::draft::rate;
use super::figures::cents;
use super::{Draft, Kind, kind};
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{Discount, Rate};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "alike_rows_with_others",
        "State, county and two districts that are alike; shipping untaxed",
        Invoice,
        |g| {
            let mut spec = g.taxed(2, districts(2, true));
            spec.shipping_taxed = false;
            Draft::paid(spec)
        },
    ),
    kind(
        "alike_rows_alone",
        "Two rows alike and no other tax",
        Invoice,
        |g| {
            let mut spec = g.taxed(2, districts(2, false));
            spec.shipping_taxed = false;
            Draft::paid(spec)
        },
    ),
    kind("alike_rows_three", "Three rows alike", Invoice, |g| {
        Draft::paid(g.taxed(2, districts(3, false)))
    }),
    kind(
        "alike_rows_on_shipping",
        "Two rows alike, on the shipping too",
        Invoice,
        |g| Draft::paid(g.taxed(1, districts(2, true))),
    ),
    kind(
        "alike_rows_tiny",
        "Two rows alike on so little that each is the smallest unit",
        Invoice,
        |g| {
            let mut spec = g.taxed(1, districts(2, false));
            spec.lines[0].unit_price = cents(&spec.currency, 200);
            spec.lines[0].quantity = 1;
            spec.shipping = Decimal::ZERO;
            Draft::paid(spec)
        },
    ),
    kind(
        "alike_rows_discounted",
        "Two rows alike beside a discount by hand",
        Invoice,
        |g| {
            let mut spec = g.taxed(3, districts(2, true));
            let amount = g.amount(150, 600);
            spec.discounts.push(Discount::Order {
                id: "manual-discount".to_owned(),
                name: "Manual Discount".to_owned(),
                amount,
            });
            Draft::paid(spec)
        },
    ),
    kind(
        "alike_rows_compound",
        "Two rows alike that are taken on price and first tax",
        Invoice,
        |g| {
            let rates = vec![
                rate(1, "GST", "5", 0),
                rate(2, "Levy", "1.5", 1),
                rate(3, "Levy", "1.5", 1),
            ];
            Draft::paid(g.taxed(2, rates))
        },
    ),
];

fn districts(count: u64, with_state: bool) -> Vec<Rate> {
    let mut rates = Vec::new();
    if with_state {
        rates.push(rate(1, "State Tax", "6", 0));
        rates.push(rate(2, "County Tax", "0.25", 0));
    }
    rates.extend((0..count).map(|n| rate(3 + n, "Special District", "0.5", 0)));
    rates
}
