//! One order of a backfill: its undo's mark lifted, and a hint stored.

use contracts::event::{Entity, Origin};
use contracts::hint::Hint;
use tracing::Span;

use crate::conclusions::Conclusion;
use crate::feed::HandOver;
use crate::undo::lift_mark;
use crate::{Error, Run, Tools, audit};

/// Stores hints.
pub(super) struct StoreHint;

impl HandOver for StoreHint {
    const KEEPS_POSITION: bool = true;

    fn concerns(&self, conclusion: &Conclusion) -> bool {
        !conclusion.is_undo
    }

    async fn hand_over(
        &self,
        tools: &Tools,
        run: &Run,
        order_id: u64,
        at_ms: u64,
    ) -> Result<(), Error> {
        // Whoever asks for these days again wants them in the books.
        lift_mark(tools, order_id).await?;
        let hint = Hint {
            connection: tools.connection.clone(),
            entity: Entity::Order.into(),
            entity_id: order_id.to_string(),
            origin: Origin::Backfill.into(),
            scope: String::new(),
            webhook_id: String::new(),
            received_at_ms: at_ms,
            vendor_created_at_s: 0,
        };
        let message_id = format!("{}:{order_id}", run.id);
        tools
            .context
            .publisher
            .publish_hint(&hint, Some(&message_id), &Span::current())
            .await?;
        audit::handed_over(tools, run, order_id, at_ms);
        Ok(())
    }
}
