//! Everything an order charges, in the store's own tax basis.
//!
//! Not here: discounts ([`super::discounts`]) and what FreshBooks shows ([`super::entries`]).

use rust_decimal::Decimal;

use super::taxes::{TaxSets, UNTAXED};
use crate::books::LineKind;
use crate::order::{Amounts, Order, ProductLine, ProductType, TaxedItem};

/// One thing that costs something.
#[derive(Debug)]
pub(super) struct Charge<'a> {
    pub(super) kind: LineKind,
    pub(super) name: &'a str,
    pub(super) detail: &'a str,
    /// Index into the order's products; product lines only.
    pub(super) product: Option<usize>,
    /// In the store's own tax basis.
    pub(super) amount: Decimal,
    /// Index into the order's tax sets.
    pub(super) set: usize,
    /// Order-level discounts are spread over it.
    pub(super) discountable: bool,
    /// Discounts taken into its amount, by name.
    pub(super) less: Vec<(String, Decimal)>,
}

/// The exact one of the two amounts.
pub(super) fn basis(amounts: &Amounts, inclusive: bool) -> Decimal {
    if inclusive {
        amounts.inc_tax
    } else {
        amounts.ex_tax
    }
}

/// All charges of the order, products first, in the order's own sequence.
pub(super) fn charges<'a>(order: &'a Order, sets: &mut TaxSets<'a>) -> Vec<Charge<'a>> {
    let mut charges = Vec::with_capacity(order.products.len() + 4);
    for (index, line) in order.products.iter().enumerate() {
        let amount = basis(&line.total, order.tax_inclusive);
        if amount.is_zero() {
            continue;
        }
        charges.push(product(index, line, amount, sets));
    }
    if charges.is_empty() && order.totals.total.inc_tax.is_zero() {
        // An invoice of 0.00 still says what was given.
        let free = order.products.iter().enumerate();
        charges.extend(
            free.filter(|(_, line)| line.parent_order_product_id.is_none())
                .map(|(index, line)| product(index, line, Decimal::ZERO, sets)),
        );
    }
    let totals = &order.totals;
    whole(
        order,
        LineKind::Shipping,
        "Shipping",
        &totals.shipping,
        sets,
        &mut charges,
    );
    whole(
        order,
        LineKind::Handling,
        "Handling",
        &totals.handling,
        sets,
        &mut charges,
    );
    wrapping(order, sets, &mut charges);
    for fee in &order.fees {
        let amount = basis(&fee.cost, order.tax_inclusive);
        if amount.is_zero() {
            continue;
        }
        let set = sets.of_product(TaxedItem::Fee, fee.id, None, fee.cost.ex_tax, fee.cost.tax);
        let name = [fee.name.trim(), fee.fee_type.trim()]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("Fee");
        charges.push(Charge {
            kind: LineKind::Fee,
            name,
            detail: "",
            product: None,
            amount,
            set,
            discountable: false,
            less: Vec::new(),
        });
    }
    charges
}

fn product<'a>(
    index: usize,
    line: &'a ProductLine,
    amount: Decimal,
    sets: &mut TaxSets<'a>,
) -> Charge<'a> {
    let gift = line.product_type == ProductType::GiftCertificate;
    let address = line.order_address_id;
    let (net, tax) = (line.total.ex_tax, line.total.tax);
    let set = if gift {
        UNTAXED
    } else {
        sets.of_product(TaxedItem::Item, line.id, address, net, tax)
    };
    let name = line.name.trim();
    Charge {
        kind: LineKind::Product,
        name: if name.is_empty() { "Product" } else { name },
        detail: "",
        product: Some(index),
        amount,
        set,
        discountable: !gift,
        less: Vec::new(),
    }
}

/// A charge on the order as a whole: one line per set of taxes.
fn whole<'a>(
    order: &'a Order,
    kind: LineKind,
    name: &'a str,
    amounts: &Amounts,
    sets: &mut TaxSets<'a>,
    charges: &mut Vec<Charge<'a>>,
) {
    let amount = basis(amounts, order.tax_inclusive);
    if amount.is_zero() {
        return;
    }
    let item = match kind {
        LineKind::Handling => TaxedItem::Handling,
        LineKind::Wrapping => TaxedItem::Wrapping,
        _ => TaxedItem::Shipping,
    };
    let weighted = sets.of_order(order, item, amounts);
    let weights: Vec<Decimal> = weighted.iter().map(|(_, weight)| *weight).collect();
    let shares = super::spread::spread(amount, &weights, order.currency.decimals());
    for ((set, _), amount) in weighted.into_iter().zip(shares) {
        if !amount.is_zero() {
            charges.push(Charge {
                kind,
                name,
                detail: "",
                product: None,
                amount,
                set,
                discountable: false,
                less: Vec::new(),
            });
        }
    }
}

/// Gift wrapping: per product where the products' own amounts add up, else as a whole.
fn wrapping<'a>(order: &'a Order, sets: &mut TaxSets<'a>, charges: &mut Vec<Charge<'a>>) {
    let total = basis(&order.totals.wrapping, order.tax_inclusive);
    if total.is_zero() {
        return;
    }
    let of_line = |line: &ProductLine| basis(&line.wrapping, order.tax_inclusive);
    let sum: Decimal = order.products.iter().map(of_line).sum();
    if sum != total {
        let amounts = &order.totals.wrapping;
        whole(
            order,
            LineKind::Wrapping,
            "Gift wrapping",
            amounts,
            sets,
            charges,
        );
        return;
    }
    for line in &order.products {
        let amount = of_line(line);
        if amount.is_zero() {
            continue;
        }
        let (net, tax) = (line.wrapping.ex_tax, line.wrapping.tax);
        let set = sets.of_product(
            TaxedItem::Wrapping,
            line.id,
            line.order_address_id,
            net,
            tax,
        );
        charges.push(Charge {
            kind: LineKind::Wrapping,
            name: "Gift wrapping",
            detail: line.wrapping_name.trim(),
            product: None,
            amount,
            set,
            discountable: false,
            less: Vec::new(),
        });
    }
}
