//! What a configuration may say, and how each fault is told.
//!
//! Here: the smallest file and the ways to change it. The rooms below hold the tests.

mod connections;
mod encryption;
mod faults;
mod secrets;
mod sections;
mod urls;

use std::path::Path;

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
