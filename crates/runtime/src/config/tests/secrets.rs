//! Secrets: where they come from, and that none is printed.

use secrecy::ExposeSecret;

use super::*;

#[test]
fn a_secret_comes_from_exactly_one_place() {
    let text = with("access_token = \"…\"", "access_token_env = \"STORE_TOKEN\"");
    let config = load_in(&text, &[("STORE_TOKEN", "tok-1\n")]).unwrap();
    assert_eq!(
        config.connections[0]
            .bigcommerce
            .access_token
            .expose_secret(),
        "tok-1"
    );

    check_fault(
        &text,
        "line 10: connections[acme].bigcommerce.access_token_env: the environment variable of \
         this name is not set (or not UTF-8)",
    );
    check_fault(
        &with(
            "access_token = \"…\"",
            "access_token = \"…\"\naccess_token_file = \"token\"",
        ),
        "line 10: connections[acme].bigcommerce.access_token: give only one of access_token and \
         access_token_file",
    );
    check_fault(
        &with("access_token = \"…\"", ""),
        "line 7: connections[acme].bigcommerce.access_token: is missing; set access_token, or \
         access_token_env, or access_token_file under [connections.bigcommerce]",
    );
    check_fault(
        &with("access_token = \"…\"", "access_token = \"  \""),
        "line 10: connections[acme].bigcommerce.access_token: must not be empty",
    );
}

#[test]
fn secrets_are_never_printed() {
    let text = SMALLEST.replace('…', "PLANTED-2718");
    let text = text.replacen(
        "\n[[connections]]",
        "[redis]\nurl = \"redis://:PLANTED-2718@127.0.0.1\"\n[nats]\nuser = \"u\"\n\
         password = \"PLANTED-2718\"\n[[connections]]",
        1,
    );
    // The client id is no secret; everything else planted is.
    let text = text.replace("client_id = \"PLANTED-2718\"", "client_id = \"app\"");
    let config = load(&text).unwrap();
    assert!(!format!("{config:?}").contains("PLANTED"), "{config:?}");

    let faulty = text.replace("store_hash = \"abc123\"", "store_hash = 7\nwrong = 1");
    let error = load(&faulty).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("PLANTED"), "{error}");
}

#[test]
fn a_secret_pasted_into_the_wrong_spelling_is_not_printed() {
    for spelling in ["access_token_env", "access_token_file"] {
        let error = load(&with(
            "access_token = \"…\"",
            &format!("{spelling} = \"PLANTED\""),
        ));
        let error = error.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("PLANTED"), "{error}");
    }
}

#[test]
fn a_hook_secret_is_derived_the_same_on_every_start_and_differs_by_store() {
    let derived = |text: &str| {
        let config = load(text).unwrap();
        config.connections[0]
            .bigcommerce
            .hook_secret
            .expose_secret()
            .to_owned()
    };
    let first = derived(SMALLEST);
    assert_eq!(first.len(), 64);
    assert_eq!(first, derived(SMALLEST));
    assert_ne!(first, derived(&with("abc123", "abc124")));
    assert_ne!(
        first,
        derived(&with("client_secret = \"…\"", "client_secret = \"other\""))
    );
    let own = with("store_hash", "hook_secret = \"mine\"\nstore_hash");
    assert_eq!(derived(&own), "mine");
}
