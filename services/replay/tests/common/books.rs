//! Letters of the delivery, and a delivery that does as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_nats::HeaderMap;
use contracts::books::{self, DesiredBooks, Outcome, OutcomeKind, ResolvedPlan};
use contracts::contract::Contract;
use contracts::dead_letter::{DeadLetter, DeadLetterKind, Header, Reason};
use contracts::event::{Entity, Event};
use contracts::headers;
use contracts::money::Money;
use contracts::topology::{self, Stream};
use prost::Message;
use stage::{Done, Failure, Publisher, Received, Runner, Stage};

use super::{Bench, context_on};

static LETTERS: AtomicU64 = AtomicU64::new(1);

/// A plan of 12.50 USD.
pub fn plan(order_id: &str, version_ms: u64) -> ResolvedPlan {
    let event = Event {
        event_id: format!("acme-{order_id}-{version_ms}"),
        connection: "acme".to_owned(),
        entity: Entity::Order.into(),
        entity_id: order_id.to_owned(),
        version_ms,
        ..Event::default()
    };
    let invoice = books::Invoice {
        expected_total: Some(Money {
            amount_minor: 1250,
            currency_code: "USD".to_owned(),
        }),
        ..books::Invoice::default()
    };
    ResolvedPlan {
        books: Some(DesiredBooks {
            event: Some(event),
            invoice: Some(invoice),
            ..DesiredBooks::default()
        }),
        ..ResolvedPlan::default()
    }
}

/// Buries a plan of each order; `{n}` in the message is its number. Each letter's event is newer
/// than the one before.
pub async fn bury_plans(bench: &Bench, code: &str, message: &str, orders: RangeInclusive<u32>) {
    for order in orders {
        let number = LETTERS.fetch_add(1, Ordering::SeqCst);
        let plan = plan(&order.to_string(), 1_000 + number);
        let letter = DeadLetter {
            dead_letter_id: format!("deliver-RESOLVED-{number}-1000"),
            stage: "deliver".to_owned(),
            kind: DeadLetterKind::Rejected.into(),
            reasons: vec![Reason {
                code: code.to_owned(),
                message: message.replace("{n}", &number.to_string()),
                path: String::new(),
            }],
            connection: "acme".to_owned(),
            entity: "order".to_owned(),
            entity_id: order.to_string(),
            event_id: plan.about().unwrap().event_id,
            attempts: 1,
            dead_at_ms: 5_000,
            original_subject: Stream::Resolved.subject("acme", "order", &order.to_string()),
            original_headers: vec![Header {
                name: headers::SCHEMA.to_owned(),
                value: ResolvedPlan::SCHEMA.to_owned(),
            }],
            original_payload: plan.encode_to_vec().into(),
            ..DeadLetter::default()
        };
        bench.bury(&letter).await;
    }
}

/// Stores an outcome that says that the order's books are right.
pub async fn outcome(bench: &Bench, order_id: &str, version_ms: u64) {
    let outcome = Outcome {
        event: plan(order_id, version_ms).books.unwrap().event,
        kind: OutcomeKind::Written.into(),
        ..Outcome::default()
    };
    let subject = Stream::Outcomes.subject("acme", "order", order_id);
    let payload = outcome.encode_to_vec().into();
    Publisher::new(bench.jetstream.clone())
        .publish(subject, None, HeaderMap::new(), payload)
        .await
        .unwrap();
}

/// A delivery that holds some orders and notes what it does.
#[derive(Clone, Default)]
pub struct Books {
    held: Arc<Mutex<BTreeSet<String>>>,
    versions: Arc<Mutex<BTreeMap<String, Vec<u64>>>>,
    under_way: Arc<Mutex<BTreeSet<String>>>,
    overlaps: Arc<AtomicU64>,
}

impl Books {
    /// From now on these orders, and no others, are held.
    pub fn hold<const N: usize>(&self, orders: [&str; N]) {
        *self.held.lock().unwrap() = orders.into_iter().map(str::to_owned).collect();
    }

    pub async fn run(&self, bench: &Bench) {
        let context = context_on(&bench.jetstream, bench.shutdown.clone());
        tokio::spawn(Runner::bind(self.clone(), context).await.unwrap().run());
    }

    /// The versions of an order's events in the order in which they were worked on.
    pub fn versions_of(&self, order_id: &str) -> Vec<u64> {
        let versions = self.versions.lock().unwrap();
        versions.get(order_id).cloned().unwrap_or_default()
    }

    /// Whether two messages of one order were ever worked on at the same time.
    pub fn overlapped(&self) -> bool {
        self.overlaps.load(Ordering::SeqCst) > 0
    }
}

impl Stage for Books {
    const STAGE: topology::Stage = topology::Stage::Deliver;
    type In = ResolvedPlan;
    type Out = Outcome;

    async fn process(&self, input: Received<ResolvedPlan>) -> Result<Done<Outcome>, Failure> {
        let order_id = input.about.entity_id.clone();
        if !self.under_way.lock().unwrap().insert(order_id.clone()) {
            self.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        // Room for another message of the same order to come in between.
        tokio::task::yield_now().await;
        let event = input.message.books.unwrap().event.unwrap();
        self.versions
            .lock()
            .unwrap()
            .entry(order_id.clone())
            .or_default()
            .push(event.version_ms);
        self.under_way.lock().unwrap().remove(&order_id);
        if self.held.lock().unwrap().contains(&order_id) {
            return Err(Failure::held(stage::Reason::new(
                "held",
                "a person must decide",
            )));
        }
        Ok(Done::Next(Outcome {
            event: Some(event),
            kind: OutcomeKind::Written.into(),
            ..Outcome::default()
        }))
    }
}
