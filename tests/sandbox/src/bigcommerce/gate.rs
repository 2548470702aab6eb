//! What every vendor request passes: faults, the token, the quota, the counts.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::faults::{Fault, FaultKind};
use super::quota::Standing;
use super::reply::ApiError;
use super::server::App;
use super::store::{Store, lock};
use crate::drip;

/// The largest answer the truncating fault will cut.
const MAX_CUT: usize = 64 << 20;

/// Checks a vendor request, lets it through or not, and counts it either way. The control surface
/// passes untouched.
pub(crate) async fn gate(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    let full = request.uri().path().to_owned();
    let Some(rest) = full.strip_prefix("/stores/") else {
        return Ok(next.run(request).await);
    };
    let (hash, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some(store) = app.store(hash) else {
        let text = "There is no such store in this sandbox. POST /_sandbox/stores first.";
        return Ok(ApiError::for_path(path, StatusCode::NOT_FOUND, text).into_response());
    };
    let method = request.method().as_str().to_owned();
    request.extensions_mut().insert(Arc::clone(&store));
    let fault = app.faults.for_request(hash, &method, path);
    let response = answer(&store, path, fault, request, next).await;
    lock(&store.calls).count(&method, path, response.status().as_u16());
    Ok(response)
}

async fn answer(
    store: &Store,
    path: &str,
    fault: Option<Fault>,
    request: Request,
    next: Next,
) -> Response {
    if !authorized(store, request.headers()) {
        let text = "X-Auth-Token is missing or is not this store's.";
        return ApiError::for_path(path, StatusCode::UNAUTHORIZED, text).into_response();
    }
    let standing = lock(&store.quota).take();
    if !standing.allowed {
        return throttled(path, standing);
    }
    let mut response = match fault {
        None => next.run(request).await,
        Some(fault) => match strike(&fault, path, standing, request, next).await {
            Struck::Final(response) => return response,
            Struck::Answered(response) => response,
        },
    };
    standing.write(response.headers_mut());
    response
}

enum Struck {
    /// Nothing is to be added, not even quota headers.
    Final(Response),
    Answered(Response),
}

async fn strike(
    fault: &Fault,
    path: &str,
    standing: Standing,
    request: Request,
    next: Next,
) -> Struck {
    let error = |status: StatusCode| {
        let text = status.canonical_reason().unwrap_or("Error");
        ApiError::for_path(path, status, text).into_response()
    };
    match fault.kind {
        FaultKind::Throttle => {
            let mut refused = standing;
            refused.allowed = false;
            refused.left = 0;
            refused.reset_ms = fault.reset_ms.unwrap_or(1000);
            let mut response = throttled(path, refused);
            if let Some(seconds) = fault.retry_after_s {
                let value = HeaderValue::from(seconds);
                response.headers_mut().insert("x-retry-after", value);
            }
            Struck::Final(response)
        }
        FaultKind::Overload => Struck::Final(error(StatusCode::TOO_MANY_REQUESTS)),
        FaultKind::Status => {
            let status = fault
                .status
                .and_then(|code| StatusCode::from_u16(code).ok());
            Struck::Answered(error(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)))
        }
        FaultKind::Empty => Struck::Answered(StatusCode::NO_CONTENT.into_response()),
        FaultKind::Hang => {
            tokio::time::sleep(fault.hold()).await;
            Struck::Answered(next.run(request).await)
        }
        FaultKind::SlowBody => {
            let answered = next.run(request).await;
            Struck::Answered(dripping(answered, fault.hold()).await)
        }
        FaultKind::TruncateJson => Struck::Answered(cut(next.run(request).await).await),
        FaultKind::Reset => Struck::Final(broken()),
        FaultKind::HookDrop | FaultKind::HookDuplicate | FaultKind::HookDelay => {
            Struck::Answered(next.run(request).await)
        }
    }
}

fn authorized(store: &Store, headers: &HeaderMap) -> bool {
    headers
        .get("x-auth-token")
        .is_some_and(|token| token.as_bytes() == store.config.access_token.as_bytes())
}

fn throttled(path: &str, standing: Standing) -> Response {
    let text = "You have exceeded the rate limit.";
    let mut response =
        ApiError::for_path(path, StatusCode::TOO_MANY_REQUESTS, text).into_response();
    standing.write(response.headers_mut());
    response
}

/// Keeps the first half of the body, with a length that fits it: valid HTTP, broken JSON.
async fn cut(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_CUT).await.unwrap_or_default();
    head.headers.remove(header::CONTENT_LENGTH);
    let half = bytes.slice(..bytes.len() / 2);
    Response::from_parts(head, Body::from(half))
}

/// The same answer, its body in pieces spread evenly over `span`.
async fn dripping(response: Response, span: Duration) -> Response {
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_CUT).await.unwrap_or_default();
    Response::from_parts(head, drip::body(bytes, span))
}

/// An answer whose body fails at once: the server drops the connection in its middle.
fn broken() -> Response {
    let failure = futures::stream::once(async {
        Err::<axum::body::Bytes, _>(std::io::Error::other("connection reset on request"))
    });
    let mut response = Response::new(Body::from_stream(failure));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("512"));
    response
}
