//! Sales with several discounts, or discounts over figures that are hard by themselves.

use rust_decimal::Decimal;

use super::draft::rate;
use super::figures::{cents, everything};
use super::{Draft, Kind, kind};
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{CouponType, Discount, LineKind, LineSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "everything_discounted",
        "The same with a coupon and a discount by hand",
        Invoice,
        |g| {
            let mut draft = everything(g);
            let amount = g.amount(200, 700);
            draft.spec.discounts = vec![
                by_hand("Manual Discount", amount),
                coupon("TEN", CouponType::Percent, 10),
            ];
            draft
        },
    ),
    kind(
        "three_discounts",
        "Two coupons and a discount by hand",
        Invoice,
        |g| {
            let mut spec = g.goods(4);
            let amount = g.amount(100, 400);
            spec.discounts = vec![
                by_hand("Loyalty", amount),
                coupon("SEVEN", CouponType::Percent, 7),
                coupon("ONE", CouponType::PerItem, 1),
            ];
            Draft::paid(spec)
        },
    ),
    kind(
        "two_manual_discounts",
        "Two discounts by hand with names of their own",
        Invoice,
        |g| {
            let mut spec = g.goods(3);
            let (first, second) = (g.amount(110, 300), g.amount(110, 300));
            spec.discounts = vec![by_hand("Staff", first), by_hand("Damaged box", second)];
            Draft::paid(spec)
        },
    ),
    kind(
        "promotion_coupon",
        "A promotion with a code: coupon type 5",
        Invoice,
        |g| {
            let mut spec = g.goods(3);
            spec.discounts = vec![coupon("PROMO", CouponType::Promotion, 3)];
            Draft::paid(spec)
        },
    ),
    kind(
        "all_free",
        "A coupon of 100 % and free shipping: nothing to pay",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            spec.discounts = vec![
                coupon("ALL", CouponType::Percent, 100),
                coupon("FREESHIP", CouponType::FreeShipping, 0),
            ];
            Draft::paid(spec)
        },
    ),
    kind(
        "discount_above_the_goods",
        "A coupon worth more than the goods: cut to them",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            spec.discounts = vec![coupon("HUGE", CouponType::PerTotal, 1_000_000)];
            Draft::paid(spec)
        },
    ),
    kind(
        "discount_on_mixed_rates",
        "A discount over food at 5 %, goods at 20 % and an exempt line",
        Invoice,
        |g| {
            let mut spec = g.taxed(
                3,
                vec![rate(1, "Food VAT", "5", 0), rate(2, "VAT", "20", 0)],
            );
            for (line, ids) in spec.lines.iter_mut().zip([vec![1], vec![2], Vec::new()]) {
                line.rate_ids = ids;
            }
            let amount = g.amount(150, 350);
            spec.discounts = vec![by_hand("Manual Discount", amount)];
            Draft::paid(spec)
        },
    ),
    kind(
        "discount_on_compound_tax",
        "Twelve percent off under compound taxes",
        Invoice,
        |g| {
            let mut spec = g.taxed(3, vec![rate(1, "GST", "5", 0), rate(2, "QST", "9.975", 1)]);
            spec.discounts = vec![coupon("TWELVE", CouponType::Percent, 12)];
            Draft::paid(spec)
        },
    ),
    kind(
        "shipping_coupon_and_discount",
        "Money off the shipping and off the goods",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            let amount = g.amount(100, 300);
            spec.discounts = vec![
                coupon("SHIP2", CouponType::Shipping, 2),
                by_hand("Manual Discount", amount),
            ];
            Draft::paid(spec)
        },
    ),
    kind(
        "free_shipping_and_percent",
        "Free shipping and ten percent",
        Invoice,
        |g| {
            let mut spec = g.goods(3);
            spec.discounts = vec![
                coupon("FREESHIP", CouponType::FreeShipping, 0),
                coupon("TEN", CouponType::Percent, 10),
            ];
            Draft::paid(spec)
        },
    ),
    kind(
        "discount_beside_gift_certificate",
        "Goods discounted, a sold gift certificate not",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            spec.lines.push(LineSpec {
                unit_price: Decimal::from(50),
                ..LineSpec::new("Gift Certificate", LineKind::GiftCertificate)
            });
            spec.discounts = vec![coupon("TEN", CouponType::Percent, 10)];
            Draft::paid(spec)
        },
    ),
    kind(
        "many_discounted_lines",
        "Thirty lines of few cents, fifteen percent off",
        Invoice,
        |g| {
            let mut spec = g.goods(30);
            for line in &mut spec.lines {
                line.unit_price = cents(&spec.currency, i64::from(g.within(5, 199)));
            }
            spec.discounts = vec![coupon("FIFTEEN", CouponType::Percent, 15)];
            Draft::paid(spec)
        },
    ),
];

fn by_hand(name: &str, amount: Decimal) -> Discount {
    Discount::Order {
        id: name.to_lowercase().replace(' ', "-"),
        name: name.to_owned(),
        amount,
    }
}

fn coupon(code: &str, kind: CouponType, value: i64) -> Discount {
    Discount::Coupon {
        code: code.to_owned(),
        name: format!("Coupon {code}"),
        kind,
        value: Decimal::from(value),
    }
}
