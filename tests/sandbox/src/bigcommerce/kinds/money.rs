//! Sales told apart by how the money comes, and how it goes back.

use rust_decimal::Decimal;

use super::{After, Draft, Kind, Pay, kind};
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{LineKind, LineSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "gift_certificate_sold",
        "A gift certificate among the goods: untaxed, never discounted",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            let unit_price = Decimal::from(g.within(2, 10) * 10);
            spec.lines.push(LineSpec {
                unit_price,
                ..LineSpec::new("Gift Certificate", LineKind::GiftCertificate)
            });
            Draft::paid(spec)
        },
    ),
    kind(
        "gift_certificate_spent",
        "A quarter paid by gift certificate, the rest by card",
        Invoice,
        |g| {
            let mut draft = Draft::paid(g.goods(2));
            draft.gift_percent = 25;
            draft
        },
    ),
    kind(
        "gift_certificate_pays_all",
        "Paid wholly by gift certificate",
        Invoice,
        |g| {
            let mut draft = Draft::paid(g.goods(1));
            draft.gift_percent = 100;
            draft
        },
    ),
    kind(
        "store_credit_spent",
        "A third paid by store credit, the rest by card",
        Invoice,
        |g| {
            let mut draft = Draft::paid(g.goods(2)).shopper(super::Shopper::Registered);
            draft.credit_percent = 33;
            draft
        },
    ),
    kind(
        "three_tenders",
        "Gift certificate, store credit and card",
        Invoice,
        |g| {
            let mut draft = Draft::paid(g.goods(3)).shopper(super::Shopper::Registered);
            draft.gift_percent = 20;
            draft.credit_percent = 20;
            draft
        },
    ),
    kind(
        "offline_bank_deposit_awaiting",
        "Bank deposit, not yet received: status 7, no transactions",
        Invoice,
        |g| {
            Draft::paid(g.goods(2))
                .status(7)
                .pay(Pay::Nothing)
                .method("Bank Deposit")
        },
    ),
    kind(
        "offline_paid",
        "Cash, status 11, no transactions: paid outside",
        Invoice,
        |g| Draft::paid(g.goods(2)).pay(Pay::Offline).method("Cash"),
    ),
    kind(
        "authorised_only",
        "Authorised and not yet captured: no money, status 7",
        Invoice,
        |g| Draft::paid(g.goods(1)).status(7).pay(Pay::AuthorizeOnly),
    ),
    kind(
        "authorised_then_captured",
        "An authorisation and its capture in full",
        Invoice,
        |g| Draft::paid(g.goods(2)).pay(Pay::AuthorizeThenCapture),
    ),
    kind(
        "partial_capture",
        "Authorised in full, half of it captured",
        Invoice,
        |g| Draft::paid(g.goods(2)).pay(Pay::PartialCapture),
    ),
    kind(
        "several_captures",
        "One authorisation, three captures that sum to the total",
        Invoice,
        |g| Draft::paid(g.goods(3)).pay(Pay::SeveralCaptures),
    ),
    kind(
        "failed_then_paid",
        "A failed purchase, then a good one",
        Invoice,
        |g| Draft::paid(g.goods(1)).pay(Pay::FailedThenPaid),
    ),
    kind(
        "settled_later",
        "Pending first, then settled",
        Invoice,
        |g| Draft::paid(g.goods(1)).pay(Pay::Settled),
    ),
    kind(
        "test_transaction",
        "Paid on a test gateway: looks real, is no money",
        Invoice,
        |g| Draft::paid(g.goods(1)).pay(Pay::Test),
    ),
    kind(
        "fully_refunded",
        "Paid, then all of it refunded: status 4",
        Invoice,
        |g| Draft::paid(g.goods(2)).status(4).after(After::RefundAll),
    ),
    kind(
        "partially_refunded",
        "Paid, then one unit of the first line refunded: status 14",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            if let Some(line) = spec.lines.first_mut() {
                line.quantity = line.quantity.max(2);
            }
            Draft::paid(spec).status(14).after(After::RefundOneUnit)
        },
    ),
    kind(
        "refunded_value",
        "A custom value refunded on the order, which carries no tax",
        Invoice,
        |g| Draft::paid(g.goods(2)).status(14).after(After::RefundValue),
    ),
    kind("refunded_shipping", "The shipping refunded", Invoice, |g| {
        Draft::paid(g.goods(2))
            .status(14)
            .after(After::RefundShipping)
    }),
    kind(
        "refunded_to_store_credit",
        "One unit refunded to store credit, not to the card",
        Invoice,
        |g| {
            Draft::paid(g.goods(1))
                .shopper(super::Shopper::Registered)
                .status(14)
                .after(After::RefundToStoreCredit)
        },
    ),
    kind(
        "refunded_offline",
        "A cash order of which one unit was given back in cash",
        Invoice,
        |g| {
            Draft::paid(g.goods(1))
                .pay(Pay::Offline)
                .method("Cash")
                .status(14)
                .after(After::RefundOffline)
        },
    ),
    kind(
        "refund_declined",
        "A refund that the gateway declined: nothing moved",
        Invoice,
        |g| Draft::paid(g.goods(1)).after(After::RefundDeclined),
    ),
];
