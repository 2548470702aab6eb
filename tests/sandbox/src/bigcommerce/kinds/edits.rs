//! Orders that change after they were placed: money later, edits, cancellations, refunds one by one.

use super::{After, Draft, Gen, Kind, Pay, kind};
use crate::bigcommerce::orders::later::Later;
use crate::bigcommerce::orders::model::InBooks::{Invoice, None};
use crate::bigcommerce::orders::spec::{Fee, OrderSpec, Wrapping};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "later_captured",
        "Authorised, captured in full a day later",
        Invoice,
        |g| authorised(g).later(&[Later::Capture(100)]),
    ),
    kind(
        "later_captured_in_parts",
        "Authorised, captured in two parts on two days",
        Invoice,
        |g| authorised(g).later(&[Later::Capture(40), Later::Capture(100)]),
    ),
    kind("later_voided", "Authorised, voided, cancelled", None, |g| {
        authorised(g).later(&[Later::Void, Later::Status(5)])
    }),
    kind(
        "later_paid",
        "Awaiting payment, then paid by card",
        Invoice,
        |g| {
            Draft::paid(g.goods(2))
                .status(7)
                .pay(Pay::Nothing)
                .later(&[Later::Pay])
        },
    ),
    kind(
        "later_paid_offline",
        "A cheque: awaiting payment, then moved to a paid status",
        Invoice,
        |g| {
            let draft = Draft::paid(g.goods(2))
                .status(7)
                .pay(Pay::Nothing)
                .method("Check");
            draft.later(&[Later::Status(11)])
        },
    ),
    kind(
        "later_shipped",
        "Paid, then shipped, then completed",
        Invoice,
        |g| Draft::paid(g.goods(2)).later(&[Later::Status(2), Later::Status(10)]),
    ),
    kind(
        "later_line_added",
        "A line added while nothing is paid",
        Invoice,
        |g| unpaid(g).later(&[Later::AddLine]),
    ),
    kind(
        "later_line_removed",
        "A line taken out while nothing is paid",
        Invoice,
        |g| unpaid(g).later(&[Later::RemoveLastLine]),
    ),
    kind(
        "later_quantity_changed",
        "Another quantity while nothing is paid, then paid",
        Invoice,
        |g| unpaid(g).later(&[Later::FirstQuantity(9), Later::Pay]),
    ),
    kind(
        "later_line_added_after_payment",
        "A line added to a paid order; the rest paid after",
        Invoice,
        |g| Draft::paid(g.goods(2)).later(&[Later::AddLine, Later::Pay]),
    ),
    kind(
        "later_address_changed",
        "The billing address changed after invoicing",
        Invoice,
        |g| Draft::paid(g.goods(1)).later(&[Later::BillingAddress]),
    ),
    kind(
        "later_notes_changed",
        "Only the staff notes changed",
        Invoice,
        |g| Draft::paid(g.goods(1)).later(&[Later::StaffNotes]),
    ),
    kind(
        "later_cancelled_unpaid",
        "Invoiced, then cancelled before any money",
        None,
        |g| unpaid(g).later(&[Later::Status(5)]),
    ),
    kind(
        "later_cancelled_and_refunded",
        "Paid, cancelled, all of it given back",
        Invoice,
        |g| Draft::paid(g.goods(2)).later(&[Later::Refund(After::RefundAll), Later::Status(5)]),
    ),
    kind(
        "later_declined",
        "Awaiting payment, then declined",
        None,
        |g| unpaid(g).later(&[Later::Status(6)]),
    ),
    kind(
        "later_archived_paid",
        "Paid and completed, then archived: the sale stands",
        Invoice,
        |g| Draft::paid(g.goods(1)).status(10).later(&[Later::Archive]),
    ),
    kind(
        "later_archived_unpaid",
        "Invoiced unpaid, then archived: what stands, stands",
        Invoice,
        |g| unpaid(g).later(&[Later::Archive]),
    ),
    kind(
        "later_deleted_unpaid",
        "Invoiced unpaid, then deleted for good",
        None,
        |g| unpaid(g).later(&[Later::Delete]),
    ),
    kind("later_disputed", "Paid, then disputed", Invoice, |g| {
        Draft::paid(g.goods(1)).later(&[Later::Status(13)])
    }),
    kind(
        "later_refunded_by_hand",
        "Paid, then set to Refunded by hand: no refund record",
        Invoice,
        |g| Draft::paid(g.goods(1)).later(&[Later::Status(4)]),
    ),
    kind(
        "later_refunded_twice",
        "One unit given back, then a custom value",
        Invoice,
        |g| refundable(g, &[After::RefundOneUnit, After::RefundValue]),
    ),
    kind(
        "later_refunded_in_the_end",
        "One unit, then shipping, then all the rest",
        Invoice,
        |g| {
            refundable(
                g,
                &[
                    After::RefundOneUnit,
                    After::RefundShipping,
                    After::RefundAll,
                ],
            )
        },
    ),
    kind(
        "later_refund_declined_then_done",
        "A refund declined, then tried again",
        Invoice,
        |g| refundable(g, &[After::RefundDeclined, After::RefundOneUnit]),
    ),
    kind(
        "refunded_handling",
        "The handling given back",
        Invoice,
        |g| {
            let mut spec = whole(g);
            spec.handling = g.amount(200, 500);
            spec.handling_taxed = true;
            later_refund(spec, After::RefundHandling)
        },
    ),
    kind(
        "refunded_wrapping",
        "The gift wrapping given back",
        Invoice,
        |g| {
            let mut spec = whole(g);
            let cost = g.amount(300, 900);
            spec.lines[0].wrapping = Some(Wrapping {
                name: "Paper".to_owned(),
                message: String::new(),
                cost,
            });
            spec.wrapping_taxed = true;
            later_refund(spec, After::RefundWrapping)
        },
    ),
    kind("refunded_fee", "A fee given back", Invoice, |g| {
        let mut spec = whole(g);
        let amount = g.amount(100, 600);
        spec.fees.push(Fee {
            name: "Rush fee".to_owned(),
            amount,
            taxed: false,
        });
        later_refund(spec, After::RefundFee)
    }),
    kind(
        "refunded_tax_only",
        "All of the tax given back, nothing else",
        Invoice,
        |g| later_refund(whole(g), After::RefundTax),
    ),
    kind(
        "refunded_half_after_capture",
        "Half of what was captured given back",
        Invoice,
        |g| {
            let draft = Draft::paid(g.goods(2)).pay(Pay::AuthorizeThenCapture);
            draft.later(&[Later::Refund(After::RefundHalf)])
        },
    ),
    kind(
        "refunded_across_tenders",
        "Gift certificate, credit and card, all given back",
        Invoice,
        |g| {
            let mut draft = Draft::paid(g.goods(2)).shopper(super::Shopper::Registered);
            draft.gift_percent = 30;
            draft.credit_percent = 20;
            draft.later(&[Later::Refund(After::RefundAll)])
        },
    ),
    kind(
        "refunded_discounted_line",
        "One unit of a discounted line given back",
        Invoice,
        |g| {
            let mut spec = whole(g);
            let amount = g.amount(150, 400);
            spec.discounts
                .push(crate::bigcommerce::orders::spec::Discount::Order {
                    id: "manual-discount".to_owned(),
                    name: "Manual Discount".to_owned(),
                    amount,
                });
            later_refund(spec, After::RefundOneUnit)
        },
    ),
];

/// Two lines, of the first at least three pieces.
fn whole(g: &mut Gen) -> OrderSpec {
    let mut spec = g.goods(2);
    if let Some(line) = spec.lines.first_mut() {
        line.quantity = line.quantity.max(3);
    }
    spec
}

fn authorised(g: &mut Gen) -> Draft {
    Draft::paid(g.goods(2)).status(7).pay(Pay::AuthorizeOnly)
}

fn unpaid(g: &mut Gen) -> Draft {
    Draft::paid(g.goods(3))
        .status(7)
        .pay(Pay::Nothing)
        .method("Bank Deposit")
}

fn refundable(g: &mut Gen, list: &[After]) -> Draft {
    let steps: Vec<Later> = list.iter().copied().map(Later::Refund).collect();
    Draft::paid(whole(g)).later(&steps)
}

pub(super) fn later_refund(spec: OrderSpec, after: After) -> Draft {
    Draft::paid(spec).later(&[Later::Refund(after)])
}
