//! Refunds whose items do not give their amount and tax.

use super::edits::later_refund;
use super::{After, Draft, Gen, Kind, kind};
use crate::bigcommerce::orders::later::Later;
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{Discount, OrderSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "refund_override_without_tax",
        "Part of a piece given back by the merchant's own figures: no tax",
        Invoice,
        |g| later_refund(several(g), After::OverrideWithoutTax),
    ),
    kind(
        "refund_override_other_tax",
        "The same with a tax of the merchant's choice",
        Invoice,
        |g| later_refund(several(g), After::OverrideOtherTax),
    ),
    kind(
        "refund_override_below_items",
        "A whole line given back for less than it cost",
        Invoice,
        |g| later_refund(several(g), After::OverrideBelow),
    ),
    kind(
        "refund_all_but_shipping_named",
        "All given back, untaxed shipping too, though the items name the products only",
        Invoice,
        |g| {
            let mut spec = several(g);
            spec.shipping_taxed = false;
            later_refund(spec, After::RestWithoutShipping)
        },
    ),
    kind(
        "refund_all_taxed_shipping_unnamed",
        "The same where the shipping is taxed, handling and a discount beside it",
        Invoice,
        |g| {
            let mut spec = several(g);
            spec.handling = g.amount(200, 500);
            spec.handling_taxed = true;
            let amount = g.amount(150, 400);
            spec.discounts.push(Discount::Order {
                id: "manual-discount".to_owned(),
                name: "Manual Discount".to_owned(),
                amount,
            });
            later_refund(spec, After::RestWithoutShipping)
        },
    ),
    kind(
        "refund_whole_order_as_one_item",
        "All given back as one item, the order, with its tax",
        Invoice,
        |g| later_refund(several(g), After::RestAsOneItem),
    ),
    kind(
        "refund_whole_order_as_one_untaxed_item",
        "All given back as one item, the order, which carries no tax",
        Invoice,
        |g| later_refund(several(g), After::RestAsOneUntaxedItem),
    ),
    kind(
        "refund_without_a_date",
        "A refund whose record has no date",
        Invoice,
        |g| later_refund(several(g), After::RefundUndated),
    ),
    kind(
        "refund_in_parts_then_the_rest",
        "A piece, then the shipping, then all that is left with the products named only",
        Invoice,
        |g| {
            Draft::paid(several(g)).later(&[
                Later::Refund(After::RefundOneUnit),
                Later::Refund(After::RefundShipping),
                Later::Refund(After::RestWithoutShipping),
            ])
        },
    ),
    kind(
        "refund_in_parts_then_the_rest_as_one",
        "Two pieces one by one, then all that is left as one item",
        Invoice,
        |g| {
            Draft::paid(several(g)).later(&[
                Later::Refund(After::RefundOneUnit),
                Later::Refund(After::RefundOneUnit),
                Later::Refund(After::RestAsOneItem),
            ])
        },
    ),
];

/// Two lines of which the first has at least three pieces.
fn several(g: &mut Gen) -> OrderSpec {
    let mut spec = g.goods(2);
    if let Some(line) = spec.lines.first_mut() {
        line.quantity = line.quantity.max(3);
    }
    spec
}
