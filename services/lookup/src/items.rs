//! Which of an order's SKUs are FreshBooks items.
//!
//! What was found once is remembered here, then the ledger, then the cache, then FreshBooks are
//! asked: a known SKU costs nothing. Where FreshBooks ignores the filter by SKU, its whole list is
//! read once for all SKUs and trusted for a while. Without access to items orders go on. Not
//! here: creating items.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use connect::VendorError;
use connect::freshbooks::{self, ItemSearch};
use contracts::books::{DesiredBooks, Disposition, Item, ItemResolution, Presence, UnknownSku};
use contracts::ledger::OrderEntry;
use stage::{Failure, Reason};
use store::ledger::ItemKey;

use crate::{Lookup, ledger_unavailable};

/// Told with an order that went on without items.
pub(crate) const DENIED: &str = "FreshBooks gives Tillbook no access to items, so the lines' SKUs are not compared with them. \
     Grant the scopes user:billable_items:read and user:billable_items:write, or set unknown_sku = \"text\".";

/// A whole list is trusted so long; what Tillbook creates meanwhile is in the ledger.
const LIST_TRUSTED: Duration = Duration::from_secs(60);
/// How long an account without access to items is not asked again.
const DENIED_FOR: Duration = Duration::from_secs(300);
/// SKUs remembered for one connection before all are forgotten and learned anew.
const REMEMBERED_MAX: usize = 100_000;

/// What this process knows of the accounts' items.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, Account>>);

#[derive(Debug, Default)]
struct Account {
    skus: HashSet<String>,
    filter: Filter,
    list: Option<(Instant, u64, HashMap<String, u64>)>,
    denied_at: Option<Instant>,
}

/// What is known of FreshBooks' filter by SKU, which is not documented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Filter {
    #[default]
    Untried,
    Works,
    Ignored,
}

impl Known {
    fn with<T>(&self, connection: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(accounts.entry(connection.to_owned()).or_default())
    }
}

impl Account {
    fn remember(&mut self, sku: &str) {
        if self.skus.len() >= REMEMBERED_MAX {
            self.skus.clear();
        }
        self.skus.insert(sku.to_owned());
    }

    /// Presence by the last whole list, while it is trusted.
    fn listed(&self, sku: &str) -> Option<ItemResolution> {
        let (read, read_ms, items) = self.list.as_ref()?;
        (read.elapsed() < LIST_TRUSTED).then(|| match items.get(sku) {
            Some(id) => found(sku, *id),
            None => absent(sku, *read_ms),
        })
    }
}

/// What an order's SKUs lead to.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// One for each SKU that is no item.
    pub(crate) unknown: Vec<ItemResolution>,
    pub(crate) denied: bool,
}

impl Lookup {
    /// The order's SKUs that are no items; held where the policy says so.
    pub(crate) async fn items(
        &self,
        connection: &str,
        account: &freshbooks::Client,
        books: &DesiredBooks,
        entry: &OrderEntry,
    ) -> Result<Resolved, Failure> {
        let mut resolved = Resolved::default();
        if !matches!(books.disposition(), Disposition::Draft | Disposition::Sent) {
            return Ok(resolved);
        }
        for item in &books.items {
            if self.is_known(connection, item).await? {
                continue;
            }
            match self.ask_for_item(connection, account, &item.sku).await {
                Ok(answer) if answer.presence() == Presence::Found => {
                    let key = ItemKey::Sku(item.sku.clone());
                    self.cache
                        .remember_item(connection, &key, answer.item_id)
                        .await;
                    self.known_items
                        .with(connection, |known| known.remember(&item.sku));
                }
                Ok(answer) => resolved.unknown.push(answer),
                Err(error) if error.is_items_denied() => {
                    self.known_items.with(connection, |known| {
                        known.denied_at.get_or_insert_with(Instant::now);
                    });
                    return Ok(Resolved {
                        unknown: Vec::new(),
                        denied: true,
                    });
                }
                Err(error) => {
                    return Err(self.failed(connection, "looking an item up", &error).await);
                }
            }
        }
        // An order that is in the books already is not held for what its lines are called.
        let is_new = entry.invoice.is_none();
        if is_new && books.unknown_sku() == UnknownSku::Hold && !resolved.unknown.is_empty() {
            return Err(Failure::Held(
                resolved.unknown.iter().map(unknown_sku).collect(),
            ));
        }
        Ok(resolved)
    }

    /// What FreshBooks has of a product's SKUs that the ledger does not know.
    pub(crate) async fn product_items(
        &self,
        connection: &str,
        account: &freshbooks::Client,
        books: &DesiredBooks,
    ) -> Result<Vec<ItemResolution>, Failure> {
        let mut resolved = Vec::new();
        for item in &books.items {
            let key = ItemKey::Sku(item.sku.clone());
            let entry = self.ledger.item(connection, &key).await;
            let entry = entry.map_err(|error| ledger_unavailable(&error))?;
            if entry.value.item_id != 0 {
                continue;
            }
            match self.ask_for_item(connection, account, &item.sku).await {
                Ok(answer) => resolved.push(answer),
                // Delivery meets the same and says what to do.
                Err(error) if error.is_items_denied() => break,
                Err(error) => {
                    return Err(self.failed(connection, "looking an item up", &error).await);
                }
            }
        }
        Ok(resolved)
    }

    /// Whether the ledger or the cache knows the item; FreshBooks is not asked.
    async fn is_known(&self, connection: &str, item: &Item) -> Result<bool, Failure> {
        let sku = item.sku.as_str();
        if self
            .known_items
            .with(connection, |known| known.skus.contains(sku))
        {
            return Ok(true);
        }
        let key = ItemKey::Sku(sku.to_owned());
        let entry = self.ledger.item(connection, &key).await;
        let entry = entry.map_err(|error| ledger_unavailable(&error))?.value;
        let is_known = entry.item_id != 0 || self.cache.item(connection, &key).await.is_some();
        if is_known {
            self.known_items
                .with(connection, |known| known.remember(sku));
        }
        Ok(is_known)
    }

    /// One question at a time for each connection: a whole list answers for all that wait.
    async fn ask_for_item(
        &self,
        connection: &str,
        account: &freshbooks::Client,
        sku: &str,
    ) -> Result<ItemResolution, VendorError> {
        let _flight = self.flights.lock(&format!("{connection}.items")).await;
        let known = self.known_items.with(connection, |known| {
            let is_denied = known.denied_at.is_some_and(|at| at.elapsed() < DENIED_FOR);
            if !is_denied {
                known.denied_at = None;
            }
            (is_denied, known.listed(sku), known.filter)
        });
        let filter = match known {
            (true, ..) => {
                return Err(VendorError::items_denied());
            }
            (_, Some(answer), _) => return Ok(answer),
            (_, None, filter) => filter,
        };
        let asked_at_ms = store::now_ms();
        if filter != Filter::Ignored
            && let ItemSearch::Found(items) = account.find_items_by_sku(sku).await?
        {
            // Nothing found says nothing of the filter when there is nothing at all.
            if filter == Filter::Untried && items.is_empty() {
                let works = account.has_items().await?;
                self.known_items.with(connection, |known| {
                    if works {
                        known.filter = Filter::Works;
                    } else {
                        known.list = Some((Instant::now(), asked_at_ms, HashMap::new()));
                    }
                });
            }
            // Of several the oldest: the same choice every time.
            return Ok(match items.iter().map(|item| item.id).min() {
                Some(id) => found(sku, id),
                None => absent(sku, asked_at_ms),
            });
        }
        let read = Instant::now();
        let mut by_sku: HashMap<String, u64> = HashMap::new();
        for item in account.list_items().await? {
            let oldest = by_sku.entry(item.sku.trim().to_owned()).or_insert(item.id);
            *oldest = item.id.min(*oldest);
        }
        let answer = match by_sku.get(sku) {
            Some(id) => found(sku, *id),
            None => absent(sku, asked_at_ms),
        };
        self.known_items.with(connection, |known| {
            known.filter = Filter::Ignored;
            known.list = Some((read, asked_at_ms, by_sku));
        });
        Ok(answer)
    }
}

fn found(sku: &str, item_id: u64) -> ItemResolution {
    ItemResolution {
        sku: sku.to_owned(),
        presence: Presence::Found.into(),
        item_id,
        verified_at_ms: 0,
    }
}

fn absent(sku: &str, verified_at_ms: u64) -> ItemResolution {
    ItemResolution {
        sku: sku.to_owned(),
        presence: Presence::Absent.into(),
        item_id: 0,
        verified_at_ms,
    }
}

fn unknown_sku(answer: &ItemResolution) -> Reason {
    Reason::new(
        "unknown_sku",
        format!(
            "SKU {} is no item in FreshBooks, and unknown_sku = \"hold\" asks for a person: create the item, then replay",
            answer.sku
        ),
    )
}
