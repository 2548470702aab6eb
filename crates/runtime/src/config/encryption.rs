//! `[encryption]`: the key that seals what is secret in the buckets.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::error::ConfigError;
use super::section::Section;

const KEY: &str = "TILLBOOK_SECRET_KEY";
const PREVIOUS_KEY: &str = "TILLBOOK_SECRET_KEY_PREVIOUS";

/// `[encryption]`
#[derive(Clone, Debug)]
pub struct EncryptionConfig {
    /// Seals. See [`EncryptionConfig::require_key`].
    pub key: Option<SecretKey>,
    /// Only opens what it sealed before.
    pub previous_key: Option<SecretKey>,
}

/// 32 bytes that are never printed.
#[derive(Clone)]
pub struct SecretKey(Arc<SecretBox<[u8; 32]>>);

impl SecretKey {
    /// The bytes, for a cipher.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// From base64, as `openssl rand -base64 32` prints it.
    fn parse(text: &SecretString) -> Option<Self> {
        let bytes = STANDARD.decode(text.expose_secret().trim()).ok()?;
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        Some(Self(Arc::new(SecretBox::new(Box::new(bytes)))))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([REDACTED])")
    }
}

impl EncryptionConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let key = read_key(
            &mut of,
            "key",
            KEY,
            "none; `cargo xtask up` makes one",
            "Seals the FreshBooks tokens in KV: 32 random bytes in base64, as \
             `openssl rand -base64 32` prints them. Services that use tokens do not start without \
             it. The environment variable TILLBOOK_SECRET_KEY wins over it.",
        );
        let previous_key = read_key(
            &mut of,
            "previous_key",
            PREVIOUS_KEY,
            "none",
            "The key before, while it is being replaced: what it sealed can still be read. The \
             environment variable TILLBOOK_SECRET_KEY_PREVIOUS wins over it.",
        );
        if previous_key.is_some() && key.is_none() {
            of.fault("previous_key without key; nothing new could be sealed");
        }
        of.finish();
        Self { key, previous_key }
    }

    /// The key that seals, or an error that says where to set it.
    pub fn require_key(&self) -> Result<&SecretKey, ConfigError> {
        self.key
            .as_ref()
            .ok_or(ConfigError::NoKey { variable: KEY })
    }
}

fn read_key(
    of: &mut Section<'_>,
    key: &str,
    variable: &str,
    absent: &str,
    about: &str,
) -> Option<SecretKey> {
    let text = of.secret_or_variable(key, variable, absent, about)?;
    let parsed = SecretKey::parse(&text);
    if parsed.is_none() {
        let what = "must be 32 bytes in base64 (44 characters); make one with \
                    `openssl rand -base64 32`";
        of.fault_in(key, variable, what);
    }
    parsed
}
