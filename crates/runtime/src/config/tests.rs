//! What a configuration may say, and how each fault is told.

use std::path::Path;

use secrecy::ExposeSecret;

use super::*;

/// The smallest file, as the issue and the README print it.
const SMALLEST: &str = r#"
public_url = "https://hooks.example.com"

[[connections]]
name = "acme"

[connections.bigcommerce]
api_url = "https://api.bigcommerce.com"
store_hash = "abc123"
access_token = "…"
client_secret = "…"

[connections.freshbooks]
api_url = "https://api.freshbooks.com"
auth_url = "https://auth.freshbooks.com"
account_id = "AbC12"
client_id = "…"
client_secret = "…"
refresh_token = "…"
redirect_uri = "https://hooks.example.com/oauth/freshbooks"
"#;

fn load(text: &str) -> Result<Config, ConfigError> {
    load_in(text, &[])
}

fn load_in(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_text_with(text, Path::new("house"), &|name| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn problems(text: &str) -> Vec<String> {
    match load(text) {
        Err(ConfigError::Invalid { problems, .. }) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => panic!("expected faults, got {other:?}"),
    }
}

/// The smallest file with one text replaced.
fn with(from: &str, to: &str) -> String {
    assert!(
        SMALLEST.contains(from),
        "{from:?} is not in the smallest file"
    );
    SMALLEST.replacen(from, to, 1)
}

/// The smallest file with sections put before its connections.
fn with_top(extra: &str) -> String {
    with("\n[[connections]]", &format!("{extra}\n[[connections]]"))
}

#[track_caller]
fn check_fault(text: &str, expected: &str) {
    let problems = problems(text);
    assert_eq!(problems, [expected], "{problems:#?}");
}

#[test]
fn the_smallest_file_loads_with_every_default() {
    let config = load(SMALLEST).unwrap();
    assert_eq!(
        config.hook_url("acme"),
        "https://hooks.example.com/hooks/acme"
    );
    assert_eq!(config.data_dir, Path::new("house/.tillbook"));
    assert_eq!(config.ingest.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.ingest.body_limit_bytes, 65_536);
    assert_eq!(config.stages.deliver, config.stages.fetch);
    assert_eq!(config.telemetry.log, "info");
    assert!(config.nats.url.is_none());
    let acme = config.connection("acme").unwrap();
    assert_eq!(acme.bigcommerce.store_hash, "abc123");
    assert_eq!(acme.policy_json(), serde_json::json!({}));
}

#[test]
fn hooks_are_received_on_the_port_of_a_loopback_public_url() {
    for (url, listen) in [
        ("http://127.0.0.1:8099", "127.0.0.1:8099"),
        ("http://localhost:81/", "127.0.0.1:81"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://localhost", "127.0.0.1:443"),
        ("https://hooks.example.com:8443", "0.0.0.0:8080"),
    ] {
        let config = load(&with("https://hooks.example.com", url)).unwrap();
        assert_eq!(config.ingest.listen.to_string(), listen, "{url}");
    }
}

#[test]
fn a_public_url_with_a_path_keeps_it_in_hook_addresses() {
    let config = load(&with(
        "https://hooks.example.com",
        "https://example.com/till/",
    ))
    .unwrap();
    assert_eq!(
        config.hook_url("acme"),
        "https://example.com/till/hooks/acme"
    );
}

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
fn plain_http_is_for_loopback_only() {
    for url in [
        "http://127.0.0.1:1",
        "http://localhost:1",
        "http://a.localhost",
        "http://[::1]:1",
    ] {
        load(&with("https://api.bigcommerce.com", url)).unwrap();
    }
    for url in [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
    ] {
        check_fault(
            &with("https://api.bigcommerce.com", url),
            "line 8: connections[acme].bigcommerce.api_url: must start with https://; plain http \
             is for loopback hosts only",
        );
    }
}

#[test]
fn urls_that_carry_more_than_an_address_are_refused() {
    for (url, what) in [
        (
            "https://u:p@example.com",
            "must not carry a user or password",
        ),
        (
            "https://example.com?a=b",
            "must not carry a query (?) or fragment (#)",
        ),
        (
            "https://example.com#a",
            "must not carry a query (?) or fragment (#)",
        ),
        (
            "ftp://example.com",
            "must start with https:// and name a host",
        ),
    ] {
        check_fault(
            &with("https://hooks.example.com", url),
            &format!("line 2: public_url: {what}"),
        );
    }
}

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

#[test]
fn servers_from_the_environment_win_over_the_file() {
    let text = with_top("[nats]\nurl = \"nats://file:4222\"\n[redis]\nurl = \"redis://file\"");
    let environment = [
        ("TILLBOOK_NATS_URL", "nats://env:4222"),
        ("TILLBOOK_REDIS_URL", "redis://env"),
    ];
    let config = load_in(&text, &environment).unwrap();
    assert_eq!(config.nats.url.as_deref(), Some("nats://env:4222"));
    assert_eq!(
        config.redis.require_url().unwrap().expose_secret(),
        "redis://env"
    );

    let config = load(&text).unwrap();
    assert_eq!(config.nats.url.as_deref(), Some("nats://file:4222"));
    let error = load(SMALLEST).unwrap().redis.require_url().unwrap_err();
    assert!(error.to_string().contains("TILLBOOK_REDIS_URL"), "{error}");
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

#[test]
fn nats_takes_one_kind_of_credentials_and_none_in_its_url() {
    check_fault(
        &with_top("[nats]\nuser = \"u\""),
        "line 3: nats: user and password belong together; set both or neither",
    );
    check_fault(
        &with_top("[nats]\nnkey_seed = \"S\"\ncreds_file = \"c\""),
        "line 3: nats: give one kind of credentials only: user and password, nkey_seed or \
         creds_file",
    );
    check_fault(
        &with_top("[nats]\nurl = \"nats://u:p@host:4222\""),
        "line 4: nats.url: must not carry a user; set user and password under [nats]",
    );
    check_fault(
        &with_top("[nats]\nurl = \"redis://host:4222\""),
        "line 4: nats.url: must be nats://host:4222 or tls://host:4222",
    );
    check_fault(
        &with_top("[nats]\nurl = \"nats://one:4222,http://two:4222\""),
        "line 4: nats.url: must be nats://host:4222 or tls://host:4222",
    );
}

#[test]
fn a_stage_overrides_what_all_stages_share() {
    let config = load(&with_top(
        "[stage]\nin_flight = 32\n[stage.deliver]\nmax_attempts = 9",
    ))
    .unwrap();
    assert_eq!(config.stages.lookup.in_flight, 32);
    assert_eq!(config.stages.deliver.in_flight, 32);
    assert_eq!(config.stages.deliver.max_attempts, 9);
    assert_eq!(config.stages.lookup.max_attempts, 2_000);
    check_fault(
        &with_top("[stage]\nretry_base_ms = 3000\nretry_cap_s = 2"),
        "line 3: stage: retry_cap_s is shorter than retry_base_ms; raise one or lower the other",
    );
}

#[test]
fn many_connections_load_in_their_order_under_unique_names() {
    let (_, second) = SMALLEST.split_once("\n\n").unwrap();
    let two = format!(
        "{SMALLEST}{}",
        second.replace("acme", "beta").replace("abc123", "xyz")
    );
    let config = load(&two).unwrap();
    let names: Vec<_> = config
        .connections
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["acme", "beta"]);

    let twice = format!("{SMALLEST}{}", second.replace("abc123", "xyz"));
    check_fault(
        &twice,
        "line 22: connections[acme].name: is taken by connection 1; names are unique",
    );
}

#[test]
fn one_store_goes_into_one_account_once() {
    let (_, second) = SMALLEST.split_once("\n\n").unwrap();
    let text = format!("{SMALLEST}{}", second.replace("acme", "beta"));
    check_fault(
        &text,
        "line 21: connections[beta]: carries the same store into the same account as connection \
         acme; every order would be written twice",
    );
    // The same store into other books is a wish somebody may have.
    load(&text.replacen("AbC12", "Other", 1)).unwrap();
}

#[test]
fn names_are_short_and_plain() {
    for name in [
        "",
        "Acme",
        "a_b",
        "ä",
        "a.b",
        "012345678901234567890123456789012",
    ] {
        let text = with("\"acme\"", &format!("{name:?}"));
        let problems = problems(&text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].starts_with("line 5: connections[1].name: must "),
            "{problems:?}"
        );
    }
}

#[test]
fn no_connection_is_a_fault() {
    check_fault(
        "public_url = \"https://a.example\"",
        "connections: is missing; add at least one [[connections]]",
    );
    check_fault(
        "public_url = \"https://a.example\"\nconnections = []",
        "line 2: connections: is empty; add at least one [[connections]]",
    );
}

#[test]
fn the_policy_is_handed_on_as_json_without_floats() {
    let policy = "[connections.policy]\ndue_offset_days = 14\n[connections.policy.status]\n\
                  11 = \"draft\"\n";
    let config = load(&format!("{SMALLEST}{policy}")).unwrap();
    assert_eq!(
        config.connections[0].policy_json(),
        serde_json::json!({"due_offset_days": 14, "status": {"11": "draft"}})
    );
    check_fault(
        &format!("{SMALLEST}[connections.policy]\nrates = [0.1]"),
        "line 21: connections[acme].policy: policy.rates is a floating-point number; write it in \
         quotes",
    );
}

#[test]
fn a_time_zone_must_exist() {
    let zone = |zone: &str| with("\"acme\"", &format!("\"acme\"\ntime_zone = \"{zone}\""));
    let config = load(&zone("Europe/Berlin")).unwrap();
    assert_eq!(
        config.connections[0].time_zone.as_deref(),
        Some("Europe/Berlin")
    );
    check_fault(
        &zone("Europe/Berlyn"),
        "line 6: connections[acme].time_zone: is no IANA time zone; write for example \
         \"Europe/Berlin\"",
    );
}

#[test]
fn a_log_filter_is_checked_and_the_environment_wins() {
    check_fault(
        &with_top("[telemetry]\nlog = \"info,=,a=b=c\""),
        "line 4: telemetry.log: is no log filter; write for example \"info,async_nats=warn\"",
    );
    let config = load_in(SMALLEST, &[("TILLBOOK_LOG", "debug")]).unwrap();
    assert_eq!(config.telemetry.log, "debug");
    let defaults = load(SMALLEST).unwrap().telemetry;
    assert_eq!(
        format!("{defaults:?}"),
        format!("{:?}", TelemetryConfig::default())
    );
}

#[test]
fn a_collector_is_reached_over_plain_http() {
    let config = load(&with_top(
        "[telemetry]\notlp_endpoint = \"http://127.0.0.1:4317\"",
    ))
    .unwrap();
    assert_eq!(config.telemetry.otlp_endpoint.unwrap().port(), Some(4317));
    check_fault(
        &with_top("[telemetry]\notlp_endpoint = \"https://example.com\""),
        "line 4: telemetry.otlp_endpoint: must be http://host:4317; TLS is the collector's \
         business",
    );
}

#[test]
fn a_key_written_twice_is_a_fault() {
    let problems = problems(&with("store_hash", "store_hash = \"x\"\nstore_hash"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("duplicate key"), "{problems:?}");
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
