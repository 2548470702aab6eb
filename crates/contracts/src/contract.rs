//! What the runner needs to know of a message: its schema's name and whom it is about.

use crate::event::{Entity, Event, Origin};
use crate::{books, hint, order};

/// A protobuf message that travels between stages.
pub trait Contract: prost::Message + Default + Send + Sync + 'static {
    /// Full protobuf name; carried in the [`crate::headers::SCHEMA`] header.
    const SCHEMA: &'static str;

    /// Whom the message is about; `None` when it does not say.
    fn about(&self) -> Option<About>;

    /// What made somebody look at it.
    fn origin(&self) -> Origin;
}

/// Whom a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub connection: String,
    pub entity: Entity,
    pub entity_id: String,
    /// Empty before the first event id is given.
    pub event_id: String,
}

impl Entity {
    /// The entity's name in subjects, the journal and the API.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Unspecified => "unknown",
            Self::Order => "order",
            Self::Customer => "customer",
            Self::Product => "product",
        }
    }
}

impl Event {
    /// Whom the event is about.
    pub fn about(&self) -> About {
        About {
            connection: self.connection.clone(),
            entity: self.entity(),
            entity_id: self.entity_id.clone(),
            event_id: self.event_id.clone(),
        }
    }
}

impl Contract for hint::Hint {
    const SCHEMA: &'static str = "tillbook.hint.v1.Hint";

    fn about(&self) -> Option<About> {
        Some(About {
            connection: self.connection.clone(),
            entity: self.entity(),
            entity_id: self.entity_id.clone(),
            event_id: String::new(),
        })
    }

    fn origin(&self) -> Origin {
        Origin::try_from(self.origin).unwrap_or(Origin::Unspecified)
    }
}

impl Contract for order::OrderSnapshot {
    const SCHEMA: &'static str = "tillbook.order.v1.OrderSnapshot";

    fn about(&self) -> Option<About> {
        self.event.as_ref().map(Event::about)
    }

    fn origin(&self) -> Origin {
        self.event.as_ref().map(Event::origin).unwrap_or_default()
    }
}

impl Contract for order::ValidatedOrder {
    const SCHEMA: &'static str = "tillbook.order.v1.ValidatedOrder";

    fn about(&self) -> Option<About> {
        self.event.as_ref().map(Event::about)
    }

    fn origin(&self) -> Origin {
        self.event.as_ref().map(Event::origin).unwrap_or_default()
    }
}

impl Contract for books::DesiredBooks {
    const SCHEMA: &'static str = "tillbook.books.v1.DesiredBooks";

    fn about(&self) -> Option<About> {
        self.event.as_ref().map(Event::about)
    }

    fn origin(&self) -> Origin {
        self.event.as_ref().map(Event::origin).unwrap_or_default()
    }
}

impl Contract for books::ResolvedPlan {
    const SCHEMA: &'static str = "tillbook.books.v1.ResolvedPlan";

    fn about(&self) -> Option<About> {
        self.books.as_ref()?.event.as_ref().map(Event::about)
    }

    fn origin(&self) -> Origin {
        let event = self.books.as_ref().and_then(|books| books.event.as_ref());
        event.map(Event::origin).unwrap_or_default()
    }
}

impl Contract for books::Outcome {
    const SCHEMA: &'static str = "tillbook.books.v1.Outcome";

    fn about(&self) -> Option<About> {
        self.event.as_ref().map(Event::about)
    }

    fn origin(&self) -> Origin {
        self.event.as_ref().map(Event::origin).unwrap_or_default()
    }
}
