//! The answers a hook can get: a short JSON body and a status BigCommerce understands.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Every way a hook can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The hint is stored.
    Stored,
    /// Authentic, but of a scope that does not concern the books.
    Irrelevant,
    BrokenEnvelope,
    Unauthorized,
    UnknownConnection,
    TooLarge,
    NotJson,
    Overloaded,
    StoreUnavailable,
}

impl Reply {
    /// The word used in metrics and bodies.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Irrelevant => "irrelevant",
            Self::BrokenEnvelope => "broken_envelope",
            Self::Unauthorized => "unauthorized",
            Self::UnknownConnection => "unknown_connection",
            Self::TooLarge => "too_large",
            Self::NotJson => "unsupported_media_type",
            Self::Overloaded => "overloaded",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Stored | Self::Irrelevant => StatusCode::OK,
            Self::BrokenEnvelope => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::UnknownConnection => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Stored => "the hint is stored",
            Self::Irrelevant => "this scope does not concern the books",
            Self::BrokenEnvelope => {
                "the body is not a BigCommerce hook: JSON with scope and data is expected"
            }
            Self::Unauthorized => "the signature, its timestamp or the shared secret is not valid",
            Self::UnknownConnection => "no connection has this name",
            Self::TooLarge => "the body is larger than ingest.body_limit_bytes",
            Self::NotJson => "the content type must be application/json",
            Self::Overloaded => "too many hooks at once; send it again later",
            Self::StoreUnavailable => "the hint could not be stored; send it again later",
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let body = if self.status() == StatusCode::OK {
            serde_json::json!({ "status": self.word() })
        } else {
            serde_json::json!({ "error": self.word(), "message": self.message() })
        };
        let mut response = (self.status(), Json(body)).into_response();
        if matches!(self, Self::Overloaded | Self::StoreUnavailable) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
