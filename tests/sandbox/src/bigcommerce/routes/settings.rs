//! The store itself: `/v2/store`, `/v2/time`, `/v3/tax/settings`.

use std::sync::Arc;

use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::bigcommerce::orders::render::extend;
use crate::bigcommerce::reply::{ApiError, Params, v2_list, v3_one};
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::Store;

type Shop = Extension<Arc<Store>>;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/store", get(store))
        .route("/v2/time", get(time))
        .route("/v2/currencies", get(currency_settings))
        .route("/v3/tax/settings", get(tax_settings))
}

async fn time() -> Json<Value> {
    Json(json!({"time": crate::clock::now().as_second()}))
}

async fn store(Extension(store): Shop) -> Json<Value> {
    let mut body = Map::new();
    extend(&mut body, profile(&store));
    extend(&mut body, formats(&store));
    extend(&mut body, platform(&store));
    Json(Value::Object(body))
}

/// Who the merchant is.
fn profile(store: &Store) -> Value {
    let hash = &store.config.store_hash;
    let domain = format!("store-{hash}.example.com");
    json!({
        "id": hash,
        "account_uuid": "00000000-0000-4000-8000-000000000000",
        "domain": domain,
        "secure_url": format!("https://{domain}"),
        "control_panel_base_url": format!("https://{domain}"),
        "status": "live",
        "name": format!("Sandbox store {hash}"),
        "first_name": "Sandy",
        "last_name": "Box",
        "address": "1 Sandbox Street, Austin, Texas",
        "country": "United States",
        "country_code": "US",
        "phone": "5550000000",
        "admin_email": "owner@example.com",
        "order_email": "orders@example.com",
        "favicon_url": "",
        "industry": "Other",
        "logo": [],
    })
}

/// Currency, time and measures.
fn formats(store: &Store) -> Value {
    let currency = &store.config.default_currency;
    json!({
        "timezone": timezone(&store.time_zone()),
        "language": "en",
        "currency": currency,
        "currency_symbol": "$",
        "currency_symbol_location": "left",
        "decimal_separator": ".",
        "thousands_separator": ",",
        "decimal_places": crate::bigcommerce::money::digits(currency),
        "weight_units": "LBS",
        "dimension_units": "Inches",
        "dimension_decimal_places": 2,
        "dimension_decimal_token": ".",
        "dimension_thousands_token": ",",
        "is_price_entered_with_tax": store.config.tax_inclusive,
    })
}

/// Plan and features.
fn platform(store: &Store) -> Value {
    json!({
        "infrastructure_region": "us-central1",
        "plan_name": "Enterprise",
        "plan_level": "Enterprise",
        "plan_is_trial": false,
        "store_id": store.config.store_id.parse::<u64>().unwrap_or(0),
        "default_site_id": 1000,
        "default_channel_id": 1,
        "active_comparison_modules": [],
        "features": {
            "stencil_enabled": true,
            "sitewidehttps_enabled": true,
            "facebook_catalog_id": "",
            "checkout_type": "optimized",
            "wishlists_enabled": true,
            "graphql_storefront_api_enabled": true,
            "shopper_consent_tracking_enabled": false,
            "multi_storefront_enabled": true,
        },
    })
}

/// Offsets are seconds; `raw_offset` is the standard one, `dst_offset` the one in summer.
fn timezone(name: &str) -> Value {
    let zone = TimeZone::get(name).unwrap_or(TimeZone::UTC);
    let now = crate::clock::now();
    let offset = |at: Timestamp| zone.to_offset(at).seconds();
    let is_dst = zone.to_offset_info(now).dst().is_dst();
    // The two solstices of a year show both offsets, wherever the store is.
    let year = now.to_zoned_datetime(TimeZone::UTC).year();
    let day = |month: i8| {
        jiff::civil::date(year, month, 21)
            .to_zoned_datetime(TimeZone::UTC)
            .map_or(now, |zoned| zoned.timestamp())
    };
    let (a, b) = (offset(day(6)), offset(day(12)));
    json!({
        "name": name,
        "raw_offset": a.min(b),
        "dst_offset": a.max(b),
        "dst_correction": a != b,
        "is_dst": is_dst,
        "date_format": {
            "raw": "%d %b %Y",
            "display": "d M Y",
            "export": "M jS Y",
            "extended_display": "M jS Y @ g:i A",
        },
    })
}

async fn currency_settings(
    Extension(store): Shop,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    v2_list(currencies(&store), &params)
}

/// `GET /v2/currencies`: the store's own, and what else a shopper can pay in.
pub(crate) fn currencies(store: &Store) -> Vec<Value> {
    let own = store.config.default_currency.as_str();
    let others = [
        "USD", "EUR", "GBP", "CAD", "JPY", "KRW", "KWD", "HUF", "COP",
    ];
    let codes = std::iter::once(own).chain(others.into_iter().filter(|code| *code != own));
    (1_u64..)
        .zip(codes)
        .map(|(id, code)| {
            json!({
                "id": id,
                "is_default": code == own,
                "currency_code": code,
                "currency_exchange_rate": "1.0000000000",
                "name": code,
                "token": code,
                "token_location": "left",
                "decimal_token": ".",
                "thousands_token": ",",
                "decimal_places": crate::bigcommerce::money::digits(code),
                "auto_update": false,
                "enabled": true,
                "is_transactional": true,
            })
        })
        .collect()
}

async fn tax_settings(Extension(store): Shop) -> Response {
    v3_one(tax(&store))
}

/// `GET /v3/tax/settings`.
pub(crate) fn tax(store: &Store) -> Value {
    json!({
        "id": 1,
        "tax_entered_with_prices": store.config.tax_inclusive,
        "rounding_strategy": if store.config.no_rounding { "NO_ROUNDING" } else { "RATE_ROUNDING" },
        "fallback_strategy": "FIXED",
        "price_display_strategy": if store.config.tax_inclusive {
            "INCLUSIVE"
        } else {
            "EXCLUSIVE"
        },
    })
}
