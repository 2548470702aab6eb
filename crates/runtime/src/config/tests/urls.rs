//! Addresses: what they may carry, and where hooks arrive.

use super::*;

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
fn plain_http_is_for_loopback_only() {
    for url in [
        "http://127.0.0.1:1",
        "http://localhost:1",
        "http://a.localhost",
        "http://[::1]:1",
    ] {
        let text = with("https://api.bigcommerce.com", url);
        load(&format!("allow_loopback_vendors = true\n{text}")).unwrap();
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
fn a_vendor_on_this_machine_is_for_development() {
    let local = with("https://api.bigcommerce.com", "https://localhost:1");
    let refused = "connections[acme].bigcommerce.api_url: names this machine, and no vendor runs \
                   here; a sandbox does when allow_loopback_vendors = true stands at the top of \
                   the file";
    check_fault(&local, &format!("line 8: {refused}"));
    load(&format!("allow_loopback_vendors = true\n{local}")).unwrap();
    // A house whose hooks arrive on loopback is one of development, unless it says no.
    let development = local.replace("https://hooks.example.com", "http://127.0.0.1:8080");
    load(&development).unwrap();
    check_fault(
        &format!("allow_loopback_vendors = false\n{development}"),
        &format!("line 9: {refused}"),
    );
}
