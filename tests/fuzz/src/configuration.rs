//! Configuration files: every fault is named, and no secret is in any error or `Debug`.

use std::path::Path;

use rand::RngExt;
use rand::rngs::StdRng;
use runtime::config::{Config, ConfigError};

use crate::bytes::{Raw, spoiled_text};
use crate::run::Target;

/// Every key there is.
const EXAMPLE: &str = include_str!("../../../docs/tillbook.example.toml");
/// 32 bytes in base64, as the key that seals has to be.
const SEALING_KEY: &str = "UExBTlRFRDI3MThQTEFOVEVEMjcxOFBMQU5URUQyNzE=";
/// In every other secret that is planted.
const MARK: &str = "PLANTED2718";
/// Keys whose value is a secret, or names the place of one.
const SECRETS: [&str; 12] = [
    "access_token",
    "client_secret",
    "hook_secret",
    "refresh_token",
    "password",
    "key",
    "previous_key",
    "token",
    "url",
    "key_env",
    "nkey_seed_file",
    "creds_file",
];

/// Configuration files and what they find in the environment.
#[derive(Debug)]
pub struct Configurations {
    texts: Vec<String>,
}

impl Configurations {
    /// The example with its comments made keys, with secrets in the environment and in the file.
    ///
    /// # Errors
    /// When the example is no configuration.
    pub fn new() -> Result<Self, String> {
        let bare = EXAMPLE.to_owned();
        let plain = bare
            .replace("_env = \"", &format!(" = \"{MARK}-"))
            .replace("#hook_secret", "hook_secret");
        let texts = vec![every_key(&bare), every_key(&plain), bare, plain];
        for text in &texts[2..] {
            let read = read(text, false);
            read.map_err(|error| format!("the example is no configuration: {error}"))?;
        }
        Ok(Self { texts })
    }
}

/// The example with every comment that holds a key or a section made one. Some exclude each
/// other, so this is refused; but every key is read.
fn every_key(example: &str) -> String {
    let line = |line: &str| {
        let bare = line.trim_start_matches(['#', ' ']);
        let is_key = bare.starts_with('[') || bare.contains(" = ");
        let text = if is_key { bare } else { line };
        text.to_owned() + "\n"
    };
    example.lines().map(line).collect()
}

/// A file, and whether the environment holds secrets for it.
#[derive(Clone, Debug)]
pub struct File {
    text: Raw,
    is_bare: bool,
}

impl Target for Configurations {
    const NAME: &'static str = "configurations";
    type Input = File;

    fn input(&self, chance: &mut StdRng) -> File {
        File {
            text: Raw(spoiled_text(&self.texts, chance)),
            is_bare: chance.random_range(0..8) == 0,
        }
    }

    fn check(&self, file: &File) -> Result<&'static str, String> {
        let text = file.text.text();
        let read = read(&text, file.is_bare);
        let shown = match &read {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        if shown.contains(SEALING_KEY) || shown.contains(MARK) && stands_where_secrets_do(&text) {
            return Err(format!("a secret is shown: {shown}"));
        }
        match read {
            Ok(config) if config.connections.is_empty() => Err("no connection".to_owned()),
            Ok(config) => {
                let again = self::read(&text, file.is_bare).map(|again| format!("{again:?}"));
                match again {
                    Ok(again) if again == format!("{config:?}") => Ok("accepted"),
                    other => Err(format!("read once more it differs: {other:?}")),
                }
            }
            Err(ConfigError::Invalid { problems, .. }) if problems.is_empty() => {
                Err("refused without a fault".to_owned())
            }
            Err(ConfigError::Invalid { problems, .. }) => {
                let nameless = |problem: &&runtime::config::Problem| {
                    problem.what.is_empty() || (problem.key.is_empty() && problem.line.is_none())
                };
                match problems.iter().find(nameless) {
                    Some(problem) => Err(format!("a fault without a name: {problem:?}")),
                    None => Ok("refused"),
                }
            }
            Err(other) => Err(format!("a text cannot fail so: {other:?}")),
        }
    }
}

fn read(text: &str, is_bare: bool) -> Result<Config, ConfigError> {
    Config::from_text_with(text, Path::new("nowhere"), &|name| {
        match name {
            _ if is_bare => None,
            "TILLBOOK_SECRET_KEY" | "TILLBOOK_SECRET_KEY_PREVIOUS" => Some(SEALING_KEY.to_owned()),
            "REDIS_URL" => Some(format!("rediss://:{MARK}@redis.example.com:6379")),
            // These win over the file, whose own values are to be read.
            "TILLBOOK_NATS_URL"
            | "TILLBOOK_REDIS_URL"
            | "TILLBOOK_NATS_NKEYS_DIR"
            | "TILLBOOK_LOG" => None,
            _ => Some(format!("{MARK}-{}", name.to_lowercase())),
        }
    })
}

/// Whether each mark in the text is still the value of a secret's key: spoiling may put it behind
/// another one, which may be shown.
fn stands_where_secrets_do(text: &str) -> bool {
    let mut marked = text.lines().filter(|line| line.contains(MARK));
    marked.all(|line| {
        let key = line.split('=').next().unwrap_or_default().trim();
        SECRETS.contains(&key)
    })
}
