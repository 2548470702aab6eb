//! Standard Webhooks signatures as BigCommerce makes them: the key is the client secret itself.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The `webhook-signature` header for one delivery: `v1,<base64 HMAC-SHA256>`.
///
/// The signed text is `{id}.{timestamp_s}.{body}`; the key is the client secret's raw UTF-8 bytes,
/// without prefix or decoding. An HMAC takes keys of every length, an empty one included.
pub fn sign(client_secret: &str, id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(client_secret.as_bytes()) else {
        return String::new();
    };
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_signs_as_published() {
        let body = br#"{"producer":"stores/abc123","hash":"0f1e2d3c4b5a69788796a5b4c3d2e1f001122334","created_at":1786447828,"store_id":"1003500001","scope":"store/order/statusUpdated","data":{"type":"order","id":250,"status":{"previous_status_id":7,"new_status_id":11}}}"#;
        assert_eq!(
            sign(
                "test-client-secret-0123456789abcdef",
                "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334",
                1_786_447_831,
                body
            ),
            "v1,huhXt195yM93s1WnvV+sm97RFQG65ewYbVMUDcHx7aM="
        );
    }
}
