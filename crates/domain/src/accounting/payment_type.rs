//! Which FreshBooks payment type stands for a gateway and method.

use crate::order::Transaction;
use crate::policy::Policy;

/// The type of a transaction: the policy's table first, then the built-in one.
pub(super) fn of_transaction(money: &Transaction, policy: &Policy) -> &'static str {
    overridden(policy, &money.gateway, &money.method)
        .unwrap_or_else(|| built_in(&money.gateway, &money.method, &money.card_type))
}

/// The type of an order paid outside the store's gateways.
pub(super) fn of_offline(payment_method: &str, policy: &Policy) -> &'static str {
    overridden(policy, payment_method, "offline").unwrap_or_else(|| by_words(payment_method))
}

/// The type of a tender that is no gateway's: gift certificate or store credit.
pub(super) fn of_tender(method: &str, policy: &Policy) -> &'static str {
    overridden(policy, "", method).unwrap_or_else(|| built_in(method, method, ""))
}

/// The type the policy's own table names for a gateway and method.
pub(crate) fn overridden(policy: &Policy, gateway: &str, method: &str) -> Option<&'static str> {
    if policy.payment_types.is_empty() {
        return None;
    }
    let gateway = gateway.trim().to_ascii_lowercase();
    let method = method.trim().to_ascii_lowercase();
    [
        format!("{gateway}/{method}"),
        format!("{gateway}/*"),
        format!("*/{method}"),
    ]
    .iter()
    .find_map(|key| policy.payment_types.get(key))
    .copied()
}

fn built_in(gateway: &str, method: &str, card_type: &str) -> &'static str {
    match method {
        "store_credit" | "gift_certificate" => return "Credit",
        _ => {}
    }
    if has(gateway, "paypal") && card_type.is_empty() && method != "credit_card" {
        return "PayPal";
    }
    if has(gateway, "2checkout") {
        return "2Checkout";
    }
    match card(card_type) {
        Some(kind) => return kind,
        None if method == "credit_card" => return "Credit Card",
        None => {}
    }
    match method {
        "apple_pay_card" | "apple_pay_token" | "bigpay_token" | "token" | "nonce"
        | "electronic_wallet" => "Credit Card",
        _ => by_words(gateway),
    }
}

fn card(card_type: &str) -> Option<&'static str> {
    const CARDS: [(&str, &str); 7] = [
        ("visa", "VISA"),
        ("master", "MASTERCARD"),
        ("discover", "DISCOVER"),
        ("american", "AMEX"),
        ("amex", "AMEX"),
        ("diners", "DINERS"),
        ("jcb", "JCB"),
    ];
    CARDS
        .iter()
        .find(|(word, _)| has(card_type, word))
        .map(|(_, kind)| *kind)
}

fn by_words(text: &str) -> &'static str {
    const WORDS: [(&str, &str); 9] = [
        ("paypal", "PayPal"),
        ("check", "Check"),
        ("cheque", "Check"),
        ("cash", "Cash"),
        ("cod", "Cash"),
        ("money order", "Check"),
        ("bank", "Bank Transfer"),
        ("debit", "Debit"),
        ("ach", "ACH"),
    ];
    WORDS
        .iter()
        .find(|(word, _)| {
            if word.len() <= 3 {
                has_word(text, word)
            } else {
                has(text, word)
            }
        })
        .map_or("Other", |(_, kind)| *kind)
}

/// Whether `text` contains `word`, ASCII case aside.
fn has(text: &str, word: &str) -> bool {
    text.len() >= word.len()
        && text
            .as_bytes()
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| part.eq_ignore_ascii_case(word))
}
