//! Days that are booked stay, although the store's time zone makes others of the same instants now.
//!
//! An order, a payment and a refund happened once; the day it was booked on is in reports and tax
//! returns. A zone that is corrected, lost for a while, or comes back must not move it.

use jiff::civil::Date;

use super::Written;
use crate::books::DesiredBooks;

/// The days of one instant in two zones are at most this far apart (from -12 to +14 hours).
const ZONES_DAYS_MAX: i32 = 2;

/// The books with the days that are booked already, where only the zone can have moved them. A
/// refund keeps its day in any case: one without a date of its own is dated by what changes later.
pub fn with_booked_days(desired: &DesiredBooks, written: &Written) -> DesiredBooks {
    let mut books = desired.clone();
    if let Some(invoice) = &written.invoice {
        keep(&mut books.invoice.create_date, &invoice.create_date);
    }
    for payment in &mut books.payments {
        if let Some(known) = written.payments.get(&payment.key) {
            keep(&mut payment.date, &known.date);
        }
    }
    for refund in &mut books.refunds {
        if let Some(known) = written.refunds.get(&refund.key)
            && !known.date.is_empty()
        {
            refund.date.clone_from(&known.date);
        }
    }
    for expense in &mut books.shipping {
        if let Some(known) = written.shipping.get(&expense.key) {
            keep(&mut expense.date, &known.date);
        }
    }
    books
}

fn keep(day: &mut String, booked: &str) {
    let (Ok(now), Ok(before)) = (day.parse::<Date>(), booked.parse::<Date>()) else {
        return;
    };
    let apart = now.since(before).map(|span| span.get_days().abs());
    if apart.is_ok_and(|days| days <= ZONES_DAYS_MAX) {
        booked.clone_into(day);
    }
}
