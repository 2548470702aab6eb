//! Validate: reads a snapshot into a typed order, customer or product; reports every fault at once.
//!
//! The rules themselves are `domain::validate`. Never stops at the first fault. Not here: what the
//! books make of the order.

use contracts::event::{Entity, Event};
use contracts::order::{Flag, OrderSnapshot, SnapshotState, ValidatedOrder};
use contracts::snapshot_document::{self, DocumentError};
use contracts::{customer_conversion, item_conversion, order_conversion, topology};
use domain::validate::Fault;
use stage::{Done, Failure, Reason, Received, Stage};

/// The validation stage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validate;

impl Stage for Validate {
    const STAGE: topology::Stage = topology::Stage::Validate;
    type In = OrderSnapshot;
    type Out = ValidatedOrder;

    async fn process(
        &self,
        input: Received<OrderSnapshot>,
    ) -> Result<Done<ValidatedOrder>, Failure> {
        let snapshot = input.message;
        let event = snapshot.event.clone().unwrap_or_default();
        match snapshot.state() {
            SnapshotState::Gone => Ok(Done::Next(gone(event))),
            SnapshotState::Present => read(event, snapshot).map(Done::Next),
            SnapshotState::Unspecified => Err(Failure::rejected(Reason::new(
                "unknown_snapshot_state",
                "the snapshot says neither that the order is there nor that it is gone",
            ))),
        }
    }
}

/// What BigCommerce no longer knows passes without a document.
fn gone(event: Event) -> ValidatedOrder {
    ValidatedOrder {
        event: Some(event),
        state: SnapshotState::Gone.into(),
        ..ValidatedOrder::default()
    }
}

/// Reads one document; pure, so it can be measured and fuzzed.
pub fn read(event: Event, snapshot: OrderSnapshot) -> Result<ValidatedOrder, Failure> {
    let bytes = snapshot_document::read(&snapshot).map_err(no_document)?;
    let document: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::rejected(Reason::new("document_not_json", error.to_string())))?;
    let present = ValidatedOrder {
        state: SnapshotState::Present.into(),
        ..ValidatedOrder::default()
    };
    match event.entity() {
        Entity::Customer => {
            let customer = domain::validate::read_customer(&document).map_err(held)?;
            return Ok(ValidatedOrder {
                event: Some(event),
                customer: Some(customer_conversion::to_wire(&customer)),
                ..present
            });
        }
        Entity::Product => {
            let product = domain::validate::read_product(&document).map_err(held)?;
            return Ok(ValidatedOrder {
                event: Some(event),
                product: Some(item_conversion::product_to_wire(&product)),
                ..present
            });
        }
        Entity::Order | Entity::Unspecified => {}
    }
    let read = domain::validate::read_order(&document).map_err(held)?;
    let flags = read
        .flags
        .iter()
        .map(|flag| Flag {
            code: flag.code.to_string(),
            message: flag.message.clone(),
        })
        .collect();
    Ok(ValidatedOrder {
        event: Some(event),
        order: Some(order_conversion::to_wire(&read.order)),
        flags,
        ..present
    })
}

fn held(faults: Vec<Fault>) -> Failure {
    let reasons = faults
        .into_iter()
        .map(|fault| Reason::new(fault.code, fault.message).at(fault.path))
        .collect();
    Failure::Held(reasons)
}

fn no_document(error: DocumentError) -> Failure {
    let code = match error {
        DocumentError::NotReadable(_) => "document_not_readable",
        DocumentError::TooLarge(_) => "document_too_large",
        DocumentError::UnknownEncoding => "unknown_encoding",
    };
    Failure::rejected(Reason::new(code, error.to_string()))
}
