//! Which discount takes how much off which line.
//!
//! Discounts apply in the order they were given, each on what the earlier ones left. Order-wide
//! ones are spread by price; sold gift certificates and what is given back in an exchange are never
//! discounted.

use rust_decimal::Decimal;

use super::spec::{CouponType, Discount, LineKind, OrderSpec};
use crate::bigcommerce::money::{round, spread};

/// One entry of a line's `applied_discounts`.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) code: Option<String>,
    pub(crate) target: &'static str,
    pub(crate) amount: Decimal,
}

/// One row of the order's coupons.
#[derive(Clone, Debug)]
pub(crate) struct CouponSum {
    pub(crate) code: String,
    pub(crate) kind: CouponType,
    /// Money, or percent for a percent coupon.
    pub(crate) value: Decimal,
    pub(crate) discount: Decimal,
}

/// What all discounts of an order take off, in the store's tax basis.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) lines: Vec<Vec<Applied>>,
    pub(crate) coupons: Vec<CouponSum>,
    /// The part that is no coupon: `discount_amount`.
    pub(crate) order: Decimal,
    /// The part of the coupons that concerns shipping.
    pub(crate) shipping: Decimal,
    pub(crate) free_shipping: bool,
    left: Vec<Decimal>,
}

pub(crate) fn apply(spec: &OrderSpec, digits: u32) -> Taken {
    let left = spec
        .lines
        .iter()
        .map(|line| match line.kind {
            _ if line.returned => Decimal::ZERO,
            LineKind::GiftCertificate => Decimal::ZERO,
            LineKind::Physical | LineKind::Digital => line.gross(),
        })
        .collect();
    let mut taken = Taken {
        lines: vec![Vec::new(); spec.lines.len()],
        coupons: Vec::new(),
        order: Decimal::ZERO,
        shipping: Decimal::ZERO,
        free_shipping: false,
        left,
    };
    for discount in &spec.discounts {
        match discount {
            Discount::Order { id, name, amount } => {
                let shares = taken.order_wide(*amount, digits);
                taken.order += shares.iter().copied().sum::<Decimal>();
                taken.book(&shares, id, name, None, "order");
            }
            Discount::Coupon {
                code,
                name,
                kind,
                value,
            } => {
                let sum = taken.coupon(spec, (code, name), *kind, *value, digits);
                taken.coupons.push(CouponSum {
                    code: code.clone(),
                    kind: *kind,
                    value: *value,
                    discount: sum,
                });
            }
        }
    }
    taken
}

impl Taken {
    fn coupon(
        &mut self,
        spec: &OrderSpec,
        (code, name): (&str, &str),
        kind: CouponType,
        value: Decimal,
        digits: u32,
    ) -> Decimal {
        let (shares, id, target) = match kind {
            CouponType::Shipping => {
                let part = value.min(spec.shipping - self.shipping);
                self.shipping += part;
                return part;
            }
            CouponType::FreeShipping => {
                self.free_shipping = true;
                return Decimal::ZERO;
            }
            CouponType::PerTotal | CouponType::Promotion => {
                (self.order_wide(value, digits), "total-coupon", "order")
            }
            CouponType::Percent => {
                let share = |left: &Decimal| round(left * value / Decimal::ONE_HUNDRED, digits);
                (self.left.iter().map(share).collect(), "coupon", "product")
            }
            CouponType::PerItem => {
                let share = |(line, left): (&super::spec::LineSpec, &Decimal)| {
                    (value * Decimal::from(line.quantity)).min(*left)
                };
                let shares = spec.lines.iter().zip(&self.left).map(share).collect();
                (shares, "coupon", "product")
            }
        };
        let shares: Vec<Decimal> = shares;
        self.book(&shares, id, name, Some(code), target);
        shares.iter().copied().sum()
    }

    fn order_wide(&self, amount: Decimal, digits: u32) -> Vec<Decimal> {
        let most: Decimal = self.left.iter().copied().sum();
        spread(amount.min(most), &self.left, digits)
    }

    fn book(
        &mut self,
        shares: &[Decimal],
        id: &str,
        name: &str,
        code: Option<&str>,
        target: &'static str,
    ) {
        let rows = self.left.iter_mut().zip(&mut self.lines);
        for (amount, (left, applied)) in shares.iter().zip(rows) {
            if amount.is_zero() {
                continue;
            }
            *left -= amount;
            applied.push(Applied {
                id: id.to_owned(),
                name: name.to_owned(),
                code: code.map(str::to_owned),
                target,
                amount: *amount,
            });
        }
    }
}
