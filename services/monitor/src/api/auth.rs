//! Who may read: the holder of the token, or, without one, whoever sits at this machine.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::problem::Problem;

/// Decides who may read. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Authority {
    /// No token is set; the listener is on loopback.
    Loopback,
    Token(Arc<SecretString>),
}

impl Authority {
    /// Whether the request may read; the refusal otherwise.
    ///
    /// Without a token the Host header must name this machine: a foreign page in a browser here
    /// could otherwise reach us under a name of its own.
    fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Loopback if names_this_machine(headers) => Ok(()),
            Self::Loopback => Err(Problem::foreign_host()),
            Self::Token(token) if bears(headers, token) => Ok(()),
            Self::Token(_) => Err(Problem::unauthorized()),
        }
    }
}

/// Lets the request pass or answers with the refusal.
pub(super) async fn require(
    State(authority): State<Authority>,
    request: Request,
    next: Next,
) -> Response {
    match authority.check(request.headers()) {
        Ok(()) => {
            let mut response = next.run(request).await;
            let no_store = header::HeaderValue::from_static("no-store");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, no_store);
            response
        }
        Err(problem) => problem.into_response(),
    }
}

fn bears(headers: &HeaderMap, token: &SecretString) -> bool {
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let Some((scheme, sent)) = sent.and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let same = sent
        .trim()
        .as_bytes()
        .ct_eq(token.expose_secret().as_bytes());
    scheme.eq_ignore_ascii_case("bearer") && bool::from(same)
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    // HTTP/1.0 clients send none; browsers always do.
    let Some(host) = headers.get(header::HOST) else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    let is_loopback = name
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    is_loopback || name.eq_ignore_ascii_case("localhost")
}
