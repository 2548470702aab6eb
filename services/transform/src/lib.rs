//! Transform: a validated order, customer or product becomes what the books must show.
//!
//! The accounting core (`domain::account`) and the mapping document decide; this room only hands
//! them what they need. Never does I/O for an order and never uses floats. Not here: FreshBooks ids.

mod catalog;

use std::collections::HashMap;

use contracts::event::{Entity, Event, Origin};
use contracts::order::{SnapshotState, ValidatedOrder};
use contracts::{
    books, books_conversion, customer_conversion, item_conversion, order_conversion, topology,
};
use domain::books::Disposition;
use domain::mapping::Mapping;
use domain::order::Order;
use domain::policy::{Policy, UnknownSku};
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

/// Works out the desired books of one event; pure, so it can be measured and fuzzed.
pub fn transform(
    event: Event,
    validated: &ValidatedOrder,
    policy: &Policy,
    mapping: &Mapping,
) -> Result<books::DesiredBooks, Failure> {
    let mut wire = match event.entity() {
        Entity::Customer => catalog::customer(&event, validated, policy, mapping)?,
        Entity::Product => catalog::product(validated)?,
        Entity::Order | Entity::Unspecified => order(&event, validated, policy, mapping)?,
    };
    wire.event = Some(event);
    wire.mapping_name = mapping.name().to_owned();
    wire.mapping_version = mapping.version();
    wire.mapping_hash = mapping.hash().to_owned();
    Ok(wire)
}

fn order(
    event: &Event,
    validated: &ValidatedOrder,
    policy: &Policy,
    mapping: &Mapping,
) -> Result<books::DesiredBooks, Failure> {
    let mut read = None;
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
            let desired = domain::account::account(&order, false, policy, mapping);
            read = Some(order);
            desired
        }
    };
    let mut desired = desired.map_err(|holds| {
        Failure::Held(
            holds
                .into_iter()
                .map(|hold| Reason::new(hold.code, hold.message))
                .collect(),
        )
    })?;
    if event.origin() == Origin::Backfill {
        // Orders of before: their shoppers are not mailed now.
        desired.email_to = None;
    }
    // What validate found suspicious holds nothing back, and people read of it.
    let flags = validated.flags.iter().map(|flag| flag.message.clone());
    desired.notices.extend(flags);
    let mut wire = books_conversion::to_wire(&desired);
    let locked = policy.books_locked_until;
    wire.books_locked_until = locked.map(|day| day.to_string()).unwrap_or_default();
    let is_booked = matches!(desired.disposition, Disposition::Draft | Disposition::Sent);
    if let (Some(order), true) = (read, is_booked) {
        beside_the_invoice(&mut wire, &order, policy);
    }
    Ok(wire)
}

/// What an order says of its client and of items, beside its own invoice.
fn beside_the_invoice(wire: &mut books::DesiredBooks, order: &Order, policy: &Policy) {
    wire.client_conflicts = customer_conversion::conflicts_to_wire(policy.client_conflicts).into();
    // The address was given with the order; that it was touched later makes it no newer.
    let created_at_s = u64::try_from(order.created_at_s).unwrap_or(0);
    wire.client_as_of_ms = created_at_s.saturating_mul(1000);
    wire.unknown_sku = item_conversion::unknown_sku_to_wire(policy.unknown_sku).into();
    if policy.unknown_sku != UnknownSku::Text {
        let items = domain::items::of_order(order);
        wire.items = items.iter().map(item_conversion::to_wire).collect();
    }
}
