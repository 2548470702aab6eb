//! One merchant's store: its settings, its data, its quota, its books of what was called.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calls::Calls;
use super::catalog::{self, Product};
use super::hooks::deliver::Deliveries;
use super::hooks::registry::Registry;
use super::orders::model::Order;
use super::people::Customer;
use super::quota::{Quota, QuotaConfig};

/// What a control request says about a new store. Unknown fields are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreRequest {
    pub(crate) store_hash: String,
    pub(crate) access_token: String,
    pub(crate) client_secret: String,
    #[serde(default)]
    pub(crate) tax_inclusive: bool,
    pub(crate) time_zone: Option<String>,
    pub(crate) default_currency: Option<String>,
    #[serde(default)]
    pub(crate) quota: Option<QuotaConfig>,
    /// Multiplies every wait of the retry ladder: 1 is the real time, 0.001 makes minutes 60 ms.
    #[serde(default)]
    pub(crate) retry_scale: Option<Value>,
    /// How long a receiver may take to acknowledge a hook; 10,000 unless given.
    #[serde(default)]
    pub(crate) hook_timeout_ms: Option<u64>,
    #[serde(default)]
    pub(crate) denylist: bool,
    /// The tax setting `NO_ROUNDING`; `RATE_ROUNDING` otherwise.
    #[serde(default)]
    pub(crate) no_rounding: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct StoreConfig {
    pub(crate) store_hash: String,
    #[serde(skip)]
    pub(crate) access_token: String,
    #[serde(skip)]
    pub(crate) client_secret: String,
    /// The number that hooks carry as text; it is not the hash.
    pub(crate) store_id: String,
    pub(crate) client_id: String,
    pub(crate) tax_inclusive: bool,
    /// At the start; [`Store::time_zone`] is the one of now.
    pub(crate) time_zone: String,
    pub(crate) default_currency: String,
    #[serde(serialize_with = "as_text")]
    pub(crate) retry_scale: Decimal,
    pub(crate) hook_timeout_ms: u64,
    pub(crate) denylist: bool,
    pub(crate) no_rounding: bool,
}

fn as_text<S: serde::Serializer>(scale: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scale)
}

/// Everything that changes under a store, behind one lock held only for moments.
#[derive(Debug)]
pub(crate) struct StoreData {
    pub(crate) orders: BTreeMap<u64, Arc<Order>>,
    pub(crate) customers: BTreeMap<u64, Customer>,
    pub(crate) products: BTreeMap<u64, Product>,
    /// Channel and lower-case e-mail to customer id.
    emails: BTreeMap<(u64, String), u64>,
    next: Counters,
}

#[derive(Debug)]
struct Counters {
    order: u64,
    row: u64,
    customer: u64,
}

impl StoreData {
    /// The next order id. Ids start at 100 and are never used again.
    pub(crate) fn take_order_id(&mut self) -> u64 {
        self.next.order += 1;
        self.next.order - 1
    }

    /// The first of `count` fresh ids for rows of any sort.
    pub(crate) fn take_row_ids(&mut self, count: u64) -> u64 {
        let first = self.next.row;
        self.next.row += count;
        first
    }

    pub(crate) fn take_customer_id(&mut self) -> u64 {
        self.next.customer += 1;
        self.next.customer - 1
    }

    /// Adds or replaces a customer, and keeps the e-mail index right.
    pub(crate) fn put_customer(&mut self, customer: Customer) {
        if let Some(old) = self.customers.get(&customer.id) {
            self.emails.remove(&key(old));
        }
        self.emails.insert(key(&customer), customer.id);
        self.customers.insert(customer.id, customer);
    }

    pub(crate) fn drop_customer(&mut self, id: u64) -> Option<Customer> {
        let old = self.customers.remove(&id)?;
        self.emails.remove(&key(&old));
        Some(old)
    }

    /// E-mails are unique per channel, compared without case.
    pub(crate) fn customer_by_email(&self, channel_id: u64, email: &str) -> Option<u64> {
        self.emails
            .get(&(channel_id, email.to_lowercase()))
            .copied()
    }

    /// Lets a raw order choose its own id, and keeps later ids above it.
    pub(crate) fn reserve_order_id(&mut self, id: u64) {
        self.next.order = self.next.order.max(id + 1);
    }
}

fn key(customer: &Customer) -> (u64, String) {
    (customer.channel_id, customer.address.email.to_lowercase())
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) config: StoreConfig,
    data: Mutex<StoreData>,
    time_zone: Mutex<String>,
    pub(crate) registry: Mutex<Registry>,
    pub(crate) quota: Mutex<Quota>,
    pub(crate) calls: Mutex<Calls>,
    pub(crate) deliveries: Mutex<Deliveries>,
    pub(crate) created: Timestamp,
}

impl Store {
    pub(crate) fn new(config: StoreConfig, quota: Option<QuotaConfig>) -> Self {
        let digits = super::money::digits(&config.default_currency);
        Self {
            data: Mutex::new(StoreData {
                orders: BTreeMap::new(),
                customers: BTreeMap::new(),
                emails: BTreeMap::new(),
                products: catalog::starting_catalog(digits),
                next: Counters {
                    order: 100,
                    row: 1000,
                    customer: 1,
                },
            }),
            time_zone: Mutex::new(config.time_zone.clone()),
            registry: Mutex::new(Registry::default()),
            quota: Mutex::new(Quota::new(quota)),
            calls: Mutex::new(Calls::default()),
            deliveries: Mutex::new(Deliveries::default()),
            created: crate::clock::now(),
            config,
        }
    }

    /// The IANA name of the merchant's setting.
    pub(crate) fn time_zone(&self) -> String {
        lock(&self.time_zone).clone()
    }

    pub(crate) fn set_time_zone(&self, name: String) {
        *lock(&self.time_zone) = name;
    }

    pub(crate) fn data(&self) -> MutexGuard<'_, StoreData> {
        lock(&self.data)
    }

    pub(crate) fn order(&self, id: u64) -> Option<Arc<Order>> {
        self.data().orders.get(&id).cloned()
    }

    /// Changes an order in place and moves its `date_modified`.
    pub(crate) fn change_order<T>(
        &self,
        id: u64,
        change: impl FnOnce(&mut Order) -> T,
    ) -> Option<T> {
        let done = self.try_change_order(id, |order| Ok::<T, Infallible>(change(order)))?;
        done.ok()
    }

    /// [`Self::change_order`] that leaves the order as it was when the change fails.
    ///
    /// `None` when there is no such order. Nothing else changes it meanwhile.
    pub(crate) fn try_change_order<T, E>(
        &self,
        id: u64,
        change: impl FnOnce(&mut Order) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let mut data = self.data();
        let kept = data.orders.get_mut(&id)?;
        let mut order = (**kept).clone();
        let done = change(&mut order);
        if done.is_ok() {
            order.modified = crate::clock::now();
            *kept = Arc::new(order);
        }
        Some(done)
    }
}

/// Locks, also after a panic elsewhere: the data under every lock here is valid between any two
/// statements that matter.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
