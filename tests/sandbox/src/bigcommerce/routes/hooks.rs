//! `/v3/hooks`: registering, changing, the admin view.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bigcommerce::hooks::registry::{Hook, HookRequest, Refusal, hook_json};
use crate::bigcommerce::reply::{ApiError, Params, param, v3_list, v3_one};
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::{Store, lock};

type Shop = Extension<Arc<Store>>;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v3/hooks", get(index).post(create))
        .route("/v3/hooks/admin", get(admin).put(set_emails))
        .route("/v3/hooks/{id}", get(show).put(change).delete(remove))
}

fn refuse(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing(fields) => {
            let errors = fields
                .into_iter()
                .map(|field| (field.to_owned(), "error.path.missing.".to_owned()))
                .collect();
            ApiError::V3(
                StatusCode::UNPROCESSABLE_ENTITY,
                "JSON data is missing or invalid".to_owned(),
                errors,
            )
        }
        Refusal::Unusable(field, why) => ApiError::V3(
            StatusCode::UNPROCESSABLE_ENTITY,
            "JSON data is missing or invalid".to_owned(),
            BTreeMap::from([(field.to_owned(), why)]),
        ),
        Refusal::UnknownScope(scope) => ApiError::v3(
            StatusCode::BAD_REQUEST,
            format!("The scope '{scope}' is not a valid scope."),
        ),
        Refusal::Taken => ApiError::v3(
            StatusCode::CONFLICT,
            "A hook with this scope and destination exists already.",
        ),
        Refusal::Full => ApiError::v3(
            StatusCode::BAD_REQUEST,
            "At most 10 hooks are allowed for one store, client and scope.",
        ),
        Refusal::NotFound => ApiError::v3_not_found(),
    }
}

fn show_hook(store: &Store, hook: &Hook) -> Value {
    hook_json(hook, &store.config.client_id, &store.config.store_hash)
}

async fn index(Extension(store): Shop, Query(params): Query<Params>) -> Result<Response, ApiError> {
    let keeps = |name: &str, value: &str| param(&params, name).is_none_or(|want| want == value);
    let rows = lock(&store.registry)
        .all()
        .filter(|hook| {
            keeps("scope", &hook.scope)
                && keeps("destination", &hook.destination)
                && keeps("is_active", if hook.is_active { "true" } else { "false" })
        })
        .map(|hook| show_hook(&store, hook))
        .collect();
    v3_list(rows, &params)
}

async fn create(
    Extension(store): Shop,
    body: Result<Json<HookRequest>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, ApiError> {
    let request = read(body)?;
    let hook = lock(&store.registry).add(request).map_err(refuse)?;
    Ok(v3_one(show_hook(&store, &hook)))
}

fn read<T>(body: Result<Json<T>, axum::extract::rejection::JsonRejection>) -> Result<T, ApiError> {
    body.map(|Json(value)| value)
        .map_err(|why| ApiError::v3(StatusCode::BAD_REQUEST, why.body_text()))
}

fn id_of(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| ApiError::v3_not_found())
}

async fn show(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let registry = lock(&store.registry);
    let hook = registry
        .get(id_of(&id)?)
        .ok_or_else(ApiError::v3_not_found)?;
    Ok(v3_one(show_hook(&store, hook)))
}

async fn change(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
    body: Result<Json<HookRequest>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, ApiError> {
    let request = read(body)?;
    let hook = lock(&store.registry)
        .change(id_of(&id)?, request)
        .map_err(refuse)?;
    Ok(v3_one(show_hook(&store, &hook)))
}

async fn remove(
    Extension(store): Shop,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let hook = lock(&store.registry).remove(id_of(&id)?).map_err(refuse)?;
    Ok(v3_one(show_hook(&store, &hook)))
}

async fn admin(
    State(app): State<Arc<App>>,
    Extension(store): Shop,
    Query(params): Query<Params>,
) -> Response {
    let wanted = param(&params, "is_active");
    let registry = lock(&store.registry);
    let hooks: Vec<Value> = registry
        .all()
        .filter(|hook| wanted.is_none_or(|want| (want == "true") == hook.is_active))
        .map(|hook| {
            let mut body = show_hook(&store, hook);
            let status = match (hook.is_active, hook.deactivated) {
                (true, _) => "active",
                (false, true) => "deactivated",
                (false, false) => "inactive",
            };
            body["status"] = json!(status);
            body
        })
        .collect();
    v3_one(json!({
        "emails": registry.emails,
        "hooks_list": hooks,
        "blocked_domains": lock(&app.hooks.denylist).show(),
    }))
}

#[derive(Deserialize)]
struct Emails {
    emails: Vec<String>,
}

async fn set_emails(
    Extension(store): Shop,
    body: Result<Json<Emails>, axum::extract::rejection::JsonRejection>,
) -> Result<StatusCode, ApiError> {
    lock(&store.registry).emails = read(body)?.emails;
    Ok(StatusCode::NO_CONTENT)
}
