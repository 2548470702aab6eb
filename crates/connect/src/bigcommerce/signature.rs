//! Hook signatures: Standard Webhooks over the raw body.
//!
//! The key is the client secret's own UTF-8 bytes (official samples encode and decode it once,
//! which cancels out). Pure: the caller brings the clock. Not here: duplicates, scopes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("webhook-timestamp is not a Unix time in seconds")]
    Timestamp,
    #[error("webhook-timestamp is {off_by_s} s off, more than the {tolerance_s} s allowed")]
    Stale { off_by_s: u64, tolerance_s: u64 },
    #[error("webhook-signature holds no v1 signature")]
    NoSignature,
    #[error("no signature matches; check the client secret of this connection")]
    Mismatch,
}

/// Signatures looked at in one header; a rotation sends two.
const MAX_SIGNATURES: usize = 16;

/// Believes the delivery, or says why not.
///
/// `id`, `timestamp` and `signatures` are the header texts `webhook-id`, `webhook-timestamp` and
/// `webhook-signature`; `body` is the raw body. Any one of several signatures may match.
pub fn verify(
    client_secret: &[u8],
    id: &str,
    timestamp: &str,
    body: &[u8],
    signatures: &str,
    now_s: i64,
    tolerance_s: u64,
) -> Result<(), SignatureError> {
    let expected = sign(client_secret, id, timestamp, body).ok_or(SignatureError::Mismatch)?;
    let mut seen = false;
    let mut matched = false;
    for signature in signatures.split_ascii_whitespace().take(MAX_SIGNATURES) {
        let Some(encoded) = signature.strip_prefix("v1,") else {
            continue;
        };
        seen = true;
        let Ok(given) = STANDARD.decode(encoded) else {
            continue;
        };
        matched |= bool::from(given.as_slice().ct_eq(&expected));
    }
    if !seen {
        return Err(SignatureError::NoSignature);
    }
    if !matched {
        return Err(SignatureError::Mismatch);
    }
    check_age(timestamp, now_s, tolerance_s)
}

/// The age is judged last, so that only somebody with the key can learn about our clock.
fn check_age(timestamp: &str, now_s: i64, tolerance_s: u64) -> Result<(), SignatureError> {
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SignatureError::Timestamp);
    }
    let sent_s: i64 = timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
    let off_by_s = now_s.abs_diff(sent_s);
    if off_by_s > tolerance_s {
        return Err(SignatureError::Stale {
            off_by_s,
            tolerance_s,
        });
    }
    Ok(())
}

/// `None` would be a key that HMAC refuses; it takes keys of every length.
fn sign(client_secret: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(client_secret).ok()?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"test-client-secret-0123456789abcdef";
    const ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334";
    const TIMESTAMP: &str = "1786447831";
    const NOW_S: i64 = 1_786_447_831;
    const BODY: &[u8] = br#"{"producer":"stores/abc123","hash":"0f1e2d3c4b5a69788796a5b4c3d2e1f001122334","created_at":1786447828,"store_id":"1003500001","scope":"store/order/statusUpdated","data":{"type":"order","id":250,"status":{"previous_status_id":7,"new_status_id":11}}}"#;
    const HEADER: &str = "v1,huhXt195yM93s1WnvV+sm97RFQG65ewYbVMUDcHx7aM=";

    fn check(body: &[u8], header: &str, now_s: i64) -> Result<(), SignatureError> {
        verify(SECRET, ID, TIMESTAMP, body, header, now_s, 300)
    }

    #[test]
    fn the_published_vector_is_believed() {
        assert_eq!(check(BODY, HEADER, NOW_S), Ok(()));
    }

    #[test]
    fn one_matching_signature_among_several_is_enough() {
        let several = format!("v1a,xyz v1,AAAA v1,!!! {HEADER}");
        assert_eq!(check(BODY, &several, NOW_S), Ok(()));
    }

    #[test]
    fn a_changed_byte_or_another_secret_is_refused() {
        let mut changed = BODY.to_vec();
        changed[20] ^= 1;
        assert_eq!(
            check(&changed, HEADER, NOW_S),
            Err(SignatureError::Mismatch)
        );
        let other = verify(b"other", ID, TIMESTAMP, BODY, HEADER, NOW_S, 300);
        assert_eq!(other, Err(SignatureError::Mismatch));
        let empty = verify(b"", ID, TIMESTAMP, BODY, HEADER, NOW_S, 300);
        assert_eq!(empty, Err(SignatureError::Mismatch));
    }

    #[test]
    fn the_tolerance_holds_on_both_sides_and_at_its_edge() {
        assert_eq!(check(BODY, HEADER, NOW_S + 300), Ok(()));
        assert_eq!(check(BODY, HEADER, NOW_S - 300), Ok(()));
        let stale = SignatureError::Stale {
            off_by_s: 301,
            tolerance_s: 300,
        };
        assert_eq!(check(BODY, HEADER, NOW_S + 301), Err(stale));
        assert_eq!(check(BODY, HEADER, NOW_S - 301), Err(stale));
    }

    #[test]
    fn headers_that_say_nothing_are_refused() {
        for header in ["", "v2,abc", "v1", "   "] {
            assert_eq!(
                check(BODY, header, NOW_S),
                Err(SignatureError::NoSignature),
                "{header}"
            );
        }
    }
}
