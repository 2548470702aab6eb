//! V3: products and variants, read only.

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use crate::bigcommerce::catalog::{Product, Variant, product_json, variant_json};
use crate::bigcommerce::dates;
use crate::bigcommerce::reply::{ApiError, Params, includes, v3_list, v3_one};
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::Store;

type Shop = Extension<Arc<Store>>;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v3/catalog/products", get(products))
        .route("/v3/catalog/products/{id}", get(product))
        .route("/v3/catalog/products/{id}/variants", get(product_variants))
        .route("/v3/catalog/products/{id}/variants/{variant}", get(variant))
        .route("/v3/catalog/variants", get(variants))
}

async fn products(
    Extension(store): Shop,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let includes = includes(&params);
    let rows = {
        let data = store.data();
        let all = data.products.values();
        all.filter(|product| params.iter().all(|(k, v)| passes(product, k, v)))
            .map(|product| product_json(product, &includes))
            .collect()
    };
    v3_list(rows, &params)
}

fn passes(product: &Product, name: &str, value: &str) -> bool {
    let any = |check: &dyn Fn(&str) -> bool| value.split(',').any(|part| check(part.trim()));
    let at = dates::read(value);
    match name {
        "id" | "id:in" => any(&|id| id.parse() == Ok(product.id)),
        "id:min" => value.parse().is_ok_and(|id: u64| product.id >= id),
        "id:max" => value.parse().is_ok_and(|id: u64| product.id <= id),
        "sku" | "sku:in" => any(&|sku| product.sku == sku),
        "name" => product.name == value,
        "is_visible" => (value == "true" || value == "1") == product.visible,
        "date_modified:min" => at.is_none_or(|at| product.modified >= at),
        "date_modified:max" => at.is_none_or(|at| product.modified <= at),
        _ => true,
    }
}

fn with_product<T>(
    store: &Store,
    id: &str,
    show: impl FnOnce(&Product) -> Option<T>,
) -> Result<T, ApiError> {
    let id: u64 = id.parse().map_err(|_| ApiError::v3_not_found())?;
    let data = store.data();
    data.products
        .get(&id)
        .and_then(show)
        .ok_or_else(ApiError::v3_not_found)
}

async fn product(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let includes = includes(&params);
    with_product(&store, &id, |p| Some(product_json(p, &includes))).map(v3_one)
}

async fn product_variants(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let rows = with_product(&store, &id, |p| {
        Some(p.variants.iter().map(|v| variant_json(p, v)).collect())
    })?;
    v3_list(rows, &params)
}

async fn variant(
    Extension(store): Shop,
    Path((_, id, variant)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    with_product(&store, &id, |p| {
        let found = p.variants.iter().find(|v| v.id.to_string() == variant)?;
        Some(variant_json(p, found))
    })
    .map(v3_one)
}

async fn variants(
    Extension(store): Shop,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let rows = {
        let data = store.data();
        let pairs = data
            .products
            .values()
            .flat_map(|product| product.variants.iter().map(move |v| (product, v)));
        pairs
            .filter(|(product, v)| params.iter().all(|(k, t)| variant_passes(product, v, k, t)))
            .map(|(product, v)| variant_json(product, v))
            .collect()
    };
    v3_list(rows, &params)
}

fn variant_passes(product: &Product, variant: &Variant, name: &str, value: &str) -> bool {
    let any = |check: &dyn Fn(&str) -> bool| value.split(',').any(|part| check(part.trim()));
    match name {
        "id" | "id:in" => any(&|id| id.parse() == Ok(variant.id)),
        "sku" | "sku:in" => any(&|sku| variant.sku == sku),
        "product_id" | "product_id:in" => any(&|id| id.parse() == Ok(product.id)),
        _ => true,
    }
}
