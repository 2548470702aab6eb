//! What happens to an order later: captures, edits, refunds, archiving, deletion.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::orders::summary;
use super::{Body, OrderPath, Problem, body, store};
use crate::bigcommerce::hooks::events::{self, Event};
use crate::bigcommerce::money;
use crate::bigcommerce::orders::model::Order;
use crate::bigcommerce::orders::refund::{self, Item, To};
use crate::bigcommerce::orders::{edit, later, pay};
use crate::bigcommerce::server::App;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/stores/{hash}/orders/{id}/actions", post(act))
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Action {
    Capture,
    Purchase,
    Void,
    SetStatus,
    AddLine,
    EditLineQuantity,
    ChangeBillingAddress,
    SetShipping,
    ChangeCurrency,
    Refund,
    Touch,
    Archive,
    Delete,
    /// The next change that the order's kind foresees.
    Later,
}

/// One shape for all actions; each says which fields it needs when they are missing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionRequest {
    action: Action,
    amount: Option<Value>,
    status_id: Option<u64>,
    name: Option<String>,
    sku: Option<String>,
    quantity: Option<u32>,
    unit_price: Option<Value>,
    /// Counts from 0.
    line: Option<usize>,
    address: Option<Map<String, Value>>,
    currency: Option<String>,
    items: Option<Vec<ItemRequest>>,
    /// `origin` (default), `store_credit` or `offline`.
    to: Option<String>,
    #[serde(default)]
    declined: bool,
    reason: Option<String>,
    /// Sends no hooks, to test what a sweep finds.
    #[serde(default)]
    silent: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemRequest {
    /// `product`, `wrapping`, `shipping`, `handling`, `fee` or `order`.
    item: String,
    line: Option<usize>,
    quantity: Option<u32>,
    amount: Option<Value>,
    index: Option<usize>,
}

async fn act(
    State(app): State<Arc<App>>,
    Path((hash, id)): OrderPath,
    request: Body<ActionRequest>,
) -> Result<Json<Value>, Problem> {
    let request = body(request)?;
    let store = store(&app, &hash)?;
    let unknown = || Problem::not_found(format!("no order {id} in store {hash}"));
    let (events, answer) = if request.action == Action::Later {
        store.order(id).ok_or_else(unknown)?;
        let done = later::advance(&store, id, crate::clock::now());
        let done = done.ok_or_else(|| Problem::bad("nothing more happens to this order"))?;
        let done = done.map_err(Problem::bad)?;
        let gone = || json!({"order_id": id, "deleted": true, "later": 0});
        (
            done.events,
            done.order.map_or_else(gone, |order| summary(&order)),
        )
    } else if request.action == Action::Delete {
        store.data().orders.remove(&id).ok_or_else(unknown)?;
        // The vendor has no hook for a deletion: the order is simply gone.
        (Vec::new(), json!({"order_id": id, "deleted": true}))
    } else {
        let mut next = store.data().take_row_ids(ROWS_FOR_ACTION);
        let mut ids = || {
            next += 1;
            next - 1
        };
        let done = store.try_change_order(id, |order| {
            let events = apply(order, &request, &mut ids)?;
            Ok::<_, String>((events, summary(order)))
        });
        done.ok_or_else(unknown)?.map_err(Problem::bad)?
    };
    if !request.silent {
        for event in events {
            app.hooks.fire(&store, event, Duration::ZERO);
        }
    }
    Ok(Json(answer))
}

/// Ids set aside for one action; a refund takes two for every payment it goes back to.
const ROWS_FOR_ACTION: u64 = 1_000;

fn apply(
    order: &mut Order,
    request: &ActionRequest,
    ids: &mut impl FnMut() -> u64,
) -> Result<Vec<Event>, String> {
    let id = order.id;
    let before = order.status_id;
    let mut events = vec![events::order("updated", id)];
    match request.action {
        Action::Capture | Action::Purchase => {
            let amount = amount(request.amount.as_ref())?;
            if request.action == Action::Capture {
                pay::capture(order, amount, ids)?;
            } else {
                pay::purchase(order, amount, ids)?;
            }
            if matches!(order.status_id, 0 | 1 | 7) {
                order.status_id = 11;
            }
            if let Some(last) = order.transactions.last() {
                events.push(events::transaction("created", id, last));
            }
        }
        Action::Void => {
            pay::void(order, ids)?;
            let void = order.transactions.last();
            events.extend(void.map(|void| events::transaction("created", id, void)));
        }
        Action::SetStatus => {
            let status = request.status_id.ok_or("set_status needs status_id")?;
            edit::set_status(order, status)?;
        }
        Action::AddLine => {
            let price = amount(request.unit_price.as_ref())?.ok_or("add_line needs unit_price")?;
            let name = request.name.as_deref().unwrap_or("Added line");
            let sku = request.sku.as_deref().unwrap_or("");
            edit::add_line(
                order,
                name,
                sku,
                request.quantity.unwrap_or(1),
                price,
                ids(),
            )?;
        }
        Action::EditLineQuantity => {
            let quantity = request
                .quantity
                .ok_or("edit_line_quantity needs quantity; 0 takes the line out")?;
            edit::edit_quantity(order, request.line.unwrap_or(0), quantity)?;
        }
        Action::ChangeBillingAddress => {
            let fields = request.address.as_ref();
            let fields = fields.ok_or("change_billing_address needs address")?;
            edit::change_address(&mut order.spec.billing, fields)?;
        }
        Action::SetShipping => {
            let cost = amount(request.amount.as_ref())?.ok_or("set_shipping needs amount")?;
            edit::set_shipping(order, cost)?;
        }
        Action::ChangeCurrency => {
            let code = request.currency.as_deref();
            edit::change_currency(order, code.ok_or("change_currency needs currency")?)?;
        }
        Action::Refund => {
            let refund_id = give_back(order, request, ids)?;
            events.push(events::refund_created(id, refund_id));
            let moved = order.refunds.last().map(refunds_of).unwrap_or_default();
            let told = order.transactions.iter().filter(|t| moved.contains(&t.id));
            events.extend(told.map(|t| events::transaction("created", id, t)));
        }
        Action::Touch => {}
        Action::Archive => {
            order.archived = true;
            events = vec![events::order("archived", id)];
        }
        Action::Delete | Action::Later => {}
    }
    if order.status_id != before {
        events.push(events::status_updated(id, before, order.status_id));
    }
    Ok(events)
}

fn refunds_of(refund: &crate::bigcommerce::orders::model::Refund) -> Vec<u64> {
    let payments = refund.payments.iter();
    payments
        .filter_map(|payment| payment.transaction_id)
        .collect()
}

fn give_back(
    order: &mut Order,
    request: &ActionRequest,
    ids: &mut impl FnMut() -> u64,
) -> Result<u64, String> {
    let to = match request.to.as_deref() {
        None | Some("origin") => To::Origin,
        Some("store_credit") => To::StoreCredit,
        Some("offline") => To::Offline,
        Some(other) => {
            return Err(format!(
                "to is {other}; use origin, store_credit or offline"
            ));
        }
    };
    let items = match (&request.items, amount(request.amount.as_ref())?) {
        (Some(rows), _) => rows.iter().map(item).collect::<Result<Vec<_>, _>>()?,
        (None, Some(amount)) => vec![Item::Order { amount }],
        (None, None) => refund::everything(order),
    };
    let reason = request.reason.as_deref().unwrap_or("");
    let id = refund::refund(order, &items, to, request.declined, reason, ids)?;
    if !request.declined {
        let back: rust_decimal::Decimal = order.refunds.iter().map(refund::paid_back).sum();
        order.status_id = if back >= order.sums.payable() { 4 } else { 14 };
    }
    Ok(id)
}

fn item(request: &ItemRequest) -> Result<Item, String> {
    let value = amount(request.amount.as_ref())?;
    Ok(match request.item.as_str() {
        "product" => Item::Product {
            line: request.line.unwrap_or(0),
            quantity: request.quantity.unwrap_or(1),
        },
        "wrapping" => Item::Wrapping {
            line: request.line.unwrap_or(0),
        },
        "shipping" => Item::Shipping { amount: value },
        "handling" => Item::Handling { amount: value },
        "fee" => Item::Fee {
            index: request.index.unwrap_or(0),
        },
        "order" => Item::Order {
            amount: value.ok_or("an order item needs amount")?,
        },
        other => {
            return Err(format!(
                "{other} is no item; use product, wrapping, shipping, handling, fee or order"
            ));
        }
    })
}

fn amount(value: Option<&Value>) -> Result<Option<rust_decimal::Decimal>, String> {
    value
        .map(|value| money::read(value).ok_or_else(|| format!("{value} is no amount of money")))
        .transpose()
}
