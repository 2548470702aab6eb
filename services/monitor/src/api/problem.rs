//! Errors as people and programs read them (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use runtime::telemetry::chain;
use serde::Serialize;
use utoipa::ToSchema;

use crate::database::DatabaseError;

/// What went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status again.
    pub status: u16,
    /// Stable, for programs.
    #[schema(example = "bad_cursor")]
    pub code: &'static str,
    pub title: &'static str,
    /// Plain words with the remedy.
    pub detail: String,
}

impl Problem {
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            code,
            "The request cannot be read",
            detail,
        )
    }

    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, "Not found", detail)
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "Not now", detail)
    }

    pub fn unauthorized() -> Self {
        let detail = "Send the token of [monitor] token as Authorization: Bearer <token>.";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "no_authority",
            "A token is needed",
            detail,
        )
    }

    pub fn foreign_host() -> Self {
        let detail = "Without a token this answers only requests to localhost, 127.0.0.1 or [::1]; \
             set [monitor] token to reach it by another name.";
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign_host",
            "Not by this name",
            detail,
        )
    }

    pub fn method_not_allowed() -> Self {
        let detail = "This path does not know this method; /openapi.json lists what each knows.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong_method",
            "Not with this method",
            detail,
        )
    }

    pub fn internal() -> Self {
        let detail = "The answer could not be made; monitor's log says why.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Our fault",
            detail,
        )
    }

    pub fn unavailable() -> Self {
        let detail = "The projection cannot be read now; it is opened again by itself. Try soon.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_projection",
            "Not now",
            detail,
        )
    }

    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status: status.as_u16(),
            code,
            title,
            detail: detail.into(),
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        if let DatabaseError::Busy(_) = error {
            let detail = format!("{error}.");
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Not now", detail);
        }
        tracing::error!(
            error = %chain(&error),
            "a question could not be answered"
        );
        Self::unavailable()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
