//! One order taken out: its mark in the ledger first, then the plan that `deliver` performs.
//!
//! The mark is what makes it stick: while it stands, no plan but an undo's is performed for the
//! order, whatever hooks come. It is set before the plan is stored, so a crash in between leaves
//! a marked order whose survey finds it again.

use std::collections::HashMap;

use async_nats::HeaderMap;
use contracts::books::{Client, DesiredBooks, Disposition, Invoice, ResolvedPlan};
use contracts::contract::Contract;
use contracts::event::{Entity, Event, Origin};
use contracts::headers;
use contracts::ledger::Undone;
use contracts::topology::Stream;
use domain::money::Money;
use prost::Message;

use super::Survey;
use crate::conclusions::Conclusion;
use crate::feed::HandOver;
use crate::{Error, Run, Tools, audit};

/// Tries to set a mark against other writers of the entry.
const MARK_TRIES: u32 = 20;

/// Takes the surveyed orders out.
pub(super) struct TakeOut {
    /// Number, day and total by order.
    invoices: HashMap<u64, (String, String, Money)>,
}

impl TakeOut {
    pub(super) fn new(survey: &Survey) -> Self {
        let invoices = survey.written.iter().map(|one| {
            let about = (one.number.clone(), one.date.clone(), one.total);
            (one.order_id, about)
        });
        Self {
            invoices: invoices.collect(),
        }
    }
}

impl HandOver for TakeOut {
    const KEEPS_POSITION: bool = false;

    fn concerns(&self, conclusion: &Conclusion) -> bool {
        conclusion.is_undo
    }

    async fn hand_over(
        &self,
        tools: &Tools,
        run: &Run,
        order_id: u64,
        at_ms: u64,
    ) -> Result<(), Error> {
        let Some((number, date, total)) = self.invoices.get(&order_id) else {
            return Ok(());
        };
        let version_ms = mark(tools, run, order_id, at_ms).await?;
        let first_open = tools.policy.books_locked_until;
        let event = Event {
            event_id: format!("{}-{order_id}-{at_ms}", run.id),
            connection: tools.connection.clone(),
            entity: Entity::Order.into(),
            entity_id: order_id.to_string(),
            version_ms,
            origin: Origin::Undo.into(),
            hinted_at_ms: at_ms,
        };
        let amount = contracts::books_conversion::money_to_wire(*total);
        let zero = contracts::books_conversion::money_to_wire(Money::zero(total.currency));
        let books = DesiredBooks {
            event: Some(event.clone()),
            disposition: Disposition::Undone.into(),
            disposition_reason: format!("Undone by {} ({})", run.who, run.id),
            client: Some(Client::default()),
            invoice: Some(Invoice {
                number: number.clone(),
                create_date: date.clone(),
                currency_code: total.currency.code().to_owned(),
                expected_total: Some(amount),
                expected_tax: Some(zero),
                ..Invoice::default()
            }),
            remove_unused_client: true,
            books_locked_until: first_open.map(|day| day.to_string()).unwrap_or_default(),
            ..DesiredBooks::default()
        };
        let plan = ResolvedPlan {
            books: Some(books),
            ..ResolvedPlan::default()
        };
        let mut header_map = HeaderMap::new();
        header_map.insert(headers::SCHEMA, ResolvedPlan::SCHEMA);
        let subject =
            Stream::Resolved.subject(&tools.connection, Entity::Order.token(), &event.entity_id);
        let payload = plan.encode_to_vec().into();
        let message_id = format!("{}:undo", event.event_id);
        tools
            .context
            .publisher
            .publish(subject, Some(&message_id), header_map, payload)
            .await?;
        audit::handed_over(tools, run, order_id, at_ms);
        Ok(())
    }
}

/// Marks the order as undone; returns the version that no state in the books exceeds.
async fn mark(tools: &Tools, run: &Run, order_id: u64, at_ms: u64) -> Result<u64, Error> {
    let id = order_id.to_string();
    let mut tries = 0_u32;
    loop {
        let entry = tools.ledger.order(&tools.connection, &id).await?;
        let version_ms = entry.value.version_ms.max(at_ms);
        if entry
            .value
            .undone
            .as_ref()
            .is_some_and(|mark| mark.run_id == run.id)
        {
            return Ok(version_ms);
        }
        let mut value = entry.value;
        value.undone = Some(Undone {
            run_id: run.id.clone(),
            who: run.who.clone(),
            why: run.why.clone(),
            at_ms,
        });
        let put = tools
            .ledger
            .put_order(&tools.connection, &id, &value, entry.revision)
            .await;
        match put {
            Ok(_) => return Ok(version_ms),
            // A delivery of the order is under way; its steps are few.
            Err(store::ledger::Error::Fenced { .. }) if tries < MARK_TRIES => {
                tries = tries.saturating_add(1);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lifts the mark of an order, so that the pipeline books it again; true when there was one.
pub(crate) async fn lift_mark(tools: &Tools, order_id: u64) -> Result<bool, Error> {
    let id = order_id.to_string();
    let mut tries = 0_u32;
    loop {
        let entry = tools.ledger.order(&tools.connection, &id).await?;
        if entry.value.undone.is_none() {
            return Ok(false);
        }
        let mut value = entry.value;
        value.undone = None;
        let put = tools
            .ledger
            .put_order(&tools.connection, &id, &value, entry.revision)
            .await;
        match put {
            Ok(_) => return Ok(true),
            Err(store::ledger::Error::Fenced { .. }) if tries < MARK_TRIES => {
                tries = tries.saturating_add(1);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
