//! The e-mail with which FreshBooks sends an invoice to the shopper: at most once per order.
//!
//! An e-mail cannot be looked up or taken back, so a call whose outcome is not known is never
//! made again, and what goes wrong is a notice: the invoice is in the books either way. Not here:
//! whether an e-mail is wanted (`domain::account`), and what it says, which is FreshBooks' own.

use connect::VendorError;
use contracts::ledger::{IntentKind, InvoiceEmail, OrderEntry};
use domain::books::DesiredBooks;
use stage::Failure;

use crate::account::Workplace;
use crate::entry::OpenEntry;

/// Remembers that the e-mail is due, with the same ledger write that says the invoice is sent.
pub(crate) fn now_due(value: &mut OrderEntry, books: &DesiredBooks) {
    if books.email_to.is_some() && value.invoice_email() == InvoiceEmail::Unspecified {
        value.set_invoice_email(InvoiceEmail::Due);
    }
}

/// Has the invoice mailed. Errors only when it certainly was not, and may be tried again.
pub(crate) async fn send(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    to: &str,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return Ok(());
    };
    entry
        .begin(IntentKind::EmailInvoice, &known.number, None)
        .await?;
    match place.account.email_invoice(known.invoice_id, to).await {
        Ok(_) => {
            place.wrote();
            entry.done(|value| value.set_invoice_email(InvoiceEmail::Sent));
            Ok(())
        }
        Err(error) if error.is_outcome_unknown() => {
            in_doubt(entry);
            Ok(())
        }
        Err(VendorError::Rejected { .. } | VendorError::AccessDenied { .. }) => {
            entry.done(|value| value.set_invoice_email(InvoiceEmail::Refused));
            Ok(())
        }
        Err(error) => {
            entry.withdraw().await?;
            Err(place.vendor_failure("mailing the invoice", &error).await)
        }
    }
}

/// The call's outcome is not known: the e-mail is taken for sent, and said to be in doubt.
pub(crate) fn in_doubt(entry: &mut OpenEntry<'_>) {
    entry.done(|value| value.set_invoice_email(InvoiceEmail::InDoubt));
}

/// What a person should know about the e-mail.
pub(crate) fn notice(value: &OrderEntry) -> Option<&'static str> {
    match value.invoice_email() {
        InvoiceEmail::InDoubt => Some(
            "Whether FreshBooks mailed the invoice is in doubt: the call's answer was lost. It is not tried again; look at the invoice's history and send it by hand if it says no.",
        ),
        InvoiceEmail::Refused => Some(
            "FreshBooks refused to mail the invoice; check the order's e-mail address and send it by hand.",
        ),
        InvoiceEmail::Unspecified | InvoiceEmail::Due | InvoiceEmail::Sent => None,
    }
}
