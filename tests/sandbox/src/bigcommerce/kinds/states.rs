//! Orders told apart by their status.

use super::{After, Draft, Kind, Pay, kind};
use crate::bigcommerce::orders::model::InBooks::{Invoice, None};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "status_incomplete",
        "An abandoned checkout: status 0",
        None,
        |g| Draft::paid(g.goods(1)).status(0).pay(Pay::Nothing),
    ),
    kind(
        "cancelled_unpaid",
        "Cancelled before any money came",
        None,
        |g| Draft::paid(g.goods(1)).status(5).pay(Pay::Nothing),
    ),
    kind(
        "cancelled_voided",
        "Cancelled, its authorisation voided",
        None,
        |g| Draft::paid(g.goods(1)).status(5).pay(Pay::Voided),
    ),
    kind(
        "cancelled_after_payment",
        "Paid, cancelled, and refunded in full",
        Invoice,
        |g| Draft::paid(g.goods(1)).status(5).after(After::RefundAll),
    ),
    kind("declined", "The card was declined: status 6", None, |g| {
        Draft::paid(g.goods(1)).status(6).pay(Pay::Declined)
    }),
    kind("pending", "Status 1, a payment under way", Invoice, |g| {
        Draft::paid(g.goods(1)).status(1).pay(Pay::Pending)
    }),
    kind("awaiting_payment", "Status 7, nothing paid", Invoice, |g| {
        Draft::paid(g.goods(2))
            .status(7)
            .pay(Pay::Nothing)
            .method("Check")
    }),
    kind("shipped", "Status 2, paid", Invoice, |g| {
        Draft::paid(g.goods(2)).status(2)
    }),
    kind("partially_shipped", "Status 3, paid", Invoice, |g| {
        Draft::paid(g.goods(3)).status(3)
    }),
    kind("awaiting_pickup", "Status 8, paid", Invoice, |g| {
        Draft::paid(g.goods(1)).status(8)
    }),
    kind("awaiting_shipment", "Status 9, paid", Invoice, |g| {
        Draft::paid(g.goods(1)).status(9)
    }),
    kind("completed", "Status 10, paid", Invoice, |g| {
        Draft::paid(g.goods(2)).status(10)
    }),
    kind(
        "manual_verification",
        "Status 12, paid, held for a look by the merchant",
        Invoice,
        |g| Draft::paid(g.goods(1)).status(12),
    ),
    kind(
        "disputed",
        "Status 13, paid, disputed by the shopper",
        Invoice,
        |g| Draft::paid(g.goods(1)).status(13),
    ),
];
