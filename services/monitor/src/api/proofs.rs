//! Proofs over HTTP: start one, and see how far it is.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Api;
use super::problem::Problem;
use crate::proofs::{ProofView, Refusal};

/// Which days of which connection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofRequest {
    connection: String,
    /// First day, `YYYY-MM-DD`, in the store's time zone.
    from: String,
    /// Last day.
    to: String,
}

/// Starts a proof: both vendors are read afresh and every order's books are judged.
#[utoipa::path(post, path = "/api/v1/proofs", operation_id = "startProof", tag = "proofs",
    request_body = ProofRequest,
    responses((status = 202, body = ProofView), super::openapi::Refusals,
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There is no such connection"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "A proof is running, or monitor runs without the vendors")))]
pub(super) async fn start_proof(
    State(api): State<Api>,
    asked: Result<Json<ProofRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<ProofView>), Problem> {
    let Json(asked) = asked.map_err(|rejection| {
        Problem::bad_request("bad_body", format!("{}.", rejection.body_text()))
    })?;
    let day = |name: &str, text: &str| {
        text.parse::<jiff::civil::Date>().map_err(|_| {
            let detail = format!("{name} must be a day such as 2026-01-31.");
            Problem::bad_request("bad_day", detail)
        })
    };
    let (from, to) = (day("from", &asked.from)?, day("to", &asked.to)?);
    let started = api.proofs.start(&asked.connection, from, to);
    let view = started.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// How far a proof is, and its report when it is done.
#[utoipa::path(get, path = "/api/v1/proofs/{proof_id}", operation_id = "getProof",
    tag = "proofs",
    params(("proof_id" = String, Path, description = "The id that starting it gave")),
    responses((status = 200, body = ProofView), super::openapi::Refusals,
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There is no such proof (any more)")))]
pub(super) async fn get_proof(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ProofView>, Problem> {
    let Path(id) = path.map_err(|rejection| {
        Problem::bad_request("bad_path", format!("{}.", rejection.body_text()))
    })?;
    let unknown = || {
        Problem::not_found(
            "unknown_proof",
            "There is no proof with this id; monitor keeps the latest ones until it is restarted. \
             Start it again.",
        )
    };
    api.proofs.get(&id).map(Json).ok_or_else(unknown)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownConnection => Problem::not_found(
            "unknown_connection",
            "No connection has this name; /api/v1/connections lists them.",
        ),
        Refusal::Busy => Problem::conflict(
            "proof_running",
            "A proof is running; start the next one when it is done.",
        ),
        Refusal::NoSources => Problem::conflict(
            "no_vendors",
            "This monitor was started without the vendors. Run `tillbook prove` instead, or start \
             monitor with connections whose accounts can be used.",
        ),
    }
}
