//! Whether an order is in the books, by status, money and policy.
//!
//! Not here: what the books then say.

use crate::accounting::{self, Hold};
use crate::books::Disposition;
use crate::order::Order;
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
        5 if captured || accounting::paid_offline(order) => Ok(Disposition::Sent),
        5 => Ok(Disposition::Removed(
            "The order was cancelled and never paid.".to_owned(),
        )),
        // What was given back in full is neither owed nor earned, and the books show both ways.
        6 if captured && accounting::all_given_back(order) => Ok(Disposition::Sent),
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
