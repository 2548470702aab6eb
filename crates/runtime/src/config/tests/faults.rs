//! How faults of any kind are told: all at once, with their line, without a secret.

use super::*;

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    check_fault(
        &with_top("[ingest]\ncoalesce_sm = 5"),
        "line 4: ingest.coalesce_sm: unknown key; did you mean coalesce_ms?",
    );
    check_fault(
        &with("store_hash", "access_token_fiel = \"x\"\nstore_hash"),
        "line 9: connections[acme].bigcommerce.access_token_fiel: unknown key; did you mean \
         access_token_file?",
    );
    check_fault(
        &with_top("[admin]\ncolour = \"red\""),
        "line 4: admin.colour: unknown key; known here are listen",
    );
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_the_file() {
    let text = with_top("[ingest]\nbody_limit_bytes = 1\nlisten = 8080")
        .replace("https://auth.", "http://auth.")
        .replace("account_id = \"AbC12\"", "");
    assert_eq!(
        problems(&text),
        [
            "line 4: ingest.body_limit_bytes: must be an integer from 1024 to 1048576",
            "line 5: ingest.listen: must be a text in quotes",
            "line 15: connections[acme].freshbooks.account_id: is missing; set account_id under \
             [connections.freshbooks]",
            "line 17: connections[acme].freshbooks.auth_url: must start with https://; plain http \
             is for loopback hosts only",
        ]
    );
}

#[test]
fn a_broken_line_is_told_without_quoting_it() {
    let error = load(&with("\"abc123\"", "tok-PLANTED-3141")).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("line 9: "), "{text}");
    assert!(!text.contains("PLANTED"), "{text}");
}

#[test]
fn a_key_written_twice_is_a_fault() {
    let problems = problems(&with("store_hash", "store_hash = \"x\"\nstore_hash"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("duplicate key"), "{problems:?}");
}

#[test]
fn a_fault_in_the_environment_is_told_as_such() {
    let error = load_in(SMALLEST, &[("TILLBOOK_NATS_URL", "example")])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("environment variable TILLBOOK_NATS_URL: is no URL"),
        "{error}"
    );
}

proptest::proptest! {
    /// Whatever is mistyped, loading ends with a configuration or with faults,
    /// and no fault repeats a secret.
    #[test]
    fn a_mistyped_file_neither_panics_nor_tells_a_secret(
        slips in proptest::collection::vec((0_usize..800, "[\\[\\]{}=\"'.,#\\\\n\\\\t0-9a-zé_-]{0,3}", 0_usize..4), 1..6)
    ) {
        // Digits and underscores at the edges, so that no slip can glue a name to it.
        let mut letters: Vec<char> = SMALLEST.replace('…', "9PLANTED9").chars().collect();
        for (place, typed, removed) in slips {
            let place = place.min(letters.len());
            let end = (place + removed).min(letters.len());
            letters.splice(place..end, typed.chars());
        }
        let text: String = letters.into_iter().collect();
        if let Err(error) = load(&text) {
            let text = format!("{error} {error:?}");
            proptest::prop_assert!(!text.contains("PLANTED"), "{}", text);
        }
    }
}
