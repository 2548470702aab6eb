//! The store's time zone and tax settings, kept for an hour.
//!
//! The shape of `GET /v2/store` comes from the published specification, not from a capture:
//! everything uncertain about it stays in this room. A retryable failure without a value from
//! before is passed on, because the time zone decides the invoice's date and a wrong date stays
//! wrong. A lasting failure (scope missing, other shape) gives UTC with `time_zone_known: false`.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::client::Client;
use crate::error::VendorError;

/// More currencies than ISO has.
const CURRENCIES_MAX: &str = "250";

const FRESH_FOR: Duration = Duration::from_secs(3600);

/// After a lasting failure, so that a granted scope is noticed soon.
const FRESH_FOR_AFTER_FAILURE: Duration = Duration::from_secs(600);

/// The last settings read. The lock is held while reading, so one read serves all who wait.
#[derive(Debug, Default)]
pub(super) struct StoreCache {
    entry: Mutex<Option<Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    settings: Value,
    fresh_until: Instant,
}

impl StoreCache {
    /// The last settings, however old; null when there are none.
    pub(super) async fn last_known(&self) -> Value {
        self.entry
            .lock()
            .await
            .as_ref()
            .map(|entry| entry.settings.clone())
            .unwrap_or_default()
    }
}

impl Client {
    /// `{"time_zone", "time_zone_known", "currency", "timezone", "tax_settings",
    /// "currency_decimals"}`; see the module.
    ///
    /// `currency` is the code of the catalog's prices or null. `time_zone` is an IANA name. `timezone` is BigCommerce's own object or null, and
    /// `tax_settings` the data of `GET /v3/tax/settings` or null. `currency_decimals` maps currency
    /// codes to the decimals that the store rounds to; empty when it does not tell.
    pub async fn store_settings(&self) -> Result<Value, VendorError> {
        let mut entry = self.store_cache().entry.lock().await;
        if let Some(known) = entry
            .as_ref()
            .filter(|known| known.fresh_until > Instant::now())
        {
            return Ok(known.settings.clone());
        }
        match self.read_settings().await {
            Ok((settings, whole)) => {
                let fresh_for = if whole {
                    FRESH_FOR
                } else {
                    FRESH_FOR_AFTER_FAILURE
                };
                let fresh_until = Instant::now() + fresh_for;
                *entry = Some(Entry {
                    settings: settings.clone(),
                    fresh_until,
                });
                Ok(settings)
            }
            Err(error) => entry
                .as_ref()
                .map(|known| known.settings.clone())
                .ok_or(error),
        }
    }

    /// The settings, and whether both parts could be read.
    async fn read_settings(&self) -> Result<(Value, bool), VendorError> {
        let (store, tax, currencies) = tokio::join!(
            self.get("/v2/store", &["v2", "store"], &[]),
            self.get("/v3/tax/settings", &["v3", "tax", "settings"], &[]),
            self.get(
                "/v2/currencies",
                &["v2", "currencies"],
                &[("limit", CURRENCIES_MAX)]
            ),
        );
        // What they say only widens what rounding explains; no order waits for them.
        let currencies = currencies.ok().flatten();
        let (store, tax) = (lasting(store)?, lasting(tax)?);
        let whole = store.is_some() && tax.is_some();
        let timezone = store
            .as_ref()
            .map(|store| store["timezone"].clone())
            .unwrap_or_default();
        let name = time_zone(&timezone);
        if name.is_none() {
            tracing::warn!(
                store_hash = self.store_hash(),
                "the store's time zone is not known; invoices are dated in UTC (scope store_v2_information_read_only)"
            );
        }
        let tax = tax.map(|mut body| body.get_mut("data").map(Value::take).unwrap_or_default());
        let settings = json!({
            "time_zone": name.as_deref().unwrap_or("UTC"),
            "time_zone_known": name.is_some(),
            "currency": store.as_ref().map(|store| store["currency"].clone()).unwrap_or_default(),
            "timezone": timezone,
            "tax_settings": tax,
            "currency_decimals": currency_decimals(currencies.as_ref()),
        });
        Ok((settings, whole))
    }
}

/// A retryable failure stays one; a lasting one is "nothing known".
fn lasting(result: Result<Option<Value>, VendorError>) -> Result<Option<Value>, VendorError> {
    match result {
        // A refused token will refuse the order too: let everybody see it.
        Err(error) if error.is_retryable() || error == VendorError::Unauthorized => Err(error),
        Err(_) => Ok(None),
        Ok(found) => Ok(found),
    }
}

/// Decimals by currency code, of those that say both.
fn currency_decimals(currencies: Option<&Value>) -> Value {
    let list = currencies.and_then(Value::as_array);
    let stated = list.into_iter().flatten().filter_map(|currency| {
        let code = currency["currency_code"].as_str()?.trim();
        let decimals = match &currency["decimal_places"] {
            Value::String(text) => text.trim().parse().ok()?,
            other => other.as_u64()?,
        };
        Some((code.to_ascii_uppercase(), json!(decimals)))
    });
    Value::Object(stated.collect())
}

fn time_zone(timezone: &Value) -> Option<String> {
    let name = timezone["name"].as_str()?.trim();
    TimeZone::get(name).ok().map(|_| name.to_owned())
}
