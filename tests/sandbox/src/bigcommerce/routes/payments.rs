//! V3: transactions and refunds of orders.

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::Value;

use crate::bigcommerce::dates;
use crate::bigcommerce::orders::model::Order;
use crate::bigcommerce::orders::v3;
use crate::bigcommerce::reply::{ApiError, Params, param, v3_list, v3_one};
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::Store;

type Shop = Extension<Arc<Store>>;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v3/orders/{id}/transactions", get(transactions))
        .route("/v3/orders/{id}/payment_actions/refunds", get(refunds))
        .route("/v3/orders/payment_actions/refunds", get(all_refunds))
        .route("/v3/orders/payment_actions/refunds/{id}", get(refund))
}

fn find(store: &Store, id: &str) -> Result<Arc<Order>, ApiError> {
    id.parse()
        .ok()
        .and_then(|id| store.order(id))
        .ok_or_else(ApiError::v3_not_found)
}

async fn transactions(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let order = find(&store, &id)?;
    v3_list(v3::transactions(&order), &params)
}

async fn refunds(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let order = find(&store, &id)?;
    v3_list(v3::refunds(&order), &params)
}

async fn all_refunds(
    Extension(store): Shop,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let ids: Option<Vec<u64>> = param(&params, "order_id:in").map(|list| {
        list.split(',')
            .filter_map(|id| id.trim().parse().ok())
            .collect()
    });
    let bound = |name: &str| param(&params, name).and_then(dates::read);
    let (min, max) = (bound("created:min"), bound("created:max"));
    let orders: Vec<Arc<Order>> = store.data().orders.values().cloned().collect();
    let rows = orders
        .iter()
        .filter(|order| ids.as_ref().is_none_or(|ids| ids.contains(&order.id)))
        .flat_map(|order| v3::refunds(order))
        .filter(|row| {
            let at = row["created"].as_str().and_then(dates::read);
            let late = |min| at.is_some_and(|at| at >= min);
            let early = |max| at.is_some_and(|at| at <= max);
            min.is_none_or(late) && max.is_none_or(early)
        })
        .collect();
    v3_list(rows, &params)
}

async fn refund(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let wanted: u64 = id.parse().map_err(|_| ApiError::v3_not_found())?;
    let orders: Vec<Arc<Order>> = store.data().orders.values().cloned().collect();
    orders
        .iter()
        .flat_map(|order| v3::refunds(order))
        .find(|row| row["id"].as_u64() == Some(wanted))
        .map(|row: Value| v3_one(row))
        .ok_or_else(ApiError::v3_not_found)
}
