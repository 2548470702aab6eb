//! Sales told apart by their tax.

use rust_decimal::Decimal;

use super::draft::rate;
use super::{Draft, Gen, Kind, kind};
use crate::bigcommerce::orders::model::InBooks::Invoice;

pub(super) const KINDS: &[Kind] = &[
    kind(
        "taxed_one_rate",
        "One rate of 20 % on everything",
        Invoice,
        |g| Draft::paid(g.taxed(3, vec![rate(1, "VAT", "20", 0)])),
    ),
    kind(
        "taxed_two_rates",
        "Two rates side by side: GST 5 % and PST 7 %",
        Invoice,
        |g| {
            let rates = vec![rate(1, "GST", "5", 0), rate(2, "PST", "7", 0)];
            Draft::paid(g.taxed(3, rates))
        },
    ),
    kind(
        "taxed_three_rates",
        "State, county and city on every line: more than two rates must be folded",
        Invoice,
        |g| {
            let rates = vec![
                rate(1, "State", "6", 0),
                rate(2, "County", "1.25", 0),
                rate(3, "City", "0.75", 0),
            ];
            Draft::paid(g.taxed(3, rates))
        },
    ),
    kind(
        "compound_tax",
        "A second tax of higher priority, taken on price and first tax",
        Invoice,
        |g| {
            let rates = vec![rate(1, "GST", "5", 0), rate(2, "QST", "9.975", 1)];
            Draft::paid(g.taxed(2, rates))
        },
    ),
    kind(
        "mixed_rates",
        "Food at 5 % and goods at 20 % on one order, one line untaxed",
        Invoice,
        mixed,
    ),
    kind("fractional_rate", "8.875 %: three decimals", Invoice, |g| {
        Draft::paid(g.taxed(4, vec![rate(1, "NYC", "8.875", 0)]))
    }),
    kind(
        "untaxed_export",
        "No tax at all, shipped abroad",
        Invoice,
        |g| Draft::paid(g.taxed(2, Vec::new())),
    ),
    kind(
        "zero_rate",
        "A named rate of 0 %: there are tax records, of nothing",
        Invoice,
        |g| Draft::paid(g.taxed(2, vec![rate(1, "Zero rated", "0", 0)])),
    ),
    kind(
        "shipping_taxed",
        "Shipping taxed like the goods",
        Invoice,
        |g| Draft::paid(g.goods(2)),
    ),
    kind(
        "shipping_untaxed",
        "Goods taxed, shipping not",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            spec.shipping_taxed = false;
            Draft::paid(spec)
        },
    ),
    kind(
        "free_of_shipping",
        "Nothing charged for shipping",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            spec.shipping = Decimal::ZERO;
            Draft::paid(spec)
        },
    ),
    kind(
        "many_cheap_lines",
        "Forty lines of few cents: per-line rounding of tax adds up",
        Invoice,
        |g| {
            let mut spec = g.goods(40);
            let digits = crate::bigcommerce::money::digits(&spec.currency);
            for line in &mut spec.lines {
                let price = Decimal::new(i64::from(g.within(3, 99)), 2);
                line.unit_price =
                    crate::bigcommerce::money::round(price, digits).max(Decimal::new(1, digits));
            }
            Draft::paid(spec)
        },
    ),
];

fn mixed(g: &mut Gen) -> Draft {
    let mut spec = g.taxed(
        3,
        vec![rate(1, "Food VAT", "5", 0), rate(2, "VAT", "20", 0)],
    );
    for (line, ids) in spec.lines.iter_mut().zip([vec![1], vec![2], Vec::new()]) {
        line.rate_ids = ids;
    }
    spec.shipping_taxed = false;
    Draft::paid(spec)
}
