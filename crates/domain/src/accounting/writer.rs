//! One way of writing an order's lines: net prices that FreshBooks' tax brings back.
//!
//! FreshBooks knows prices before tax only. In stores whose prices contain the tax, each line's
//! net amount is chosen so that FreshBooks' tax brings it back to the shopper's price; where no
//! such amount exists the difference is carried to the next such line. Not here: whether the
//! lines add up ([`super::entries`]) and how they are mended ([`super::tuning`]).

use rust_decimal::{Decimal, RoundingStrategy};

use super::charges::{Charge, charges};
use super::discounts::{Discount, discounts};
use super::entries::plain;
use super::taxes::{TaxSet, TaxSets, UNTAXED};
use super::ways::Way;
use super::{Entry, EntrySource, describe};
use crate::arithmetic::{Figures, rounding_halves, tax_on};
use crate::books::LineKind;
use crate::money::{Currency, Error};
use crate::order::Order;
use crate::policy::{DiscountMode, Policy, TaxMode};

/// Lines as one way writes them.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) entries: Vec<Entry>,
    /// Half units that rounding can explain of all lines that the store taxed.
    pub(super) halves: Decimal,
    /// How many those are.
    pub(super) taxed_lines: u64,
}

/// The lines of `order`, written `way`.
pub(super) fn write(order: &Order, policy: &Policy, way: Way) -> Result<Draft, Error> {
    let mut sets = TaxSets::new(order, way.first_place_rates);
    let mut charges = charges(order, &mut sets);
    let mut discounts = discounts(order, &mut charges);
    if way.discount == DiscountMode::Net {
        reduce(&mut charges, &mut discounts);
    }
    let mut writer = Writer {
        order,
        sets: &sets,
        currency: order.currency,
        as_percent: policy.tax == TaxMode::Percent,
        carry: Decimal::ZERO,
        tax_carry: Decimal::ZERO,
        draft: Draft {
            entries: Vec::with_capacity(charges.len() + discounts.len() + 1),
            halves: Decimal::ZERO,
            taxed_lines: 0,
        },
    };
    for charge in &charges {
        // A charge that a discount took away wholly is still shown when it is all there is.
        if !charge.amount.is_zero() || order.totals.total.inc_tax.is_zero() {
            writer.charge(charge)?;
        }
    }
    for discount in &discounts {
        writer.discount(discount, &charges)?;
    }
    Ok(writer.draft)
}

/// Takes each discount off the charges it belongs to; only what belongs to none is left.
fn reduce(charges: &mut [Charge<'_>], discounts: &mut Vec<Discount>) {
    for discount in discounts.iter_mut() {
        let name = discount.name.clone();
        discount.shares.retain(|(index, share)| {
            match index.and_then(|index| charges.get_mut(index)) {
                Some(charge) => {
                    charge.amount -= share;
                    charge.less.push((name.clone(), *share));
                    false
                }
                None => true,
            }
        });
    }
    discounts.retain(|discount| !discount.shares.is_empty());
}

/// A net amount that may stand for a price with tax.
struct Candidate {
    net: Decimal,
    tax: Decimal,
    /// FreshBooks' tax brings it back to the price exactly.
    hits: bool,
    /// Distance of the sum so far, and of the tax so far.
    off: Decimal,
    tax_off: Decimal,
}

impl Candidate {
    fn is_better_than(&self, other: &Self) -> bool {
        if self.hits != other.hits {
            return self.hits;
        }
        (self.off, self.tax_off) < (other.off, other.tax_off)
    }
}

/// Collects the lines and carries what rounding leaves.
struct Writer<'a> {
    order: &'a Order,
    sets: &'a TaxSets<'a>,
    currency: Currency,
    as_percent: bool,
    /// What the lines so far fall short of the shopper's prices.
    carry: Decimal,
    /// What their tax falls short of the tax in those prices.
    tax_carry: Decimal,
    draft: Draft,
}

impl Writer<'_> {
    fn charge(&mut self, charge: &Charge<'_>) -> Result<(), Error> {
        let line = charge
            .product
            .and_then(|index| self.order.products.get(index));
        // What comes back in an exchange has a negative quantity: as many pieces at a price below
        // zero, since no source says that FreshBooks takes a quantity below it.
        let quantity = line.map_or(Decimal::ONE, |line| line.quantity.abs());
        let set = self.sets.get(charge.set);
        let (net, unit_cost) = self.net(charge.amount, quantity, set)?;
        let (quantity, unit_cost, collapsed) = match unit_cost {
            Some(unit_cost) => (quantity, unit_cost, false),
            None => (Decimal::ONE, net, quantity != Decimal::ONE),
        };
        let mut entry = self.entry(charge.kind, charge.name.to_owned(), set);
        charge.detail.clone_into(&mut entry.description);
        entry.quantity = quantity;
        entry.unit_cost = unit_cost;
        entry.source = EntrySource {
            product: charge.product,
            amount: charge.amount,
            net,
        };
        if let Some(line) = line {
            line.sku.trim().clone_into(&mut entry.sku);
            entry.options = describe::options(line);
            entry.description = describe::product(self.order, line, collapsed);
        }
        describe::less(&mut entry.description, &charge.less, self.currency);
        self.push(entry, charge.set);
        Ok(())
    }

    /// One negative line per set of taxes that the discount touches.
    fn discount(&mut self, discount: &Discount, charges: &[Charge<'_>]) -> Result<(), Error> {
        let mut by_set: Vec<(usize, Decimal)> = Vec::new();
        for (index, share) in &discount.shares {
            let set = index
                .and_then(|index| charges.get(index))
                .map_or(UNTAXED, |c| c.set);
            match by_set.iter_mut().find(|(known, _)| *known == set) {
                Some((_, sum)) => *sum += share,
                None => by_set.push((set, *share)),
            }
        }
        for (index, amount) in by_set {
            if amount.is_zero() {
                continue;
            }
            let set = self.sets.get(index);
            let (net, _) = self.net(-amount, Decimal::ONE, set)?;
            let mut entry = self.entry(LineKind::Discount, discount.name.clone(), set);
            entry.unit_cost = net;
            entry.source = EntrySource {
                product: None,
                amount: -amount,
                net,
            };
            self.push(entry, index);
        }
        Ok(())
    }

    fn entry(&self, kind: LineKind, name: String, set: &TaxSet) -> Entry {
        let mut entry = plain(kind, name, Decimal::ZERO);
        if self.as_percent {
            entry.tax1.clone_from(&set.tax1);
            entry.tax2.clone_from(&set.tax2);
            entry.compounded = set.compounded;
        }
        entry
    }

    fn push(&mut self, mut entry: Entry, set: usize) {
        // Already exact in smallest units; this only writes 5 as 5.00.
        entry.unit_cost.rescale(self.currency.decimals());
        entry.quantity.normalize_assign();
        let taxes = self.sets.get(set);
        self.draft.taxed_lines += u64::from(set != UNTAXED);
        // Counted also where the tax is a line of its own: the net amounts are rounded all the same.
        self.draft.halves += rounding_halves(Figures {
            quantity: entry.quantity,
            unit_cost: entry.unit_cost,
            tax1: taxes.tax1.as_ref(),
            tax2: taxes.tax2.as_ref(),
            compounded: taxes.compounded,
        });
        self.draft.entries.push(entry);
    }

    /// The net amount of a line, and the unit price when `quantity` pieces of it make the amount.
    fn net(
        &mut self,
        amount: Decimal,
        quantity: Decimal,
        set: &TaxSet,
    ) -> Result<(Decimal, Option<Decimal>), Error> {
        let bring_back = self.order.tax_inclusive && set.tax1.is_some() && self.as_percent;
        if !bring_back {
            let exact = if self.order.tax_inclusive {
                amount / set.divisor
            } else {
                amount
            };
            return Ok(self.net_plain(exact, quantity));
        }
        let exact = amount / set.divisor;
        let near = self.round(exact);
        let unit = Decimal::new(1, self.currency.decimals());
        let mut best: Option<Candidate> = None;
        for net in [near, near - unit, near + unit] {
            let tax = self.tax(net, set)?;
            let candidate = Candidate {
                hits: net + tax == amount,
                off: (self.carry + amount - net - tax).abs(),
                tax_off: (self.tax_carry + amount - exact - tax).abs(),
                net,
                tax,
            };
            if candidate.hits && self.unit_price(net, quantity).is_some() {
                best = Some(candidate);
                break;
            }
            if best
                .as_ref()
                .is_none_or(|best| candidate.is_better_than(best))
            {
                best = Some(candidate);
            }
        }
        let (net, tax) = best.map_or((near, amount - near), |best| (best.net, best.tax));
        self.carry += amount - net - tax;
        self.tax_carry += amount - exact - tax;
        Ok((net, self.unit_price(net, quantity)))
    }

    /// The net amount where no tax has to bring it back to anything.
    fn net_plain(&mut self, exact: Decimal, quantity: Decimal) -> (Decimal, Option<Decimal>) {
        let mut net = self.round(exact);
        if net != exact {
            net = self.round(exact + self.carry);
            self.carry += exact - net;
        }
        (net, self.unit_price(net, quantity))
    }

    /// The price of one piece, when it is exact in smallest units.
    fn unit_price(&self, net: Decimal, quantity: Decimal) -> Option<Decimal> {
        if quantity == Decimal::ONE {
            return Some(net);
        }
        if quantity <= Decimal::ZERO {
            return None;
        }
        let price = self.round(net.checked_div(quantity)?);
        (price.checked_mul(quantity)? == net).then_some(price)
    }

    fn tax(&self, net: Decimal, set: &TaxSet) -> Result<Decimal, Error> {
        tax_on(
            net,
            set.tax1.as_ref(),
            set.tax2.as_ref(),
            set.compounded,
            self.currency,
        )
    }

    fn round(&self, value: Decimal) -> Decimal {
        value.round_dp_with_strategy(
            self.currency.decimals(),
            RoundingStrategy::MidpointAwayFromZero,
        )
    }
}
