//! Deliver: performs the difference between a plan and the ledger in FreshBooks.
//!
//! The way of a plan: [`Deliver::process`] → `flow` (step by step) → `invoice`, `payment`,
//! `refund`, `shopper`, each step an intent, a call and a result in the ledger (`entry`); `open_intent`
//! looks up what an earlier delivery left undecided. Never retries an unknown outcome blindly.
//! Not here: what the books should say.

mod account;
mod comparison;
mod entry;
mod flow;
mod invoice;
mod invoice_removal;
mod open_intent;
mod payment;
mod refund;
mod shopper;
mod undone;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use connect::Vendor;
use contracts::books::{Outcome, ResolvedPlan};
use contracts::journal::JournalKind;
use contracts::{books_conversion, topology};
use stage::{Done, Failure, Reason, Received, Stage};
use store::cache::LookupCache;
use store::connections::Connections;
use store::keyed_locks::KeyedLocks;
use store::ledger::{ClientKey, Ledger};

use crate::account::Workplace;

/// The delivery stage.
pub struct Deliver {
    accounts: HashMap<String, connect::freshbooks::Client>,
    ledger: Ledger,
    cache: Arc<LookupCache>,
    connections: Connections,
    settle: Duration,
    owner: String,
    locks: KeyedLocks,
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
        }
    }
}

impl Stage for Deliver {
    const STAGE: topology::Stage = topology::Stage::Deliver;
    type In = ResolvedPlan;
    type Out = Outcome;

    async fn process(&self, input: Received<ResolvedPlan>) -> Result<Done<Outcome>, Failure> {
        let connection = input.about.connection.as_str();
        let plan = &input.message;
        let account = self.accounts.get(connection).ok_or_else(|| {
            Failure::held(Reason::new("unknown_connection", format!(
                "no connection is named {connection}; add it to tillbook.toml and replay, or purge")))
        })?;
        let (event, books) = read_plan(plan)?;
        let _order = self
            .locks
            .lock(&format!("{connection}.order.{}", event.entity_id))
            .await;
        let place = Workplace {
            connection,
            account,
            ledger: &self.ledger,
            cache: &self.cache,
            connections: &self.connections,
            owner: &self.owner,
            settle: self.settle,
            writes: AtomicU32::new(0),
        };
        // Orders of one new shopper meet here first; across processes they meet at the claim.
        let is_known = plan
            .client
            .as_ref()
            .is_some_and(|client| client.client_id != 0);
        let _shopper = match ClientKey::of(&books.client).last() {
            Some(key) if !is_known => Some(
                self.locks
                    .lock(&format!("{connection}.{}", key.token()))
                    .await,
            ),
            _ => None,
        };
        let outcome = flow::perform(&place, event, plan, &books).await;
        let outcome = outcome?;
        if outcome.writes > 0 {
            self.connections
                .answered(connection, Vendor::FreshBooks)
                .await;
        }
        note(&input, &outcome);
        Ok(Done::Next(outcome))
    }
}

fn read_plan(
    plan: &ResolvedPlan,
) -> Result<(&contracts::event::Event, domain::books::DesiredBooks), Failure> {
    let incomplete = || {
        Failure::rejected(Reason::new(
            "incomplete_plan",
            "the plan lacks its books or its event",
        ))
    };
    let wire = plan.books.as_ref().ok_or_else(incomplete)?;
    let event = wire.event.as_ref().ok_or_else(incomplete)?;
    let books = books_conversion::from_wire(wire)
        .map_err(|error| Failure::rejected(Reason::new("unreadable_plan", error.to_string())))?;
    Ok((event, books))
}

/// What the story of the order shows of this delivery. No personal data.
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
    input.notes.add(JournalKind::Delivered, "", 0, attributes);
}
