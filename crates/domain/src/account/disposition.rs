//! Whether an order is in the books, by status, money and policy.
//!
//! Not here: what the books then say.

use rust_decimal::Decimal;

use crate::accounting::{self, Hold};
use crate::books::Disposition;
use crate::order::{Order, TransactionEvent};
use crate::policy::{Policy, StatusRule};

/// Whether and how the order is in the books.
pub(super) fn disposition(
    order: &Order,
    policy: &Policy,
    notices: &mut Vec<String>,
) -> Result<Disposition, Hold> {
    let nothing = |reason: &str| Ok(Disposition::Nothing(reason.to_owned()));
    match policy.status.get(&order.status_id) {
        Some(StatusRule::None) => {
            return nothing(
                "The connection's policy keeps orders of this status out of the books.",
            );
        }
        Some(StatusRule::Draft) => return Ok(Disposition::Draft),
        Some(StatusRule::Sent) => return Ok(Disposition::Sent),
        None => {}
    }
    let captured = accounting::money_captured(order);
    if order.is_deleted && !captured && !accounting::paid_offline(order) {
        return nothing("The order was archived unpaid; what stands in the books, stands.");
    }
    match order.status_id {
        0 => nothing("The order is incomplete: the shopper has not placed it."),
        5 if captured => Ok(Disposition::Sent),
        5 => Ok(Disposition::Removed(
            "The order was cancelled and never paid.".to_owned(),
        )),
        6 if captured => Err(Hold {
            code: "declined_but_captured",
            message:
                "The order is declined, but money was captured for it. Give it back or change \
                      the order's status in the store."
                    .to_owned(),
        }),
        6 => Ok(Disposition::Removed("The order was declined.".to_owned())),
        12 => {
            notices.push("The order needs manual verification in the store.".to_owned());
            Ok(Disposition::Sent)
        }
        13 => {
            notices.push("The order is disputed in the store.".to_owned());
            Ok(Disposition::Sent)
        }
        1..=14 => Ok(Disposition::Sent),
        other => Err(Hold {
            code: "unknown_status",
            message: format!(
                "Order status {other} is none Tillbook knows. Set [status] in the connection's \
                 policy for it."
            ),
        }),
    }
}

/// This version books no refunds: an order with one waits for a person.
pub(super) fn refund_hold(order: &Order) -> Option<Hold> {
    let mut given_back = Decimal::ZERO;
    let mut found = false;
    for refund in &order.refunds {
        let declined = !refund.payments.is_empty()
            && refund.payments.iter().all(|payment| payment.is_declined);
        if !declined {
            found = true;
            given_back = given_back
                .checked_add(refund.total_amount)
                .unwrap_or(Decimal::MAX);
        }
    }
    if !found {
        let refunds = order
            .transactions
            .iter()
            .filter(|money| money.event == TransactionEvent::Refund && money.ok && !money.test);
        for money in refunds {
            found = true;
            given_back = given_back.checked_add(money.amount).unwrap_or(Decimal::MAX);
        }
    }
    let by_status = matches!(order.status_id, 4 | 14);
    if found {
        return Some(Hold {
            code: "refund_not_carried",
            message: format!(
                "{given_back} {} of {} {} was given back. This version of Tillbook does not book \
                 refunds: book the invoice, its payments and the refund in FreshBooks by hand.",
                order.currency, order.totals.total.inc_tax, order.currency
            ),
        });
    }
    (by_status && accounting::money_captured(order)).then(|| Hold {
        code: "refund_not_carried",
        message: format!(
            "The store says the order of {} {} is refunded, wholly or in part, but reports no \
             refund. This version of Tillbook does not book refunds: look up what was given back \
             at the gateway, and book invoice, payments and refund in FreshBooks by hand.",
            order.totals.total.inc_tax, order.currency
        ),
    })
}
