//! The HTTP API: what people and the console ask, as JSON.
//!
//! Orders, dead letters and the journal are readable only with authority: the bearer token when
//! one is set, else loopback alone. `/`, `/openapi.json` and health hold no such data and are
//! open. Not here: the answers (`views`).

mod auth;
mod handlers;
mod openapi;
mod problem;
mod proofs;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get, post};

pub use auth::Authority;
pub use openapi::{document, document_json};
pub use problem::Problem;

use crate::holds::Holds;
use crate::projection::Status;
use crate::proofs::Proofs;
use crate::views::Reading;

/// The page people see until the console comes.
const PAGE: &str = include_str!("page.html");
/// Where the API's paths begin.
const PREFIX: &str = "/api/v1";

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct Api {
    pub reading: Reading,
    pub status: Status,
    pub holds: Holds,
    pub authority: Authority,
    pub proofs: Proofs,
}

/// Every path of the API below its prefix; the document is checked against this list.
fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/orders", get(handlers::list_orders)),
        ("/orders/{connection}/{order_id}", get(handlers::get_story)),
        ("/dead-letters", get(handlers::list_dead_letters)),
        (
            "/dead-letters/{dead_letter_id}",
            get(handlers::get_dead_letter),
        ),
        ("/connections", get(handlers::list_connections)),
        ("/summary", get(handlers::get_summary)),
        ("/proofs", post(proofs::start_proof)),
        ("/proofs/{proof_id}", get(proofs::get_proof)),
    ]
}

/// The whole router, health and metrics excepted.
pub fn router(api: Api) -> Router {
    let guarded = routes()
        .into_iter()
        .fold(Router::new(), |router, (path, method)| {
            router.route(path, method)
        })
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn_with_state(
            api.authority.clone(),
            auth::require,
        ));
    Router::new()
        .nest(PREFIX, guarded)
        .route("/", get(page))
        .route("/openapi.json", get(openapi))
        .fallback(unknown_path)
        .with_state(api)
        // Only a proof's request has a body, and it is short.
        .layer(DefaultBodyLimit::max(1024))
}

async fn page() -> impl IntoResponse {
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
    (
        [
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::CACHE_CONTROL, "no-store"),
        ],
        Html(PAGE),
    )
}

async fn openapi() -> Result<impl IntoResponse, Problem> {
    let text = document_json().map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text))
}

async fn unknown_path() -> Problem {
    Problem::not_found(
        "no_such_path",
        "There is nothing at this path; /openapi.json lists them.",
    )
}

async fn wrong_method() -> Problem {
    Problem::method_not_allowed()
}

#[cfg(test)]
mod tests;
