//! An intent that is still open: its effect may or may not have happened. FreshBooks is asked.
//!
//! Nothing is written again before the effect was looked up under its natural key, and not before
//! the call itself can no longer be alive.

use contracts::ledger::{Intent, IntentKind, WrittenPayment};
use domain::books::DesiredBooks;

use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::entry::OpenEntry;
use crate::{adoption, comparison, email, invoice, payment, refund, shipping, wire};

/// Closes the entry's open intent, if there is one, with what FreshBooks says.
pub(crate) async fn resolve(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    let Some(intent) = entry.value.intent.clone() else {
        return Ok(());
    };
    settle(place, &intent)?;
    match intent.kind() {
        IntentKind::CreateInvoice => created_invoice(place, entry, &intent, books).await,
        IntentKind::UpdateInvoice => updated_invoice(place, entry, &intent, books).await,
        IntentKind::CreatePayment => created_payment(place, entry, &intent, books).await,
        // Doing these twice changes nothing: the next step decides anew.
        IntentKind::MarkSent
        | IntentKind::RemoveInvoice
        | IntentKind::RestoreInvoice
        | IntentKind::RemovePayment
        | IntentKind::RemoveRefund
        | IntentKind::RemoveShipping
        | IntentKind::RestoreShipping => entry.withdraw().await,
        IntentKind::EmailInvoice => {
            email::in_doubt(entry);
            entry.finish().await
        }
        IntentKind::ChangePayment => payment::changed(place, entry, &intent).await,
        IntentKind::CreateRefund => refund::created(place, entry, &intent, &books.refunds).await,
        IntentKind::UpdateRefund => refund::updated(place, entry, &intent).await,
        IntentKind::CreateShipping => {
            shipping::created(place, entry, &intent, &books.invoice.number).await
        }
        IntentKind::UpdateShipping => shipping::updated(place, entry, &intent).await,
        // These stand in entries of their own, never in an order's.
        IntentKind::CreateClient
        | IntentKind::UpdateClient
        | IntentKind::RemoveClient
        | IntentKind::RestoreClient
        | IntentKind::CreateItem
        | IntentKind::UpdateItem
        | IntentKind::Unspecified => Err(Failure::held(Reason::new(
            "unknown_intent",
            "the ledger holds an intent this version does not know; was it written by a newer one?",
        ))),
    }
}

/// Waits until the call behind the intent has ended for certain.
fn settle(place: &Workplace<'_>, intent: &Intent) -> Result<(), Failure> {
    let Some(after) = place.may_live_for(intent) else {
        return Ok(());
    };
    let reason = Reason::new(
        "open_intent",
        "a write of this order has an unknown outcome; it is looked up when its call has ended for certain",
    );
    Err(Failure::Wait { after, reason })
}

async fn created_invoice(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    let Some(found) = invoice::find(place, &intent.natural_key).await? else {
        return entry.withdraw().await;
    };
    // The intent was durable before the number existed. What the invoice says is what was sent
    // then, and the next step brings it to what is desired now. But somebody may have typed the
    // same number before the call, which then failed: it says another total, for another client.
    let is_sent = wire::read_money(intent.total.as_ref()).is_ok_and(|sent| sent == found.amount);
    let says_so = || {
        let mut invoices = books.invoices();
        // Its total may surprise: how FreshBooks rounds is learned from such answers.
        invoices.any(|desired| comparison::has_lines_of(&found, desired))
    };
    let is_ours = entry.value.client_id == found.client_id && (is_sent || says_so());
    if !is_ours {
        return Err(adoption::number_taken(entry, &books.invoice, &found));
    }
    entry.done(|value| {
        let mut written = comparison::written(&books.invoice, &found, None);
        // A total that surprises is not taken as written: the next step corrects it.
        if is_sent {
            written.content_hash.clone_from(&intent.content_hash);
        } else {
            written.content_hash.clear();
        }
        value.client_id = found.client_id;
        value.invoice = Some(written);
    });
    entry.finish().await
}

async fn updated_invoice(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return entry.withdraw().await;
    };
    let current = invoice::get(place, known.invoice_id).await?;
    if comparison::is_as_written(&current, &known) {
        return entry.withdraw().await;
    }
    // What the order says by now is the next step's matter; here only: was it our write?
    let sent = wire::read_money(intent.total.as_ref())?;
    if current.amount != sent {
        return Err(comparison::edited(&books.invoice, &current));
    }
    entry.done(|value| {
        if let Some(known) = &mut value.invoice {
            known.content_hash.clone_from(&intent.content_hash);
            known.vendor_hash = current.vendor_hash().unwrap_or_default();
            known.vendor_updated.clone_from(&current.updated);
            known.total = Some(wire::money(current.amount));
        }
    });
    entry.finish().await
}

async fn created_payment(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return entry.withdraw().await;
    };
    let found = payment::find_all(place, known.invoice_id).await?;
    let Some(found) = found
        .iter()
        .find(|found| payment::is(found, &intent.natural_key))
    else {
        return entry.withdraw().await;
    };
    let desired = books
        .payments
        .iter()
        .find(|desired| desired.key == intent.natural_key);
    entry.done(|value| {
        value.payments.push(match desired {
            Some(desired) => payment::written(desired, found),
            // No longer wanted: kept as it is, for the next step to decide.
            None => WrittenPayment {
                key: intent.natural_key.clone(),
                payment_id: found.id,
                amount: Some(wire::money(found.amount)),
                captured: Some(wire::money(found.amount)),
                date: found.date.clone(),
            },
        });
    });
    entry.finish().await
}
