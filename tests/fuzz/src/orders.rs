//! Orders as BigCommerce might send them, on the way through validate and transform.
//!
//! The corpus's documents, spoiled as trees (`corpus::fuzz`) and then as text, in a snapshot. Not
//! here: how the parts of an order are fetched (`bigcommerce`).

use contracts::event::{Entity, Event};
use contracts::order::{Encoding, OrderSnapshot, SnapshotState};
use contracts::order_conversion;
use domain::mapping::Mapping;
use domain::policy::Policy;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::books;
use crate::bytes::{Raw, pick};
use crate::run::Target;
use crate::structure;

/// Policies that lead through the core's other branches.
const POLICIES: [&str; 4] = [
    "{}",
    r#"{"tax": "amount", "discount": "net", "refund": "adjust"}"#,
    r#"{"shipping": "expense:Freight", "refund": "expense:Returns", "offline_paid": true}"#,
    r#"{"status": {"0": "draft", "1": "draft", "6": "sent"}, "unknown_sku": "hold"}"#,
];

/// Snapshots of orders.
#[derive(Debug)]
pub struct Orders {
    documents: Vec<Value>,
    policies: Vec<Policy>,
}

impl Orders {
    /// With an order of every class.
    ///
    /// # Errors
    /// When a class or a policy is not what it should be.
    pub fn new() -> Result<Self, String> {
        let policy = |text: &&str| {
            serde_json::from_str(text).map_err(|error| format!("policy {text}: {error}"))
        };
        Ok(Self {
            documents: corpus::fuzz::seeds()?,
            policies: POLICIES.iter().map(policy).collect::<Result<_, _>>()?,
        })
    }
}

/// A document, what it is said to be, and under which policy it is booked.
#[derive(Clone, Debug)]
pub struct Snapshot {
    document: Raw,
    entity: Entity,
    policy: usize,
}

impl Target for Orders {
    const NAME: &'static str = "orders";
    type Input = Snapshot;

    fn input(&self, chance: &mut StdRng) -> Snapshot {
        let mut document = pick(&self.documents, chance).clone();
        let donor = pick(&self.documents, chance);
        structure::spoil(&mut document, donor, chance);
        let entity = match chance.random_range(0..10) {
            0 => Entity::Customer,
            1 => Entity::Product,
            _ => Entity::Order,
        };
        Snapshot {
            document: Raw(structure::text(&document, donor, chance)),
            entity,
            policy: chance.random_range(0..self.policies.len()),
        }
    }

    fn check(&self, input: &Snapshot) -> Result<&'static str, String> {
        let event = Event {
            connection: "acme".to_owned(),
            entity: input.entity.into(),
            entity_id: "250".to_owned(),
            ..Event::default()
        };
        let snapshot = OrderSnapshot {
            event: Some(event.clone()),
            encoding: Encoding::Identity.into(),
            document: input.document.0.clone().into(),
            state: SnapshotState::Present.into(),
            ..OrderSnapshot::default()
        };
        let validated = match validate::read(event.clone(), snapshot) {
            Ok(validated) => validated,
            Err(failure) => return books::failure(&failure).map(|()| "unread"),
        };
        if let Some(wire) = &validated.order {
            let order = order_conversion::from_wire(wire);
            let order = order.map_err(|error| format!("what was validated: {error}"))?;
            if order_conversion::to_wire(&order) != *wire {
                return Err("the order changes on its way".to_owned());
            }
        }
        let policy = &self.policies[input.policy];
        let wire = match transform::transform(event, &validated, policy, &Mapping::built_in()) {
            Ok(wire) => wire,
            Err(failure) => return books::failure(&failure).map(|()| "held"),
        };
        if input.entity == Entity::Order {
            books::add_up(&books::carried(&wire)?)?;
        }
        Ok("booked")
    }
}
