//! The invoice of an order: created, followed, marked as sent; its total always compared.

use connect::VendorError;
use connect::freshbooks::{Deleted, Invoice};
use contracts::books::{InvoiceResolution, Presence};
use contracts::ledger::IntentKind;
use domain::arithmetic::{Correction, correction};
use domain::books::{DesiredBooks, DesiredInvoice};
use domain::difference::content_hash;
use domain::money::Money;
use stage::{Failure, Reason, vendor};

use crate::account::Workplace;
use crate::comparison::{corrected, edited, is_as_written, written};
use crate::entry::{Content, OpenEntry};
use crate::{adoption, arithmetic, email, invoice_removal, payment, shipping};

/// Whose work the invoice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This delivery created it, so nobody can have paid it yet.
    Created,
    /// FreshBooks had it already.
    Adopted,
}

/// Creates the invoice, unless FreshBooks turns out to have it already; `whole` are the books with
/// the lines for every arithmetic.
pub(crate) async fn create(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    whole: &DesiredBooks,
    desired: &DesiredInvoice,
    resolution: &InvoiceResolution,
) -> Result<Origin, Failure> {
    if let Some(invoice) = find_unknown(place, desired, resolution).await? {
        adoption::adopt(place, entry, whole, &invoice).await?;
        return Ok(Origin::Adopted);
    }
    let client_id = entry.value.client_id;
    begin_write(entry, IntentKind::CreateInvoice, desired).await?;
    let rebilled = shipping::rebilled(&entry.value);
    match place
        .account
        .create_invoice(client_id, desired, &rebilled)
        .await
    {
        Ok(invoice) => {
            place.wrote();
            take_result(place, entry, desired, &invoice, None).await?;
            Ok(Origin::Created)
        }
        Err(error) if error.may_be_duplicate() => {
            entry.withdraw().await?;
            duplicate(place, entry, whole, &error).await?;
            Ok(Origin::Adopted)
        }
        Err(error) => Err(entry
            .write_failed(place, "creating the invoice", &error)
            .await),
    }
}

/// An invoice that FreshBooks has and the ledger does not know; asked unless the plan tells of its
/// absence and is fresh.
pub(crate) async fn find_unknown(
    place: &Workplace<'_>,
    desired: &DesiredInvoice,
    resolution: &InvoiceResolution,
) -> Result<Option<Invoice>, Failure> {
    let known_absent =
        resolution.presence() == Presence::Absent && place.is_fresh(resolution.verified_at_ms);
    if known_absent {
        return Ok(None);
    }
    find(place, &desired.number).await
}

/// FreshBooks says the number is taken: by our own lost write, or by something else.
async fn duplicate(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    whole: &DesiredBooks,
    error: &VendorError,
) -> Result<(), Failure> {
    match find(place, &whole.invoice.number).await? {
        Some(invoice) => adoption::adopt(place, entry, whole, &invoice).await,
        None if matches!(error, VendorError::Conflict { .. }) => {
            Err(vendor::failure("creating the invoice", error))
        }
        None => Err(Failure::held(Reason::new(
            "invoice_number_taken",
            format!(
                "FreshBooks refuses invoice number {} as taken, but shows no invoice with it; \
                 look for it in FreshBooks and renumber it, then replay",
                whole.invoice.number
            ),
        ))),
    }
}

/// What FreshBooks has under an invoice's number.
pub(crate) struct Found {
    /// The one that stands.
    pub(crate) active: Option<Invoice>,
    has_deleted: bool,
}

/// Looks a number up, deleted invoices included.
pub(crate) async fn search(place: &Workplace<'_>, number: &str) -> Result<Found, Failure> {
    let found = place
        .account
        .find_invoices_by_number(number, Deleted::Include)
        .await;
    let found = match found {
        Ok(found) => found,
        Err(error) => return Err(place.vendor_failure("looking the invoice up", &error).await),
    };
    let (deleted, mut active): (Vec<_>, Vec<_>) = found.into_iter().partition(Invoice::is_deleted);
    if active.len() > 1 {
        return Err(Failure::held(Reason::new(
            "invoice_twice",
            format!(
                "FreshBooks has {} active invoices numbered {number}; delete the wrong ones, then replay",
                active.len()
            ),
        )));
    }
    Ok(Found {
        active: active.pop(),
        has_deleted: !deleted.is_empty(),
    })
}

/// The one active invoice with the number, if there is one. Where only a deleted one is, somebody
/// took it out whom the ledger does not know: nothing is made beside it.
pub(crate) async fn find(place: &Workplace<'_>, number: &str) -> Result<Option<Invoice>, Failure> {
    let found = search(place, number).await?;
    if found.active.is_none() && found.has_deleted {
        return Err(Failure::held(Reason::new(
            "invoice_deleted_in_freshbooks",
            format!(
                "FreshBooks has invoice {number} only as a deleted one, which Tillbook's ledger does not know; restore it there, then replay, or book the order by hand"
            ),
        )));
    }
    Ok(found.active)
}

/// Makes the invoice follow the order, unless a person edited it since.
///
/// Where it shows more money than the ledger knows of, that is taken in first, and the next step
/// is another one: a refund may have lowered a payment of which a restored ledger does not know.
pub(crate) async fn update(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    let desired = &books.invoice;
    let Some(known) = entry.value.invoice.clone() else {
        return Ok(());
    };
    let current = get(place, known.invoice_id).await?;
    if !is_as_written(&current, &known) {
        return Err(edited(desired, &current));
    }
    payment::tell_if_missing(place, &entry.value, &current);
    if payment::take_in_unknown(place, entry, &books.payments, &current).await? {
        return Ok(());
    }
    begin_write(entry, IntentKind::UpdateInvoice, desired).await?;
    write_update(place, entry, desired, None).await
}

/// The intent to write the whole content of an invoice.
async fn begin_write(
    entry: &mut OpenEntry<'_>,
    kind: IntentKind,
    desired: &DesiredInvoice,
) -> Result<(), Failure> {
    let content = Content {
        hash: content_hash(desired),
        total: desired.expected_total,
    };
    entry.begin(kind, &desired.number, Some(content)).await
}

/// Writes the content anew: as desired, or with the rounding line that an answer asked for.
async fn write_update(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredInvoice,
    correction: Option<(DesiredInvoice, Money)>,
) -> Result<(), Failure> {
    let known = entry.value.invoice.as_ref();
    let id = known.map_or(0, |invoice| invoice.invoice_id);
    let (content, corrected_by) = match &correction {
        Some((content, difference)) => (content, Some(*difference)),
        None => (desired, None),
    };
    let rebilled = shipping::rebilled(&entry.value);
    let updated = place.account.update_invoice(id, None, content, &rebilled);
    match updated.await {
        Ok(invoice) => {
            place.wrote();
            Box::pin(take_result(place, entry, desired, &invoice, corrected_by)).await
        }
        Err(error) => Err(entry
            .write_failed(place, "updating the invoice", &error)
            .await),
    }
}

/// Compares the total that FreshBooks answered. A surprise first teaches how the account rounds,
/// and the next step writes the lines that this asks for; else it is corrected once within the
/// policy's bound. Where it cannot be, a new invoice is taken out again and the order is held.
async fn take_result(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredInvoice,
    invoice: &Invoice,
    corrected_by: Option<Money>,
) -> Result<(), Failure> {
    let was_sent = entry
        .value
        .invoice
        .as_ref()
        .is_some_and(|known| known.sent && !known.removed && known.invoice_id == invoice.id);
    let verdict = correction(
        desired.expected_total,
        invoice.amount,
        desired.rounding_bound_minor,
    );
    entry.done(|value| {
        let mut now = written(desired, invoice, corrected_by);
        now.sent |= was_sent;
        if verdict != Correction::None {
            // Not as it should be: whoever comes next must not take it for done.
            now.content_hash.clear();
        }
        value.invoice = Some(now);
    });
    if verdict == Correction::None {
        return Ok(());
    }
    // Lines with a correction in them are not those that any arithmetic predicted.
    if corrected_by.is_none() && arithmetic::learn(place, desired, invoice.amount).await? {
        return Ok(());
    }
    if let (Correction::Line(difference), None) = (verdict, corrected_by)
        && let Some(content) = corrected(desired, invoice.amount, difference)
    {
        begin_write(entry, IntentKind::UpdateInvoice, desired).await?;
        return write_update(place, entry, desired, Some((content, difference))).await;
    }
    invoice_removal::take_out_draft(place, entry, desired).await?;
    Err(Failure::held(Reason::new(
        "total_differs",
        format!(
            "invoice {}: FreshBooks makes {} of the lines, the store says {}; allowed are {} smallest units. Compare the order's taxes with the invoice's lines; set tax = \"amount\" for this connection and release, or book the order by hand and purge this letter",
            desired.number, invoice.amount, desired.expected_total, desired.rounding_bound_minor
        ),
    )))
}

/// A draft is in none of FreshBooks' reports, so the invoice is marked as sent.
pub(crate) async fn mark_sent(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return Ok(());
    };
    entry
        .begin(IntentKind::MarkSent, &known.number, None)
        .await?;
    match place.account.mark_sent(known.invoice_id).await {
        Ok(invoice) => {
            place.wrote();
            entry.done(|value| {
                email::now_due(value, books);
                if let Some(known) = &mut value.invoice {
                    known.sent = true;
                    known.vendor_updated.clone_from(&invoice.updated);
                    if let Some(hash) = invoice.vendor_hash() {
                        known.vendor_hash = hash;
                    }
                }
            });
            Ok(())
        }
        // Marking twice changes nothing, so the next attempt simply does it again.
        Err(error) => Err(place
            .vendor_failure("marking the invoice as sent", &error)
            .await),
    }
}

/// The invoice as FreshBooks has it now.
pub(crate) async fn get(place: &Workplace<'_>, id: u64) -> Result<Invoice, Failure> {
    match place.account.get_invoice(id).await {
        Ok(invoice) if invoice.is_deleted() => Err(Failure::held(Reason::new(
            "invoice_deleted_in_freshbooks",
            format!(
                "a person deleted invoice {} in FreshBooks; restore it there, then replay, or book the order by hand",
                invoice.number
            ),
        ))),
        Ok(invoice) => Ok(invoice),
        Err(error) => Err(place.vendor_failure("reading the invoice", &error).await),
    }
}
