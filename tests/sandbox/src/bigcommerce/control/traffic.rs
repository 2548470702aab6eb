//! What went over the wire: calls of the client, deliveries of hooks, and bursts on demand.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Problem, body, store};
use crate::bigcommerce::calls::Calls;
use crate::bigcommerce::hooks::burst::{self, BurstReport, BurstRequest};
use crate::bigcommerce::hooks::deliver::{Deliveries, Record};
use crate::bigcommerce::hooks::events;
use crate::bigcommerce::reply::{Params, param};
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::lock;

/// Deliveries shown unless `limit` says otherwise; the newest come first.
const DEFAULT_SHOWN: usize = 1000;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/stores/{hash}/calls", get(calls).delete(forget_calls))
        .route(
            "/stores/{hash}/deliveries",
            get(deliveries).delete(forget_deliveries),
        )
        .route("/stores/{hash}/hooks/burst", post(run_burst))
        .route("/stores/{hash}/hooks/fire", post(fire))
}

async fn calls(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
) -> Result<Json<Calls>, Problem> {
    Ok(Json(lock(&store(&app, &hash)?.calls).clone()))
}

async fn forget_calls(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
) -> Result<StatusCode, Problem> {
    *lock(&store(&app, &hash)?.calls) = Calls::default();
    Ok(StatusCode::NO_CONTENT)
}

async fn deliveries(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    Query(params): Query<Params>,
) -> Result<Json<Value>, Problem> {
    let number = |name: &str| param(&params, name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("limit").and_then(|n| usize::try_from(n).ok());
    let order_id = number("order_id");
    let outcome = param(&params, "outcome");
    let store = store(&app, &hash)?;
    let deliveries = lock(&store.deliveries);
    let rows: Vec<&Record> = deliveries
        .records
        .iter()
        .rev()
        .filter(|row| order_id.is_none() || row.order_id == order_id)
        .filter(|row| outcome.is_none_or(|want| row.outcome == want))
        .take(limit.unwrap_or(DEFAULT_SHOWN))
        .collect();
    Ok(Json(json!({
        "by_outcome": deliveries.by_outcome,
        "pending": app.hooks.pending(),
        "deliveries": rows,
    })))
}

async fn forget_deliveries(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
) -> Result<StatusCode, Problem> {
    *lock(&store(&app, &hash)?.deliveries) = Deliveries::default();
    Ok(StatusCode::NO_CONTENT)
}

async fn run_burst(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    request: Body<BurstRequest>,
) -> Result<Json<BurstReport>, Problem> {
    let request = body(request)?;
    let store = store(&app, &hash)?;
    let report = burst::run(&app.hooks, &store, request).await;
    report.map(Json).map_err(Problem::bad)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FireRequest {
    scope: String,
    data: Value,
    order_id: Option<u64>,
    #[serde(default)]
    delay_ms: u64,
    /// How long ago the event says that it happened.
    #[serde(default)]
    age_s: u32,
}

/// Fires any event: a scope and data of the caller's choice, signed as all others.
async fn fire(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    request: Body<FireRequest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let request = body(request)?;
    let store = store(&app, &hash)?;
    let mut event = events::custom(&request.scope, request.data, request.order_id);
    event.created_at_s -= i64::from(request.age_s);
    let answer = json!({"hash": event.hash});
    let delay = Duration::from_millis(request.delay_ms);
    app.hooks.fire(&store, event, delay);
    Ok((StatusCode::ACCEPTED, Json(answer)))
}
