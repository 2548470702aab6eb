//! Where Redis is, whom to trust there, and what to show it.
//!
//! Not here: what is kept in Redis.

use redis::{ClientTlsConfig, TlsCertificates};
use secrecy::{ExposeSecret, SecretString};

/// Where Redis is. Its `Debug` would show a password and a key, so it has none.
#[derive(Clone)]
pub struct RedisAddress {
    /// `rediss://` speaks TLS, `redis://` does not.
    pub url: SecretString,
    /// Authorities to trust (PEM) instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// What to show a server that asks: certificate and key (PEM).
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// The address of Redis cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Redis URL or its certificates cannot be used; the URL should look like \
     rediss://host:6379, certificates and key are PEM files"
)]
pub struct AddressError {
    #[source]
    source: redis::RedisError,
}

impl RedisAddress {
    /// An address that needs no certificates of its own.
    pub fn plain(url: SecretString) -> Self {
        Self {
            url,
            authorities: None,
            identity: None,
        }
    }

    /// A client for the address; nothing is sent yet.
    pub(crate) fn client(&self) -> Result<redis::Client, AddressError> {
        let url = self.url.expose_secret();
        let client = if self.authorities.is_none() && self.identity.is_none() {
            redis::Client::open(url)
        } else {
            let client_tls = self
                .identity
                .as_ref()
                .map(|(certificate, key)| ClientTlsConfig {
                    client_cert: certificate.clone(),
                    client_key: key.clone(),
                });
            let certificates = TlsCertificates {
                client_tls,
                root_cert: self.authorities.clone(),
            };
            redis::Client::build_with_tls(url, certificates)
        };
        client.map_err(AddressError::from)
    }
}

impl From<redis::RedisError> for AddressError {
    fn from(source: redis::RedisError) -> Self {
        Self { source }
    }
}
