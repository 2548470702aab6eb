//! One delivery: the difference between the plan and the ledger, performed step by step.
//!
//! Each step is an intent, a call and a result, so any interruption resumes where it was. Not
//! here: which step is next (`domain::difference`).

use std::sync::atomic::Ordering;

use contracts::books::{Outcome, OutcomeKind, Presence, ResolvedPlan};
use contracts::event::Event;
use contracts::ledger::OrderEntry;
use contracts::ledger_conversion;
use domain::accounting::Hold;
use domain::books::{DesiredBooks, Disposition, ShippingExpense};
use domain::difference::{Step, Written, closed_period, next_step};
use stage::{Failure, Reason};
use store::ledger::ClientKey;

use crate::account::Workplace;
use crate::entry::OpenEntry;
use crate::invoice::Origin;
use crate::{
    adoption, arithmetic, client_removal, email, invoice, invoice_removal, mended, open_intent,
    payment, refund, shipping, shopper, undone,
};

/// Steps one delivery may take besides payments and refunds; more would be a loop.
const STEPS_MAX: usize = 12;

/// Brings FreshBooks to what the plan says.
pub(crate) async fn perform(
    place: &Workplace<'_>,
    event: &Event,
    plan: &ResolvedPlan,
    books: &DesiredBooks,
) -> Result<Outcome, Failure> {
    let mut entry = OpenEntry::read(
        place.ledger,
        place.connection,
        &event.entity_id,
        place.owner,
        place.settle,
    )
    .await?;
    if let Some(mark) = undone::stands_against(&entry.value, books) {
        // Nothing of the entry is touched: its open intent is the undo's own to settle.
        return Ok(Outcome {
            detail: undone::words(mark),
            ..outcome(place, event, &entry.value, OutcomeKind::NothingDue)
        });
    }
    if entry.value.version_ms > event.version_ms {
        return Ok(outcome(place, event, &entry.value, OutcomeKind::Superseded));
    }
    entry.change(|value| value.version_ms = event.version_ms);
    let is_idle = ledger_conversion::is_untouched(&entry.value);
    if is_idle && !has_invoice(&books.disposition) {
        // Kept although nothing is written: an older plan that comes later must not write either.
        entry.finish().await?;
        return nothing_due(place, event, &entry.value, plan, books).await;
    }
    let performed = async {
        open_intent::resolve(place, &mut entry, books).await?;
        steps(place, &mut entry, plan, books).await
    };
    let kind = match performed.await {
        Err(refused @ (Failure::Held(_) | Failure::Rejected(_))) => {
            // What FreshBooks shows is a surprise only to whoever still has the order: another
            // worker may have written it after our entry was read.
            entry.confirm().await?;
            return Err(refused);
        }
        other => other?,
    };
    entry.finish().await?;
    Ok(outcome(place, event, &entry.value, kind))
}

/// An order that is not in the books, as far as the ledger knows. FreshBooks may know better.
async fn nothing_due(
    place: &Workplace<'_>,
    event: &Event,
    entry: &OrderEntry,
    plan: &ResolvedPlan,
    books: &DesiredBooks,
) -> Result<Outcome, Failure> {
    let is_removed = matches!(books.disposition, Disposition::Removed(_));
    let number = &books.invoice.number;
    if is_removed && is_found(plan) && invoice::search(place, number).await?.active.is_some() {
        return Err(Failure::held(Reason::new(
            "unknown_invoice_of_removed_order",
            format!(
                "the order is cancelled or gone, and FreshBooks has an invoice {} that Tillbook's ledger does not know; remove it by hand if it is the order's",
                books.invoice.number
            ),
        )));
    }
    Ok(outcome(place, event, entry, OutcomeKind::NothingDue))
}

async fn steps(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    plan: &ResolvedPlan,
    books: &DesiredBooks,
) -> Result<OutcomeKind, Failure> {
    let mut created_here = false;
    let first_open_day = plan.books.as_ref().map(|books| &books.books_locked_until);
    let moneys = books.payments.len().max(entry.value.payments.len());
    let refunds = books.refunds.len().max(entry.value.refunds.len());
    let expenses = books.shipping.len().max(entry.value.shipping.len());
    // Each may be changed, removed and booked anew.
    let documents = moneys.saturating_add(refunds).saturating_add(expenses);
    let most = STEPS_MAX.saturating_add(documents.saturating_mul(2));
    let whole = books;
    for _ in 0..most {
        // Asked anew each time: the answer to a write may have shown how the account rounds.
        let books = arithmetic::for_account(place, &entry.value, whole).await;
        let books = match books {
            Ok(books) => books,
            Err(held @ Failure::Held(_)) => {
                invoice_removal::take_out_draft(place, entry, &whole.invoice).await?;
                return Err(held);
            }
            Err(other) => return Err(other),
        };
        let books = books.as_ref();
        let written = written(&entry.value)?;
        let step = next_step(books, &written);
        let closed = first_open_day.and_then(|first| closed_period(books, &written, &step, first));
        match closed.map_or(step, Step::Hold) {
            Step::Done | Step::Nothing => return Ok(settled_kind(place, books)),
            Step::CreateInvoice => {
                let origin = create_invoice(place, entry, plan, whole, books).await?;
                created_here = origin == Origin::Created;
            }
            Step::CreateShipping(index) => {
                if let Some(desired) = books.shipping.get(index) {
                    create_shipping(place, entry, plan, whole, desired).await?;
                }
            }
            Step::UpdateShipping(index) => {
                if let Some(desired) = books.shipping.get(index) {
                    shipping::update(place, entry, desired).await?;
                }
            }
            Step::RestoreShipping(key) => {
                client_removal::bring_back(place, entry.value.client_id).await?;
                shipping::restore(place, entry, &key).await?;
            }
            Step::RemoveShipping(key) => shipping::remove(place, entry, &key).await?,
            Step::UpdateInvoice => invoice::update(place, entry, books).await?,
            Step::MarkSent => invoice::mark_sent(place, entry, books).await?,
            Step::EmailInvoice => {
                if let Some(to) = &books.email_to {
                    email::send(place, entry, to).await?;
                }
            }
            Step::CreatePayment(index) => {
                if let Some(desired) = books.payments.get(index) {
                    payment::create(place, entry, desired, created_here).await?;
                }
            }
            Step::ChangePayment(index) => {
                if let Some(desired) = books.payments.get(index) {
                    payment::change(place, entry, desired).await?;
                }
            }
            Step::RemovePayment(key) => payment::remove(place, entry, &key).await?,
            Step::CreateRefund(index) => {
                if let Some(desired) = books.refunds.get(index) {
                    refund::create(place, entry, desired).await?;
                }
            }
            Step::UpdateRefund(index) => {
                if let Some(desired) = books.refunds.get(index) {
                    refund::update(place, entry, desired).await?;
                }
            }
            Step::RemoveRefund(key) => refund::remove(place, entry, &key).await?,
            Step::RemoveInvoice => {
                let is_undo = matches!(books.disposition, Disposition::Undone(_));
                invoice_removal::remove(place, entry, &books.invoice, is_undo).await?;
            }
            Step::RestoreInvoice => {
                client_removal::bring_back(place, entry.value.client_id).await?;
                invoice_removal::restore(place, entry, &books.invoice).await?;
            }
            Step::HoldUnlessMended(what, hold) => {
                if !mended::take_over(place, entry, &what, books).await? {
                    return held(entry, hold).await;
                }
            }
            Step::Hold(hold) => return held(entry, hold).await,
        }
    }
    Err(Failure::held(Reason::new(
        "too_many_steps",
        "the delivery did not come to rest within its bound of steps; report this with the dead letter",
    )))
}

/// Keeps what was done so far, and leaves the rest to a person.
async fn held(entry: &mut OpenEntry<'_>, hold: Hold) -> Result<OutcomeKind, Failure> {
    entry.finish().await?;
    Err(Failure::held(Reason::new(hold.code, hold.message)))
}

/// Finds or creates the client, then the invoice; a client that vanished is looked up once more.
async fn create_invoice(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    plan: &ResolvedPlan,
    whole: &DesiredBooks,
    books: &DesiredBooks,
) -> Result<Origin, Failure> {
    let resolution = plan.invoice.unwrap_or_default();
    let desired = &books.invoice;
    find_client(place, entry, plan, books).await?;
    match invoice::create(place, entry, whole, desired, &resolution).await {
        Err(Failure::Rejected(reasons)) if names_client(&reasons) => {
            find_other_client(place, entry, plan, books).await?;
            invoice::create(place, entry, whole, desired, &resolution).await
        }
        other => other,
    }
}

/// The same for an expense that the invoice is to rebill.
///
/// While the ledger knows of no invoice it may be the ledger that was lost: what FreshBooks has is
/// taken in first, the invoice or an expense whose invoice was not made yet, so that no second
/// expense is made.
async fn create_shipping(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    plan: &ResolvedPlan,
    books: &DesiredBooks,
    expense: &ShippingExpense,
) -> Result<(), Failure> {
    let resolution = plan.invoice.unwrap_or_default();
    find_client(place, entry, plan, books).await?;
    if entry.value.invoice.is_none()
        && let Some(found) = invoice::find_unknown(place, &books.invoice, &resolution).await?
    {
        return adoption::adopt(place, entry, books, &found).await;
    }
    if entry.value.invoice.is_none()
        && shipping::adopt(place, entry, &books.invoice.number, expense).await?
    {
        return Ok(());
    }
    match shipping::create(place, entry, expense).await {
        Err(Failure::Rejected(reasons)) if names_client(&reasons) => {
            find_other_client(place, entry, plan, books).await?;
            shipping::create(place, entry, expense).await
        }
        other => other,
    }
}

/// Makes sure that the entry has a client, and that it stands.
async fn find_client(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    plan: &ResolvedPlan,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    if entry.value.client_id == 0 {
        let client = plan.client.unwrap_or_default();
        let id = shopper::client_id(place, &books.client, &client, None).await?;
        entry.change(|value| value.client_id = id);
    }
    client_removal::bring_back(place, entry.value.client_id).await
}

/// Looks the client up once more: FreshBooks does not know the one the entry names.
async fn find_other_client(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    plan: &ResolvedPlan,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    for key in ClientKey::of(&books.client) {
        place.cache.forget_client(place.connection, &key).await;
    }
    let client = plan.client.unwrap_or_default();
    let distrusted = Some(entry.value.client_id);
    let id = shopper::client_id(place, &books.client, &client, distrusted).await?;
    entry.change(|value| value.client_id = id);
    Ok(())
}

/// FreshBooks' way of saying that the client is gone: errno 1012 or 1011 on the client's id.
fn names_client(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| {
        matches!(reason.code.as_str(), "errno_1012" | "errno_1011")
            && matches!(
                reason.path.as_str(),
                "" | "customerid" | "userid" | "clientid" | "client"
            )
    })
}

fn has_invoice(disposition: &Disposition) -> bool {
    matches!(disposition, Disposition::Draft | Disposition::Sent)
}

fn is_found(plan: &ResolvedPlan) -> bool {
    plan.invoice
        .as_ref()
        .is_some_and(|invoice| invoice.presence() == Presence::Found)
}

fn settled_kind(place: &Workplace<'_>, books: &DesiredBooks) -> OutcomeKind {
    match (&books.disposition, place.writes.load(Ordering::Relaxed)) {
        (Disposition::Removed(_) | Disposition::Undone(_), 1..) => OutcomeKind::Removed,
        (_, 1..) => OutcomeKind::Written,
        (Disposition::Nothing(_), 0) => OutcomeKind::NothingDue,
        (_, 0) => OutcomeKind::Unchanged,
    }
}

/// What the ledger knows, as the difference wants to see it.
fn written(entry: &OrderEntry) -> Result<Written, Failure> {
    ledger_conversion::written(entry).map_err(|error| {
        Failure::held(Reason::new(
            "ledger_unreadable",
            format!("the ledger's entry: {error}"),
        ))
    })
}

fn outcome(place: &Workplace<'_>, event: &Event, entry: &OrderEntry, kind: OutcomeKind) -> Outcome {
    let invoice = entry.invoice.clone().unwrap_or_default();
    Outcome {
        event: Some(event.clone()),
        kind: kind.into(),
        client_id: entry.client_id,
        invoice_id: invoice.invoice_id,
        invoice_number: invoice.number,
        invoice_total: invoice.total,
        payment_ids: entry
            .payments
            .iter()
            .map(|payment| payment.payment_id)
            .collect(),
        writes: place.writes.load(Ordering::Relaxed),
        detail: email::notice(entry).unwrap_or_default().to_owned(),
        refund_ids: entry
            .refunds
            .iter()
            .map(|refund| refund.document_id)
            .collect(),
    }
}
