//! Deliver: performs the difference between a plan and the ledger in FreshBooks.
//!
//! The way of a plan: [`Deliver::process`] → `flow` (step by step) → `invoice`, `payment`,
//! `refund`, `shipping`, `shopper`, each step an intent, a call and a result in the ledger (`entry`);
//! `open_intent` looks up what an earlier delivery left undecided. `beside` brings clients and items
//! to what the store says, after an order's invoice or on their own. Never retries an unknown
//! outcome blindly.
//! Not here: what the books should say.

mod account;
mod adoption;
mod arithmetic;
mod beside;
mod client;
mod client_removal;
mod comparison;
mod email;
mod entry;
mod expense_category;
mod flow;
mod invoice;
mod invoice_removal;
mod items;
mod mended;
mod open_intent;
mod payment;
mod refund;
mod send_by;
mod shipping;
mod shopper;
mod undone;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use connect::Vendor;
use contracts::books::{Outcome, ResolvedPlan};
use contracts::event::{Entity, Event};
use contracts::journal::JournalKind;
use contracts::{books_conversion, topology};
use stage::{Done, Failure, Reason, Received, Stage};
use store::cache::LookupCache;
use store::connections::Connections;
use store::keyed_locks::KeyedLocks;
use store::ledger::{ClientKey, Ledger};

use crate::account::Workplace;
use crate::arithmetic::Arithmetics;

/// The delivery stage.
pub struct Deliver {
    accounts: HashMap<String, connect::freshbooks::Client>,
    ledger: Ledger,
    cache: Arc<LookupCache>,
    connections: Connections,
    settle: Duration,
    owner: String,
    locks: KeyedLocks,
    arithmetics: Arithmetics,
}

impl Deliver {
    /// A stage for the given accounts, by connection name. `settle` must outlast any request.
    pub fn new(
        accounts: HashMap<String, connect::freshbooks::Client>,
        ledger: Ledger,
        cache: Arc<LookupCache>,
        connections: Connections,
        settle: Duration,
    ) -> Self {
        let owner = uuid::Uuid::new_v4().to_string();
        let locks = KeyedLocks::default();
        Self {
            accounts,
            ledger,
            cache,
            connections,
            settle,
            owner,
            locks,
            arithmetics: Arithmetics::default(),
        }
    }
}

impl Stage for Deliver {
    const STAGE: topology::Stage = topology::Stage::Deliver;
    type In = ResolvedPlan;
    type Out = Outcome;

    async fn process(&self, input: Received<ResolvedPlan>) -> Result<Done<Outcome>, Failure> {
        let began_ms = store::now_ms();
        let connection = input.about.connection.as_str();
        let plan = &input.message;
        let account = self.accounts.get(connection).ok_or_else(|| {
            Failure::held(Reason::new("unknown_connection", format!(
                "no connection is named {connection}; add it to tillbook.toml and replay, or purge")))
        })?;
        let event = event(plan)?;
        let _entity = self
            .locks
            .lock(&format!(
                "{connection}.{}.{}",
                event.entity().token(),
                event.entity_id
            ))
            .await;
        let wire = plan.books.as_ref();
        let place = Workplace {
            connection,
            account,
            ledger: &self.ledger,
            cache: &self.cache,
            connections: &self.connections,
            owner: &self.owner,
            settle: self.settle,
            writes: AtomicU32::new(0),
            locks: &self.locks,
            client_as_of_ms: wire.map_or(0, |books| books.client_as_of_ms),
            arithmetics: &self.arithmetics,
            notes: &input.notes,
        };
        let outcome = match event.entity() {
            Entity::Customer => beside::customer(&place, event, plan).await?,
            Entity::Product => beside::product(&place, event, plan).await?,
            Entity::Order | Entity::Unspecified => self.order(&place, event, plan).await?,
        };
        if outcome.writes > 0 {
            self.connections
                .answered(connection, Vendor::FreshBooks, began_ms)
                .await;
        }
        note(&input, &outcome);
        Ok(Done::Next(outcome))
    }
}

impl Deliver {
    async fn order(
        &self,
        place: &Workplace<'_>,
        event: &Event,
        plan: &ResolvedPlan,
    ) -> Result<Outcome, Failure> {
        let books = read_books(plan)?;
        // Orders of one new shopper meet here first; across processes they meet at the claim.
        let is_known = plan
            .client
            .as_ref()
            .is_some_and(|client| client.client_id != 0);
        let shopper = match ClientKey::of(&books.client).last() {
            Some(key) if !is_known => {
                let name = format!("{}.{}", place.connection, key.token());
                Some(self.locks.lock(&name).await)
            }
            _ => None,
        };
        let outcome = flow::perform(place, event, plan, &books).await?;
        drop(shopper);
        beside::after_order(place, plan, &books, outcome).await
    }
}

fn incomplete() -> Failure {
    Failure::rejected(Reason::new(
        "incomplete_plan",
        "the plan lacks its books or its event",
    ))
}

fn event(plan: &ResolvedPlan) -> Result<&Event, Failure> {
    let books = plan.books.as_ref().ok_or_else(incomplete)?;
    books.event.as_ref().ok_or_else(incomplete)
}

fn read_books(plan: &ResolvedPlan) -> Result<domain::books::DesiredBooks, Failure> {
    let wire = plan.books.as_ref().ok_or_else(incomplete)?;
    books_conversion::from_wire(wire)
        .map_err(|error| Failure::rejected(Reason::new("unreadable_plan", error.to_string())))
}

/// What the story shows of this delivery. No personal data.
fn note(input: &Received<ResolvedPlan>, outcome: &Outcome) {
    let total = outcome.invoice_total.clone().unwrap_or_default();
    let attributes = BTreeMap::from([
        (
            "outcome".to_owned(),
            outcome.kind().as_str_name().to_owned(),
        ),
        ("invoice_id".to_owned(), outcome.invoice_id.to_string()),
        ("invoice_number".to_owned(), outcome.invoice_number.clone()),
        ("total_minor".to_owned(), total.amount_minor.to_string()),
        ("currency_code".to_owned(), total.currency_code),
        ("payments".to_owned(), outcome.payment_ids.len().to_string()),
        ("refunds".to_owned(), outcome.refund_ids.len().to_string()),
        ("writes".to_owned(), outcome.writes.to_string()),
    ]);
    input.notes.add(
        JournalKind::Delivered,
        outcome.detail.clone(),
        0,
        attributes,
    );
}
