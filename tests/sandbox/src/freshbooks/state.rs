//! Everything the emulator remembers: accounts with their books, grants, meters and faults.
//!
//! One lock holds it all; it is never held across an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arithmetic::Rounding;
use super::events::Notice;
use super::faults::Faults;
use super::limits::{Limits, Meters};
use super::oauth::Grant;
use super::table::Table;
use super::writes::Writes;

/// What happens to a second invoice with the same number: the vendor's behaviour is unproven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DuplicateNumbers {
    /// 422, errno 1029, "already exists".
    #[default]
    Reject,
    /// 409, errno 409, "already exists".
    Conflict,
    Accept,
}

/// The most characters of a text field, by `object.field` or by the field's name in every object.
///
/// FreshBooks publishes none but the invoice number's; that there are more is known from refusals.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct TextLimits(BTreeMap<String, usize>);

impl TextLimits {
    /// The limit of a field; the more exact name wins. A line's fields are its document's.
    pub(super) fn of(&self, object: &str, field: &str) -> Option<usize> {
        let exact = self.0.get(&format!("{object}.{field}"));
        exact.or_else(|| self.0.get(field)).copied()
    }
}

/// The switches of an account, as POST /_sandbox/accounts takes them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) account_id: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) refresh_token: String,
    #[serde(default)]
    pub(super) rounding: Rounding,
    /// Smallest units that come on top of every invoice: a rule that no arithmetic explains.
    #[serde(default)]
    pub(super) surcharge_minor: i64,
    /// Absent: the measured limits. Null: none.
    #[serde(default = "usual_limits")]
    pub(super) limits: Option<Limits>,
    #[serde(default = "usd")]
    pub(super) base_currency: String,
    #[serde(default)]
    pub(super) duplicate_numbers: DuplicateNumbers,
    /// A deleted invoice still blocks its number.
    #[serde(default)]
    pub(super) deleted_numbers_block: bool,
    #[serde(default)]
    pub(super) new_error_shape: bool,
    /// Refusals travel under HTTP 200, in the old shape.
    #[serde(default)]
    pub(super) errors_in_200: bool,
    #[serde(default = "half_a_day_s")]
    pub(super) access_token_ttl_s: i64,
    /// A refresh answers with the created_at of the first token.
    #[serde(default)]
    pub(super) stale_created_at: bool,
    /// Active clients the plan allows; null or absent is unlimited.
    #[serde(default)]
    pub(super) client_limit: Option<u64>,
    /// False: items answer 200 with errno 12001.
    #[serde(default = "yes")]
    pub(super) items_access: bool,
    /// Text outside the basic plane is refused with errno 1036.
    #[serde(default)]
    pub(super) refuse_four_byte_unicode: bool,
    /// Each of these characters in a text is refused with errno 1027.
    #[serde(default)]
    pub(super) refused_characters: String,
    /// A longer text is refused with errno 1017.
    #[serde(default)]
    pub(super) text_limits: TextLimits,
    /// A payment turns a draft into a sent invoice.
    #[serde(default)]
    pub(super) paying_draft_sends: bool,
    /// users/me says null where the account id belongs.
    #[serde(default)]
    pub(super) null_account_id: bool,
    /// The user's role on the account; `client` is refused everything with 403.
    #[serde(default = "owner")]
    pub(super) role: String,
}

fn usual_limits() -> Option<Limits> {
    Some(Limits::default())
}
fn usd() -> String {
    "USD".into()
}
fn half_a_day_s() -> i64 {
    43_200
}
fn yes() -> bool {
    true
}
fn owner() -> String {
    "owner".into()
}

impl Settings {
    /// The switches without the credentials.
    pub(super) fn shown(&self) -> Value {
        let mut shown = json!(self);
        if let Some(fields) = shown.as_object_mut() {
            fields.remove("client_secret");
            fields.remove("refresh_token");
        }
        shown
    }
}

/// How often a route was called and what it answered.
#[derive(Debug, Default)]
pub(super) struct Route {
    pub(super) calls: u64,
    pub(super) answers: BTreeMap<String, u64>,
}

/// One business: its books and its one grant.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) settings: Settings,
    pub(super) business_id: u64,
    pub(super) grant: Grant,
    pub(super) meters: Meters,
    /// By (method, route).
    pub(super) calls: BTreeMap<(String, String), Route>,
    pub(super) clients: Table,
    pub(super) invoices: Table,
    pub(super) payments: Table,
    pub(super) credit_notes: Table,
    pub(super) items: Table,
    pub(super) taxes: Table,
    pub(super) other_incomes: Table,
    pub(super) expenses: Table,
    pub(super) categories: Table,
    pub(super) callbacks: Table,
    pub(super) writes: Writes,
    /// Webhooks to send once the lock is released.
    pub(super) outbox: Vec<Notice>,
}

impl Account {
    pub(super) fn new(settings: Settings, business_id: u64) -> Self {
        let grant = Grant::new(settings.refresh_token.clone());
        let mut account = Self {
            settings,
            business_id,
            grant,
            meters: Meters::default(),
            calls: BTreeMap::new(),
            clients: Table::new(200_000, &["email", "username"]),
            invoices: Table::new(3_000_000, &["invoice_number", "customerid"]),
            payments: Table::new(400_000, &["invoiceid", "clientid", "creditid"]),
            credit_notes: Table::new(50_000, &["clientid", "credit_number"]),
            items: Table::new(60_000, &["name"]),
            taxes: Table::new(7_000, &[]),
            other_incomes: Table::new(80_000, &[]),
            expenses: Table::new(900_000, &[]),
            categories: Table::new(1_000, &[]),
            callbacks: Table::new(500, &[]),
            writes: Writes::default(),
            outbox: Vec::new(),
        };
        super::accounting::seed_categories(&mut account);
        account
    }

    pub(super) fn id(&self) -> &str {
        &self.settings.account_id
    }
}

/// All accounts and the faults that wait for them.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) faults: Faults,
    businesses: u64,
}

impl World {
    pub(super) fn open(&mut self, settings: Settings) {
        self.businesses += 1;
        let account = Account::new(settings, 77_000 + self.businesses);
        self.accounts.insert(account.id().to_owned(), account);
    }

    /// The account a live access token belongs to.
    pub(super) fn account_of_token(&self, token: &str) -> Option<&str> {
        self.accounts
            .values()
            .find(|account| account.grant.accepts(token))
            .map(Account::id)
    }
}

/// A handle on the world.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// A panic of one request must not take the others with it, so poison is ignored.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
