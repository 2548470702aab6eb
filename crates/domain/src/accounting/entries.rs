//! The invoice's lines: net prices FreshBooks' arithmetic turns into the order's own total.
//!
//! FreshBooks knows prices before tax only. In stores whose prices contain the tax, each line's
//! net amount is chosen so that FreshBooks' tax brings it back to the shopper's price; where no
//! such amount exists the difference is carried to the next such line. What remains in the end is
//! the `Rounding` line, within its bound, or the order is held.

use rust_decimal::{Decimal, RoundingStrategy};

use super::charges::{Charge, basis, charges};
use super::discounts::{Discount, discounts};
use super::taxes::{TaxSet, TaxSets, UNTAXED};
use super::{Entry, EntrySource, Hold, describe, range, tax_lines};
use crate::arithmetic::{Figures, Model, Predicted, rounding_bound_minor, tax_on};
use crate::books::LineKind;
use crate::money::{Currency, Error, Money};
use crate::order::Order;
use crate::policy::{DiscountMode, Policy, TaxMode};

/// The lines of an order's invoice, or every reason why there are none.
///
/// Their predicted total is the order's `total_inc_tax` to the smallest unit.
pub fn entries(order: &Order, policy: &Policy) -> Result<Vec<Entry>, Vec<Hold>> {
    range::check(order)?;
    compute(order, policy).map_err(|error| {
        vec![Hold {
            code: "not_computable",
            message: sentence(&error),
        }]
    })?
}

fn compute(order: &Order, policy: &Policy) -> Result<Result<Vec<Entry>, Vec<Hold>>, Error> {
    let mut sets = TaxSets::new(order);
    let mut charges = charges(order, &mut sets);
    let mut discounts = discounts(order, &mut charges);
    if policy.discount == DiscountMode::Net {
        reduce(&mut charges, &mut discounts);
    }
    let mut writer = Writer {
        order,
        sets: &sets,
        currency: order.currency,
        as_percent: policy.tax == TaxMode::Percent,
        carry: Decimal::ZERO,
        tax_carry: Decimal::ZERO,
        taxed_lines: 0,
        entries: Vec::with_capacity(charges.len() + discounts.len() + 1),
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
    let (mut entries, taxed_lines) = (writer.entries, writer.taxed_lines);
    if policy.tax == TaxMode::Amount {
        match tax_lines::tax_lines(order, rounding_bound_minor(taxed_lines)) {
            Ok(lines) => entries.extend(lines),
            Err(hold) => return Ok(Err(vec![hold])),
        }
    }
    close(order, policy, entries, taxed_lines)
}

/// Takes each discount off the charges it belongs to; only what belongs to none is left.
fn reduce(charges: &mut [Charge<'_>], discounts: &mut Vec<Discount>) {
    for discount in discounts.iter_mut() {
        discount.shares.retain(|(index, share)| {
            match index.and_then(|index| charges.get_mut(index)) {
                Some(charge) => {
                    charge.amount -= share;
                    false
                }
                None => true,
            }
        });
    }
    discounts.retain(|discount| !discount.shares.is_empty());
}

/// Compares the prediction with the order's own sums and adds the rounding line.
fn close(
    order: &Order,
    policy: &Policy,
    mut entries: Vec<Entry>,
    taxed_lines: u64,
) -> Result<Result<Vec<Entry>, Vec<Hold>>, Error> {
    let currency = order.currency;
    let total = match Money::exact(order.totals.total.inc_tax, currency) {
        Ok(total) => total,
        Err(error @ Error::TooPrecise { .. }) => {
            return Ok(Err(vec![Hold {
                code: "total_too_precise",
                message: format!(
                    "The order's total cannot be invoiced: {error}. Correct the order in the store."
                ),
            }]));
        }
        Err(error) => return Err(error),
    };
    let expected_tax = Money::rounded(order.totals.total.tax, currency)?;
    let bound = rounding_bound_minor(taxed_lines);
    let predicted = Model::default().predict(entries.iter().map(Figures::from), currency)?;
    let mut holds = Vec::new();
    let difference = total.checked_sub(predicted.total)?;
    if difference.amount_minor.unsigned_abs() > bound {
        holds.push(sums_differ(order, &predicted, total, expected_tax, bound));
    }
    if policy.tax == TaxMode::Percent {
        let off = expected_tax.checked_sub(predicted.tax)?;
        // The tax inside is held to the same bound as the total.
        if off.amount_minor.unsigned_abs() > bound {
            holds.push(Hold {
                code: "tax_does_not_match",
                message: format!(
                    "The store's tax is {expected_tax}, the percents on the lines make {}; {} \
                     smallest units of {currency} is the most that rounding explains. Set tax = \"amount\" \
                     for this connection, or correct the order's taxes in the store.",
                    predicted.tax, bound
                ),
            });
        }
    }
    if !holds.is_empty() {
        return Ok(Err(holds));
    }
    if difference.amount_minor != 0 {
        entries.push(plain(
            LineKind::Rounding,
            "Rounding".to_owned(),
            difference.to_decimal(),
        ));
    }
    Ok(Ok(entries))
}

fn sums_differ(order: &Order, predicted: &Predicted, total: Money, tax: Money, bound: u64) -> Hold {
    Hold {
        code: "sums_do_not_match",
        message: format!(
            "The store's total is {total} with {tax} tax; its lines make {} with {} tax ({} taxed \
             lines, so at most {bound} smallest units may be rounding). Compare products, \
             shipping, handling, wrapping, fees and discounts of order {} in the store and correct \
             what is off.",
            predicted.total, predicted.tax, predicted.taxed_lines, order.id
        ),
    }
}

/// An untaxed line of one piece.
pub(super) fn plain(kind: LineKind, name: String, amount: Decimal) -> Entry {
    Entry {
        kind,
        name,
        description: String::new(),
        sku: String::new(),
        options: String::new(),
        quantity: Decimal::ONE,
        unit_cost: amount,
        tax1: None,
        tax2: None,
        compounded: false,
        source: EntrySource {
            product: None,
            amount,
            net: amount,
        },
    }
}

/// An error of the core as a sentence for people.
pub(super) fn sentence(error: &Error) -> String {
    format!("The order's sums cannot be computed: {error}. Correct the order in the store.")
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
    taxed_lines: u64,
    entries: Vec<Entry>,
}

impl Writer<'_> {
    fn charge(&mut self, charge: &Charge<'_>) -> Result<(), Error> {
        let line = charge
            .product
            .and_then(|index| self.order.products.get(index));
        let quantity = line.map_or(Decimal::ONE, |line| line.quantity);
        let whole =
            line.is_some_and(|line| basis(&line.total, self.order.tax_inclusive) == charge.amount);
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
            entry.description = describe::product(self.order, line, collapsed, whole);
        }
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
        self.taxed_lines += u64::from(set != UNTAXED);
        self.entries.push(entry);
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
