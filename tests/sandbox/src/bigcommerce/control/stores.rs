//! Stores: adding, listing, removing, and their quota.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Problem, body, store};
use crate::bigcommerce::money;
use crate::bigcommerce::quota::QuotaConfig;
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::{Store, StoreConfig, StoreRequest, lock};

const DEFAULT_HOOK_TIMEOUT_MS: u64 = 10_000;
const MAX_STORES: usize = 1_000;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/stores", get(index).post(create))
        .route("/stores/{hash}", get(show).delete(remove))
        .route("/stores/{hash}/quota", put(set_quota))
        .route("/stores/{hash}/time_zone", put(set_time_zone))
}

fn describe(store: &Store) -> Value {
    let mut value = serde_json::to_value(&store.config).unwrap_or_default();
    value["time_zone"] = json!(store.time_zone());
    value["orders"] = json!(store.data().orders.len());
    value["hooks"] = json!(lock(&store.registry).all().count());
    value["created"] = json!(store.created.to_string());
    value
}

async fn index(State(app): State<Arc<App>>) -> Json<Value> {
    Json(app.stores().iter().map(|store| describe(store)).collect())
}

async fn show(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(describe(&*store(&app, &hash)?)))
}

async fn create(
    State(app): State<Arc<App>>,
    request: Body<StoreRequest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let request = body(request)?;
    if app.stores().len() >= MAX_STORES {
        return Err(Problem::conflict(format!(
            "there are {MAX_STORES} stores already; DELETE some"
        )));
    }
    let quota = request.quota;
    let config = config(request)?;
    let store = app.put_store(Store::new(config, quota));
    let mut shown = describe(&store);
    let hash = &store.config.store_hash;
    shown["api_url"] = json!(format!("{}/stores/{hash}", app.base_url));
    Ok((StatusCode::CREATED, Json(shown)))
}

fn config(request: StoreRequest) -> Result<StoreConfig, Problem> {
    let hash = request.store_hash;
    if hash.is_empty() || !hash.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Problem::bad("store_hash must be letters and digits"));
    }
    if request.access_token.is_empty() || request.client_secret.is_empty() {
        return Err(Problem::bad(
            "access_token and client_secret must not be empty",
        ));
    }
    let time_zone = request
        .time_zone
        .unwrap_or_else(|| "America/New_York".to_owned());
    check_zone(&time_zone)?;
    let retry_scale = match &request.retry_scale {
        None => Decimal::ONE,
        Some(value) => money::read(value)
            .filter(|scale| *scale >= Decimal::ZERO && *scale <= Decimal::ONE_HUNDRED)
            .ok_or_else(|| Problem::bad("retry_scale must be a number from 0 to 100"))?,
    };
    // A stable number that is not the hash, as real stores have.
    let number = hash
        .bytes()
        .fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_000);
    Ok(StoreConfig {
        store_id: (1_003_000_000 + number).to_string(),
        client_id: format!("sandboxclient{number:06}"),
        store_hash: hash,
        access_token: request.access_token,
        client_secret: request.client_secret,
        tax_inclusive: request.tax_inclusive,
        time_zone,
        default_currency: request.default_currency.unwrap_or_else(|| "USD".to_owned()),
        retry_scale,
        hook_timeout_ms: request.hook_timeout_ms.unwrap_or(DEFAULT_HOOK_TIMEOUT_MS),
        denylist: request.denylist,
        no_rounding: request.no_rounding,
    })
}

fn check_zone(name: &str) -> Result<(), Problem> {
    if TimeZone::get(name).is_ok() {
        return Ok(());
    }
    Err(Problem::bad(format!(
        "{name} is no IANA time zone; use one such as Europe/Berlin"
    )))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneRequest {
    time_zone: String,
}

/// What the merchant changes in the store's settings; no order changes by it, and no hook tells.
async fn set_time_zone(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    request: Body<ZoneRequest>,
) -> Result<StatusCode, Problem> {
    let request = body(request)?;
    check_zone(&request.time_zone)?;
    store(&app, &hash)?.set_time_zone(request.time_zone);
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
) -> Result<StatusCode, Problem> {
    if app.remove_store(&hash) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(format!("no store {hash}")))
}

async fn set_quota(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    quota: Body<Option<QuotaConfig>>,
) -> Result<StatusCode, Problem> {
    let quota = body(quota)?;
    lock(&store(&app, &hash)?.quota).set(quota);
    Ok(StatusCode::NO_CONTENT)
}
