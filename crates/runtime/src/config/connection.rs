//! `[[connections]]`: one store and the books its orders go into.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::Sha256;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::section::Section;

/// A BigCommerce store joined to a FreshBooks account.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Unique; in hook addresses, subjects, metrics and logs.
    pub name: String,
    /// An IANA name, checked; absent means the store's own.
    pub time_zone: Option<String>,
    /// `[connections.bigcommerce]`
    pub bigcommerce: BigCommerce,
    /// `[connections.freshbooks]`
    pub freshbooks: FreshBooks,
    policy: Value,
}

impl Connection {
    /// `[connections.policy]` as a JSON object, `{}` when absent. Numbers in it
    /// are integers only.
    pub fn policy_json(&self) -> Value {
        self.policy.clone()
    }
}

/// `[connections.bigcommerce]`
#[derive(Clone, Debug)]
pub struct BigCommerce {
    /// `https://api.bigcommerce.com`, or a stand-in on loopback.
    pub api_url: Url,
    /// As in `/stores/{store_hash}/`.
    pub store_hash: String,
    /// Sent as `X-Auth-Token`.
    pub access_token: SecretString,
    /// Signs the hooks.
    pub client_secret: SecretString,
    /// The second factor in the hooks' own header; derived when not configured.
    pub hook_secret: SecretString,
}

/// `[connections.freshbooks]`
#[derive(Clone, Debug)]
pub struct FreshBooks {
    /// `https://api.freshbooks.com`, or a stand-in on loopback.
    pub api_url: Url,
    /// `https://auth.freshbooks.com`, or a stand-in on loopback.
    pub auth_url: Url,
    /// As in `/accounting/account/{account_id}/`.
    pub account_id: String,
    /// Of our OAuth application.
    pub client_id: String,
    /// Of our OAuth application.
    pub client_secret: SecretString,
    /// Only the first one; later ones live in KV.
    pub refresh_token: SecretString,
    /// Must equal the one registered with the application.
    pub redirect_uri: Url,
}

/// All connections; `None` after a fault in any. `loopback`: vendors may be on this machine.
pub(super) fn read_all(root: &mut Section<'_>, loopback: bool) -> Option<Vec<Connection>> {
    let sections = root.sections("connections");
    if sections.is_empty() {
        let what = if root.has("connections") {
            "is empty"
        } else {
            "is missing"
        };
        root.fault_at(
            "connections",
            format!("{what}; add at least one [[connections]]"),
        );
        return None;
    }
    let mut seen = Seen::default();
    // Not lazily: the faults of every connection are wanted.
    let read: Vec<Option<Connection>> = sections
        .into_iter()
        .zip(1..)
        .map(|(section, index)| read(section, index, loopback, &mut seen))
        .collect();
    read.into_iter().collect()
}

/// What earlier connections took.
#[derive(Default)]
pub(super) struct Seen {
    /// Name → position, from 1.
    names: BTreeMap<String, usize>,
    /// Store and account → name.
    routes: BTreeMap<[String; 4], String>,
}

/// One connection, at position `index` of the file.
pub(super) fn read(
    mut of: Section<'_>,
    index: usize,
    loopback: bool,
    seen: &mut Seen,
) -> Option<Connection> {
    let name = of.required_text(
        "name",
        "What the connection is called in hook addresses, metrics and logs: 1 to 32 of a–z, 0–9 \
         and `-`, unique.",
    );
    if let Some(name) = &name {
        if !is_name(name) {
            of.fault_at("name", "must be 1 to 32 of a-z, 0-9 and -");
        } else {
            of.relabel(format!("connections[{name}]"));
        }
        if let Some(first) = seen.names.insert(name.clone(), index) {
            of.fault_at(
                "name",
                format!("is taken by connection {first}; names are unique"),
            );
        }
    }
    let time_zone = of.optional_text(
        "time_zone",
        "the store's own",
        "An IANA time zone such as `Europe/Berlin`: the day an order or payment falls on.",
    );
    if let Some(zone) = &time_zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        of.fault_at(
            "time_zone",
            "is no IANA time zone; write for example \"Europe/Berlin\"",
        );
    }
    let bigcommerce = read_bigcommerce(of.section("bigcommerce"), loopback);
    let freshbooks = read_freshbooks(of.section("freshbooks"), loopback);
    let policy = of.raw(
        "policy",
        "The accounting policy where it differs from the default; see \
         [The accounting policy](#the-accounting-policy).",
    );
    let policy = policy.map_or(Ok(Map::new()), |table| object("policy", table));
    if let Err(what) = &policy {
        of.fault_at("policy", what.clone());
    }
    if let (Some(name), Some(store), Some(books)) = (&name, &bigcommerce, &freshbooks)
        && let Some(first) = seen.routes.insert(route(store, books), name.clone())
    {
        of.fault(format!(
            "carries the same store into the same account as connection {first}; every order \
                 would be written twice"
        ));
    }
    of.finish();
    Some(Connection {
        name: name?,
        time_zone,
        bigcommerce: bigcommerce?,
        freshbooks: freshbooks?,
        policy: Value::Object(policy.ok()?),
    })
}

fn route(store: &BigCommerce, books: &FreshBooks) -> [String; 4] {
    [
        store.api_url.to_string(),
        store.store_hash.clone(),
        books.api_url.to_string(),
        books.account_id.clone(),
    ]
}

fn is_name(name: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(letters)
}

fn read_bigcommerce(mut of: Section<'_>, loopback: bool) -> Option<BigCommerce> {
    let api_url = of.vendor_url("api_url", loopback, "`https://api.bigcommerce.com`.");
    let store_hash = of.required_text(
        "store_hash",
        "The store's hash, as in `/stores/{store_hash}/`.",
    );
    let access_token = of.required_secret("access_token", "The API account's access token.");
    let client_secret = of.required_secret(
        "client_secret",
        "The API account's client secret; it signs the hooks.",
    );
    let hook_secret = of.optional_secret(
        "hook_secret",
        "derived from `client_secret`",
        "What each hook must carry in its own header, as a second factor.",
    );
    of.finish();
    let (store_hash, client_secret) = (store_hash?, client_secret?);
    let hook_secret = match hook_secret {
        Some(secret) => secret,
        None => derive_hook_secret(&client_secret, &store_hash)?,
    };
    Some(BigCommerce {
        api_url: api_url?,
        store_hash,
        access_token: access_token?,
        client_secret,
        hook_secret,
    })
}

/// The same on every start and in every process, and useless for guessing the
/// client secret.
fn derive_hook_secret(client_secret: &SecretString, store_hash: &str) -> Option<SecretString> {
    let key = client_secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"tillbook hook secret v1\0");
    mac.update(store_hash.as_bytes());
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(SecretString::from(hex))
}

fn read_freshbooks(mut of: Section<'_>, loopback: bool) -> Option<FreshBooks> {
    let api_url = of.vendor_url("api_url", loopback, "`https://api.freshbooks.com`.");
    let auth_url = of.vendor_url("auth_url", loopback, "`https://auth.freshbooks.com`.");
    let account_id = of.required_text("account_id", "The account whose books are kept.");
    let client_id = of.required_text("client_id", "The OAuth application's client id.");
    let client_secret =
        of.required_secret("client_secret", "The OAuth application's client secret.");
    let refresh_token = of.required_secret(
        "refresh_token",
        "The first refresh token. Each works once; later ones live in KV, so this one is read \
         only when KV has none.",
    );
    let redirect_uri = of.required_url(
        "redirect_uri",
        "The redirect URI registered with the OAuth application.",
    );
    of.finish();
    Some(FreshBooks {
        api_url: api_url?,
        auth_url: auth_url?,
        account_id: account_id?,
        client_id: client_id?,
        client_secret: client_secret?,
        refresh_token: refresh_token?,
        redirect_uri: redirect_uri?,
    })
}

fn object(path: &str, table: &DeTable<'_>) -> Result<Map<String, Value>, String> {
    table
        .iter()
        .map(|(key, value)| {
            let key = key.get_ref();
            Ok((
                key.to_string(),
                json(&format!("{path}.{key}"), value.get_ref())?,
            ))
        })
        .collect()
}

fn json(path: &str, value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| format!("{path} is too large a number"))?,
        // A float cannot hold every amount or rate; a text can.
        DeValue::Float(_) => {
            return Err(format!(
                "{path} is a floating-point number; write it in quotes"
            ));
        }
        DeValue::Array(items) => items
            .iter()
            .map(|item| json(path, item.get_ref()))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        DeValue::Table(table) => Value::Object(object(path, table)?),
    })
}
