//! Customers and products: adding, changing and deleting them, with the hooks that tell.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Body, Problem, body, store};
use crate::bigcommerce::catalog::{Product, product_json};
use crate::bigcommerce::hooks::events;
use crate::bigcommerce::money;
use crate::bigcommerce::orders::build::register;
use crate::bigcommerce::orders::edit::change_address;
use crate::bigcommerce::orders::spec::Address;
use crate::bigcommerce::people;
use crate::bigcommerce::server::App;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/stores/{hash}/customers", post(create_customer))
        .route(
            "/stores/{hash}/customers/{id}",
            put(change_customer).delete(delete_customer),
        )
        .route(
            "/stores/{hash}/products/{id}",
            put(change_product).delete(delete_product),
        )
}

type IdPath = Path<(String, u64)>;

async fn create_customer(
    State(app): State<Arc<App>>,
    Path(hash): Path<String>,
    fields: Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let store = store(&app, &hash)?;
    let mut address = Address::default();
    change_address(&mut address, &body(fields)?).map_err(Problem::bad)?;
    if address.email.is_empty() {
        return Err(Problem::bad("a customer needs an email"));
    }
    let shown = {
        let mut data = store.data();
        if data.customer_by_email(1, &address.email).is_some() {
            return Err(Problem::conflict("a customer with this email exists"));
        }
        let id = register(&mut data, address, 1);
        let customer = data.customers.get(&id);
        customer
            .map(|c| people::customer(c, &["addresses"]))
            .unwrap_or_default()
    };
    let id = shown["id"].as_u64().unwrap_or(0);
    let event = events::customer("created", id);
    app.hooks.fire(&store, event, Duration::ZERO);
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Address fields change the customer's one address and fire the address hook; names, e-mail and
/// company are the customer's own and fire the customer hook, as the vendor tells them apart.
async fn change_customer(
    State(app): State<Arc<App>>,
    Path((hash, id)): IdPath,
    fields: Body<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    let store = store(&app, &hash)?;
    let fields = body(fields)?;
    let own = ["first_name", "last_name", "company", "email", "phone"];
    let (shown, address_id) = {
        let mut data = store.data();
        let customer = data.customers.get(&id).cloned();
        let mut customer =
            customer.ok_or_else(|| Problem::not_found(format!("no customer {id}")))?;
        change_address(&mut customer.address, &fields).map_err(Problem::bad)?;
        customer.modified = crate::clock::now();
        let shown = people::customer(&customer, &["addresses"]);
        let address_id = customer.address_id;
        data.put_customer(customer);
        (shown, address_id)
    };
    if fields.keys().any(|name| own.contains(&name.as_str())) {
        let event = events::customer("updated", id);
        app.hooks.fire(&store, event, Duration::ZERO);
    }
    if fields.keys().any(|name| !own.contains(&name.as_str())) {
        let event = events::address("updated", address_id, id);
        app.hooks.fire(&store, event, Duration::ZERO);
    }
    Ok(Json(shown))
}

async fn delete_customer(
    State(app): State<Arc<App>>,
    Path((hash, id)): IdPath,
) -> Result<StatusCode, Problem> {
    let store = store(&app, &hash)?;
    let gone = store.data().drop_customer(id);
    gone.ok_or_else(|| Problem::not_found(format!("no customer {id}")))?;
    let event = events::customer("deleted", id);
    app.hooks.fire(&store, event, Duration::ZERO);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductRequest {
    name: Option<String>,
    sku: Option<String>,
    price: Option<Value>,
    is_visible: Option<bool>,
    inventory_level: Option<i64>,
    /// With a variant, `sku`, `price` and `inventory_level` are its own, and the SKU hook fires.
    variant_id: Option<u64>,
}

async fn change_product(
    State(app): State<Arc<App>>,
    Path((hash, id)): IdPath,
    request: Body<ProductRequest>,
) -> Result<Json<Value>, Problem> {
    let store = store(&app, &hash)?;
    let request = body(request)?;
    let price = match &request.price {
        None => None,
        Some(value) => Some(
            money::read(value)
                .ok_or_else(|| Problem::bad(format!("price {value} is no amount")))?,
        ),
    };
    let (shown, events) = {
        let mut data = store.data();
        let product = data.products.get_mut(&id);
        let product = product.ok_or_else(|| Problem::not_found(format!("no product {id}")))?;
        let events = edit_product(product, &request, price)?;
        product.modified = crate::clock::now();
        (product_json(product, &["variants"]), events)
    };
    for event in events {
        app.hooks.fire(&store, event, Duration::ZERO);
    }
    Ok(Json(shown))
}

fn edit_product(
    product: &mut Product,
    request: &ProductRequest,
    price: Option<rust_decimal::Decimal>,
) -> Result<Vec<events::Event>, Problem> {
    let product_id = product.id;
    if let Some(variant_id) = request.variant_id {
        let variant = product.variants.iter_mut().find(|v| v.id == variant_id);
        let variant = variant.ok_or_else(|| {
            Problem::not_found(format!("no variant {variant_id} of product {product_id}"))
        })?;
        if let Some(sku) = &request.sku {
            sku.clone_into(&mut variant.sku);
        }
        variant.price = price.or(variant.price);
        variant.inventory = request.inventory_level.unwrap_or(variant.inventory);
        let sku_id = variant.sku_id.unwrap_or(0);
        return Ok(vec![events::sku("updated", sku_id, product_id, variant_id)]);
    }
    let mut events = vec![events::product("updated", product_id)];
    if let Some(name) = &request.name {
        name.clone_into(&mut product.name);
    }
    if let Some(sku) = &request.sku {
        sku.clone_into(&mut product.sku);
        if let [only] = product.variants.as_mut_slice() {
            sku.clone_into(&mut only.sku);
        }
    }
    product.price = price.unwrap_or(product.price);
    product.visible = request.is_visible.unwrap_or(product.visible);
    if let Some(level) = request.inventory_level {
        product.inventory = Some(level);
        events.push(events::inventory(product_id, level));
    }
    Ok(events)
}

async fn delete_product(
    State(app): State<Arc<App>>,
    Path((hash, id)): IdPath,
) -> Result<StatusCode, Problem> {
    let store = store(&app, &hash)?;
    let gone = store.data().products.remove(&id);
    gone.ok_or_else(|| Problem::not_found(format!("no product {id}")))?;
    let event = events::product("deleted", id);
    app.hooks.fire(&store, event, Duration::ZERO);
    Ok(StatusCode::NO_CONTENT)
}
