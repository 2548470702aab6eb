//! Making orders by kind or verbatim, and the list that tests compare the books with.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::storm::{self, Hooks};
use super::{Body, OrderPath, Problem, body, store};
use crate::bigcommerce::hooks::events;
use crate::bigcommerce::kinds;
use crate::bigcommerce::money;
use crate::bigcommerce::orders::build::{self, Wishes};
use crate::bigcommerce::orders::model::{InBooks, Order, Raw};
use crate::bigcommerce::orders::render::scalar;
use crate::bigcommerce::orders::{refund, v3};
use crate::bigcommerce::server::App;

const DEFAULT_STORM_MS: u64 = 1500;
/// Orders that one request may make.
const MAX_COUNT: u64 = 10_000;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/stores/{hash}/orders", get(index).post(create))
        .route("/stores/{hash}/orders/raw", post(create_raw))
        .route("/stores/{hash}/orders/{id}", get(show))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderRequest {
    kind: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    hooks: Hooks,
    storm_ms: Option<u64>,
    email: Option<String>,
    customer_id: Option<u64>,
    /// ISO 8601; now unless given.
    created_at: Option<String>,
    /// Shows the order as Incomplete and unpaid until its `updated` hook, as real checkouts do.
    #[serde(default)]
    evolve: bool,
    /// Makes so many, with seeds counting up from `seed`; the answer is then a list.
    count: Option<u64>,
}

async fn create(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    request: Body<OrderRequest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let request = body(request)?;
    let store = store(&app, &hash)?;
    let kind = kinds::find(&request.kind).ok_or_else(|| {
        Problem::bad(format!(
            "no kind {}; GET /_sandbox/kinds lists them",
            request.kind
        ))
    })?;
    let created = request
        .created_at
        .as_deref()
        .map(|text| {
            crate::bigcommerce::dates::read(text)
                .ok_or_else(|| Problem::bad(format!("created_at {text} is no date; use ISO 8601")))
        })
        .transpose()?;
    let wishes = Wishes {
        email: request.email,
        customer_id: request.customer_id,
        created,
    };
    let count = request.count.unwrap_or(1);
    if count == 0 || count > MAX_COUNT {
        return Err(Problem::bad(format!("count must be 1 to {MAX_COUNT}")));
    }
    let storm_ms = request.storm_ms.unwrap_or(DEFAULT_STORM_MS);
    let mut made = Vec::new();
    for seed in request.seed..request.seed.saturating_add(count) {
        let (order, customer) = build::place(&store, kind, seed, &wishes);
        if let Some(id) = customer
            && request.hooks == Hooks::Storm
        {
            let event = events::customer("created", id);
            app.hooks.fire(&store, event, Duration::ZERO);
        }
        storm::fire(
            &app,
            &store,
            &order,
            request.hooks,
            storm_ms,
            request.evolve,
        );
        made.push(summary(&order));
    }
    let answer = match (request.count, made.pop()) {
        (None, Some(one)) => one,
        (_, last) => made.into_iter().chain(last).collect(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    /// The V2 order, as far as it matters to the test.
    order: Map<String, Value>,
    #[serde(default)]
    products: Option<Vec<Value>>,
    #[serde(default)]
    taxes: Option<Vec<Value>>,
    #[serde(default)]
    coupons: Option<Vec<Value>>,
    #[serde(default)]
    shipping_addresses: Option<Vec<Value>>,
    #[serde(default)]
    fees: Option<Vec<Value>>,
    #[serde(default)]
    messages: Option<Vec<Value>>,
    #[serde(default)]
    shipments: Option<Vec<Value>>,
    #[serde(default)]
    transactions: Option<Vec<Value>>,
    #[serde(default)]
    refunds: Option<Vec<Value>>,
    in_books: Option<String>,
    #[serde(default)]
    hooks: Hooks,
    storm_ms: Option<u64>,
}

async fn create_raw(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    request: Body<RawRequest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let request = body(request)?;
    let store = store(&app, &hash)?;
    let id = request.order.get("id").and_then(Value::as_u64);
    if let Some(id) = id
        && store.order(id).is_some()
    {
        return Err(Problem::conflict(format!("order {id} exists already")));
    }
    let in_books = match request.in_books.as_deref() {
        None | Some("invoice") => InBooks::Invoice,
        Some("none") => InBooks::None,
        Some(other) => {
            let text = format!("in_books is {other}; it must be invoice or none");
            return Err(Problem::bad(text));
        }
    };
    let mut raw = Raw {
        order: request.order,
        ..Raw::default()
    };
    for (name, rows) in [
        ("products", request.products),
        ("taxes", request.taxes),
        ("coupons", request.coupons),
        ("shipping_addresses", request.shipping_addresses),
        ("fees", request.fees),
        ("messages", request.messages),
        ("shipments", request.shipments),
        ("transactions", request.transactions),
        ("refunds", request.refunds),
    ] {
        if let Some(rows) = rows {
            raw.rows.insert(name.to_owned(), rows);
        }
    }
    let order = build::place_raw(&store, raw, in_books);
    let storm_ms = request.storm_ms.unwrap_or(DEFAULT_STORM_MS);
    storm::fire(&app, &store, &order, request.hooks, storm_ms, false);
    Ok((StatusCode::CREATED, Json(summary(&order))))
}

async fn index(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
) -> Result<Json<Value>, Problem> {
    let store = store(&app, &hash)?;
    let orders: Vec<Arc<Order>> = store.data().orders.values().cloned().collect();
    Ok(Json(orders.iter().map(|order| summary(order)).collect()))
}

async fn show(
    State(app): State<Arc<App>>,
    Path((hash, id)): OrderPath,
) -> Result<Json<Value>, Problem> {
    let order = store(&app, &hash)?.order(id);
    let order = order.ok_or_else(|| Problem::not_found(format!("no order {id}")))?;
    Ok(Json(summary(&order)))
}

/// What the books are compared with. Money is text with four decimals.
pub(crate) fn summary(order: &Order) -> Value {
    let (captured, refunded) = movements(order);
    let offline = offline(order);
    let received = captured + offline;
    json!({
        "order_id": order.id,
        "kind": order.kind,
        "in_books": order.in_books.name(),
        "status_id": order.status_id,
        "is_deleted": order.archived,
        "total_inc_tax": scalar(order, "total_inc_tax"),
        "payable": money::plain4(payable(order, captured)),
        "unit": money::plain4(Decimal::new(1, digits(order))),
        "total_tax": scalar(order, "total_tax"),
        "currency": scalar(order, "default_currency_code"),
        "customer_id": order.spec.customer_id,
        "email": order.spec.billing.email,
        "captured": money::plain4(captured),
        "paid_offline": money::plain4(offline),
        "received": money::plain4(received),
        "refunded": money::plain4(refunded),
        "net": money::plain4(received - refunded),
        "transactions": v3::transactions(order).len(),
        "refunds": v3::refunds(order).len(),
        "later": order.later.len(),
    })
}

/// The total in whole units of its currency: as it was captured where it is finer than those, else
/// rounded half up.
fn payable(order: &Order, captured: Decimal) -> Decimal {
    let total = scalar(order, "total_inc_tax").and_then(|text| text.parse::<Decimal>().ok());
    let total = total.unwrap_or_default();
    let digits = digits(order);
    let rounded = money::round(total, digits);
    let near = (captured - total).abs() < Decimal::new(1, digits);
    if rounded != total && near {
        captured
    } else {
        rounded
    }
}

/// Decimals of the order's currency in this store.
fn digits(order: &Order) -> u32 {
    money::digits(&scalar(order, "default_currency_code").unwrap_or_default())
}

/// The whole total, for an order that reached a paid status without any transaction. A refund to
/// store credit is a transaction too, and says nothing of how the money came in.
fn offline(order: &Order) -> Decimal {
    let paid = matches!(order.status_id, 2 | 3 | 4 | 8 | 9 | 10 | 11 | 14);
    let came_in = |row: &Value| row["event"].as_str() != Some("refund");
    if !paid || v3::transactions(order).iter().any(came_in) {
        return Decimal::ZERO;
    }
    payable(order, Decimal::ZERO)
}

/// Money in by good, real transactions, and money that refunds gave back by any way.
fn movements(order: &Order) -> (Decimal, Decimal) {
    let Some(rows) = order.raw.as_ref().map(|raw| &raw.rows) else {
        let in_ = order.standing().map(|t| t.money());
        let captured = in_.filter(|amount| *amount > Decimal::ZERO).sum();
        return (captured, order.refunds.iter().map(refund::paid_back).sum());
    };
    let all = |name: &str| rows.get(name).map(Vec::as_slice).unwrap_or_default();
    let captured = all("transactions")
        .iter()
        .filter(|t| {
            let is = |name: &str, text: &str| t[name].as_str() == Some(text);
            is("status", "ok")
                && t["test"].as_bool() != Some(true)
                && (is("event", "purchase") || is("event", "capture") || is("event", "settled"))
        })
        .filter_map(|t| money::read(&t["amount"]))
        .sum();
    let refunded = all("refunds")
        .iter()
        .filter_map(|r| money::read(&r["total_amount"]))
        .sum();
    (captured, refunded)
}
