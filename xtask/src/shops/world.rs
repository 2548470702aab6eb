//! Merchants: a store, the account its books are kept in, and the file that joins them.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::sandbox::{Addresses, Http};

/// A store at the emulator and the account its books are kept in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merchant {
    /// The connection's name.
    pub(crate) name: &'static str,
    pub(crate) store_hash: &'static str,
    pub(crate) account_id: &'static str,
    /// Whether prices have their tax inside them.
    pub(crate) tax_inclusive: bool,
    /// Whether the store rounds no tax before it sums (`NO_ROUNDING`).
    pub(crate) no_rounding: bool,
    pub(crate) currency: &'static str,
    pub(crate) time_zone: &'static str,
}

/// One store adds tax to its prices, the other has it inside them.
pub(crate) const BOTH_TAX_SETTINGS: [Merchant; 2] = [
    Merchant {
        name: "harbour",
        store_hash: "harbour1",
        account_id: "HaRb01",
        tax_inclusive: false,
        no_rounding: false,
        currency: "USD",
        time_zone: "America/New_York",
    },
    Merchant {
        name: "werkstatt",
        store_hash: "werkstatt1",
        account_id: "WeRk01",
        tax_inclusive: true,
        no_rounding: false,
        currency: "EUR",
        time_zone: "Europe/Berlin",
    },
];

impl Merchant {
    fn access_token(&self) -> String {
        format!("demo-access-{}", self.name)
    }

    /// The first refresh token of the account's first grant (0) or of a later one.
    pub(crate) fn refresh_token(&self, grant: u32) -> String {
        match grant {
            0 => format!("demo-refresh-{}", self.name),
            grant => format!("demo-refresh-{}-{grant}", self.name),
        }
    }

    fn store_secret(&self) -> String {
        format!("demo-store-secret-{}", self.name)
    }

    /// A path of the store's control surface.
    pub(crate) fn store_url(&self, at: &Addresses, what: &str) -> String {
        format!(
            "{}/_sandbox/stores/{}/{what}",
            at.bigcommerce, self.store_hash
        )
    }

    /// A path of the account's control surface.
    pub(crate) fn account_url(&self, at: &Addresses, what: &str) -> String {
        format!(
            "{}/_sandbox/accounts/{}/{what}",
            at.freshbooks, self.account_id
        )
    }
}

/// Creates the stores and accounts at the sandboxes; `account` is merged over what every account
/// is created with.
pub(crate) async fn create(
    http: &Http,
    at: &Addresses,
    merchants: &[Merchant],
    account_settings: &Map<String, Value>,
) -> anyhow::Result<()> {
    for merchant in merchants {
        let store = json!({
            "store_hash": merchant.store_hash,
            "access_token": merchant.access_token(),
            "client_secret": merchant.store_secret(),
            "tax_inclusive": merchant.tax_inclusive,
            "no_rounding": merchant.no_rounding,
            "time_zone": merchant.time_zone,
            "default_currency": merchant.currency,
            // The vendor tries a failed hook again after a minute; here after 0.6 s.
            "retry_scale": "0.01",
        });
        http.post(&format!("{}/_sandbox/stores", at.bigcommerce), &store)
            .await
            .with_context(|| format!("creating the store {}", merchant.name))?;
        let mut account = json!({
            "account_id": merchant.account_id,
            "client_id": format!("demo-client-{}", merchant.name),
            "client_secret": format!("demo-app-secret-{}", merchant.name),
            "refresh_token": merchant.refresh_token(0),
            "base_currency": merchant.currency,
        });
        if let Some(account) = account.as_object_mut() {
            account.extend(account_settings.clone());
        }
        http.post(&format!("{}/_sandbox/accounts", at.freshbooks), &account)
            .await
            .with_context(|| format!("creating the account {}", merchant.name))?;
    }
    Ok(())
}

/// What a `tillbook.toml` says that differs from run to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) hooks_port: u16,
    pub(crate) console_port: u16,
    /// Where ingest listens, when it is not where hooks arrive.
    pub(crate) listen_port: Option<u16>,
    /// Lines below `[ingest]`.
    pub(crate) ingest: &'static str,
    /// Further sections.
    pub(crate) sections: &'static str,
    /// What stands at the end, below the last connection.
    pub(crate) end: &'static str,
    /// Which grant of the accounts is in force, from 0.
    pub(crate) grant: u32,
}

/// Writes the `tillbook.toml` that joins them.
pub(crate) fn write_config(
    file: &Path,
    at: &Addresses,
    merchants: &[Merchant],
    configuration: &Configuration,
) -> anyhow::Result<()> {
    let Configuration {
        hooks_port,
        console_port,
        listen_port,
        ingest,
        sections,
        end,
        grant,
    } = configuration;
    let listen = listen_port.map(|port| format!("listen = \"127.0.0.1:{port}\"\n"));
    let listen = listen.unwrap_or_default();
    let mut text = format!(
        "public_url = \"http://127.0.0.1:{hooks_port}\"\ndata_dir = \"data\"\n\n\
         [monitor]\nlisten = \"127.0.0.1:{console_port}\"\n\n[ingest]\n{listen}{ingest}\n{sections}"
    );
    for merchant in merchants {
        let Merchant {
            name,
            store_hash,
            account_id,
            ..
        } = merchant;
        let Addresses {
            bigcommerce,
            freshbooks,
        } = at;
        write!(
            text,
            r#"
[[connections]]
name = "{name}"

[connections.bigcommerce]
api_url = "{bigcommerce}"
store_hash = "{store_hash}"
access_token = "{}"
client_secret = "{}"

[connections.freshbooks]
api_url = "{freshbooks}"
auth_url = "{freshbooks}"
account_id = "{account_id}"
client_id = "demo-client-{name}"
client_secret = "demo-app-secret-{name}"
refresh_token = "{}"
redirect_uri = "http://127.0.0.1:{hooks_port}/oauth/freshbooks"
"#,
            merchant.access_token(),
            merchant.store_secret(),
            merchant.refresh_token(*grant),
        )?;
    }
    text.push_str(end);
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

/// Whether the store sends the hooks of its orders to us.
pub(crate) async fn has_hooks(
    http: &Http,
    at: &Addresses,
    merchant: &Merchant,
) -> anyhow::Result<bool> {
    let url = format!(
        "{}/stores/{}/v3/hooks?limit=250",
        at.bigcommerce, merchant.store_hash
    );
    let hooks = http
        .get_with(&url, ("X-Auth-Token", &merchant.access_token()))
        .await?;
    let hooks = hooks
        .get("data")
        .and_then(|data| data.as_array())
        .cloned()
        .unwrap_or_default();
    let active = |scopes: &[&str]| {
        hooks.iter().any(|hook| {
            hook.get("is_active").and_then(serde_json::Value::as_bool) == Some(true)
                && hook
                    .get("scope")
                    .and_then(serde_json::Value::as_str)
                    .is_some_and(|scope| scopes.contains(&scope))
        })
    };
    Ok(active(&["store/order/*", "store/order/created"])
        && active(&["store/order/*", "store/order/updated"]))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BOTH_TAX_SETTINGS, Merchant};

    pub(crate) const MERCHANT: Merchant = {
        let [harbour, _] = BOTH_TAX_SETTINGS;
        harbour
    };
}
