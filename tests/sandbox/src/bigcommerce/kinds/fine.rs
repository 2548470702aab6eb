//! Figures where arithmetics part: whole forints, totals of four decimals, two taxes on many lines,
//! discounts beside tax.

use rust_decimal::Decimal;

use super::draft::rate;
use super::{After, Draft, Gen, Kind, Pay, kind};
use crate::bigcommerce::orders::later::Later;
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{CouponType, Discount, OrderSpec, Rate};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "whole_forint",
        "A store that keeps forints whole: tax of 27 % rounded to 1 HUF",
        Invoice,
        |g| Draft::paid(forints(g, 1)),
    ),
    kind(
        "whole_forint_many_lines",
        "The same on eight lines with a coupon",
        Invoice,
        |g| {
            let mut spec = forints(g, 8);
            spec.discounts.push(coupon("NYOLC", CouponType::Percent, 8));
            Draft::paid(spec)
        },
    ),
    kind(
        "whole_forint_two_taxes",
        "Whole forints under two taxes",
        Invoice,
        |g| {
            let mut spec = forints(g, 3);
            spec.rates = vec![rate(1, "ÁFA", "27", 0), rate(2, "Termékdíj", "1.5", 0)];
            for line in &mut spec.lines {
                line.rate_ids = vec![1, 2];
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "whole_forint_refunded",
        "Whole forints of which a piece is given back",
        Invoice,
        |g| {
            let mut spec = forints(g, 2);
            spec.lines[0].quantity = spec.lines[0].quantity.max(2);
            Draft::paid(spec).later(&[Later::Refund(After::RefundOneUnit)])
        },
    ),
    kind(
        "whole_pesos",
        "A store that keeps Colombian pesos whole: 19 %",
        Invoice,
        |g| {
            g.currency("COP");
            let mut spec = g.taxed(3, vec![rate(1, "IVA", "19", 0)]);
            for line in &mut spec.lines {
                line.unit_price = Decimal::from(g.within(1_000, 300_000));
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "unrounded_total",
        "Prices of four decimals; in a store of NO_ROUNDING the total has as many",
        Invoice,
        |g| Draft::paid(unrounded(g, 3)),
    ),
    kind(
        "unrounded_total_cut",
        "The same, of which the gateway took the whole units only",
        Invoice,
        |g| Draft::paid(unrounded(g, 2)).pay(Pay::CutToUnits),
    ),
    kind(
        "unrounded_total_unpaid",
        "The same, not paid yet",
        Invoice,
        |g| {
            Draft::paid(unrounded(g, 2))
                .status(7)
                .pay(Pay::Nothing)
                .method("Bank Deposit")
        },
    ),
    kind(
        "many_lines_two_taxes",
        "Sixteen taxed lines and shipping under 6.25 % and 2.125 %",
        Invoice,
        |g| Draft::paid(g.taxed(16, state_and_city())),
    ),
    kind(
        "many_lines_two_taxes_discounted",
        "Twelve lines under two taxes, and a discount by hand",
        Invoice,
        |g| {
            let mut spec = g.taxed(12, state_and_city());
            let amount = g.amount(300, 900);
            spec.discounts.push(by_hand("Manual Discount", amount));
            Draft::paid(spec)
        },
    ),
    kind(
        "coupon_on_two_taxes",
        "A percent coupon on few lines under two taxes",
        Invoice,
        |g| {
            let mut spec = g.taxed(3, state_and_city());
            spec.discounts
                .push(coupon("DOZEN", CouponType::Percent, 12));
            Draft::paid(spec)
        },
    ),
    kind(
        "everything_off_on_mixed_rates",
        "A coupon, a discount by hand and a shipping coupon on lines of different rates",
        Invoice,
        |g| {
            let rates = vec![rate(1, "VAT reduced", "7", 0), rate(2, "VAT", "19", 0)];
            let mut spec = g.taxed(5, rates);
            for (n, line) in spec.lines.iter_mut().enumerate() {
                line.rate_ids = [vec![1], vec![2], Vec::new()][n % 3].clone();
            }
            spec.shipping_rate_ids = vec![2];
            let amount = g.amount(200, 600);
            spec.discounts = vec![
                by_hand("Loyalty", amount),
                coupon("FIVE", CouponType::Percent, 5),
                coupon("SHIP2", CouponType::Shipping, 2),
            ];
            Draft::paid(spec)
        },
    ),
    kind(
        "discounted_lines_of_many_pieces",
        "Many pieces of odd prices, a coupon on each piece",
        Invoice,
        |g| {
            let mut spec = g.goods(4);
            for line in &mut spec.lines {
                line.quantity = g.within(7, 60);
            }
            spec.discounts.push(coupon("ONE", CouponType::PerItem, 1));
            Draft::paid(spec)
        },
    ),
    kind(
        "free_lines_beside_taxed_ones",
        "Lines that cost nothing beside lines under two taxes",
        Invoice,
        |g| {
            let mut spec = g.taxed(6, state_and_city());
            for line in spec.lines.iter_mut().skip(4) {
                line.unit_price = Decimal::ZERO;
            }
            Draft::paid(spec)
        },
    ),
];

fn state_and_city() -> Vec<Rate> {
    vec![
        rate(1, "State Tax", "6.25", 0),
        rate(2, "City Tax", "2.125", 0),
    ]
}

fn forints(g: &mut Gen, lines: u32) -> OrderSpec {
    g.currency("HUF");
    let mut spec = g.taxed(lines, vec![rate(1, "ÁFA", "27", 0)]);
    for line in &mut spec.lines {
        line.unit_price = Decimal::from(g.within(90, 25_000));
    }
    spec.shipping = Decimal::from(g.within(900, 2_500));
    spec
}

fn unrounded(g: &mut Gen, lines: u32) -> OrderSpec {
    let mut spec = g.goods(lines);
    spec.unrounded = true;
    spec.no_rounding = true;
    for line in &mut spec.lines {
        line.unit_price += Decimal::new(i64::from(g.within(1, 99)), 4);
    }
    spec
}

fn by_hand(name: &str, amount: Decimal) -> Discount {
    Discount::Order {
        id: "manual-discount".to_owned(),
        name: name.to_owned(),
        amount,
    }
}

fn coupon(code: &str, kind: CouponType, value: u32) -> Discount {
    Discount::Coupon {
        code: code.to_owned(),
        name: code.to_owned(),
        kind,
        value: Decimal::from(value),
    }
}
