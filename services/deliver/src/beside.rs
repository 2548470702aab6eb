//! What stands beside an order's invoice: its client as it is now, and the items of its lines. The
//! same for customers and products on their own.
//!
//! Comes after the invoice and its payments, so that nothing here can keep those out of the books;
//! a delivery that is repeated finds them done. Not here: how a client or an item is written.

use std::sync::atomic::Ordering;

use contracts::books::{DesiredBooks, Outcome, OutcomeKind, Presence, ResolvedPlan};
use contracts::event::Event;
use contracts::{books_conversion, customer_conversion, item_conversion};
use domain::books::{DesiredClient, Disposition};
use domain::items::DesiredItem;
use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::client::{self, Wanted};
use crate::client_removal;
use crate::items::{self, ItemFailure, Learned};
use crate::shopper;

/// Brings the client and the items of an order's lines to what the order says.
pub(crate) async fn after_order(
    place: &Workplace<'_>,
    plan: &ResolvedPlan,
    books: &domain::books::DesiredBooks,
    mut outcome: Outcome,
) -> Result<Outcome, Failure> {
    if matches!(books.disposition, Disposition::Undone(_)) {
        return without_client(place, plan, outcome).await;
    }
    let is_booked = matches!(books.disposition, Disposition::Draft | Disposition::Sent);
    let is_current = matches!(
        outcome.kind(),
        OutcomeKind::Written | OutcomeKind::Unchanged
    );
    let Some(wire) = plan.books.as_ref().filter(|_| is_booked && is_current) else {
        return Ok(outcome);
    };
    let mut notices = wire.notices.clone();
    notices.extend(Some(std::mem::take(&mut outcome.detail)).filter(|told| !told.is_empty()));
    notices.extend(order_items(place, plan, wire).await?);
    if outcome.client_id != 0 {
        // An undo may have found it unused just before this order was written.
        client_removal::bring_back(place, outcome.client_id).await?;
        let wanted = wanted(&books.client, &[], wire);
        let refreshed = client::refresh(place, outcome.client_id, &wanted).await?;
        notices.extend(refreshed.notices);
    }
    outcome.detail = notices.join(" ");
    outcome.writes = place.writes.load(Ordering::Relaxed);
    Ok(outcome)
}

/// Takes the client of an undone order out too, when the plan says so and nothing else uses it.
async fn without_client(
    place: &Workplace<'_>,
    plan: &ResolvedPlan,
    mut outcome: Outcome,
) -> Result<Outcome, Failure> {
    let wanted = plan
        .books
        .as_ref()
        .is_some_and(|wire| wire.remove_unused_client);
    if wanted && outcome.client_id != 0 && outcome.kind() != OutcomeKind::Superseded {
        let kept = client_removal::remove_unused(place, outcome.client_id).await?;
        outcome.detail = kept.unwrap_or_default();
        outcome.writes = place.writes.load(Ordering::Relaxed);
    }
    Ok(outcome)
}

/// Brings the client of a customer to what the store says; a customer without one makes none.
pub(crate) async fn customer(
    place: &Workplace<'_>,
    event: &Event,
    plan: &ResolvedPlan,
) -> Result<Outcome, Failure> {
    let wire = plan.books.as_ref().ok_or_else(crate::incomplete)?;
    let desired = wire.client.as_ref().map(books_conversion::client_from_wire);
    let desired = desired.unwrap_or_default();
    let versions: Vec<_> = wire
        .client_versions
        .iter()
        .map(customer_conversion::version_from_wire)
        .collect();
    let mut outcome = outcome(event, OutcomeKind::NothingDue, &wire.disposition_reason);
    if versions.is_empty() {
        return Ok(outcome);
    }
    let found = plan.client.unwrap_or_default().client_id;
    // The first order may have made the client since it was looked up.
    let client_id = match shopper::known_id(place, &desired).await? {
        Some(id) => id,
        None => found,
    };
    if client_id == 0 {
        return Ok(outcome);
    }
    let refreshed = client::refresh(place, client_id, &wanted(&desired, &versions, wire)).await?;
    outcome.client_id = client_id;
    outcome.detail = refreshed.notices.join(" ");
    Ok(settled(place, outcome))
}

/// Brings the items of a product to what the store says.
pub(crate) async fn product(
    place: &Workplace<'_>,
    event: &Event,
    plan: &ResolvedPlan,
) -> Result<Outcome, Failure> {
    let wire = plan.books.as_ref().ok_or_else(crate::incomplete)?;
    let items = read_items(wire)?;
    if items.is_empty() {
        let reason = &wire.disposition_reason;
        return Ok(outcome(event, OutcomeKind::NothingDue, reason));
    }
    let mut refused = Vec::new();
    for item in &items {
        let learned = learned(plan, &item.sku);
        match items::follow(place, item, &items, learned, event.version_ms).await {
            Ok(()) => {}
            Err(ItemFailure::Denied) => return Err(denied()),
            Err(ItemFailure::Refused(Failure::Rejected(reasons) | Failure::Held(reasons))) => {
                refused.extend(reasons);
            }
            Err(ItemFailure::Refused(failure) | ItemFailure::Other(failure)) => {
                return Err(failure);
            }
        }
    }
    // Every item was tried; those that went well are done.
    if !refused.is_empty() {
        return Err(Failure::Rejected(refused));
    }
    Ok(settled(place, outcome(event, OutcomeKind::Unchanged, "")))
}

/// Creates the items that the order's lines lack; what is refused becomes a notice, for the order
/// is in the books.
async fn order_items(
    place: &Workplace<'_>,
    plan: &ResolvedPlan,
    wire: &DesiredBooks,
) -> Result<Vec<String>, Failure> {
    let mut notices = Vec::new();
    if plan.items.is_empty() {
        return Ok(notices);
    }
    for item in read_items(wire)? {
        let learned = plan.items.iter().find(|known| known.sku == item.sku);
        let Some(learned) = learned.filter(|known| known.presence() == Presence::Absent) else {
            continue;
        };
        let learned = Learned {
            item_id: 0,
            verified_at_ms: learned.verified_at_ms,
        };
        match items::ensure(place, &item, learned).await {
            Ok(()) => {}
            Err(ItemFailure::Denied) => {
                notices.push(
                    "FreshBooks gives Tillbook no access to items; the order is booked without."
                        .to_owned(),
                );
                break;
            }
            Err(ItemFailure::Refused(_)) => notices.push(format!(
                "FreshBooks refused to create an item for SKU {}; the line stands as text.",
                item.sku
            )),
            Err(ItemFailure::Other(failure)) => return Err(failure),
        }
    }
    Ok(notices)
}

fn read_items(wire: &DesiredBooks) -> Result<Vec<DesiredItem>, Failure> {
    let read = wire.items.iter().map(item_conversion::from_wire);
    read.collect::<Result<_, _>>()
        .map_err(|error| Failure::rejected(Reason::new("unreadable_plan", error.to_string())))
}

fn learned(plan: &ResolvedPlan, sku: &str) -> Learned {
    let known = plan.items.iter().find(|known| known.sku == sku);
    known.map_or(Learned::default(), |known| Learned {
        item_id: known.item_id,
        verified_at_ms: known.verified_at_ms,
    })
}

fn wanted<'a>(
    client: &'a DesiredClient,
    versions: &'a [domain::customer::ClientVersion],
    wire: &DesiredBooks,
) -> Wanted<'a> {
    Wanted {
        client,
        versions,
        conflicts: customer_conversion::conflicts_from_wire(wire.client_conflicts()),
    }
}

/// The account's items are out of reach: products wait for a person, orders go on.
fn denied() -> Failure {
    Failure::held(Reason::new(
        "no_item_access",
        "FreshBooks gives Tillbook no access to items (errno 12001): grant the scopes user:billable_items:read and user:billable_items:write to a user who may see items, then replay. Orders go on meanwhile",
    ))
}

fn outcome(event: &Event, kind: OutcomeKind, detail: &str) -> Outcome {
    Outcome {
        event: Some(event.clone()),
        kind: kind.into(),
        detail: detail.to_owned(),
        ..Outcome::default()
    }
}

fn settled(place: &Workplace<'_>, outcome: Outcome) -> Outcome {
    let writes = place.writes.load(Ordering::Relaxed);
    let kind = if writes > 0 {
        OutcomeKind::Written
    } else {
        OutcomeKind::Unchanged
    };
    Outcome {
        kind: kind.into(),
        writes,
        ..outcome
    }
}
