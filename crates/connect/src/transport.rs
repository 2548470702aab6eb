//! What carries a request to a vendor and its reply back.
//!
//! Production goes over sockets (`http`); the simulation lets the vendor's emulator answer in the
//! same thread, under virtual time. Not here: what a reply means.

use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::error::{Transient, Unreadable};

/// A boxed future, so that the traits of this crate can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries single requests.
pub trait Transport: Send + Sync {
    /// One exchange: bounded in time and size, without redirects and retries of its own.
    ///
    /// [`TransportFailure::never_sent`] may only be said of a request that certainly never
    /// reached the vendor: whoever made a write relies on it.
    fn exchange(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Reply, TransportFailure>>;
}

/// A request ready to go. Its headers may hold secrets: it has no `Debug`.
pub struct Outgoing {
    pub method: Method,
    /// The path with placeholders for ids; for telemetry.
    pub template: &'static str,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
}

/// A reply. The body of an error may be missing without harm, so it is a result of its own.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Result<Bytes, BodyFailure>,
}

impl Reply {
    /// The body, or nothing when it could not be read.
    pub(crate) fn body_or_empty(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFailure {
    Lost(Transient),
    Unreadable(Unreadable),
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportFailure {
    pub cause: Transient,
    /// The request certainly never reached the vendor.
    pub never_sent: bool,
}
