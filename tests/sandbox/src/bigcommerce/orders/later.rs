//! What happens to an order after it was placed, as its kind foresees it.
//!
//! One change at a time, so that each is a state of its own that a reader can meet. Not here: what
//! a person asks of an order through the control surface, which is free.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::model::Order;
use super::{edit, pay, refund};
use crate::bigcommerce::hooks::events::{self, Event};
use crate::bigcommerce::kinds::After;
use crate::bigcommerce::money::round;
use crate::bigcommerce::store::Store;

/// One later change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Later {
    /// Captures so many percent of what was authorised; 100 takes all that is left.
    Capture(u32),
    /// Voids the authorisation.
    Void,
    /// Pays what is due by card.
    Pay,
    Refund(After),
    Status(u64),
    /// Adds a line of one piece.
    AddLine,
    /// Sets the first line's quantity.
    FirstQuantity(u32),
    RemoveLastLine,
    /// The shopper moves.
    BillingAddress,
    StaffNotes,
    Archive,
    /// The order is gone: the API answers 404.
    Delete,
}

impl Later {
    /// In plain words, for tables.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Capture(_) => "captured",
            Self::Void => "voided",
            Self::Pay => "paid",
            Self::Refund(_) => "refunded",
            Self::Status(_) => "status changed",
            Self::AddLine => "line added",
            Self::FirstQuantity(_) => "quantity changed",
            Self::RemoveLastLine => "line removed",
            Self::BillingAddress => "address changed",
            Self::StaffNotes => "notes changed",
            Self::Archive => "archived",
            Self::Delete => "deleted",
        }
    }
}

/// What one change did: the order as it is now, or nothing when it is gone, and the hooks of it.
pub(crate) struct Advanced {
    pub(crate) step: Later,
    pub(crate) order: Option<Arc<Order>>,
    pub(crate) events: Vec<Event>,
}

/// Makes the next change of an order happen at `at`. `None` when there is none left.
///
/// # Errors
/// When the kind foresees what cannot be done, which is a mistake of the kind.
pub(crate) fn advance(store: &Store, id: u64, at: Timestamp) -> Option<Result<Advanced, String>> {
    let before = store.order(id)?;
    let step = *before.later.first()?;
    if step == Later::Delete {
        store.data().orders.remove(&id);
        let order = None;
        let events = Vec::new();
        return Some(Ok(Advanced {
            step,
            order,
            events,
        }));
    }
    let mut next = store.data().take_row_ids(ROWS_FOR_STEP);
    let mut ids = || {
        next += 1;
        next - 1
    };
    let done = store.try_change_order(id, |order| {
        order.later.remove(0);
        apply(order, step, &mut ids)?;
        stamp(order, &before, at);
        Ok::<(), String>(())
    })?;
    Some(done.and_then(|()| {
        let mut data = store.data();
        let kept = data.orders.get_mut(&id).ok_or("the order is gone")?;
        Arc::make_mut(kept).modified = at;
        let order = Arc::clone(kept);
        let events = hooks_of(&before, &order);
        let order = Some(order);
        Ok(Advanced {
            step,
            order,
            events,
        })
    }))
}

/// A refund takes two ids for every payment it goes back to.
const ROWS_FOR_STEP: u64 = 100;

/// So long after the one before each later change of a corpus order happens.
pub(crate) fn next_moment(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_hours(26)).unwrap_or(at)
}

fn apply(order: &mut Order, step: Later, ids: &mut impl FnMut() -> u64) -> Result<(), String> {
    match step {
        Later::Capture(percent) => {
            let all: Decimal = order
                .transactions
                .iter()
                .filter(|t| t.event == "authorization" && t.ok)
                .map(|t| t.amount)
                .sum();
            let part = round(all * Decimal::new(i64::from(percent), 2), order.sums.digits);
            pay::capture(order, (percent < 100).then_some(part), ids)?;
            order.status_id = 11;
        }
        Later::Void => pay::void(order, ids)?,
        Later::Pay => {
            pay::purchase(order, None, ids)?;
            order.status_id = 11;
        }
        Later::Refund(after) => refunded(order, after, ids)?,
        Later::Status(id) => {
            edit::set_status(order, id)?;
        }
        Later::AddLine => {
            let price = order
                .spec
                .lines
                .first()
                .map_or(Decimal::TEN, |line| line.unit_price);
            edit::add_line(order, "Added later", "ADD-1", 1, price, ids())?;
        }
        Later::FirstQuantity(quantity) => edit::edit_quantity(order, 0, quantity)?,
        Later::RemoveLastLine => {
            let last = order.spec.lines.len().saturating_sub(1);
            edit::edit_quantity(order, last, 0)?;
        }
        Later::BillingAddress => {
            let moved = json!({"street_1": "7 New Street", "city": "Portland", "zip": "97201",
                "state": "Oregon", "country": "United States", "country_iso2": "US"});
            if let Value::Object(fields) = moved {
                edit::change_address(&mut order.spec.billing, &fields)?;
            }
        }
        Later::StaffNotes => "Called; all is well.".clone_into(&mut order.spec.staff_notes),
        Later::Archive => order.archived = true,
        Later::Delete => {}
    }
    Ok(())
}

fn refunded(order: &mut Order, after: After, ids: &mut impl FnMut() -> u64) -> Result<(), String> {
    let before = order.refunds.len();
    refund::after(order, after, ids);
    if order.refunds.len() == before {
        return Err(format!("{after:?} cannot be done on this order"));
    }
    let back: Decimal = order.refunds.iter().map(refund::paid_back).sum();
    if !back.is_zero() {
        order.status_id = if back >= order.sums.payable() { 4 } else { 14 };
    }
    Ok(())
}

/// What is new happened at `at`.
fn stamp(order: &mut Order, before: &Order, at: Timestamp) {
    for transaction in order
        .transactions
        .iter_mut()
        .skip(before.transactions.len())
    {
        transaction.at = at;
    }
    for refund in order.refunds.iter_mut().skip(before.refunds.len()) {
        refund.at = at;
    }
    if order.shipped.is_some() && before.shipped.is_none() {
        order.shipped = Some(at);
    }
}

/// The hooks that the vendor sends for a change.
fn hooks_of(before: &Order, after: &Order) -> Vec<Event> {
    let id = after.id;
    if after.archived && !before.archived {
        return vec![events::order("archived", id)];
    }
    let mut events = vec![events::order("updated", id)];
    let refunds = after.refunds.iter().skip(before.refunds.len());
    events.extend(refunds.map(|refund| events::refund_created(id, refund.id)));
    let transactions = after.transactions.iter().skip(before.transactions.len());
    events.extend(transactions.map(|t| events::transaction("created", id, t)));
    if after.status_id != before.status_id {
        events.push(events::status_updated(
            id,
            before.status_id,
            after.status_id,
        ));
    }
    events
}
