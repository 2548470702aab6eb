//! `/v2/orders` and what hangs under it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::{Map, Value, json};

use super::links;
use crate::bigcommerce::hooks::events;
use crate::bigcommerce::orders::model::{Order, STATUSES};
use crate::bigcommerce::orders::render::{self, Include};
use crate::bigcommerce::orders::{edit, list, rows};
use crate::bigcommerce::reply::{ApiError, Params, param, v2_list, v2_page, v2_rows};
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::Store;

type Shop = Extension<Arc<Store>>;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/orders", get(index))
        .route("/v2/orders/count", get(count))
        .route("/v2/orders/{id}", get(show).put(update).delete(archive))
        .route("/v2/orders/{id}/{part}", get(part))
        .route("/v2/order_statuses", get(statuses))
        .route("/v2/order_statuses/{id}", get(status))
}

async fn index(
    State(app): State<Arc<App>>,
    Extension(store): Shop,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let all: Vec<Arc<Order>> = store.data().orders.values().cloned().collect();
    let found = list::select(all.into_iter(), &params)?;
    let (links, include) = (links(&app, &store), include(&params));
    let rows = found
        .iter()
        .map(|order| render::order(order, &links, include))
        .collect();
    Ok(v2_rows(rows))
}

async fn count(Extension(store): Shop) -> Json<Value> {
    let data = store.data();
    let of = |id: u64| data.orders.values().filter(|o| o.status_id == id).count();
    let statuses: Vec<Value> = (0_u64..)
        .zip(STATUSES)
        .map(|(id, name)| json!({"id": id, "name": name, "system_label": name, "count": of(id)}))
        .collect();
    Json(json!({"statuses": statuses, "count": data.orders.len()}))
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Result<Json<Value>, ApiError> {
    let order = find(&store, &id)?;
    let body = render::order(&order, &links(&app, &store), include(&params));
    Ok(Json(body))
}

fn include(params: &Params) -> Include {
    let list = crate::bigcommerce::reply::includes(params).join(",");
    Include::read(Some(&list), param(params, "consignment_structure"))
}

fn find(store: &Store, id: &str) -> Result<Arc<Order>, ApiError> {
    id.parse()
        .ok()
        .and_then(|id| store.order(id))
        .ok_or_else(ApiError::v2_not_found)
}

async fn part(
    State(app): State<Arc<App>>,
    Extension(store): Shop,
    Path((_, id, part)): Path<(String, String, String)>,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let order = find(&store, &id)?;
    let links = links(&app, &store);
    let details = param(&params, "details") == Some("true");
    let rows = match part.as_str() {
        "products" => rows::products(&order),
        "taxes" => rows::taxes(&order, details),
        "coupons" => rows::coupons(&order),
        "shipping_addresses" | "shippingaddresses" => rows::shipping_addresses(&order, &links),
        "fees" => {
            let page = v2_page(rows::fees(&order), &params)?;
            let is_bare = page.is_empty() || !order.spec.fees_as_object;
            return Ok(match is_bare {
                true => v2_rows(page),
                false => Json(rows::fees_answer(&order, page)).into_response(),
            });
        }
        "shipments" | "messages" => rows::given(&order, &part),
        "consignments" => {
            let lines = include(&params).line_items || param(&params, "include").is_none();
            return Ok(Json(rows::consignments(&order, &links, lines)).into_response());
        }
        _ => return Err(ApiError::v2_not_found()),
    };
    v2_list(rows, &params)
}

async fn update(
    State(app): State<Arc<App>>,
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
    Json(fields): Json<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let id = find(&store, &id)?.id;
    let changed = store.try_change_order(id, |order| {
        let before = edit::put(order, &fields)?;
        Ok::<_, String>((before, order.status_id))
    });
    let changed = changed.ok_or_else(ApiError::v2_not_found)?;
    let (before, status) = changed.map_err(ApiError::v2_bad)?;
    app.hooks
        .fire(&store, events::order("updated", id), Duration::ZERO);
    if let Some(before) = before {
        let event = events::status_updated(id, before, status);
        app.hooks.fire(&store, event, Duration::ZERO);
    }
    let order = store.order(id).ok_or_else(ApiError::v2_not_found)?;
    let body = render::order(&order, &links(&app, &store), Include::default());
    Ok(Json(body))
}

async fn archive(
    State(app): State<Arc<App>>,
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let id = find(&store, &id)?.id;
    store.change_order(id, |order| order.archived = true);
    app.hooks
        .fire(&store, events::order("archived", id), Duration::ZERO);
    Ok(StatusCode::NO_CONTENT)
}

fn status_json(id: u64, name: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "system_label": name,
        "custom_label": name,
        "system_description": format!("The order is in state {name}."),
        "order": id,
    })
}

async fn statuses() -> Json<Value> {
    let rows = (0_u64..).zip(STATUSES);
    Json(rows.map(|(id, name)| status_json(id, name)).collect())
}

async fn status(Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, ApiError> {
    let id: u64 = id.parse().map_err(|_| ApiError::v2_not_found())?;
    match crate::bigcommerce::orders::model::status_name(id) {
        "" => Err(ApiError::v2_not_found()),
        name => Ok(Json(status_json(id, name))),
    }
}
