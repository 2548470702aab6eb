//! Where access tokens come from.
//!
//! A refresh token works once, so only one place may spend it. That place is not this crate: it
//! implements [`TokenSource`] with a single flight over all replicas and calls
//! [`oauth::refresh`](super::oauth::refresh) inside.

use secrecy::SecretString;

use crate::error::{Transient, VendorError};
use crate::transport::BoxFuture;

/// Gives access tokens.
pub trait TokenSource: Send + Sync {
    /// The current token.
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>>;

    /// A token newer than `rejected`, which FreshBooks answered with 401. When another task or
    /// replica has rotated already, that one's token.
    fn refresh<'a>(
        &'a self,
        rejected: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>>;
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The refresh call failed.
    #[error("the access token could not be refreshed")]
    Vendor(#[source] VendorError),
    /// The token store does not answer, or somebody else is refreshing for too long.
    #[error("the token store does not answer")]
    Unavailable,
    /// No grant is stored: a person has to connect the account.
    #[error("no grant is stored for this account; connect it")]
    NotConnected,
}

/// What a call ends with that got no token. The call itself was not sent or was refused with
/// 401, so an unknown outcome of the refresh is none of the call.
impl From<TokenError> for VendorError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Vendor(
                error @ (Self::RetryAfter { .. } | Self::Unauthorized | Self::GrantRevoked),
            ) => error,
            TokenError::NotConnected => Self::GrantRevoked,
            TokenError::Vendor(_) | TokenError::Unavailable => Self::RetryLater {
                cause: Transient::NoToken,
            },
        }
    }
}
