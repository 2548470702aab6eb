//! BigCommerce's answers, spoiled on their way to the client: what is fetched can be read or
//! refused, and no error shows the store's token.
//!
//! An order of the corpus answers, cut into the calls that fetch it. Not here: hooks that arrive
//! (`hooks`).

use std::collections::BTreeMap;
use std::sync::Arc;

use connect::VendorError;
use connect::bigcommerce::{ChangeList, Client, Config, FetchHints, FetchedOrder, OrderFilter};
use connect::call::NoObserver;
use connect::transport::Outgoing;
use domain::validate::{read_customer, read_order, read_product};
use http::Method;
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use url::Url;

use crate::books;
use crate::line::{self, Answer, Exchange, Line, MARK};
use crate::run::Target;

/// Hooks that a store should have.
const SCOPES: [&str; 3] = [
    "store/order/created",
    "store/order/updated",
    "store/sku/updated",
];
const DESTINATION: &str = "https://hooks.example.com/hooks/acme";
/// No call asks more than its pages, whatever the vendor says of their number.
const EXCHANGES_MAX: usize = 200;

/// A call on an order of the corpus, over a line of that seed.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    call: Call,
    order: usize,
    line: u64,
}

/// The client's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Order,
    Customer,
    Product,
    Settings,
    Changes(ChangeList),
    Outlines,
    Created,
    Row,
    Transactions,
    Refunds,
    Email,
    EnsureHooks,
}

/// The order itself more often: it is the longest way.
const CALLS: [Call; 18] = [
    Call::Order,
    Call::Order,
    Call::Order,
    Call::Order,
    Call::Customer,
    Call::Product,
    Call::Settings,
    Call::Changes(ChangeList::Orders),
    Call::Changes(ChangeList::Refunds),
    Call::Changes(ChangeList::Customers),
    Call::Changes(ChangeList::Products),
    Call::Outlines,
    Call::Created,
    Call::Row,
    Call::Transactions,
    Call::Refunds,
    Call::Email,
    Call::EnsureHooks,
];

/// The client, with orders to fetch.
#[derive(Debug)]
pub struct Fetches {
    documents: Vec<Value>,
}

impl Fetches {
    /// With the corpus's orders.
    ///
    /// # Errors
    /// When a class of the corpus is not what it should be.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            documents: corpus::fuzz::seeds()?,
        })
    }
}

impl Target for Fetches {
    const NAME: &'static str = "bigcommerce";
    type Input = Called;

    fn input(&self, chance: &mut StdRng) -> Called {
        Called {
            call: *crate::bytes::pick(&CALLS, chance),
            order: chance.random_range(0..self.documents.len()),
            line: chance.random(),
        }
    }

    fn check(&self, called: &Called) -> Result<&'static str, String> {
        let runtime = line::runtime()?;
        let document = self.documents.get(called.order).ok_or("no such order")?;
        let document = document.clone();
        let line = Line::to(Box::new(move |asked| answer(&document, asked)), called.line);
        let url = Url::parse("https://api.bigcommerce.com").map_err(|error| error.to_string())?;
        let token = format!("{MARK}-token").into();
        let config = Config::new(url, "abc123".to_owned(), token);
        let client = Client::over(Arc::<Line>::clone(&line), config, Arc::new(NoObserver));
        let client = client.map_err(|error| error.to_string())?;
        let gave = runtime.block_on(make(called.call, &client));
        let exchanges = line.exchanges();
        if exchanges.len() > EXCHANGES_MAX {
            return Err(format!("{} exchanges", exchanges.len()));
        }
        match gave {
            Ok(gave) => gave.judge(&exchanges),
            Err(error) => failed(&error, &exchanges),
        }
    }
}

/// What a call gave, as far as it is looked at here.
enum Gave {
    Read,
    Order(Value),
    Customer(Value),
    Product(Value),
    /// Hooks said to be created and changed.
    Hooks(usize),
}

impl Gave {
    /// What was fetched is read by validate, or refused by name.
    fn judge(self, exchanges: &[Exchange]) -> Result<&'static str, String> {
        let faults = match self {
            Self::Read => return Ok("read"),
            Self::Order(document) => read_order(&document).err(),
            Self::Customer(document) => read_customer(&document).err(),
            Self::Product(document) => read_product(&document).err(),
            Self::Hooks(count) => {
                let writes = exchanges
                    .iter()
                    .filter(|exchange| exchange.method != Method::GET);
                let done = writes.filter(|write| matches!(write.reply, Ok((200..300, _))));
                return if count <= done.count() {
                    Ok("hooks kept")
                } else {
                    Err(format!(
                        "{count} hooks are said to be written: {exchanges:?}"
                    ))
                };
            }
        };
        match faults {
            None => Ok("fetched and read"),
            Some(faults) => {
                books::named(faults.iter().map(|fault| (fault.code, &*fault.message)))?;
                Ok("fetched and refused")
            }
        }
    }
}

fn failed(error: &VendorError, exchanges: &[Exchange]) -> Result<&'static str, String> {
    let shown = format!("{error} {error:?}");
    if shown.contains(MARK) {
        return Err(format!("the error shows what nobody may log: {shown}"));
    }
    let wrote = exchanges
        .iter()
        .any(|exchange| exchange.method != Method::GET);
    if error.is_outcome_unknown() && !wrote {
        return Err("a read with an unknown outcome".to_owned());
    }
    let last = exchanges.last().filter(|last| last.method != Method::GET);
    if last.is_some_and(|last| last.reply == Err(false)) && !error.is_outcome_unknown() {
        return Err(format!(
            "a write without a reply may have happened, but: {shown}"
        ));
    }
    Ok("failed")
}

async fn make(call: Call, client: &Client) -> Result<Gave, VendorError> {
    let since = Timestamp::UNIX_EPOCH;
    Ok(match call {
        Call::Order => {
            let hints = FetchHints {
                refunds_expected: true,
            };
            match client.fetch_order(250, hints).await? {
                FetchedOrder::Present(document) => Gave::Order(document),
                FetchedOrder::Gone => Gave::Read,
            }
        }
        Call::Customer => {
            let found = client.fetch_customer(9).await?;
            found.map_or(Gave::Read, Gave::Customer)
        }
        Call::Product => {
            let found = client.fetch_product(5).await?;
            found.map_or(Gave::Read, Gave::Product)
        }
        Call::Settings => {
            client.store_settings().await?;
            Gave::Read
        }
        Call::Changes(list) => {
            client.changes(list, since, 1).await?;
            Gave::Read
        }
        Call::Outlines => {
            client.list_outlines(OrderFilter::default()).await?;
            Gave::Read
        }
        Call::Created => {
            client.orders_created(since, Timestamp::MAX, 0).await?;
            Gave::Read
        }
        Call::Row => {
            client.order_row(250).await?;
            Gave::Read
        }
        Call::Transactions => {
            client.order_transactions(250).await?;
            Gave::Read
        }
        Call::Refunds => {
            client.refunds_of_orders(&[250, 251]).await?;
            Gave::Read
        }
        Call::Email => {
            client.customer_email(9).await?;
            Gave::Read
        }
        Call::EnsureHooks => {
            let destination = Url::parse(DESTINATION).map_err(|_| VendorError::Unsendable {
                reason: "the target's own address cannot be used",
            })?;
            let headers = BTreeMap::from([("x-secret".to_owned(), format!("{MARK}-hook").into())]);
            let report = client.ensure_hooks(&destination, &SCOPES, &headers).await?;
            Gave::Hooks(report.created.len() + report.reactivated.len())
        }
    })
}

/// What a store with this one order answers.
fn answer(document: &Value, asked: &Outgoing) -> Answer {
    let path = asked.url.path();
    let mut segments = path.split('/').skip(3);
    let is_first = asked
        .url
        .query_pairs()
        .all(|(name, value)| name != "page" || value == "1");
    let data = |rows: &Value| {
        let meta = json!({"pagination": {"total": 1, "count": 1, "per_page": 50,
            "current_page": 1, "total_pages": 1}});
        json!({"data": rows, "meta": meta})
    };
    let body = match (segments.next(), segments.next(), segments.nth(1)) {
        _ if !is_first => None,
        (Some("v2"), Some("store"), _) => Some(json!({"timezone": {"name": "Europe/Berlin",
            "raw_offset": 3600}, "currency": document["store"]["currency"]})),
        (Some("v2"), Some("orders"), Some(part)) => Some(document[part].clone()),
        (Some("v2"), Some("orders"), None) if path.ends_with("/orders") => {
            Some(json!([document["order"]]))
        }
        (Some("v2"), Some("orders"), None) => Some(document["order"].clone()),
        (Some("v3"), Some("orders"), Some("transactions")) => Some(data(&document["transactions"])),
        (Some("v3"), Some("orders"), _) => Some(data(&document["refunds"])),
        (Some("v3"), Some("tax"), _) => Some(json!({"data": document["store"]["tax_settings"]})),
        (Some("v3"), Some("customers"), _) => Some(data(&json!([customer()]))),
        (Some("v3"), Some("catalog"), _) if path.ends_with("/variants") => {
            Some(data(&product()["variants"]))
        }
        (Some("v3"), Some("catalog"), Some(_)) => Some(json!({"data": product()})),
        (Some("v3"), Some("catalog"), None) => Some(data(&json!([product()]))),
        (Some("v3"), Some("hooks"), _) if asked.method == Method::GET => {
            Some(data(&json!([hook()])))
        }
        (Some("v3"), Some("hooks"), _) => Some(json!({"data": hook()})),
        _ => None,
    };
    Answer {
        status: if body.is_some() { 200 } else { 204 },
        body: body
            .map(|body| body.to_string())
            .unwrap_or_default()
            .into_bytes(),
    }
}

fn customer() -> Value {
    json!({"id": 9, "email": "ada@example.com", "first_name": "Ada", "last_name": "L",
        "company": "Engines", "phone": "1", "date_modified": "2026-08-11T09:00:00Z",
        "addresses": [{"id": 1, "first_name": "Ada", "last_name": "L", "address1": "1 Way",
            "city": "Berlin", "state_or_province": "Berlin", "postal_code": "10115",
            "country": "Germany", "country_code": "DE"}]})
}

fn product() -> Value {
    json!({"id": 5, "name": "Mug", "sku": "MUG-1", "price": 12.5, "calculated_price": 12.5,
        "inventory_tracking": "variant", "inventory_level": 3,
        "date_modified": "2026-08-11T09:00:00Z",
        "variants": [{"id": 31, "product_id": 5, "sku": "MUG-1", "price": 12.5,
            "calculated_price": 12.5, "inventory_level": 3,
            "option_values": [{"label": "Blue", "option_display_name": "Colour"}]}]})
}

fn hook() -> Value {
    json!({"id": 17, "scope": "store/order/created", "destination": DESTINATION,
        "is_active": false, "headers": {"X-Secret": "other"}})
}
