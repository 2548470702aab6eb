//! What the monitor needs to know, checked before anything is opened.

use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

/// Shortest token that is accepted: 16 bytes are hard enough to guess.
const TOKEN_BYTES_MIN: usize = 16;

/// The monitor's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API and the page listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The database file; its folder is made when missing.
    pub database: PathBuf,
    /// What readers must send as a bearer token. Needed beyond loopback.
    pub token: Option<SecretString>,
}

/// The settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "[monitor] listen is {0}, which others can reach, and orders and dead letters are not for \
         everyone: set [monitor] token, or listen on 127.0.0.1"
    )]
    OpenWithoutToken(SocketAddr),
    #[error("[monitor] token is shorter than {TOKEN_BYTES_MIN} bytes; make a longer random one")]
    ShortToken,
    #[error(
        "[monitor] token has characters that no header can carry; use printable ASCII without spaces"
    )]
    OddToken,
}

impl Settings {
    /// Whether the settings can be used.
    pub fn check(&self) -> Result<(), SettingsError> {
        match &self.token {
            None if !self.listen.ip().is_loopback() => {
                Err(SettingsError::OpenWithoutToken(self.listen))
            }
            None => Ok(()),
            Some(token) => {
                let token = token.expose_secret().as_bytes();
                if token.len() < TOKEN_BYTES_MIN {
                    Err(SettingsError::ShortToken)
                } else if !token.iter().all(u8::is_ascii_graphic) {
                    Err(SettingsError::OddToken)
                } else {
                    Ok(())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(listen: &str, token: Option<&str>) -> Settings {
        Settings {
            listen: listen.parse().unwrap(),
            database: PathBuf::from("monitor.db"),
            token: token.map(SecretString::from),
        }
    }

    #[test]
    fn beyond_loopback_a_token_is_needed() {
        let open = settings("0.0.0.0:9090", None).check().unwrap_err();
        assert!(open.to_string().contains("set [monitor] token"), "{open}");
        assert_eq!(
            settings("0.0.0.0:9090", Some("0123456789abcdef")).check(),
            Ok(())
        );
        assert_eq!(settings("127.0.0.1:9090", None).check(), Ok(()));
        assert_eq!(settings("[::1]:9090", None).check(), Ok(()));
    }

    #[test]
    fn weak_and_unsendable_tokens_are_refused() {
        let check = |token| settings("127.0.0.1:0", Some(token)).check();
        assert_eq!(check("short"), Err(SettingsError::ShortToken));
        assert_eq!(check("0123456789 abcdef"), Err(SettingsError::OddToken));
    }
}
