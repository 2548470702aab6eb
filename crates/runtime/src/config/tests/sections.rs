//! The sections that all connections share: defaults, servers, stages, telemetry.

use secrecy::ExposeSecret;

use super::*;

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
fn servers_from_the_environment_win_over_the_file() {
    let text =
        with_top("[nats]\nurl = \"nats://127.0.0.1:1\"\n[redis]\nurl = \"redis://127.0.0.1\"");
    let environment = [
        ("TILLBOOK_NATS_URL", "nats://127.0.0.1:2"),
        ("TILLBOOK_REDIS_URL", "redis://localhost"),
    ];
    let config = load_in(&text, &environment).unwrap();
    assert_eq!(config.nats.url.as_deref(), Some("nats://127.0.0.1:2"));
    assert_eq!(
        config.redis.require_url().unwrap().expose_secret(),
        "redis://localhost"
    );

    let config = load(&text).unwrap();
    assert_eq!(config.nats.url.as_deref(), Some("nats://127.0.0.1:1"));
    let error = load(SMALLEST).unwrap().redis.require_url().unwrap_err();
    assert!(error.to_string().contains("TILLBOOK_REDIS_URL"), "{error}");
}

#[test]
fn nats_takes_one_kind_of_credentials_and_none_in_its_url() {
    check_fault(
        &with_top("[nats]\nuser = \"u\""),
        "line 3: nats: user and password belong together; set both or neither",
    );
    check_fault(
        &with_top("[nats]\nnkey_seed = \"S\"\ncreds_file = \"c\""),
        "line 3: nats: give one kind of credentials only: user and password, nkey_seed, \
         nkeys_dir or creds_file",
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
fn plaintext_to_another_machine_must_be_allowed_by_name() {
    let refused = |key: &str, instead: &str| {
        format!(
            "line 4: {key}: leads to another machine without TLS; write {instead}, or set \
             allow_plaintext = true where the network encrypts by itself"
        )
    };
    for (section, url, instead) in [
        ("nats", "nats://10.0.0.5:4222", "tls://host:4222"),
        ("nats", "tls://one:4222,nats://two:4222", "tls://host:4222"),
        (
            "redis",
            "redis://:PLANTED@cache:6379/1",
            "rediss://host:6379",
        ),
    ] {
        let text = with_top(&format!("[{section}]\nurl = \"{url}\""));
        check_fault(&text, &refused(&format!("{section}.url"), instead));
        let allowed = format!("[{section}]\nurl = \"{url}\"\nallow_plaintext = true");
        load(&with_top(&allowed)).unwrap();
    }
    for (section, url) in [
        ("nats", "nats://localhost:4222"),
        ("nats", "nats://[::1]:4222,nats://127.0.0.1:4223"),
        ("nats", "tls://nats.example.com:4222"),
        ("redis", "redis://:word@127.0.0.1:6379"),
        ("redis", "rediss://cache.example.com:6379"),
    ] {
        load(&with_top(&format!("[{section}]\nurl = \"{url}\""))).unwrap();
    }
    let upgraded = "[nats]\nurl = \"nats://nats.example.com\"\nca_file = \"ca.pem\"";
    load(&with_top(upgraded)).unwrap();
}

#[test]
fn a_certificate_and_its_key_belong_together() {
    for section in ["nats", "redis"] {
        check_fault(
            &with_top(&format!("[{section}]\ncert_file = \"c.pem\"")),
            &format!(
                "line 3: {section}: cert_file and key_file belong together; set both or neither"
            ),
        );
    }
    check_fault(
        &with_top("[redis]\nurl = \"redis://127.0.0.1\"\nca_file = \"ca.pem\""),
        "line 3: redis: ca_file is for rediss:// addresses; change url, or leave it out",
    );
}

#[test]
fn each_process_finds_its_seed_where_file_or_environment_say() {
    let text = with_top("[nats]\nnkeys_dir = \"nkeys\"");
    let config = load(&text).unwrap();
    assert_eq!(config.nats.nkeys_dir.unwrap(), Path::new("house/nkeys"));
    let config = load_in(&text, &[("TILLBOOK_NATS_NKEYS_DIR", "/run/nkeys")]).unwrap();
    assert_eq!(config.nats.nkeys_dir.unwrap(), Path::new("/run/nkeys"));
}
