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
