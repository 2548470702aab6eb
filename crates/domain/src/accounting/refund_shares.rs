//! What a refund is for: its amount by thing given back, each with the taxes it carries.
//!
//! BigCommerce tells a refund's amount and tax as a whole, and of its items only which they are. So
//! the amount is spread over the items by what the shopper paid for them. Not here: the lines that
//! come of it ([`super::refund_lines`]).

use rust_decimal::Decimal;

use super::Entry;
use crate::books::{LineKind, LineTax};
use crate::order::{Amounts, Order, ProductLine, Refund, RefundItem, RefundItemType};

/// Two taxes at most, as a line carries them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Taxes {
    pub(super) tax1: Option<LineTax>,
    pub(super) tax2: Option<LineTax>,
    pub(super) compounded: bool,
}

/// A part of a refund that is taxed alike.
#[derive(Clone, Debug)]
pub(super) struct Share {
    pub(super) kind: LineKind,
    pub(super) name: String,
    pub(super) quantity: Decimal,
    pub(super) taxes: Taxes,
    /// What the shopper paid for it; only the proportions matter.
    pub(super) weight: Decimal,
    /// Tax in one unit of money with tax, by the order's own figures.
    pub(super) tax_ratio: Decimal,
    /// A custom value: BigCommerce reports no tax for it.
    pub(super) is_custom: bool,
}

pub(super) fn shares(order: &Order, entries: &[Entry], record: Option<&Refund>) -> Vec<Share> {
    let Some(record) = record else {
        return custom(order, entries, Decimal::ONE);
    };
    let mut shares = Vec::new();
    for item in &record.items {
        match item.item_type {
            RefundItemType::Product => shares.extend(product(order, entries, item)),
            RefundItemType::GiftWrapping => {
                let id = item.item_id.trim();
                let line = order.products.iter().find(|line| line.id.to_string() == id);
                let amounts = line.map_or(order.totals.wrapping, |line| line.wrapping);
                shares.extend(whole(
                    entries,
                    LineKind::Wrapping,
                    "Gift wrapping",
                    item,
                    &amounts,
                ));
            }
            RefundItemType::Shipping => {
                let amounts = &order.totals.shipping;
                shares.extend(whole(
                    entries,
                    LineKind::Shipping,
                    "Shipping",
                    item,
                    amounts,
                ));
            }
            RefundItemType::Handling => {
                let amounts = &order.totals.handling;
                shares.extend(whole(
                    entries,
                    LineKind::Handling,
                    "Handling",
                    item,
                    amounts,
                ));
            }
            RefundItemType::Fee => {
                let id = item.item_id.trim();
                let fee = order.fees.iter().find(|fee| fee.id.to_string() == id);
                let amounts = fee.map(|fee| fee.cost).unwrap_or_default();
                let name = fee.map_or("Fee", |fee| fee.name.trim());
                let own: Vec<Entry> = entries
                    .iter()
                    .filter(|entry| entry.kind == LineKind::Fee && entry.name == name)
                    .cloned()
                    .collect();
                let from = if own.is_empty() { entries } else { &own };
                shares.extend(whole(from, LineKind::Fee, name, item, &amounts));
            }
            // Without an amount it is whatever the other items leave of the refund.
            RefundItemType::Order => {
                if let Some(amount) = item.requested_amount {
                    shares.extend(custom(order, entries, amount));
                }
            }
        }
    }
    shares
}

/// What the items cost without tax; `None` where that is not theirs to say, because the merchant
/// named an amount.
pub(super) fn net_worth(order: &Order, record: &Refund) -> Option<Decimal> {
    let mut sum = Decimal::ZERO;
    for item in &record.items {
        if item.requested_amount.is_some() {
            return None;
        }
        let id = item.item_id.trim();
        let line = order.products.iter().find(|line| line.id.to_string() == id);
        let net = match item.item_type {
            RefundItemType::Product => {
                let line = line?;
                let paid = paid_for(line, order.tax_inclusive) - line.total.tax;
                paid.checked_mul(item.quantity.checked_div(line.quantity)?)?
            }
            RefundItemType::GiftWrapping => line?.wrapping.ex_tax,
            RefundItemType::Shipping => order.totals.shipping.ex_tax,
            RefundItemType::Handling => order.totals.handling.ex_tax,
            RefundItemType::Fee => {
                let mut fees = order.fees.iter();
                fees.find(|fee| fee.id.to_string() == id)?.cost.ex_tax
            }
            RefundItemType::Order => return None,
        };
        sum = sum.checked_add(net)?;
    }
    Some(sum)
}

/// The charges on the order as a whole that a refund does not name: all of them, then each alone.
pub(super) fn left_out(
    order: &Order,
    entries: &[Entry],
    record: Option<&Refund>,
) -> Vec<Vec<Share>> {
    let named = |wanted: RefundItemType| {
        let mut items = record.into_iter().flat_map(|record| &record.items);
        items.any(|item| item.item_type == wanted)
    };
    let totals = &order.totals;
    let item = RefundItem::default();
    let mut each: Vec<Vec<Share>> = Vec::new();
    for (is_named, kind, name, amounts) in [
        (
            named(RefundItemType::Shipping),
            LineKind::Shipping,
            "Shipping",
            &totals.shipping,
        ),
        (
            named(RefundItemType::Handling),
            LineKind::Handling,
            "Handling",
            &totals.handling,
        ),
        (
            named(RefundItemType::GiftWrapping),
            LineKind::Wrapping,
            "Gift wrapping",
            &totals.wrapping,
        ),
    ] {
        if !is_named && amounts.inc_tax > Decimal::ZERO {
            each.push(whole(entries, kind, name, &item, amounts));
        }
    }
    for fee in order
        .fees
        .iter()
        .filter(|fee| fee.cost.inc_tax > Decimal::ZERO)
    {
        if !named(RefundItemType::Fee) {
            let name = fee.name.trim();
            let own = |entry: &&Entry| entry.kind == LineKind::Fee && entry.name == name;
            let own: Vec<Entry> = entries.iter().filter(own).cloned().collect();
            each.push(whole(&own, LineKind::Fee, name, &item, &fee.cost));
        }
    }
    let all = each.iter().flatten().cloned().collect();
    std::iter::once(all).chain(each).collect()
}

/// Pieces of a product line, at what the shopper paid for them.
fn product(order: &Order, entries: &[Entry], item: &RefundItem) -> Option<Share> {
    let id = item.item_id.trim();
    let index = order
        .products
        .iter()
        .position(|line| line.id.to_string() == id)?;
    let line = order.products.get(index)?;
    let entry = entries
        .iter()
        .find(|entry| entry.kind == LineKind::Product && entry.source.product == Some(index));
    let paid = paid_for(line, order.tax_inclusive);
    let part = if line.quantity.is_zero() || item.quantity.is_zero() {
        Decimal::ONE
    } else {
        item.quantity
            .checked_div(line.quantity)
            .unwrap_or(Decimal::ONE)
    };
    let weight = item
        .requested_amount
        .or_else(|| paid.checked_mul(part))
        .unwrap_or(Decimal::ZERO);
    let name = entry.map_or(line.name.trim(), |entry| entry.name.as_str());
    Some(Share {
        kind: LineKind::Product,
        name: if name.is_empty() { "Product" } else { name }.to_owned(),
        quantity: item.quantity,
        taxes: entry.map(taxes_of).unwrap_or_default(),
        weight,
        tax_ratio: ratio(&line.total),
        is_custom: false,
    })
}

fn paid_for(line: &ProductLine, inclusive: bool) -> Decimal {
    if let Some(paid) = line.discounted_total_inc_tax {
        return paid;
    }
    let taken: Decimal = line.applied_discounts.iter().map(|one| one.amount).sum();
    let basis = if inclusive {
        line.total.inc_tax
    } else {
        line.total.ex_tax
    };
    let left = basis - taken;
    if inclusive {
        return left;
    }
    // The tax the line reports is on what is left after discounts.
    left.checked_add(line.total.tax).unwrap_or(left)
}

/// A charge on the order as a whole, in as many parts as the invoice shows differently taxed.
fn whole(
    entries: &[Entry],
    kind: LineKind,
    name: &str,
    item: &RefundItem,
    amounts: &Amounts,
) -> Vec<Share> {
    let by_taxes = by_taxes(entries.iter().filter(|entry| entry.kind == kind));
    let all: Decimal = by_taxes.iter().map(|(_, gross)| *gross).sum();
    let amount = item.requested_amount.unwrap_or(amounts.inc_tax);
    let part = |gross: Decimal| {
        gross
            .checked_div(all)
            .and_then(|part| part.checked_mul(amount))
    };
    let share = |taxes, weight| Share {
        kind,
        name: name.to_owned(),
        quantity: Decimal::ONE,
        taxes,
        weight,
        tax_ratio: ratio(amounts),
        is_custom: false,
    };
    if by_taxes.is_empty() {
        return vec![share(Taxes::default(), amount)];
    }
    by_taxes
        .into_iter()
        .map(|(taxes, gross)| share(taxes, part(gross).unwrap_or(Decimal::ZERO)))
        .collect()
}

/// A free amount: taxed like the order as a whole.
pub(super) fn custom(order: &Order, entries: &[Entry], amount: Decimal) -> Vec<Share> {
    let by_taxes = by_taxes(entries.iter());
    let all: Decimal = by_taxes.iter().map(|(_, gross)| *gross).sum();
    let mut shares: Vec<Share> = by_taxes
        .into_iter()
        .map(|(taxes, gross)| Share {
            kind: LineKind::Refund,
            name: "Refund".to_owned(),
            quantity: Decimal::ONE,
            taxes,
            weight: gross
                .checked_div(all)
                .and_then(|part| part.checked_mul(amount))
                .unwrap_or(Decimal::ZERO),
            tax_ratio: ratio(&order.totals.total),
            is_custom: true,
        })
        .collect();
    if shares.is_empty() {
        shares.push(Share {
            kind: LineKind::Refund,
            name: "Refund".to_owned(),
            quantity: Decimal::ONE,
            taxes: Taxes::default(),
            weight: amount,
            tax_ratio: ratio(&order.totals.total),
            is_custom: true,
        });
    }
    shares
}

/// The invoice's lines by their taxes, with what each group is worth with tax; only what is worth
/// something.
pub(super) fn by_taxes<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<(Taxes, Decimal)> {
    let mut groups: Vec<(Taxes, Decimal)> = Vec::new();
    for entry in entries.filter(|entry| !matches!(entry.kind, LineKind::Rounding | LineKind::Tax)) {
        let taxes = taxes_of(entry);
        let gross = entry
            .source
            .net
            .checked_mul(divisor(&taxes))
            .unwrap_or(entry.source.net);
        match groups.iter_mut().find(|(known, _)| *known == taxes) {
            Some((_, sum)) => *sum += gross,
            None => groups.push((taxes, gross)),
        }
    }
    groups.retain(|(_, gross)| *gross > Decimal::ZERO);
    groups
}

fn taxes_of(entry: &Entry) -> Taxes {
    Taxes {
        tax1: entry.tax1.clone(),
        tax2: entry.tax2.clone(),
        compounded: entry.compounded,
    }
}

/// An amount before tax times this is the amount with tax.
pub(super) fn divisor(taxes: &Taxes) -> Decimal {
    let rate = |tax: &Option<LineTax>| {
        tax.as_ref()
            .map_or(Decimal::ZERO, |tax| tax.percent / Decimal::ONE_HUNDRED)
    };
    let (one, two) = (rate(&taxes.tax1), rate(&taxes.tax2));
    if taxes.compounded {
        (Decimal::ONE + one) * (Decimal::ONE + two)
    } else {
        Decimal::ONE + one + two
    }
}

fn ratio(amounts: &Amounts) -> Decimal {
    amounts
        .tax
        .checked_div(amounts.inc_tax)
        .filter(|ratio| *ratio >= Decimal::ZERO && *ratio < Decimal::ONE)
        .unwrap_or(Decimal::ZERO)
}
