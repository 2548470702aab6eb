//! Secrets in files of their own, as Kubernetes mounts them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers fail by panicking"
)]

use std::path::{Path, PathBuf};

use runtime::config::Config;

const FILE: &str = r#"
public_url = "https://hooks.example.com"

[[connections]]
name = "acme"

[connections.bigcommerce]
api_url = "https://api.bigcommerce.com"
store_hash = "abc123"
access_token_file = "secrets/token"
client_secret = "c"

[connections.freshbooks]
api_url = "https://api.freshbooks.com"
auth_url = "https://auth.freshbooks.com"
account_id = "AbC12"
client_id = "i"
client_secret = "c"
refresh_token = "r"
redirect_uri = "https://hooks.example.com/oauth/freshbooks"
"#;

/// A directory of the test's own, with `secrets/token` holding `token`.
fn house(name: &str, token: Option<&[u8]>) -> PathBuf {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-files-{name}"));
    let _ = std::fs::remove_dir_all(&base);
    std::fs::create_dir_all(base.join("secrets")).unwrap();
    std::fs::write(base.join("tillbook.toml"), FILE).unwrap();
    if let Some(token) = token {
        std::fs::write(base.join("secrets/token"), token).unwrap();
    }
    base.join("tillbook.toml")
}

fn fault(path: &Path) -> String {
    Config::load(path).unwrap_err().to_string()
}

#[test]
fn a_secret_file_is_found_beside_the_configuration_and_loses_its_newline() {
    use secrecy::ExposeSecret;
    let config = Config::load(&house("newline", Some(b"tok-1\r\n"))).unwrap();
    assert_eq!(
        config.connections[0]
            .bigcommerce
            .access_token
            .expose_secret(),
        "tok-1"
    );
}

#[test]
fn a_secret_file_that_cannot_serve_is_named() {
    let missing = fault(&house("missing", None));
    assert!(
        missing.contains("access_token_file: the file of this name cannot be read: No such file"),
        "{missing}"
    );
    let empty = fault(&house("empty", Some(b"\n")));
    assert!(
        empty.contains("access_token_file: the place named is empty; it must hold the secret"),
        "{empty}"
    );
    let large = fault(&house("large", Some(&[b'x'; 70_000])));
    assert!(
        large.contains("access_token_file: the file is over 65536 bytes, so no secret"),
        "{large}"
    );
    let binary = fault(&house("binary", Some(&[0xff, 0xfe, b'P'])));
    assert!(
        binary.contains("access_token_file: the file of this name cannot be read: "),
        "{binary}"
    );
}

#[test]
fn a_missing_configuration_is_named() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nowhere/tillbook.toml");
    let error = fault(&path);
    assert!(
        error.starts_with("reading the configuration ") && error.contains("nowhere"),
        "{error}"
    );
}
