//! The rehearsal of a dead letter: the stages' own pure functions, then the difference with the
//! ledger, step by step in memory.
//!
//! It reads the ledger and the mapping document, and writes nothing anywhere. What only FreshBooks
//! knows it says it cannot tell. Not here: the steps' order (`domain::difference`).

use std::collections::HashMap;

use contracts::books::ResolvedPlan;
use contracts::event::{Entity, Event};
use contracts::order::{OrderSnapshot, SnapshotState, ValidatedOrder};
use contracts::original::Original;
use contracts::{books, books_conversion, ledger_conversion};
use domain::books::DesiredBooks;
use domain::difference::{Step, closed_period, next_step};
use domain::policy::Policy;
use futures::future::{BoxFuture, FutureExt};
use replay::{Rehearse, Rehearsed};
use stage::{Failure, Reason};
use store::ledger::Ledger;
use store::mappings::Mappings;
use tokio::sync::OnceCell;

/// Steps that are rehearsed; more would be a loop.
const STEPS_MAX: usize = 200;

/// What a rehearsal reads; opened when the first one is asked for.
pub(crate) struct Rehearsal {
    jetstream: async_nats::jetstream::Context,
    policies: HashMap<String, Policy>,
    opened: OnceCell<(Ledger, Mappings)>,
}

/// Why a rehearsal ends early: it would be held there, or something could not be read.
type Stopped = Vec<String>;

impl Rehearsal {
    pub(crate) fn new(
        jetstream: async_nats::jetstream::Context,
        policies: HashMap<String, Policy>,
    ) -> Self {
        Self {
            jetstream,
            policies,
            opened: OnceCell::new(),
        }
    }

    async fn open(&self) -> Result<&(Ledger, Mappings), Stopped> {
        let opening = async || {
            let ledger = Ledger::bind(&self.jetstream).await;
            let ledger = ledger.map_err(|error| vec![crate::chain(&error)])?;
            let mappings = Mappings::load(&self.jetstream).await;
            let mappings = mappings.map_err(|error| vec![crate::chain(&error)])?;
            Ok((ledger, mappings))
        };
        self.opened.get_or_try_init(opening).await
    }

    async fn play(&self, connection: &str, original: Original) -> Result<Rehearsed, Stopped> {
        if matches!(original, Original::Hint(_)) {
            return Ok(Rehearsed {
                cannot_tell: vec![
                    "the letter only says that the entity may have changed; what it is now, the \
                     store will say"
                        .to_owned(),
                ],
                ..Rehearsed::default()
            });
        }
        let (ledger, mappings) = self.open().await?;
        let plan = self.plan(connection, original, mappings)?;
        let wire = plan.books.unwrap_or_default();
        let event = wire.event.clone().unwrap_or_default();
        if event.entity() != Entity::Order {
            return Ok(Rehearsed {
                steps: vec![format!(
                    "bring the {} of FreshBooks up to date where it differs",
                    if event.entity() == Entity::Customer {
                        "client"
                    } else {
                        "items"
                    }
                )],
                cannot_tell: vec!["which fields differ: FreshBooks is not asked".to_owned()],
                ..Rehearsed::default()
            });
        }
        difference(connection, &event, &wire, ledger).await
    }

    /// The stages that are pure, from where the message stands.
    fn plan(
        &self,
        connection: &str,
        original: Original,
        mappings: &Mappings,
    ) -> Result<ResolvedPlan, Stopped> {
        let validated = match original {
            Original::Hint(_) => return Ok(ResolvedPlan::default()),
            Original::Plan(plan) => return Ok(*plan),
            Original::Desired(desired) => return Ok(planned(*desired)),
            Original::Validated(validated) => *validated,
            Original::Snapshot(snapshot) => validate(snapshot)?,
        };
        let Some(policy) = self.policies.get(connection) else {
            return Err(vec![format!("no connection is named {connection}")]);
        };
        let mapping = mappings
            .of(connection)
            .map_err(|why| vec![why.to_string()])?;
        let event = validated.event.clone().unwrap_or_default();
        let desired = transform::transform(event, &validated, policy, &mapping);
        desired.map(planned).map_err(stopped)
    }
}

impl Rehearse for Rehearsal {
    fn rehearse<'a>(&'a self, connection: &'a str, original: Original) -> BoxFuture<'a, Rehearsed> {
        async move {
            let played = self.play(connection, original).await;
            played.unwrap_or_else(|holds| Rehearsed {
                holds,
                ..Rehearsed::default()
            })
        }
        .boxed()
    }
}

fn planned(books: books::DesiredBooks) -> ResolvedPlan {
    ResolvedPlan {
        books: Some(books),
        ..ResolvedPlan::default()
    }
}

fn validate(snapshot: OrderSnapshot) -> Result<ValidatedOrder, Stopped> {
    let event = snapshot.event.clone().unwrap_or_default();
    if snapshot.state() == SnapshotState::Gone {
        return Ok(ValidatedOrder {
            event: Some(event),
            state: SnapshotState::Gone.into(),
            ..ValidatedOrder::default()
        });
    }
    validate::read(event, snapshot).map_err(stopped)
}

fn stopped(failure: Failure) -> Stopped {
    let words = |reason: Reason| match reason.path.as_str() {
        "" => format!("{}: {}", reason.code, reason.message),
        path => format!("{} at {path}: {}", reason.code, reason.message),
    };
    match failure {
        Failure::Held(reasons) | Failure::Rejected(reasons) => {
            reasons.into_iter().map(words).collect()
        }
        Failure::Retry { reason, .. } | Failure::Wait { reason, .. } => vec![words(reason)],
        Failure::Blocked { reason } => vec![words(reason)],
    }
}

/// Performs the difference on what the ledger says, in memory.
async fn difference(
    connection: &str,
    event: &Event,
    wire: &books::DesiredBooks,
    ledger: &Ledger,
) -> Result<Rehearsed, Stopped> {
    let desired = books_conversion::from_wire(wire).map_err(|error| vec![error.to_string()])?;
    let entry = ledger.order(connection, &event.entity_id).await;
    let entry = entry.map_err(|error| vec![crate::chain(&error)])?.value;
    let mut rehearsed = Rehearsed {
        cannot_tell: vec![
            "whether FreshBooks takes it, and what a person changed there: FreshBooks is not asked"
                .to_owned(),
        ],
        ..Rehearsed::default()
    };
    if let Some(mark) = &entry.undone {
        rehearsed
            .holds
            .push(format!("nothing would be written: undone by {}", mark.who));
        return Ok(rehearsed);
    }
    if entry.version_ms > event.version_ms {
        let words = "nothing would be written: a newer state of the order is in the books";
        rehearsed.holds.push(words.to_owned());
        return Ok(rehearsed);
    }
    if entry.intent.is_some() {
        let words = "how an earlier write ended, which is looked up in FreshBooks first";
        rehearsed.cannot_tell.push(words.to_owned());
    }
    let mut written =
        ledger_conversion::written(&entry).map_err(|error| vec![error.to_string()])?;
    for _ in 0..STEPS_MAX {
        let step = next_step(&desired, &written);
        let closed = closed_period(&desired, &written, &step, &wire.books_locked_until);
        match closed.map_or(step, Step::Hold) {
            Step::Done | Step::Nothing => return Ok(rehearsed),
            Step::HoldUnlessMended(_, hold) => {
                rehearsed
                    .holds
                    .push(format!("{}: {}", hold.code, hold.message));
                let words =
                    "whether a person has put that right in FreshBooks, which ends the hold";
                rehearsed.cannot_tell.push(words.to_owned());
                return Ok(rehearsed);
            }
            Step::Hold(hold) => {
                rehearsed
                    .holds
                    .push(format!("{}: {}", hold.code, hold.message));
                return Ok(rehearsed);
            }
            step => {
                rehearsed.steps.push(words(&step, &desired));
                written.apply(&step, &desired);
            }
        }
    }
    rehearsed
        .cannot_tell
        .push(format!("what comes after {STEPS_MAX} steps"));
    Ok(rehearsed)
}

/// A step in plain words, with what it would write.
fn words(step: &Step, desired: &DesiredBooks) -> String {
    let invoice = &desired.invoice;
    let payment = |index: usize| {
        let payment = desired.payments.get(index);
        payment.map_or_else(String::new, |p| {
            format!("{} of {} on {}", p.key, p.amount, p.date)
        })
    };
    let refund = |index: usize| {
        let refund = desired.refunds.get(index);
        refund.map_or_else(String::new, |r| {
            format!("{} of {} on {}", r.key, r.amount, r.date)
        })
    };
    let expense = |index: usize| {
        let expense = desired.shipping.get(index);
        expense.map_or_else(String::new, |e| format!("{} of {}", e.key, e.amount))
    };
    match step {
        Step::CreateInvoice => format!(
            "create invoice {} of {} on {}, with its client if FreshBooks has none",
            invoice.number, invoice.expected_total, invoice.create_date
        ),
        Step::UpdateInvoice => format!(
            "change invoice {} to {}",
            invoice.number, invoice.expected_total
        ),
        Step::MarkSent => format!("mark invoice {} as sent", invoice.number),
        Step::EmailInvoice => format!("have FreshBooks mail invoice {}", invoice.number),
        Step::RemoveInvoice => format!("remove invoice {}", invoice.number),
        Step::RestoreInvoice => format!("restore invoice {}", invoice.number),
        Step::CreatePayment(index) => format!("book payment {}", payment(*index)),
        Step::ChangePayment(index) => format!("change payment to {}", payment(*index)),
        Step::RemovePayment(key) => format!("remove payment {key}"),
        Step::CreateRefund(index) => format!("book refund {}", refund(*index)),
        Step::UpdateRefund(index) => format!("change refund to {}", refund(*index)),
        Step::RemoveRefund(key) => format!("take refund {key} back out"),
        Step::CreateShipping(index) => format!("book shipping expense {}", expense(*index)),
        Step::UpdateShipping(index) => format!("change shipping expense to {}", expense(*index)),
        Step::RestoreShipping(key) => format!("restore shipping expense {key}"),
        Step::RemoveShipping(key) => format!("remove shipping expense {key}"),
        Step::Nothing | Step::Done | Step::Hold(_) | Step::HoldUnlessMended(..) => String::new(),
    }
}
