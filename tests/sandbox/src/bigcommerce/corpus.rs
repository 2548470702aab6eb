//! The corpus: every kind of order as the documents its life goes through, without a server.
//!
//! The same kinds, sums and spellings that the running sandbox shows; a story is deterministic in
//! its settings, kind and seed. Not here: what the books should say, which is no vendor's matter.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::control::orders::summary;
use super::kinds;
use super::orders::build::{self, Wishes};
use super::orders::later;
use super::orders::model::Order;
use super::orders::render::{self, Include, Links};
use super::orders::{rows, v3};
use super::routes::settings;
use super::store::{Store, StoreConfig};

/// A kind of orders.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    pub name: &'static str,
    pub description: &'static str,
    /// Whether an accountant expects an invoice of it in the end.
    pub in_books: bool,
}

/// What a store is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    pub tax_inclusive: bool,
    /// ISO 4217; the store's own currency. A few kinds are about another one.
    pub currency: String,
    /// The tax setting `NO_ROUNDING` instead of `RATE_ROUNDING`.
    pub no_rounding: bool,
    /// IANA name.
    pub time_zone: String,
}

/// One moment in an order's life.
#[derive(Clone, Debug)]
pub struct Moment {
    /// What has just happened, in plain words.
    pub what: &'static str,
    /// `{"order", "products", "taxes", "coupons", "shipping_addresses", "fees", "transactions",
    /// "refunds", "store"}` as a client of the API would gather it; `None` once it answers 404.
    pub document: Option<Value>,
    /// The sandbox's own figures of it, as `GET /_sandbox/stores/{hash}/orders/{id}` has them.
    pub summary: Value,
}

/// Every class there is.
pub fn classes() -> impl Iterator<Item = Class> {
    kinds::all().map(|kind| Class {
        name: kind.name,
        description: kind.description,
        in_books: kind.in_books.name() == "invoice",
    })
}

/// A store without a server.
#[derive(Debug)]
pub struct Shop(Store);

impl Shop {
    pub fn new(settings: &Settings) -> Self {
        let config = StoreConfig {
            store_hash: "corpus".to_owned(),
            access_token: String::new(),
            client_secret: String::new(),
            store_id: "1003000000".to_owned(),
            client_id: String::new(),
            tax_inclusive: settings.tax_inclusive,
            time_zone: settings.time_zone.clone(),
            default_currency: settings.currency.clone(),
            retry_scale: Decimal::ONE,
            hook_timeout_ms: 0,
            denylist: false,
            no_rounding: settings.no_rounding,
        };
        Self(Store::new(config, None))
    }

    /// The life of one order of a class, from its first moment to its last.
    ///
    /// # Errors
    /// When there is no such class, or it foresees a change that cannot be done.
    pub fn story(&self, class: &str, seed: u64) -> Result<Vec<Moment>, String> {
        let kind = kinds::find(class).ok_or_else(|| format!("there is no class {class}"))?;
        let hours = i64::try_from(seed % 8_000).unwrap_or(0);
        let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(FIRST_HOUR + hours);
        let wishes = Wishes {
            created: Some(start),
            ..Wishes::default()
        };
        let (order, _) = build::place(&self.0, kind, seed, &wishes);
        let id = order.id;
        let mut at = order.created;
        let mut moments = vec![self.moment("placed", &order)];
        while let Some(done) = {
            at = later::next_moment(at);
            later::advance(&self.0, id, at)
        } {
            let done = done.map_err(|why| format!("{class}: {why}"))?;
            let what = done.step.words();
            moments.push(match &done.order {
                Some(order) => self.moment(what, order),
                None => Moment {
                    what,
                    document: None,
                    summary: json!({"order_id": id, "deleted": true}),
                },
            });
        }
        // A corpus of thousands keeps none of them.
        self.0.data().orders.remove(&id);
        Ok(moments)
    }

    fn moment(&self, what: &'static str, order: &Order) -> Moment {
        Moment {
            what,
            document: Some(self.document(order)),
            summary: summary(order),
        }
    }

    fn document(&self, order: &Order) -> Value {
        let links = Links {
            v2_root: "https://api.bigcommerce.com/stores/corpus/v2".to_owned(),
            store_currency: self.0.config.default_currency.clone(),
        };
        let store = json!({
            "time_zone": self.0.time_zone(),
            "time_zone_known": true,
            "tax_settings": settings::tax(&self.0),
            "currency_decimals": currency_decimals(&settings::currencies(&self.0)),
        });
        let parts = [
            ("order", render::order(order, &links, Include::default())),
            ("products", Value::Array(rows::products(order))),
            ("taxes", Value::Array(rows::taxes(order, true))),
            ("coupons", Value::Array(rows::coupons(order))),
            (
                "shipping_addresses",
                Value::Array(rows::shipping_addresses(order, &links)),
            ),
            ("fees", Value::Array(rows::fees(order))),
            ("transactions", Value::Array(v3::transactions(order))),
            ("refunds", Value::Array(v3::refunds(order))),
            ("store", store),
        ];
        let named = parts
            .into_iter()
            .map(|(name, part)| (name.to_owned(), part));
        Value::Object(named.collect::<Map<_, _>>())
    }
}

/// 2025-06-01T00:00Z, in hours.
const FIRST_HOUR: i64 = 485_712;

/// Decimals by currency code, as a reader of the store's currency settings would keep them.
fn currency_decimals(currencies: &[Value]) -> Value {
    let stated = currencies.iter().filter_map(|currency| {
        let code = currency.get("currency_code")?.as_str()?;
        Some((code.to_owned(), currency.get("decimal_places")?.clone()))
    });
    Value::Object(stated.collect())
}
