//! Connections: their names, their policy, their time zone.

use super::*;

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
