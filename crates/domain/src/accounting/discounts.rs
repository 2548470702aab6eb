//! What was taken off, by name, with the charge each share belongs to.
//!
//! The order's own sums (`discount_amount`, `coupon_discount`) are the truth; names and shares are
//! taken from coupons and applied discounts where those add up to them, else spread by amount. Not
//! here: gift certificates and store credit, which are money and no discount.

use rust_decimal::Decimal;

use super::charges::Charge;
use super::spread::spread;
use crate::books::LineKind;
use crate::order::{AppliedDiscount, Coupon, CouponType, Order};

/// One named discount; amounts in the store's own tax basis, positive.
#[derive(Debug)]
pub(super) struct Discount {
    pub(super) name: String,
    /// Charge index (none when nothing was charged) and what is taken off there.
    pub(super) shares: Vec<(Option<usize>, Decimal)>,
}

/// Every discount of the order. Coupons on shipping are taken off the shipping charges at once.
pub(super) fn discounts(order: &Order, charges: &mut [Charge<'_>]) -> Vec<Discount> {
    let mut discounts = Vec::new();
    coupons(order, charges, &mut discounts);
    manual(order, charges, &mut discounts);
    discounts
}

fn coupons(order: &Order, charges: &mut [Charge<'_>], discounts: &mut Vec<Discount>) {
    let total = order.totals.coupon_discount;
    if total.is_zero() {
        return;
    }
    let on_shipping = |coupon: &&Coupon| {
        matches!(
            coupon.coupon_type,
            CouponType::Shipping | CouponType::FreeShipping
        )
    };
    let all: Decimal = order.coupons.iter().map(|coupon| coupon.discount).sum();
    let shipping: Decimal = order
        .coupons
        .iter()
        .filter(on_shipping)
        .map(|coupon| coupon.discount)
        .sum();
    if all == total {
        reduce_shipping(shipping, order, charges, discounts);
    } else if all - shipping != total {
        let codes: Vec<&str> = order
            .coupons
            .iter()
            .map(|coupon| coupon.code.trim())
            .collect();
        let mut name = if codes.len() > 1 {
            "Coupons "
        } else {
            "Coupon "
        }
        .to_owned();
        name.push_str(&codes.join(", "));
        let by_code = |share: &AppliedDiscount| !share.code.trim().is_empty();
        discounts.push(named(
            name.trim().to_owned(),
            total,
            by_code,
            order,
            charges,
        ));
        return;
    }
    // Otherwise the shipping cost was already reported without what the coupon took off.
    for coupon in order.coupons.iter().filter(|coupon| !on_shipping(coupon)) {
        if coupon.discount.is_zero() {
            continue;
        }
        let code = coupon.code.trim();
        let name = format!("Coupon {code}").trim().to_owned();
        let same = |share: &AppliedDiscount| share.code.trim().eq_ignore_ascii_case(code);
        discounts.push(named(name, coupon.discount, same, order, charges));
    }
}

fn manual(order: &Order, charges: &[Charge<'_>], discounts: &mut Vec<Discount>) {
    let total = order.totals.discount_amount;
    if total.is_zero() {
        return;
    }
    let mut names: Vec<(&str, Decimal)> = Vec::new();
    let shares = order
        .products
        .iter()
        .flat_map(|line| &line.applied_discounts);
    for share in shares.filter(|share| share.code.trim().is_empty() && !share.amount.is_zero()) {
        let name = share.name.trim();
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += share.amount,
            None => names.push((name, share.amount)),
        }
    }
    let title = |name: &str| {
        if name.is_empty() {
            "Discount".to_owned()
        } else {
            name.to_owned()
        }
    };
    let sum: Decimal = names.iter().map(|(_, sum)| *sum).sum();
    if sum == total {
        for (name, amount) in names {
            let same =
                |share: &AppliedDiscount| share.code.trim().is_empty() && share.name.trim() == name;
            discounts.push(named(title(name), amount, same, order, charges));
        }
        return;
    }
    let name = match names.as_slice() {
        [(name, _)] => title(name),
        _ => "Discount".to_owned(),
    };
    discounts.push(named(
        name,
        total,
        |share| share.code.trim().is_empty(),
        order,
        charges,
    ));
}

/// Shares as the store reports them where they add up to `amount`, else in proportion.
fn named(
    name: String,
    amount: Decimal,
    belongs: impl Fn(&AppliedDiscount) -> bool,
    order: &Order,
    charges: &[Charge<'_>],
) -> Discount {
    let mut reported = Vec::new();
    let mut sum = Decimal::ZERO;
    for (index, charge) in charges.iter().enumerate() {
        let Some(line) = charge
            .product
            .and_then(|product| order.products.get(product))
        else {
            continue;
        };
        let applied = line.applied_discounts.iter().filter(|share| belongs(share));
        let share: Decimal = applied.map(|share| share.amount).sum();
        if !share.is_zero() {
            sum += share;
            reported.push((Some(index), share));
        }
    }
    if sum == amount {
        return Discount {
            name,
            shares: reported,
        };
    }
    Discount {
        name,
        shares: in_proportion(amount, order, charges),
    }
}

fn in_proportion(
    amount: Decimal,
    order: &Order,
    charges: &[Charge<'_>],
) -> Vec<(Option<usize>, Decimal)> {
    let fits = |wide: bool| -> (Vec<usize>, Vec<Decimal>) {
        charges
            .iter()
            .enumerate()
            .filter(|(_, charge)| (wide || charge.discountable) && charge.amount > Decimal::ZERO)
            .map(|(index, charge)| (index, charge.amount))
            .unzip()
    };
    let (mut indexes, mut weights) = fits(false);
    if indexes.is_empty() {
        (indexes, weights) = fits(true);
    }
    if indexes.is_empty() {
        return vec![(None, amount)];
    }
    let decimals = order.currency.decimals();
    let shares = spread(amount, &weights, decimals);
    indexes
        .into_iter()
        .zip(shares)
        .filter(|(_, share)| !share.is_zero())
        .map(|(index, share)| (Some(index), share))
        .collect()
}

/// Takes a shipping coupon off the shipping charges; what exceeds them stays a discount.
fn reduce_shipping(
    amount: Decimal,
    order: &Order,
    charges: &mut [Charge<'_>],
    discounts: &mut Vec<Discount>,
) {
    let mut left = amount;
    for charge in charges
        .iter_mut()
        .filter(|charge| charge.kind == LineKind::Shipping)
    {
        let taken = left.min(charge.amount).max(Decimal::ZERO);
        charge.amount -= taken;
        left -= taken;
    }
    if !left.is_zero() {
        let shares = in_proportion(left, order, charges);
        discounts.push(Discount {
            name: "Shipping coupon".to_owned(),
            shares,
        });
    }
}
