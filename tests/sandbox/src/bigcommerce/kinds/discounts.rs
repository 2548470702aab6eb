//! Sales with something taken off.

use rust_decimal::Decimal;

use super::{Draft, Gen, Kind, kind};
use crate::bigcommerce::money::{digits, round};
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{CouponType, Discount, OrderSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "percent_coupon",
        "A coupon of 10 % on every line",
        Invoice,
        |g| {
            let spec = g.goods(3);
            coupons(spec, &[("TEN", CouponType::Percent, Decimal::TEN)])
        },
    ),
    kind(
        "fixed_coupon",
        "A coupon of a fixed amount on the whole order, spread over its lines",
        Invoice,
        |g| {
            let spec = g.goods(3);
            let value = part_of(&spec, 15);
            coupons(spec, &[("FIXED", CouponType::PerTotal, value)])
        },
    ),
    kind(
        "per_item_coupon",
        "A coupon of a fixed amount on every piece",
        Invoice,
        |g| {
            let spec = g.goods(2);
            coupons(spec, &[("EACH1", CouponType::PerItem, Decimal::ONE)])
        },
    ),
    kind(
        "coupon_on_shipping",
        "A coupon that takes money off the shipping cost",
        Invoice,
        |g| {
            let spec = g.goods(2);
            let value = round(spec.shipping / Decimal::TWO, digits(&spec.currency));
            coupons(spec, &[("SHIP", CouponType::Shipping, value)])
        },
    ),
    kind(
        "free_shipping_coupon",
        "A coupon for free shipping: the shipping cost is 0, its base cost is not",
        Invoice,
        |g| {
            let spec = g.goods(2);
            coupons(
                spec,
                &[("FREESHIP", CouponType::FreeShipping, Decimal::ZERO)],
            )
        },
    ),
    kind(
        "manual_discount",
        "A discount given by hand, spread over the lines",
        Invoice,
        |g| manual(g, 12),
    ),
    kind(
        "automatic_promotion",
        "A promotion without a code, in discount_amount",
        Invoice,
        |g| {
            let mut spec = g.goods(4);
            let amount = part_of(&spec, 20);
            spec.discounts.push(Discount::Order {
                id: "promotion-7".to_owned(),
                name: "Buy more, pay less".to_owned(),
                amount,
            });
            Draft::paid(spec)
        },
    ),
    kind(
        "two_coupons",
        "A percent coupon, then a fixed one on what is left",
        Invoice,
        |g| {
            let spec = g.goods(3);
            let value = part_of(&spec, 8);
            coupons(
                spec,
                &[
                    ("FIVE", CouponType::Percent, Decimal::from(5)),
                    ("LESS", CouponType::PerTotal, value),
                ],
            )
        },
    ),
    kind(
        "coupon_and_manual_discount",
        "A coupon and a discount by hand on the same lines",
        Invoice,
        |g| {
            let mut draft = manual(g, 10);
            draft.spec.discounts.push(Discount::Coupon {
                code: "TEN".to_owned(),
                name: "Ten percent".to_owned(),
                kind: CouponType::Percent,
                value: Decimal::TEN,
            });
            draft
        },
    ),
    kind(
        "whole_line_discounted",
        "A coupon of 100 % on the goods: only shipping is left to pay",
        Invoice,
        |g| {
            let spec = g.goods(2);
            coupons(spec, &[("ALL", CouponType::Percent, Decimal::ONE_HUNDRED)])
        },
    ),
];

fn coupons(mut spec: OrderSpec, list: &[(&str, CouponType, Decimal)]) -> Draft {
    for (code, kind, value) in list {
        spec.discounts.push(Discount::Coupon {
            code: (*code).to_owned(),
            name: format!("Coupon {code}"),
            kind: *kind,
            value: *value,
        });
    }
    Draft::paid(spec)
}

fn manual(g: &mut Gen, percent: i64) -> Draft {
    let mut spec = g.goods(3);
    let amount = part_of(&spec, percent);
    spec.discounts.push(Discount::Order {
        id: "manual-discount".to_owned(),
        name: "Manual Discount".to_owned(),
        amount,
    });
    Draft::paid(spec)
}

/// So many percent of the goods, at least one unit of the currency's smallest.
fn part_of(spec: &OrderSpec, percent: i64) -> Decimal {
    let goods: Decimal = spec.lines.iter().map(|line| line.gross()).sum();
    let digits = digits(&spec.currency);
    round(goods * Decimal::new(percent, 2), digits).max(Decimal::new(1, digits))
}
