//! The store's words for what happened to money, read in one way by whoever reads them.
//!
//! Documents of different ages and gateways write them in any case and with blanks around. The
//! books and the proof that judges them read them here (the proof by way of `connect`); what they
//! make of the money is each one's own. Not here: what counts as money.

use crate::order::TransactionEvent;

/// A word as it is compared: without blanks around it and without case.
pub fn word(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// What a transaction did; nothing for a word that the documents do not have.
pub fn transaction_event(text: &str) -> Option<TransactionEvent> {
    Some(match word(text).as_str() {
        "purchase" => TransactionEvent::Purchase,
        "authorization" => TransactionEvent::Authorization,
        "capture" => TransactionEvent::Capture,
        "refund" => TransactionEvent::Refund,
        "void" => TransactionEvent::Void,
        "pending" => TransactionEvent::Pending,
        "settled" => TransactionEvent::Settled,
        _ => return None,
    })
}

/// Whether the gateway accepted a transaction; nothing for a word that the documents do not have.
/// They have `ok` and `error`.
pub fn transaction_accepted(text: &str) -> Option<bool> {
    match word(text).as_str() {
        "ok" => Some(true),
        "error" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_case_nor_blanks_change_a_word() {
        for text in ["ok", "OK", " Ok\n"] {
            assert_eq!(transaction_accepted(text), Some(true), "{text:?}");
        }
        assert_eq!(transaction_accepted("ERROR"), Some(false));
        for unknown in ["", "okay", "pending", "null"] {
            assert_eq!(transaction_accepted(unknown), None, "{unknown:?}");
        }
        let capture = Some(TransactionEvent::Capture);
        assert_eq!(transaction_event(" CAPTURE "), capture);
        assert_eq!(transaction_event("captured"), None);
    }
}
