//! Encryption of what is secret in a bucket, bound to the key it stands under.
//!
//! XChaCha20-Poly1305: its nonce is long enough to be drawn at random by processes that know
//! nothing of each other. Not here: where the key comes from (`runtime::config`), and which
//! records are sealed (`tokens`).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The key that seals, and the one before it, which is still read.
pub struct Keyring {
    current: Key,
    previous: Option<Key>,
}

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// How a sealed record stands in a bucket, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    /// The scheme; another one is another number.
    sealed: u8,
    key_id: String,
    nonce: String,
    text: String,
}

/// What [`Keyring::open`] found. Its `Debug` would show secrets, so it has none.
pub struct Opened {
    /// What was sealed.
    pub plain: Vec<u8>,
    /// Sealed with the current key: nothing to renew.
    pub is_current: bool,
}

/// Why a record cannot be opened, or nothing can be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error(
        "it is sealed with key {key_id}, and this process has {}: set that key as key or \
         previous_key under [encryption]", had.join(" and ")
    )]
    UnknownKey { key_id: String, had: Vec<String> },
    #[error("it was altered, or moved here from another place")]
    Altered,
    #[error("it is not sealed in a way this version knows")]
    UnknownScheme,
    #[error("it cannot be sealed")]
    Unsealable,
}

const SCHEME: u8 = 1;

impl Keyring {
    /// Seals with `current`; opens what either key sealed.
    pub fn new(current: &[u8; 32], previous: Option<&[u8; 32]>) -> Self {
        Self {
            current: Key::new(current),
            previous: previous.map(Key::new),
        }
    }

    /// The id of the key that seals. It says nothing of the key itself.
    pub fn key_id(&self) -> &str {
        &self.current.id
    }

    /// Seals `plain` for `place`; it can be opened there only.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; 24] = rand::random();
        let payload = Payload {
            msg: plain,
            aad: place.as_bytes(),
        };
        let text = self
            .current
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Unsealable)?;
        let sealed = Sealed {
            sealed: SCHEME,
            key_id: self.current.id.clone(),
            nonce: STANDARD.encode(nonce),
            text: STANDARD.encode(text),
        };
        serde_json::to_vec(&sealed).map_err(|_| SealError::Unsealable)
    }

    /// Opens what stands at `place`; `None` when it is not sealed at all.
    pub fn open(&self, place: &str, stored: &[u8]) -> Result<Option<Opened>, SealError> {
        let Ok(record) = serde_json::from_slice::<serde_json::Value>(stored) else {
            return Ok(None);
        };
        if record.get("sealed").is_none() {
            return Ok(None);
        }
        let sealed: Sealed =
            serde_json::from_value(record).map_err(|_| SealError::UnknownScheme)?;
        if sealed.sealed != SCHEME {
            return Err(SealError::UnknownScheme);
        }
        let key = self.key(&sealed.key_id)?;
        let nonce: [u8; 24] = STANDARD
            .decode(&sealed.nonce)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(SealError::Altered)?;
        let text = STANDARD
            .decode(&sealed.text)
            .map_err(|_| SealError::Altered)?;
        let payload = Payload {
            msg: &text,
            aad: place.as_bytes(),
        };
        let plain = key
            .cipher
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Altered)?;
        Ok(Some(Opened {
            plain,
            is_current: key.id == self.current.id,
        }))
    }

    fn key(&self, id: &str) -> Result<&Key, SealError> {
        let keys = [Some(&self.current), self.previous.as_ref()];
        let mut keys = keys.into_iter().flatten();
        keys.clone()
            .find(|key| key.id == id)
            .ok_or_else(|| SealError::UnknownKey {
                key_id: id.to_owned(),
                had: keys.by_ref().map(|key| key.id.clone()).collect(),
            })
    }
}

impl Key {
    fn new(bytes: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"tillbook key id v1\0");
        hash.update(bytes);
        let id = hash
            .finalize()
            .iter()
            .take(4)
            .fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
        Self {
            id,
            cipher: XChaCha20Poly1305::new(&(*bytes).into()),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("key_id", &self.current.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    fn opened(keys: &Keyring, place: &str, stored: &[u8]) -> Result<(String, bool), SealError> {
        let opened = keys.open(place, stored)?.unwrap();
        Ok((String::from_utf8(opened.plain).unwrap(), opened.is_current))
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_only_and_shows_nothing() {
        let keys = Keyring::new(&OLD, None);
        let stored = keys.seal("tokens/a", b"refresh-token").unwrap();
        let shown = String::from_utf8(stored.clone()).unwrap();
        assert!(!shown.contains("refresh"), "{shown}");
        let found = opened(&keys, "tokens/a", &stored).unwrap();
        assert_eq!(found, ("refresh-token".to_owned(), true));
        assert_eq!(opened(&keys, "tokens/b", &stored), Err(SealError::Altered));
        assert_ne!(stored, keys.seal("tokens/a", b"refresh-token").unwrap());
    }

    #[test]
    fn the_previous_key_is_read_and_the_new_one_written() {
        let before = Keyring::new(&OLD, None).seal("tokens/a", b"t").unwrap();
        let turned = Keyring::new(&NEW, Some(&OLD));
        let found = opened(&turned, "tokens/a", &before).unwrap();
        assert_eq!(found, ("t".to_owned(), false));
        let after = turned.seal("tokens/a", b"t").unwrap();
        let alone = Keyring::new(&NEW, None);
        assert_eq!(
            opened(&alone, "tokens/a", &after).unwrap(),
            ("t".to_owned(), true)
        );
        let refused = opened(&alone, "tokens/a", &before).unwrap_err();
        let told = refused.to_string();
        assert!(matches!(refused, SealError::UnknownKey { .. }));
        assert!(told.contains(Keyring::new(&OLD, None).key_id()), "{told}");
        assert!(told.contains(alone.key_id()), "{told}");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let keys = Keyring::new(&OLD, None);
        let stored = keys.seal("tokens/a", b"refresh-token").unwrap();
        let mut record: Sealed = serde_json::from_slice(&stored).unwrap();
        let mut text = STANDARD.decode(&record.text).unwrap();
        for place in 0..text.len() {
            text[place] ^= 1;
            record.text = STANDARD.encode(&text);
            let altered = serde_json::to_vec(&record).unwrap();
            assert_eq!(
                opened(&keys, "tokens/a", &altered),
                Err(SealError::Altered),
                "byte {place}"
            );
            text[place] ^= 1;
        }
        record.text = STANDARD.encode(&text);
        record.sealed = 2;
        let newer = serde_json::to_vec(&record).unwrap();
        assert_eq!(
            opened(&keys, "tokens/a", &newer),
            Err(SealError::UnknownScheme)
        );
    }

    #[test]
    fn what_was_never_sealed_is_told_apart() {
        let keys = Keyring::new(&OLD, None);
        for plain in [&b"{\"access_token\":\"a\"}"[..], b"from a newer version"] {
            assert!(keys.open("tokens/a", plain).unwrap().is_none());
        }
    }
}
