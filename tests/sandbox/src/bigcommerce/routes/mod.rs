//! The vendor's own paths, under `/stores/{hash}`.

mod catalog;
mod customers;
mod hooks;
mod orders;
mod payments;
pub(crate) mod settings;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::orders::render::Links;
use super::reply::ApiError;
use super::server::App;
use super::store::Store;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .merge(orders::router())
        .merge(payments::router())
        .merge(customers::router())
        .merge(catalog::router())
        .merge(hooks::router())
        .merge(settings::router())
        .fallback(unknown)
}

async fn unknown(uri: Uri) -> Response {
    let text = "The requested resource was not found.";
    ApiError::for_path(uri.path(), StatusCode::NOT_FOUND, text).into_response()
}

/// Where links of this store point.
fn links(app: &App, store: &Store) -> Links {
    Links {
        v2_root: format!("{}/stores/{}/v2", app.base_url, store.config.store_hash),
        store_currency: store.config.default_currency.clone(),
    }
}
