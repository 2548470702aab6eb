//! The control surface under `/_sandbox`: what tests and people do to the emulator itself.

mod actions;
pub(crate) mod orders;
mod people;
mod stores;
mod storm;
mod traffic;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::Fault;
use super::kinds;
use super::server::App;
use super::store::Store;

/// Raw orders with thousands of lines are large; nothing sensible is larger.
const MAX_BODY_BYTES: usize = 32 << 20;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(health))
        .route("/kinds", get(list_kinds))
        .route("/clock", put(step_clock))
        .route(
            "/faults",
            get(list_faults).post(arm_fault).delete(clear_faults),
        )
        .merge(stores::router())
        .merge(orders::router())
        .merge(actions::router())
        .merge(people::router())
        .merge(traffic::router())
        .fallback(|| async { Problem::not_found("no such control path; see the README") })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// A control request that could not be done, with the reason.
#[derive(Debug)]
pub(crate) struct Problem(StatusCode, String);

impl Problem {
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, text.into())
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, text.into())
    }

    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, text.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// A JSON body, or why it is none.
pub(crate) type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;

pub(crate) fn body<T>(body: Body<T>) -> Result<T, Problem> {
    body.map(|Json(value)| value)
        .map_err(|why| Problem::bad(why.body_text()))
}

pub(crate) fn store(app: &App, hash: &str) -> Result<Arc<Store>, Problem> {
    app.store(hash)
        .ok_or_else(|| Problem::not_found(format!("no store {hash}; POST /_sandbox/stores first")))
}

async fn health(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({
        "status": "ok",
        "stores": app.stores().len(),
        "pending_hooks": app.hooks.pending(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    /// Seconds ahead of the machine's clock; behind when negative.
    ahead_s: i64,
}

/// Steps the clock of both emulators of this process.
async fn step_clock(request: Body<ClockRequest>) -> Result<StatusCode, Problem> {
    crate::clock::step(body(request)?.ahead_s).map_err(Problem::bad)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_kinds() -> Json<Value> {
    let rows = kinds::all().map(|kind| {
        json!({
            "kind": kind.name,
            "description": kind.description,
            "in_books": kind.in_books.name(),
        })
    });
    Json(rows.collect())
}

async fn list_faults(State(app): State<Arc<App>>) -> Json<Vec<Fault>> {
    Json(app.faults.list())
}

async fn arm_fault(
    State(app): State<Arc<App>>,
    fault: Body<Fault>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = app.faults.arm(body(fault)?).map_err(Problem::bad)?;
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

/// The store and order of a path.
type OrderPath = Path<(String, u64)>;
