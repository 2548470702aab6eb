//! The hooks of a new order: the storm that real stores send, or a single one.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::bigcommerce::hooks::events::{self, Event};
use crate::bigcommerce::orders::model::Order;
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::Store;

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hooks {
    /// created, updated, statusUpdated, transaction/created, refund/created as they apply.
    #[default]
    Storm,
    /// created only.
    Single,
    None,
}

/// Fires the hooks of a new order, spread evenly over `storm_ms`; the first comes at once.
///
/// With `evolve` the order is first shown as real checkouts show it: Incomplete, without money. It
/// becomes what it is just before its `updated` hook.
pub(crate) fn fire(
    app: &App,
    store: &Arc<Store>,
    order: &Arc<Order>,
    hooks: Hooks,
    storm_ms: u64,
    evolve: bool,
) {
    let events = match hooks {
        Hooks::None => Vec::new(),
        Hooks::Single => vec![events::order("created", order.id)],
        Hooks::Storm => storm(order),
    };
    let gaps = (events.len() as u64).saturating_sub(1).max(1);
    let delay = |n: u64| Duration::from_millis(storm_ms * n / gaps);
    if evolve {
        grow(app, store, order, delay(1));
    }
    for (n, event) in (0_u64..).zip(events) {
        // A moment later than the change that it tells.
        let after = if evolve && n > 0 {
            GROWN
        } else {
            Duration::ZERO
        };
        app.hooks.fire(store, event, delay(n) + after);
    }
}

/// How long after an order has grown its hooks may tell so.
const GROWN: Duration = Duration::from_millis(20);

fn grow(app: &App, store: &Arc<Store>, order: &Arc<Order>, delay: Duration) {
    let (id, full) = (order.id, Arc::clone(order));
    store.change_order(id, |order| {
        order.status_id = 0;
        order.shipped = None;
        order.payment_status.clear();
        order.transactions.clear();
        order.refunds.clear();
        order.refunded.clear();
    });
    let (hooks, store) = (Arc::clone(&app.hooks), Arc::clone(store));
    tokio::spawn(async move {
        if hooks.wait(delay).await {
            store.change_order(id, |order| *order = (*full).clone());
        }
    });
}

fn storm(order: &Order) -> Vec<Event> {
    let mut events = vec![
        events::order("created", order.id),
        events::order("updated", order.id),
    ];
    if order.status_id != 0 {
        events.push(events::status_updated(order.id, 0, order.status_id));
    }
    let transactions = order.transactions.iter();
    events.extend(transactions.map(|t| events::transaction("created", order.id, t)));
    let refunds = order.refunds.iter();
    events.extend(refunds.map(|refund| events::refund_created(order.id, refund.id)));
    events
}
