//! Invoices that FreshBooks has under an order's number and that the ledger does not know.
//!
//! The number alone proves nothing: a person may have typed it. An invoice is Tillbook's own where
//! it bears the mark that Tillbook leaves on what it makes. One that says the same for the same
//! client is taken in as a person's: kept in step, never removed. Any other is somebody else's
//! business, and its order waits for a person (ADR 0024). Not here: an intent that is still open,
//! which is a proof of its own (`open_intent`).

use connect::freshbooks::Invoice;
use domain::books::{DesiredBooks, DesiredInvoice};
use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::comparison::{rebills_the_same, says_the_same, written};
use crate::entry::OpenEntry;
use crate::{payment, refund, shipping, shopper};

/// What Tillbook leaves on an invoice that it makes, and no person types. It names the number, so
/// that a copy which a person makes of the invoice shows nothing; and the connection, so that two
/// stores of one account keep to their own.
pub(crate) fn mark(place: &Workplace<'_>, number: &str) -> String {
    format!("Tillbook {} {number}", place.connection)
}

/// Takes the invoice into the ledger, or says why it is left to a person. `whole` are the books
/// with the lines for every arithmetic: which one wrote the invoice is not known.
pub(crate) async fn adopt(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    whole: &DesiredBooks,
    found: &Invoice,
) -> Result<(), Failure> {
    let invoice = with_lines(place, found).await?;
    let payments = payment::find_all(place, invoice.id).await?;
    let is_proven = invoice.mark.trim() == mark(place, &whole.invoice.number);
    let mut variants = whole.invoices();
    let desired = variants.find(|desired| says_the_same(&invoice, desired));
    let desired = match desired {
        Some(desired) if is_proven => desired,
        Some(desired) if is_same_client(place, entry, whole, &invoice).await? => desired,
        None if is_proven => return Err(edited(&whole.invoice, &invoice)),
        _ => return Err(number_taken(entry, &whole.invoice, &invoice)),
    };
    let mut refunds = Vec::new();
    for refund in &whole.refunds {
        let found = refund::find(place, invoice.client_id, refund).await?;
        refunds.extend(found.map(|found| refund::written(refund, &found)));
    }
    let number = &desired.number;
    let shipping = shipping::find_all(place, invoice.client_id, number, &whole.shipping).await?;
    entry.done(|value| {
        for refund in refunds {
            refund::keep(&mut value.refunds, refund);
        }
        for expense in shipping {
            shipping::keep(&mut value.shipping, expense);
        }
        value.client_id = invoice.client_id;
        let mut known = written(desired, &invoice, None);
        known.adopted = !is_proven;
        if !rebills_the_same(&invoice, desired, &shipping::rebilled(value)) {
            // The amounts are ours, the expenses behind them are not: the next step writes them.
            known.content_hash.clear();
        }
        value.invoice = Some(known);
        payment::take_in(value, &whole.payments, &payments);
    });
    if !is_proven {
        tell(place, number);
    }
    entry.finish().await
}

/// Some replies come without lines, and without them nothing can be compared.
async fn with_lines(place: &Workplace<'_>, found: &Invoice) -> Result<Invoice, Failure> {
    if found.lines.is_some() {
        return Ok(found.clone());
    }
    match place.account.get_invoice(found.id).await {
        Ok(invoice) => Ok(invoice),
        Err(error) => Err(place.vendor_failure("reading the invoice", &error).await),
    }
}

/// Whether the invoice is the shopper's: of the order's client, or of another one that FreshBooks
/// finds for the same shopper, since a lost ledger may have chosen otherwise.
async fn is_same_client(
    place: &Workplace<'_>,
    entry: &OpenEntry<'_>,
    whole: &DesiredBooks,
    invoice: &Invoice,
) -> Result<bool, Failure> {
    if invoice.client_id == entry.value.client_id {
        return Ok(true);
    }
    let candidates = shopper::candidates(place, &whole.client, None).await?;
    Ok(candidates.contains(&invoice.client_id))
}

fn edited(desired: &DesiredInvoice, invoice: &Invoice) -> Failure {
    Failure::held(Reason::new(
        "edited_in_freshbooks",
        format!(
            "FreshBooks has invoice {}, which Tillbook made, but it says {} where the order says {}, or its lines differ, and Tillbook's ledger does not know it. Make the invoice say what the order says, or delete its payments and the invoice in FreshBooks, then release",
            desired.number, invoice.amount, desired.expected_total
        ),
    ))
}

/// Both sides, without anything of a customer's.
pub(crate) fn number_taken(
    entry: &OpenEntry<'_>,
    desired: &DesiredInvoice,
    invoice: &Invoice,
) -> Failure {
    Failure::held(Reason::new(
        "number_taken",
        format!(
            "FreshBooks already has an invoice {} that nothing shows to be Tillbook's: of client {}, dated {}, {} in {} lines; the order is of client {}, dated {}, {} in {} lines. It is left untouched. Give that invoice another number in FreshBooks, or set invoice.prefix for this connection so that numbers cannot meet, then release",
            desired.number,
            invoice.client_id,
            invoice.create_date,
            invoice.amount,
            invoice.lines.as_ref().map_or(0, Vec::len),
            entry.value.client_id,
            desired.create_date,
            desired.expected_total,
            desired.lines.len(),
        ),
    ))
}

fn tell(place: &Workplace<'_>, number: &str) {
    let words = format!(
        "Invoice {number} was in FreshBooks already and says the same for the same client; nothing \
         shows that Tillbook made it, so it is taken for a person's: paid and followed, never removed."
    );
    place.tell(words);
}
