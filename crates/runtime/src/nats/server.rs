//! Which servers can carry Tillbook, and what to do about one that cannot.

use async_nats::Client;
use async_nats::jetstream;
use async_nats::jetstream::context::{AccountErrorKind, ContextBuilder};

use super::REQUEST_TIMEOUT;

/// The oldest server whose behaviour Tillbook relies on: scheduled messages,
/// strict API parsing, fixed peer removal.
pub const OLDEST_SERVER: Version = Version {
    major: 2,
    minor: 12,
    patch: 3,
};

/// A server version: three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// Reads `2.12.3`, `2.15.0-dev`, `v2.14.5+build`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(|number| number.parse().ok());
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next()??,
        };
        numbers.next().is_none().then_some(version)
    }
}

/// Why a server cannot carry Tillbook, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The server is too old.
    #[error(
        "the NATS server is version {found}, Tillbook needs {OLDEST_SERVER} or newer: older ones \
         ignore settings they do not know. Upgrade nats-server"
    )]
    TooOld {
        /// What the server says of itself.
        found: String,
    },
    /// JetStream is off, for the server or for this account.
    #[error(
        "JetStream is not enabled: start nats-server with -js (or a jetstream block in its \
         configuration), and enable it for this account"
    )]
    JetStreamDisabled,
    /// The account may not store anything on disk.
    #[error(
        "JetStream has no file storage for this account: set store_dir on a disk with room and \
         raise the account's max_file"
    )]
    NoFileStorage,
    /// The server did not answer the question.
    #[error(
        "asking NATS about JetStream: it must answer $JS.API.INFO within {} s, and this user must \
         be allowed to ask",
        REQUEST_TIMEOUT.as_secs()
    )]
    Unanswered(#[source] jetstream::context::AccountError),
}

/// Checks version, JetStream and file storage of the connected server.
pub async fn check_server(client: &Client) -> Result<(), ServerError> {
    check_version(&client.server_info().version)?;
    let context = ContextBuilder::new()
        .timeout(REQUEST_TIMEOUT)
        .build(client.clone());
    let account = context
        .query_account()
        .await
        .map_err(|source| match source.kind() {
            AccountErrorKind::JetStreamUnavailable => ServerError::JetStreamDisabled,
            AccountErrorKind::JetStream(error)
                if matches!(
                    error.error_code(),
                    jetstream::ErrorCode::JETSTREAM_NOT_ENABLED
                        | jetstream::ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
                ) =>
            {
                ServerError::JetStreamDisabled
            }
            _ => ServerError::Unanswered(source),
        })?;
    // No limit is None; with tiers the limits sit in the tiers.
    let untiered = account.tiers.is_empty() && account.limits.max_storage == Some(0);
    let tiered = !account.tiers.is_empty()
        && account
            .tiers
            .values()
            .all(|tier| tier.limits.max_storage == Some(0));
    if untiered || tiered {
        Err(ServerError::NoFileStorage)
    } else {
        Ok(())
    }
}

fn check_version(found: &str) -> Result<(), ServerError> {
    match Version::parse(found) {
        Some(version) if version >= OLDEST_SERVER => Ok(()),
        _ => Err(ServerError::TooOld {
            found: found.to_owned(),
        }),
    }
}
