//! The message inside a dead letter, read as what its stage takes.
//!
//! Not here: JSON for people and edits (`replay`).

use prost::Message;

use crate::books::{DesiredBooks, ResolvedPlan};
use crate::contract::{About, Contract};
use crate::dead_letter::DeadLetter;
use crate::event::Event;
use crate::headers;
use crate::hint::Hint;
use crate::order::{OrderSnapshot, ValidatedOrder};
use crate::topology::Stage;

/// What a stage could not go on with.
#[derive(Clone, Debug, PartialEq)]
pub enum Original {
    Hint(Hint),
    Snapshot(OrderSnapshot),
    Validated(Box<ValidatedOrder>),
    Desired(Box<DesiredBooks>),
    Plan(Box<ResolvedPlan>),
}

impl Original {
    /// Reads bytes as the message of a schema; `None` when they are not, or it is none of ours.
    pub fn decode(schema: &str, bytes: &[u8]) -> Option<Self> {
        Some(match schema {
            Hint::SCHEMA => Self::Hint(Hint::decode(bytes).ok()?),
            OrderSnapshot::SCHEMA => Self::Snapshot(OrderSnapshot::decode(bytes).ok()?),
            ValidatedOrder::SCHEMA => Self::Validated(ValidatedOrder::decode(bytes).ok()?.into()),
            DesiredBooks::SCHEMA => Self::Desired(DesiredBooks::decode(bytes).ok()?.into()),
            ResolvedPlan::SCHEMA => Self::Plan(ResolvedPlan::decode(bytes).ok()?.into()),
            _ => return None,
        })
    }

    /// The original of a letter; `None` when its bytes cannot be read.
    pub fn of(letter: &DeadLetter) -> Option<Self> {
        Self::decode(&schema_of(letter)?, &letter.original_payload)
    }

    /// The event it is about; a hint comes before the first.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Hint(_) => None,
            Self::Snapshot(snapshot) => snapshot.event.as_ref(),
            Self::Validated(validated) => validated.event.as_ref(),
            Self::Desired(desired) => desired.event.as_ref(),
            Self::Plan(plan) => plan.books.as_ref()?.event.as_ref(),
        }
    }

    /// Whom it is about.
    pub fn about(&self) -> Option<About> {
        match self {
            Self::Hint(hint) => hint.about(),
            other => other.event().map(Event::about),
        }
    }
}

/// The protobuf message a letter's bytes claim to be: what its header says, else what its stage
/// takes.
pub fn schema_of(letter: &DeadLetter) -> Option<String> {
    let header = letter
        .original_headers
        .iter()
        .find(|header| header.name == headers::SCHEMA);
    if let Some(header) = header {
        return Some(header.value.clone());
    }
    Stage::from_name(&letter.stage).map(|stage| schema_taken_by(stage).to_owned())
}

/// The protobuf message that a stage takes.
pub const fn schema_taken_by(stage: Stage) -> &'static str {
    match stage {
        Stage::Fetch => Hint::SCHEMA,
        Stage::Validate => OrderSnapshot::SCHEMA,
        Stage::Transform => ValidatedOrder::SCHEMA,
        Stage::Lookup => DesiredBooks::SCHEMA,
        Stage::Deliver => ResolvedPlan::SCHEMA,
    }
}
