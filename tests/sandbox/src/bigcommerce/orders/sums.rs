//! The arithmetic of an order, as real orders show it.
//!
//! Tax is taken on what is left after discounts and rounded to the currency, one rate at a time.
//! What an undiscounted price would have been with or without tax is only estimated from that:
//! `tax × amount / (amount − discount)`. So `subtotal_tax` and a line's `total_tax` keep the
//! discounted figure while `total_ex_tax` (inclusive stores) or `total_inc_tax` (exclusive ones)
//! carry the estimate, and the three do not add up. That is the vendor's behaviour.

use rust_decimal::Decimal;

use super::discounts::{self, Applied, CouponSum};
use super::spec::{OrderSpec, Rate};
use crate::bigcommerce::money::round;

/// One taxable thing: a line, the shipping, the handling, a wrapping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// Before discounts, in the store's tax basis.
    pub(crate) gross: Decimal,
    /// What discounts and coupons take off, same basis.
    pub(crate) discount: Decimal,
    /// Rounded tax on the discounted amount.
    pub(crate) tax: Decimal,
    /// That tax scaled back up to the undiscounted amount.
    pub(crate) estimate: Decimal,
    /// Rate id and its share of `tax`.
    pub(crate) rows: Vec<(u64, Decimal)>,
    inclusive: bool,
}

impl Part {
    fn new(
        gross: Decimal,
        discount: Decimal,
        rates: &[&Rate],
        inclusive: bool,
        digits: u32,
    ) -> Self {
        let left = gross - discount;
        let rows = taxes(left, rates, inclusive, digits);
        let tax: Decimal = rows.iter().map(|(_, amount)| *amount).sum();
        let estimate = if left.is_zero() {
            Decimal::ZERO
        } else {
            round(tax * gross / left, 4)
        };
        Self {
            gross,
            discount,
            tax,
            estimate,
            rows,
            inclusive,
        }
    }

    pub(crate) fn inc_tax(&self) -> Decimal {
        if self.inclusive {
            self.gross
        } else {
            self.gross + self.estimate
        }
    }

    pub(crate) fn ex_tax(&self) -> Decimal {
        if self.inclusive {
            self.gross - self.estimate
        } else {
            self.gross
        }
    }

    /// What the shopper paid for it, all discounts considered.
    pub(crate) fn discounted_inc_tax(&self) -> Decimal {
        let left = self.gross - self.discount;
        if self.inclusive {
            left
        } else {
            left + self.tax
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct LineSums {
    pub(crate) part: Part,
    pub(crate) wrapping: Part,
    pub(crate) applied: Vec<Applied>,
}

#[derive(Clone, Debug)]
pub(crate) struct Sums {
    /// Decimals of the currency in this store.
    pub(crate) digits: u32,
    pub(crate) lines: Vec<LineSums>,
    pub(crate) base_shipping: Decimal,
    pub(crate) shipping: Part,
    /// Shipping to the further addresses, in their order.
    pub(crate) elsewhere: Vec<Part>,
    pub(crate) handling: Part,
    pub(crate) fees: Vec<Part>,
    pub(crate) coupons: Vec<CouponSum>,
    pub(crate) discount_amount: Decimal,
    pub(crate) coupon_discount: Decimal,
    pub(crate) total_ex_tax: Decimal,
    pub(crate) total_inc_tax: Decimal,
    pub(crate) total_tax: Decimal,
}

impl Sums {
    pub(crate) fn subtotal(&self, of: impl Fn(&Part) -> Decimal) -> Decimal {
        self.lines.iter().map(|line| of(&line.part)).sum()
    }

    pub(crate) fn wrapping(&self, of: impl Fn(&Part) -> Decimal) -> Decimal {
        self.lines.iter().map(|line| of(&line.wrapping)).sum()
    }

    /// What can be paid of the total: the total itself, unless it is finer than its currency.
    pub(crate) fn payable(&self) -> Decimal {
        round(self.total_inc_tax, self.digits)
    }

    /// Shipping to all addresses.
    pub(crate) fn all_shipping(&self, of: impl Fn(&Part) -> Decimal) -> Decimal {
        of(&self.shipping) + self.elsewhere.iter().map(of).sum::<Decimal>()
    }
}

/// Tax of `left` by rate, each rounded on its own; compound where priorities differ.
fn taxes(left: Decimal, rates: &[&Rate], inclusive: bool, digits: u32) -> Vec<(u64, Decimal)> {
    let hundred = Decimal::ONE_HUNDRED;
    let mut priorities: Vec<u32> = rates.iter().map(|rate| rate.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let group = |priority: u32| -> Decimal {
        rates
            .iter()
            .filter(|rate| rate.priority == priority)
            .map(|rate| rate.percent / hundred)
            .sum()
    };
    let factor: Decimal = priorities
        .iter()
        .map(|p| Decimal::ONE + group(*p))
        .product();
    let mut base = if inclusive { left / factor } else { left };
    let mut rows = Vec::with_capacity(rates.len());
    for priority in priorities {
        for rate in rates.iter().filter(|rate| rate.priority == priority) {
            rows.push((rate.id, round(base * rate.percent / hundred, digits)));
        }
        base *= Decimal::ONE + group(priority);
    }
    rows
}

/// Computes everything an order shows from what it is made of.
///
/// Deterministic, and exact in the store's own basis: `total_inc` (inclusive) or `total_ex`
/// (exclusive) is the plain sum of the parts, and the tax rows sum to `total_tax`.
pub(crate) fn compute(spec: &OrderSpec) -> Sums {
    let digits = crate::bigcommerce::money::digits(&spec.currency);
    // What V2 can spell is all the fraction that a row ever has.
    let tax_digits = if spec.no_rounding { 4 } else { digits };
    let taken = discounts::apply(spec, digits);
    let pick = |ids: &[u64]| -> Vec<&Rate> {
        spec.rates
            .iter()
            .filter(|rate| ids.contains(&rate.id))
            .collect()
    };
    let all = spec.all_rate_ids();
    let part = |gross: Decimal, discount: Decimal, ids: &[u64]| {
        let rates = if gross.is_zero() {
            Vec::new()
        } else {
            pick(ids)
        };
        Part::new(gross, discount, &rates, spec.inclusive, tax_digits)
    };
    let extra = |gross: Decimal, discount: Decimal, taxed: bool| {
        part(gross, discount, if taxed { &all } else { &[] })
    };
    let shipping_gross = if taken.free_shipping {
        Decimal::ZERO
    } else {
        spec.shipping
    };
    let shipping_rates = match spec.shipping_rate_ids.as_slice() {
        _ if !spec.shipping_taxed => &[],
        [] => all.as_slice(),
        own => own,
    };
    let shipping = part(
        shipping_gross,
        taken.shipping.min(shipping_gross),
        shipping_rates,
    );
    let elsewhere: Vec<Part> = spec
        .elsewhere
        .iter()
        .map(|there| part(there.shipping, Decimal::ZERO, &there.rate_ids))
        .collect();
    let handling = extra(spec.handling, Decimal::ZERO, spec.handling_taxed);
    let lines: Vec<LineSums> = spec
        .lines
        .iter()
        .zip(taken.lines)
        .map(|(line, applied)| LineSums {
            part: Part::new(
                line.gross(),
                applied.iter().map(|a| a.amount).sum(),
                &pick(&line.rate_ids),
                spec.inclusive,
                tax_digits,
            ),
            wrapping: extra(
                line.wrapping.as_ref().map_or(Decimal::ZERO, |w| w.cost),
                Decimal::ZERO,
                spec.wrapping_taxed,
            ),
            applied,
        })
        .collect();
    let fees: Vec<Part> = spec
        .fees
        .iter()
        .map(|fee| extra(fee.amount, Decimal::ZERO, fee.taxed))
        .collect();
    let others = || elsewhere.iter().chain(&fees).chain([&shipping, &handling]);
    let gross: Decimal = lines
        .iter()
        .map(|line| line.part.gross + line.wrapping.gross)
        .sum::<Decimal>()
        + others().map(|part| part.gross).sum::<Decimal>();
    let total_tax = lines
        .iter()
        .map(|line| line.part.tax + line.wrapping.tax)
        .sum::<Decimal>()
        + others().map(|part| part.tax).sum::<Decimal>();
    let total_digits = if spec.unrounded { 4 } else { digits };
    let total_tax = round(total_tax, total_digits);
    let coupon_discount: Decimal = taken.coupons.iter().map(|coupon| coupon.discount).sum();
    let own = gross - taken.order - coupon_discount;
    let (total_ex_tax, total_inc_tax) = if spec.inclusive {
        (own - total_tax, own)
    } else {
        (own, own + total_tax)
    };
    Sums {
        digits,
        lines,
        base_shipping: spec.shipping,
        shipping,
        elsewhere,
        handling,
        fees,
        coupons: taken.coupons,
        discount_amount: taken.order,
        coupon_discount,
        total_ex_tax,
        total_inc_tax,
        total_tax,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bigcommerce::orders::spec::{Discount, LineKind, LineSpec};

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn order(inclusive: bool, price: &str, quantity: u32, percent: &str, off: &str) -> Sums {
        let mut spec = OrderSpec::empty(inclusive, "USD");
        spec.rates.push(Rate {
            id: 1,
            name: "Tax".into(),
            percent: dec(percent),
            priority: 0,
        });
        spec.lines.push(LineSpec {
            quantity,
            unit_price: dec(price),
            rate_ids: vec![1],
            ..LineSpec::new("Bottle", LineKind::Physical)
        });
        spec.discounts.push(Discount::Order {
            id: "manual-discount".into(),
            name: "Manual Discount".into(),
            amount: dec(off),
        });
        compute(&spec)
    }

    #[test]
    fn the_published_inclusive_order_519_comes_out_to_the_digit() {
        let sums = order(true, "250", 10, "5.5", "100");
        assert_eq!(sums.subtotal(Part::inc_tax), dec("2500"));
        assert_eq!(sums.subtotal(Part::ex_tax), dec("2369.6667"));
        assert_eq!(sums.subtotal(|part| part.tax), dec("125.12"));
        assert_eq!(sums.total_ex_tax, dec("2274.88"));
        assert_eq!(sums.total_inc_tax, dec("2400"));
        assert_eq!(sums.lines[0].part.discounted_inc_tax(), dec("2400"));
    }

    #[test]
    fn the_published_exclusive_line_of_order_120_comes_out_to_the_digit() {
        let sums = order(false, "89", 1, "7", "35.90");
        let part = &sums.lines[0].part;
        assert_eq!(part.tax, dec("3.72"));
        assert_eq!(part.inc_tax(), dec("95.2350"));
        assert_eq!(part.discounted_inc_tax(), dec("56.82"));
    }

    #[test]
    fn a_higher_priority_is_taxed_on_the_lower_one() {
        let rate = |id, percent, priority| Rate {
            id,
            name: "t".into(),
            percent: dec(percent),
            priority,
        };
        let (first, second) = (rate(1, "5", 0), rate(2, "10", 1));
        let rows = taxes(dec("100"), &[&first, &second], false, 2);
        assert_eq!(rows, vec![(1, dec("5")), (2, dec("10.50"))]);
        let rows = taxes(dec("115.50"), &[&first, &second], true, 2);
        assert_eq!(rows, vec![(1, dec("5")), (2, dec("10.50"))]);
    }
}
