//! The taxes of each thing that was charged, folded into the two that FreshBooks takes a line.
//!
//! Not here: tax amounts; FreshBooks computes them (see [`crate::arithmetic`]).

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::books::LineTax;
use crate::order::{Amounts, Order, TaxRow, TaxedItem};

/// Decimals FreshBooks takes in a percent.
const PERCENT_DECIMALS: u32 = 3;

/// The most a tax row's base may weigh, so that weights add up without overflow.
const BASE_MAX: Decimal = Decimal::from_parts(0xA4C6_8000, 0x3_8D7E, 0, false, 0);

/// The taxes of a line, as FreshBooks takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaxSet {
    pub(super) tax1: Option<LineTax>,
    pub(super) tax2: Option<LineTax>,
    pub(super) compounded: bool,
    /// An amount with tax divided by this is the amount without.
    pub(super) divisor: Decimal,
}

/// Every set of taxes in an order. Index [`UNTAXED`] has none.
pub(super) struct TaxSets<'a> {
    sets: Vec<TaxSet>,
    /// The rows behind each set, for finding it again.
    keys: Vec<Vec<&'a TaxRow>>,
    /// Rows that charge something, in order of product and priority.
    rows: Vec<&'a TaxRow>,
    /// How many rates of one priority stand in the first of the two places.
    first_place_rates: usize,
}

/// The set without taxes.
pub(super) const UNTAXED: usize = 0;

/// Rows that charge something. Those that charged nothing do not count, unless the store reports no
/// amounts at all.
fn charging(order: &Order) -> Vec<&TaxRow> {
    let reported = order.taxes.iter().any(|row| !row.line_amount.is_zero());
    let charges = |row: &&TaxRow| !row.rate.is_zero() && (!reported || !row.line_amount.is_zero());
    order.taxes.iter().filter(charges).collect()
}

/// The most rates that any one thing of the order was charged.
pub(super) fn most_rates(order: &Order) -> usize {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for row in charging(order) {
        let thing = (row.item, row.order_product_id, row.order_address_id);
        *counts.entry(thing).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

impl<'a> TaxSets<'a> {
    pub(super) fn new(order: &'a Order, first_place_rates: usize) -> Self {
        let mut rows = charging(order);
        rows.sort_by_key(|row| (row.item, row.order_product_id, row.priority));
        let untaxed = TaxSet {
            tax1: None,
            tax2: None,
            compounded: false,
            divisor: Decimal::ONE,
        };
        Self {
            sets: vec![untaxed],
            keys: vec![Vec::new()],
            rows,
            first_place_rates,
        }
    }

    pub(super) fn get(&self, index: usize) -> &TaxSet {
        self.sets.get(index).unwrap_or(&self.sets[UNTAXED])
    }

    /// The set of a product's line or wrapping; `tax` is what the store says it was taxed.
    pub(super) fn of_product(
        &mut self,
        item: TaxedItem,
        product_id: u64,
        address_id: Option<u64>,
        net: Decimal,
        tax: Decimal,
    ) -> usize {
        let start = self
            .rows
            .partition_point(|row| (row.item, row.order_product_id) < (item, Some(product_id)));
        let own: Vec<&'a TaxRow> = self.rows[start..]
            .iter()
            .take_while(|row| row.item == item && row.order_product_id == Some(product_id))
            .copied()
            .collect();
        if !own.is_empty() {
            return self.index_of(own);
        }
        self.undetailed(address_id, net, tax)
    }

    /// The sets of something that belongs to the whole order, with each one's weight: the part of
    /// it, in the store's own tax basis, that makes the tax charged.
    pub(super) fn of_order(
        &mut self,
        order: &Order,
        item: TaxedItem,
        amounts: &Amounts,
    ) -> Vec<(usize, Decimal)> {
        let own: Vec<&'a TaxRow> = self
            .rows
            .iter()
            .filter(|row| row.item == item)
            .copied()
            .collect();
        if own.is_empty() {
            let set = self.undetailed(None, amounts.ex_tax, amounts.tax);
            return vec![(set, Decimal::ONE)];
        }
        let untaxed_somewhere = order.shipping_addresses.len() > 1
            && order.shipping_addresses.iter().any(|address| {
                address.id.is_some() && !own.iter().any(|row| row.order_address_id == address.id)
            });
        let mut addresses: Vec<(Option<u64>, Option<u64>)> = own
            .iter()
            .map(|row| (row.order_address_id, row.order_product_id))
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut weighted: Vec<(usize, Decimal)> = Vec::new();
        for place in addresses {
            let mut here: Vec<&'a TaxRow> = own
                .iter()
                .filter(|row| (row.order_address_id, row.order_product_id) == place)
                .copied()
                .collect();
            here.sort_by_key(|row| row.priority);
            let charged: Decimal = here.iter().map(|row| row.line_amount.abs()).sum();
            let index = self.index_of(here);
            let divisor = self.get(index).divisor;
            let mut base = charged
                .checked_div(divisor - Decimal::ONE)
                .unwrap_or(Decimal::ONE)
                .min(BASE_MAX);
            if order.tax_inclusive {
                base += charged;
            }
            match weighted.iter_mut().find(|(known, _)| *known == index) {
                Some((_, weight)) => *weight += base,
                None => weighted.push((index, base)),
            }
        }
        let taxed: Decimal = weighted.iter().map(|(_, base)| *base).sum();
        let rest = super::charges::basis(amounts, order.tax_inclusive) - taxed;
        if untaxed_somewhere && rest > Decimal::ZERO {
            // What no tax accounts for went to the address that no tax row speaks of.
            weighted.push((UNTAXED, rest));
        }
        weighted
    }

    /// The set of something no row speaks of: rows without details, an order rate that gives the
    /// store's tax, or the percent the store's own two amounts make.
    fn undetailed(&mut self, address_id: Option<u64>, net: Decimal, tax: Decimal) -> usize {
        if tax.is_zero() || net.is_zero() {
            return UNTAXED;
        }
        let general: Vec<&'a TaxRow> = self
            .rows
            .iter()
            .filter(|row| {
                row.item == TaxedItem::Unspecified
                    && row.order_product_id.is_none()
                    && (address_id.is_none()
                        || row.order_address_id.is_none()
                        || row.order_address_id == address_id)
            })
            .copied()
            .collect();
        if !general.is_empty() {
            return self.index_of(one_lines_rows(general, net, tax));
        }
        let tolerance = Decimal::new(1, 2);
        let known = self.sets.iter().position(|set| {
            let predicted = net * (set.divisor - Decimal::ONE);
            set.tax1.is_some() && (predicted - tax).abs() <= tolerance
        });
        if let Some(index) = known {
            return index;
        }
        let quotient = tax
            .checked_div(net)
            .and_then(|q| q.checked_mul(Decimal::ONE_HUNDRED));
        let percent = quotient
            .unwrap_or(Decimal::ZERO)
            .round_dp_with_strategy(PERCENT_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
        if percent <= Decimal::ZERO || percent > Decimal::ONE_THOUSAND {
            return UNTAXED;
        }
        self.add(TaxSet {
            tax1: Some(LineTax {
                name: "Tax".to_owned(),
                percent,
            }),
            tax2: None,
            compounded: false,
            divisor: Decimal::ONE + percent / Decimal::ONE_HUNDRED,
        })
    }

    fn add(&mut self, set: TaxSet) -> usize {
        self.sets.push(set);
        self.keys.push(Vec::new());
        self.sets.len() - 1
    }

    /// Every row counts, also two of one name, rate and priority: two districts may be alike.
    fn index_of(&mut self, rows: Vec<&'a TaxRow>) -> usize {
        let known = self.keys.iter().position(|key| {
            key.len() == rows.len()
                && !key.is_empty()
                && key
                    .iter()
                    .zip(&rows)
                    .all(|(left, right)| same_tax(left, right))
        });
        if let Some(index) = known {
            return index;
        }
        let index = self.add(fold(&rows, self.first_place_rates));
        self.keys[index] = rows;
        index
    }
}

fn same_tax(left: &TaxRow, right: &TaxRow) -> bool {
    left.name == right.name && left.rate == right.rate && left.priority == right.priority
}

/// The rows of one line, of rows that do not say which line they are of: a store without details
/// reports each tax once for the order, or once for each line. Of the ways to part alike rows
/// evenly the one is taken that comes nearest to the line's own `tax`.
fn one_lines_rows<'a>(rows: Vec<&'a TaxRow>, net: Decimal, tax: Decimal) -> Vec<&'a TaxRow> {
    let mut alike: Vec<(&'a TaxRow, usize)> = Vec::new();
    for row in rows {
        match alike.iter_mut().find(|(known, _)| same_tax(known, row)) {
            Some((_, count)) => *count += 1,
            None => alike.push((row, 1)),
        }
    }
    let most = alike.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let off = |lines: usize| {
        let rate: Decimal = alike
            .iter()
            .map(|(row, count)| row.rate * Decimal::from(share(*count, lines)))
            .sum();
        let made = net.checked_mul(rate / Decimal::ONE_HUNDRED);
        (made.unwrap_or(Decimal::MAX).saturating_sub(tax)).abs()
    };
    let lines = (1..=most).min_by_key(|lines| off(*lines)).unwrap_or(1);
    let of_line = alike
        .iter()
        .flat_map(|(row, count)| std::iter::repeat_n(*row, share(*count, lines)));
    of_line.collect()
}

/// How many of `count` alike rows belong to one of `lines` lines; one at least.
fn share(count: usize, lines: usize) -> usize {
    (count / lines).max(1)
}

/// Two taxes at most, from any number: equal priorities add up, later ones compound.
fn fold(rows: &[&TaxRow], first_place_rates: usize) -> TaxSet {
    let first_priority = rows.first().map(|row| row.priority);
    let later = rows.partition_point(|row| Some(row.priority) == first_priority);
    let (first, second, compounded) = match later {
        // One priority only: the first rates stand in the first place, the others in the second.
        all if all == rows.len() => {
            let most = rows.len().saturating_sub(1).max(1);
            let (first, second) = rows.split_at(first_place_rates.clamp(1, most).min(rows.len()));
            (first, second, false)
        }
        split => (&rows[..split], &rows[split..], true),
    };
    let tax1 = folded(first);
    let mut tax2 = folded(second);
    let are_alike = tax1 == tax2;
    if let Some(tax) = tax2.as_mut().filter(|_| are_alike) {
        // FreshBooks tells taxes apart by name and percent; two districts that are alike stay two.
        tax.name.push_str(" (2)");
    }
    let rate = |tax: &Option<LineTax>| {
        tax.as_ref()
            .map_or(Decimal::ZERO, |tax| tax.percent / Decimal::ONE_HUNDRED)
    };
    let (one, two) = (rate(&tax1), rate(&tax2));
    let divisor = if compounded {
        (Decimal::ONE + one) * (Decimal::ONE + two)
    } else {
        Decimal::ONE + one + two
    };
    TaxSet {
        tax1,
        tax2,
        compounded,
        divisor,
    }
}

/// One tax that stands for several; its name says which.
fn folded(rows: &[&TaxRow]) -> Option<LineTax> {
    let (first, rest) = rows.split_first()?;
    if rest.is_empty() {
        return Some(LineTax {
            name: name_of(first).to_owned(),
            percent: percent(first.rate),
        });
    }
    let mut name = String::new();
    let mut factor = Decimal::ONE;
    let mut level = Decimal::ZERO;
    let mut priority = first.priority;
    for row in rows {
        if !name.is_empty() {
            name.push_str(" + ");
        }
        name.push_str(name_of(row));
        name.push(' ');
        name.push_str(&row.rate.normalize().to_string());
        name.push_str(" %");
        if row.priority != priority {
            factor = bounded(factor * (Decimal::ONE + level / Decimal::ONE_HUNDRED));
            level = Decimal::ZERO;
            priority = row.priority;
        }
        level += row.rate;
    }
    factor = bounded(factor * (Decimal::ONE + level / Decimal::ONE_HUNDRED));
    Some(LineTax {
        name,
        percent: percent((factor - Decimal::ONE) * Decimal::ONE_HUNDRED),
    })
}

/// Keeps compounded rates far from overflow; such an order is held for its sums anyway.
fn bounded(factor: Decimal) -> Decimal {
    factor.min(Decimal::ONE_THOUSAND)
}

fn percent(rate: Decimal) -> Decimal {
    rate.round_dp_with_strategy(PERCENT_DECIMALS, RoundingStrategy::MidpointAwayFromZero)
        .normalize()
}

fn name_of(row: &TaxRow) -> &str {
    [row.name.trim(), row.class.trim()]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or("Tax")
}
