//! One HTTP exchange: bounded in time and size, no redirects, no retries of its own.
//!
//! Where a name leads is judged at each connection (`addresses`). A retry that nobody sees would be a write that nobody counted, so reqwest's are off. Not
//! here: what a status means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use url::Url;

use crate::addresses::{Guard, NotPublic, Reach};
use crate::call::{CallObserver, Vendor};
use crate::error::{Transient, Unreadable};
use crate::transport::{BodyFailure, BoxFuture, Outgoing, Reply, Transport, TransportFailure};

/// Bounds of every exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    pub connect_timeout: Duration,
    /// From the first byte out to the last byte in.
    pub request_timeout: Duration,
    /// Of a reply, after decompression.
    pub max_body_bytes: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            max_body_bytes: 8 * 1024 * 1024,
        }
    }
}

/// A client that cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{key} must be an http or https address with a host and no query")]
    NotAnAddress { key: &'static str },
    #[error("{key} is plain http to another machine; use https (plain http is for loopback)")]
    Insecure { key: &'static str },
    #[error(
        "{key} names a private, link-local or reserved address; no vendor answers there (a \
         sandbox on this machine is reached by 127.0.0.1, [::1] or localhost)"
    )]
    NotPublic { key: &'static str },
    #[error("{key} must be 1 to 64 letters, digits, '-' or '_'")]
    BadId { key: &'static str },
    #[error("{key} is not usable as an HTTP header value")]
    BadSecret { key: &'static str },
    #[error("the HTTP client cannot be built; check the machine's certificate store")]
    Client(#[source] reqwest::Error),
}

/// Sends requests to one vendor. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) vendor: Vendor,
    pub(crate) observer: Arc<dyn CallObserver>,
    pub(crate) transport: Arc<dyn Transport>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("vendor", &self.vendor)
            .finish_non_exhaustive()
    }
}

impl Http {
    /// Over sockets.
    pub(crate) fn new(
        vendor: Vendor,
        limits: HttpLimits,
        base: &Url,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ConfigError> {
        let sockets = Sockets::new(limits, base)?;
        Ok(Self::over(vendor, observer, Arc::new(sockets)))
    }

    pub(crate) fn over(
        vendor: Vendor,
        observer: Arc<dyn CallObserver>,
        transport: Arc<dyn Transport>,
    ) -> Self {
        Self {
            vendor,
            observer,
            transport,
        }
    }
}

/// The transport of production: TLS, TCP, and the bounds of [`HttpLimits`].
struct Sockets {
    client: reqwest::Client,
    max_body_bytes: usize,
}

impl Sockets {
    fn new(limits: HttpLimits, base: &Url) -> Result<Self, ConfigError> {
        let reach = reach("api_url", base)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tillbook/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.request_timeout)
            // Shorter than what servers keep, so that writes seldom meet a closing connection.
            .pool_idle_timeout(Duration::from_secs(20))
            .dns_resolver(Arc::new(Guard::new(base, reach)))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        if reach == Reach::Loopback {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(ConfigError::Client)?;
        Ok(Self {
            client,
            max_body_bytes: limits.max_body_bytes,
        })
    }

    async fn read_body(&self, mut response: reqwest::Response) -> Result<Bytes, BodyFailure> {
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.max_body_bytes => {
                    let limit_bytes = self.max_body_bytes;
                    return Err(BodyFailure::Unreadable(Unreadable::TooLong { limit_bytes }));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body.freeze()),
                Err(error) => return Err(BodyFailure::Lost(failure(&error).cause)),
            }
        }
    }
}

impl Transport for Sockets {
    fn exchange(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Reply, TransportFailure>> {
        Box::pin(async move {
            let mut request = self
                .client
                .request(outgoing.method, outgoing.url)
                .headers(outgoing.headers);
            if let Some(body) = outgoing.body {
                request = request.body(body);
            }
            let mut response = request.send().await.map_err(|error| failure(&error))?;
            let status = response.status();
            let headers = std::mem::take(response.headers_mut());
            let body = self.read_body(response).await;
            Ok(Reply {
                status,
                headers,
                body,
            })
        })
    }
}

fn failure(error: &reqwest::Error) -> TransportFailure {
    let cause = match (error.is_timeout(), error.is_connect()) {
        (true, _) => Transient::Timeout,
        (false, true) => Transient::Connect,
        (false, false) if error.is_builder() => Transient::Connect,
        (false, false) => Transient::Broken,
    };
    TransportFailure {
        cause,
        never_sent: error.is_builder() || error.is_connect(),
    }
}

/// Refuses addresses that would send a secret in the clear, and those that are no base.
pub(crate) fn check_base(key: &'static str, url: &Url) -> Result<(), ConfigError> {
    let plain_base = url.query().is_none() && url.fragment().is_none();
    if url.host().is_none() || !plain_base || !url.username().is_empty() {
        return Err(ConfigError::NotAnAddress { key });
    }
    let reach = reach(key, url);
    match url.scheme() {
        "https" => reach.map(|_| ()),
        "http" if matches!(reach, Ok(Reach::Loopback)) => Ok(()),
        "http" => Err(ConfigError::Insecure { key }),
        _ => Err(ConfigError::NotAnAddress { key }),
    }
}

/// Ids go into paths; anything that could change the path is refused.
pub(crate) fn check_id(key: &'static str, id: &str) -> Result<(), ConfigError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&id.len()) && id.chars().all(allowed) {
        Ok(())
    } else {
        Err(ConfigError::BadId { key })
    }
}

fn reach(key: &'static str, url: &Url) -> Result<Reach, ConfigError> {
    Reach::of(url).map_err(|NotPublic| ConfigError::NotPublic { key })
}

/// The base address with path segments and query pairs added.
pub(crate) fn address(base: &Url, segments: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    // A checked base is http(s), which can always be a base; nothing is lost if it were not.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for fine in [
            "http://127.0.0.1:80",
            "http://[::1]:9",
            "http://localhost",
            "https://a.example",
        ] {
            assert!(check_base("api_url", &url(fine)).is_ok(), "{fine}");
        }
        for insecure in [
            "http://a.example",
            "http://127.0.0.1.a.example",
            "http://10.0.0.1",
        ] {
            let refused = check_base("api_url", &url(insecure));
            assert!(
                matches!(refused, Err(ConfigError::Insecure { .. })),
                "{insecure}"
            );
        }
        for private in [
            "https://10.0.0.1",
            "https://[fe80::1]",
            "https://169.254.169.254",
        ] {
            let refused = check_base("api_url", &url(private));
            assert!(
                matches!(refused, Err(ConfigError::NotPublic { .. })),
                "{private}"
            );
        }
        let odd = check_base("api_url", &url("ftp://a.example"));
        assert!(matches!(odd, Err(ConfigError::NotAnAddress { .. })));
    }

    #[test]
    fn ids_cannot_change_the_path() {
        assert!(check_id("store_hash", "abc123").is_ok());
        for bad in ["", "a/b", "..", "a?b", "a b"] {
            assert!(check_id("store_hash", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_keeps_the_path_of_its_base() {
        let made = address(
            &url("http://localhost:1/bc/"),
            &["v2", "orders"],
            &[("page", "2")],
        );
        assert_eq!(made.as_str(), "http://localhost:1/bc/v2/orders?page=2");
    }
}
