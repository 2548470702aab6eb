//! The key that seals the tokens: its form, its places, and that it is never printed.

use super::*;

/// 32 bytes of the letter k.
const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";

#[test]
fn the_key_comes_from_the_environment_or_the_file() {
    let named = load_in(SMALLEST, &[("TILLBOOK_SECRET_KEY", KEY)]).unwrap();
    assert_eq!(
        named.encryption.require_key().unwrap().expose(),
        b"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
    );
    let text = with_top("[encryption]\nkey_env = \"OURS\"");
    let config = load_in(&text, &[("OURS", KEY)]).unwrap();
    assert!(config.encryption.require_key().is_ok());
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("107, 107") && !shown.contains(KEY),
        "{shown}"
    );
}

#[test]
fn without_a_key_the_error_says_where_to_set_one() {
    let error = load(SMALLEST)
        .unwrap()
        .encryption
        .require_key()
        .unwrap_err();
    let told = error.to_string();
    for remedy in [
        "[encryption]",
        "TILLBOOK_SECRET_KEY",
        "openssl rand -base64 32",
    ] {
        assert!(told.contains(remedy), "{told}");
    }
}

#[test]
fn a_key_of_another_length_is_refused_without_showing_it() {
    for (variable, name) in [
        (
            "TILLBOOK_SECRET_KEY",
            "environment variable TILLBOOK_SECRET_KEY",
        ),
        ("OURS", "line 4: encryption.key_env"),
    ] {
        let text = with_top("[encryption]\nkey_env = \"OURS\"");
        let short = "c2hvcnQ=";
        let error = load_in(&text, &[(variable, short), ("OURS", KEY)]).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains(name) && told.contains("must be 32 bytes in base64"),
            "{told}"
        );
        assert!(!told.contains(short), "{told}");
    }
    check_fault(
        &with_top(&format!("[encryption]\nprevious_key = \"{KEY}\"")),
        "line 3: encryption: previous_key without key; nothing new could be sealed",
    );
}
