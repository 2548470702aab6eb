//! The next step of an order that only pays another order's invoice: its payments, nothing else.

use super::{Step, Written, WrittenInvoice, moneys, sum};
use crate::accounting::Hold;
use crate::books::DesiredBooks;

/// Payments are booked up to what came in; what the invoice has open is compared at the booking.
pub(super) fn next_step(
    desired: &DesiredBooks,
    standing: Option<&WrittenInvoice>,
    written: &Written,
) -> Step {
    if standing.is_some() {
        return Step::Hold(Hold {
            code: "invoice_payment_booked_as_sale",
            message: format!(
                "The order only pays invoice {}, but stands in the books as a sale with an invoice \
                 of its own. Take it out with `tillbook undo` for its day, then run a backfill of \
                 that day, which books it as the payment.",
                desired.invoice.number
            ),
        });
    }
    if let Some(step) = moneys::taken_back(desired, written) {
        return step;
    }
    let amounts = written.payments.values().map(|payment| &payment.amount);
    match sum(amounts, desired) {
        Ok(paid) => moneys::next(desired, written, desired.invoice.expected_total, paid),
        Err(hold) => Step::Hold(hold),
    }
}
