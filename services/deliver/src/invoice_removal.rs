//! An invoice taken out of the books, and brought back when its order is.

use contracts::ledger::{IntentKind, OrderEntry, WrittenInvoice};
use domain::books::DesiredInvoice;
use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::comparison::{edited, is_as_written};
use crate::entry::OpenEntry;

/// Takes an unpaid invoice out of the books (soft delete), unless a person changed it since or it
/// may be a person's own.
pub(crate) async fn remove(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredInvoice,
    is_undo: bool,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return Ok(());
    };
    let current = match place.account.get_invoice(known.invoice_id).await {
        Ok(current) => current,
        Err(error) => return Err(place.vendor_failure("reading the invoice", &error).await),
    };
    if current.is_deleted() {
        // By a person, or by a call of ours whose reply was lost.
        entry.done(removed);
        return Ok(());
    }
    if known.adopted {
        return keep_a_persons(place, entry, &known, is_undo);
    }
    if current.paid.amount_minor != 0 {
        return Err(Failure::held(Reason::new(
            "paid_invoice_of_removed_order",
            format!(
                "invoice {} is to be removed, but has {} paid in FreshBooks that Tillbook did not book; decide by hand",
                known.number, current.paid
            ),
        )));
    }
    if !is_as_written(&current, &known) {
        return Err(edited(desired, &current));
    }
    entry
        .begin(IntentKind::RemoveInvoice, &known.number, None)
        .await?;
    match place.account.remove_invoice(known.invoice_id).await {
        Ok(()) => {
            place.wrote();
            entry.done(removed);
            Ok(())
        }
        // Removing twice changes nothing, so the next attempt simply does it again.
        Err(error) => Err(place.vendor_failure("removing the invoice", &error).await),
    }
}

/// An invoice that nothing shows to be Tillbook's stays. An undo forgets it: what Tillbook wrote
/// on it is out. A removal waits for the person whose it is.
fn keep_a_persons(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    known: &WrittenInvoice,
    is_undo: bool,
) -> Result<(), Failure> {
    if !is_undo {
        return Err(Failure::held(Reason::new(
            "adopted_invoice_not_removed",
            format!(
                "the order is cancelled or gone, but invoice {} was in FreshBooks before Tillbook and may be a person's; delete it in FreshBooks if it is the order's, then release, or purge this letter to leave it",
                known.number
            ),
        )));
    }
    let words = format!(
        "Invoice {} stays: it was in FreshBooks before Tillbook and may be a person's.",
        known.number
    );
    place.tell(words);
    entry.done(|value| value.invoice = None);
    Ok(())
}

/// Takes a draft of Tillbook's own out again that cannot be made right, so that nothing half right
/// stays behind while its order is held. An invoice that was sent stays: people have seen it.
pub(crate) async fn take_out_draft(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredInvoice,
) -> Result<(), Failure> {
    let is_draft = entry
        .value
        .invoice
        .as_ref()
        .is_some_and(|known| !known.sent && !known.removed && known.content_hash.is_empty());
    if is_draft && entry.value.payments.is_empty() {
        remove(place, entry, desired, false).await?;
    }
    entry.finish().await
}

fn removed(entry: &mut OrderEntry) {
    if let Some(known) = &mut entry.invoice {
        known.removed = true;
    }
}

/// Brings a removed invoice back; it keeps its number, so none is made beside it.
pub(crate) async fn restore(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredInvoice,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return Ok(());
    };
    entry
        .begin(IntentKind::RestoreInvoice, &known.number, None)
        .await?;
    let restored = match place.account.restore_invoice(known.invoice_id).await {
        Ok(restored) => restored,
        // Restoring twice changes nothing, so the next attempt simply does it again.
        Err(error) => return Err(place.vendor_failure("restoring the invoice", &error).await),
    };
    place.wrote();
    entry.done(|value| {
        if let Some(known) = &mut value.invoice {
            known.removed = false;
            known.sent = restored.is_sent();
            known.vendor_updated.clone_from(&restored.updated);
        }
    });
    if is_as_written(&restored, &known) {
        return Ok(());
    }
    entry.finish().await?;
    Err(edited(desired, &restored))
}
