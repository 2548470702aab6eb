//! What an undo takes out of an order that only pays another order's invoice: its payments.
//!
//! Each is compared with what was written when it is removed; a person's change is held there.

use contracts::ledger::{OrderEntry, PaidInvoice};
use domain::money::Money;

use super::survey::{Left, Look, Written, closed_day, lies_in};
use super::touched::{UNKNOWN_OUTCOME, read_money};
use crate::{DayRange, Tools};

/// Told by the days of its payments; it has no invoice whose day would count.
pub(super) fn look(
    tools: &Tools,
    days: DayRange,
    order_id: u64,
    entry: &OrderEntry,
    paid: &PaidInvoice,
    is_ours: bool,
) -> Look {
    let mut dated = entry.payments.iter();
    let Some(first) = dated.find(|payment| lies_in(days, &payment.date)) else {
        return Look::OtherDay;
    };
    let number = format!("{} (paid by order {order_id})", paid.number);
    let left = |reason: String| {
        Look::Left(Left {
            order_id,
            number: number.clone(),
            reason,
        })
    };
    if entry.intent.is_some() && !is_ours {
        return left(UNKNOWN_OUTCOME.to_owned());
    }
    if let Some(day) = closed_day(tools, entry) {
        return left(format!("a payment lies on {day}, in a closed period"));
    }
    let mut amounts = entry
        .payments
        .iter()
        .map(|payment| read_money(payment.amount.as_ref()));
    let sum = amounts.try_fold(None, |sum: Option<Money>, amount| {
        let amount = amount?;
        Some(Some(match sum {
            None => amount,
            Some(sum) => sum.checked_add(amount).ok()?,
        }))
    });
    let Some(sum) = sum.flatten() else {
        return left("the ledger's amounts cannot be read".to_owned());
    };
    Look::TakeOut(Written {
        order_id,
        number: paid.number.clone(),
        date: first.date.clone(),
        // No invoice goes with it.
        total: Money::zero(sum.currency),
        payments: entry.payments.len(),
        paid: Some(sum),
        refunds: 0,
        shipping: 0,
    })
}
