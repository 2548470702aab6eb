//! Transform: a validated order becomes what the books must show.
//!
//! The accounting core (`domain::account`) and the mapping document decide; this room only hands
//! them what they need. Never does I/O for an order and never uses floats. Not here: FreshBooks ids.

use std::collections::HashMap;

use contracts::event::Event;
use contracts::order::{SnapshotState, ValidatedOrder};
use contracts::{books, books_conversion, order_conversion, topology};
use domain::mapping::Mapping;
use domain::policy::Policy;
use stage::{Done, Failure, Reason, Received, Stage};
use store::mappings::Mappings;

/// The transformation stage.
pub struct Transform {
    pub policies: HashMap<String, Policy>,
    pub mappings: Mappings,
}

impl Stage for Transform {
    const STAGE: topology::Stage = topology::Stage::Transform;
    type In = ValidatedOrder;
    type Out = books::DesiredBooks;

    async fn process(
        &self,
        input: Received<ValidatedOrder>,
    ) -> Result<Done<books::DesiredBooks>, Failure> {
        let connection = &input.about.connection;
        let policy = self.policies.get(connection).ok_or_else(|| {
            Failure::held(Reason::new("unknown_connection", format!(
                "no connection is named {connection}; add it to tillbook.toml and replay, or purge")))
        })?;
        let mapping = self.mappings.of(connection).map_err(|why| {
            Failure::held(Reason::new("mapping_invalid", format!(
                "the mapping document of {connection} does not pass its check ({why}); publish a corrected one, then replay")))
        })?;
        let event = input.message.event.clone().unwrap_or_default();
        transform(event, &input.message, policy, &mapping).map(Done::Next)
    }
}

/// Works out the desired books of one order; pure, so it can be measured and fuzzed.
pub fn transform(
    event: Event,
    validated: &ValidatedOrder,
    policy: &Policy,
    mapping: &Mapping,
) -> Result<books::DesiredBooks, Failure> {
    let desired = match validated.state() {
        SnapshotState::Gone => {
            let order_id = event.entity_id.parse().map_err(|_| {
                Failure::rejected(Reason::new(
                    "not_an_order_id",
                    "the event's order id is no number",
                ))
            })?;
            Ok(domain::account::gone(order_id, policy))
        }
        _ => {
            let wire = validated.order.as_ref().ok_or_else(|| {
                Failure::rejected(Reason::new(
                    "incomplete_order",
                    "the validated order is empty",
                ))
            })?;
            let order = order_conversion::from_wire(wire).map_err(|error| {
                Failure::rejected(Reason::new("unreadable_order", error.to_string()))
            })?;
            domain::account::account(&order, false, policy, mapping)
        }
    };
    let desired = desired.map_err(|holds| {
        Failure::Held(
            holds
                .into_iter()
                .map(|hold| Reason::new(hold.code, hold.message))
                .collect(),
        )
    })?;
    let mut wire = books_conversion::to_wire(&desired);
    wire.event = Some(event);
    let locked = policy.books_locked_until;
    wire.books_locked_until = locked.map(|day| day.to_string()).unwrap_or_default();
    wire.mapping_name = mapping.name().to_owned();
    wire.mapping_version = mapping.version();
    wire.mapping_hash = mapping.hash().to_owned();
    Ok(wire)
}
