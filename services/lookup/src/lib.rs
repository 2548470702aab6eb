//! Lookup: resolves desired books to what FreshBooks and the ledger already hold: client, items,
//! an invoice.
//!
//! The ledger first, then the cache, then FreshBooks, one question at a time per shopper. A hit in
//! the cache is only a hint that delivery stands corrected on; absence is never cached, and is
//! handed on with the moment it was read. Not here: creating anything.

mod items;

use std::collections::HashMap;
use std::sync::Arc;

use connect::freshbooks::{self, Deleted};
use connect::{Vendor, VendorError};
use contracts::books::{
    ClientResolution, DesiredBooks, Disposition, InvoiceResolution, Presence, ResolvedPlan,
};
use contracts::event::Entity;
use contracts::ledger::OrderEntry;
use contracts::{books_conversion, topology};
use domain::books::DesiredClient;
use stage::{Done, Failure, Reason, Received, Stage, vendor};
use store::cache::LookupCache;
use store::connections::Connections;
use store::keyed_locks::KeyedLocks;
use store::ledger::{ClientKey, Ledger, stands_for};

/// The look-up stage.
pub struct Lookup {
    accounts: HashMap<String, freshbooks::Client>,
    ledger: Ledger,
    cache: Arc<LookupCache>,
    connections: Connections,
    flights: KeyedLocks,
    known_items: items::Known,
}

impl Lookup {
    /// A stage for the given accounts, by connection name.
    pub fn new(
        accounts: HashMap<String, freshbooks::Client>,
        ledger: Ledger,
        cache: Arc<LookupCache>,
        connections: Connections,
    ) -> Self {
        Self {
            accounts,
            ledger,
            cache,
            connections,
            flights: KeyedLocks::default(),
            known_items: items::Known::default(),
        }
    }
}

impl Stage for Lookup {
    const STAGE: topology::Stage = topology::Stage::Lookup;
    type In = DesiredBooks;
    type Out = ResolvedPlan;

    async fn process(&self, input: Received<DesiredBooks>) -> Result<Done<ResolvedPlan>, Failure> {
        let connection = input.about.connection.as_str();
        let account = self.accounts.get(connection).ok_or_else(|| {
            Failure::held(Reason::new("unknown_connection", format!(
                "no connection is named {connection}; add it to tillbook.toml and replay, or purge")))
        })?;
        let books = input.message;
        let plan = match input.about.entity {
            Entity::Product => {
                let items = self.product_items(connection, account, &books).await?;
                ResolvedPlan {
                    books: Some(books),
                    items,
                    ..ResolvedPlan::default()
                }
            }
            Entity::Customer => {
                let none = OrderEntry::default();
                let is_there = !books.client_versions.is_empty();
                let client = self
                    .client(connection, account, &books, &none, is_there)
                    .await?;
                ResolvedPlan {
                    books: Some(books),
                    client: Some(client),
                    ..ResolvedPlan::default()
                }
            }
            Entity::Order | Entity::Unspecified => {
                self.order(connection, account, &input.about.entity_id, books)
                    .await?
            }
        };
        Ok(Done::Next(plan))
    }
}

impl Lookup {
    async fn order(
        &self,
        connection: &str,
        account: &freshbooks::Client,
        order_id: &str,
        mut books: DesiredBooks,
    ) -> Result<ResolvedPlan, Failure> {
        let entry = self
            .ledger
            .order(connection, order_id)
            .await
            .map_err(|error| ledger_unavailable(&error))?
            .value;
        let wants_invoice = matches!(books.disposition(), Disposition::Draft | Disposition::Sent);
        // Not `try_join`: a call that is under way is never cut off, it may be refreshing a token.
        let (client, invoice, items) = tokio::join!(
            self.client(connection, account, &books, &entry, wants_invoice),
            self.invoice(connection, account, &books, &entry),
            self.items(connection, account, &books, &entry),
        );
        let (client, invoice, items) = (client?, invoice?, items?);
        if items.denied {
            books.notices.push(items::DENIED.to_owned());
        }
        Ok(ResolvedPlan {
            books: Some(books),
            client: Some(client),
            invoice: Some(invoice),
            items: items.unknown,
            items_denied: items.denied,
        })
    }

    async fn client(
        &self,
        connection: &str,
        account: &freshbooks::Client,
        books: &DesiredBooks,
        entry: &OrderEntry,
        wants_invoice: bool,
    ) -> Result<ClientResolution, Failure> {
        if entry.client_id != 0 {
            let client_id = entry.client_id;
            let presence = Presence::InLedger.into();
            return Ok(ClientResolution {
                presence,
                client_id,
                verified_at_ms: 0,
            });
        }
        if !wants_invoice || entry.invoice.is_some() {
            return Ok(ClientResolution::default());
        }
        let desired = books
            .client
            .as_ref()
            .map(books_conversion::client_from_wire);
        let desired = desired.unwrap_or_default();
        let keys = ClientKey::of(&desired);
        // Orders of one shopper ask once: the second finds the first one's answer in the cache.
        let _flight = match keys.last() {
            Some(key) => Some(
                self.flights
                    .lock(&format!("{connection}.{}", key.token()))
                    .await,
            ),
            None => None,
        };
        // Only the narrowest key: an e-mail may by now be another customer's, which the ledger knows.
        if let Some(key) = keys.first()
            && let Some(client_id) = self.cache.client(connection, key).await
        {
            return Ok(found(client_id));
        }
        for key in &keys {
            let known = self
                .ledger
                .client(connection, key)
                .await
                .map_err(|error| ledger_unavailable(&error))?;
            if known.value.client_id != 0 && stands_for(&known.value, &desired) {
                self.cache
                    .remember_client(connection, key, known.value.client_id)
                    .await;
                return Ok(found(known.value.client_id));
            }
        }
        self.ask(connection, account, &desired, &keys).await
    }

    async fn ask(
        &self,
        connection: &str,
        account: &freshbooks::Client,
        desired: &DesiredClient,
        keys: &[ClientKey],
    ) -> Result<ClientResolution, Failure> {
        let asked_at_ms = store::now_ms();
        let ids = account.find_desired_clients(desired, None).await;
        let ids = match ids {
            Ok(ids) => ids,
            Err(error) => {
                return Err(self
                    .failed(connection, "looking the client up", &error)
                    .await);
            }
        };
        let Some(client_id) = self.first_free(connection, desired, ids).await? else {
            let presence = Presence::Absent.into();
            return Ok(ClientResolution {
                presence,
                client_id: 0,
                verified_at_ms: asked_at_ms,
            });
        };
        if desired.customer_id.is_none() {
            for key in keys {
                self.cache.remember_client(connection, key, client_id).await;
            }
            return Ok(found(client_id));
        }
        // Another customer of the same e-mail may have the client made at this moment: delivery asks
        // the ledger once more, and remembers.
        Ok(ClientResolution {
            verified_at_ms: asked_at_ms,
            ..found(client_id)
        })
    }

    /// The first of the clients that stands for no other customer. FreshBooks finds by e-mail, and
    /// customers of several channels may share one.
    async fn first_free(
        &self,
        connection: &str,
        desired: &DesiredClient,
        ids: Vec<u64>,
    ) -> Result<Option<u64>, Failure> {
        for id in ids {
            let known = self.ledger.client(connection, &ClientKey::Id(id)).await;
            let known = known.map_err(|error| ledger_unavailable(&error))?;
            if stands_for(&known.value, desired) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// An invoice that FreshBooks has under the order's number, when the ledger knows of none.
    async fn invoice(
        &self,
        connection: &str,
        account: &freshbooks::Client,
        books: &DesiredBooks,
        entry: &OrderEntry,
    ) -> Result<InvoiceResolution, Failure> {
        if entry.invoice.is_some() || entry.intent.is_some() {
            let presence = Presence::InLedger.into();
            return Ok(InvoiceResolution {
                presence,
                ..InvoiceResolution::default()
            });
        }
        let number = books
            .invoice
            .as_ref()
            .map(|invoice| invoice.number.as_str())
            .unwrap_or_default();
        let needs_none = matches!(
            books.disposition(),
            Disposition::Nothing | Disposition::Undone | Disposition::PaysInvoice
        );
        if needs_none || number.is_empty() {
            return Ok(InvoiceResolution::default());
        }
        let asked_at_ms = store::now_ms();
        let found = match account
            .find_invoices_by_number(number, Deleted::Include)
            .await
        {
            Ok(found) => found,
            Err(error) => {
                return Err(self
                    .failed(connection, "looking the invoice up", &error)
                    .await);
            }
        };
        let (deleted, active): (Vec<_>, Vec<_>) =
            found.iter().partition(|invoice| invoice.is_deleted());
        match active.as_slice() {
            // A deleted one is no absence: delivery looks closer.
            [] if deleted.is_empty() => Ok(InvoiceResolution {
                presence: Presence::Absent.into(),
                invoice_id: 0,
                verified_at_ms: asked_at_ms,
            }),
            [] | [_] => Ok(InvoiceResolution {
                presence: Presence::Found.into(),
                invoice_id: found.first().map_or(0, |invoice| invoice.id),
                verified_at_ms: asked_at_ms,
            }),
            several => Err(Failure::held(Reason::new(
                "invoice_twice",
                format!(
                    "FreshBooks has {} active invoices numbered {number}; delete the wrong ones, then replay",
                    several.len()
                ),
            ))),
        }
    }

    /// The exit after a failed call; puts the connection on hold when FreshBooks refuses it whole.
    async fn failed(&self, connection: &str, what: &str, error: &VendorError) -> Failure {
        self.connections
            .failed(connection, Vendor::FreshBooks, error)
            .await;
        vendor::failure(what, error)
    }
}

fn ledger_unavailable(error: &store::ledger::Error) -> Failure {
    Failure::retry(Reason::new("ledger_unavailable", error.to_string()))
}

fn found(client_id: u64) -> ClientResolution {
    ClientResolution {
        presence: Presence::Found.into(),
        client_id,
        verified_at_ms: 0,
    }
}
