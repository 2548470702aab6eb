//! What a person has changed of an order since Tillbook last wrote it, in plain words.
//!
//! Reads only.

use connect::freshbooks::{Invoice, Payment};
use contracts::books_conversion::money_from_wire;
use contracts::ledger::{OrderEntry, WrittenInvoice, WrittenShipping};
use domain::money::Money;

use crate::{Error, Tools};

/// Why an order waits whose last write nobody knows the end of.
pub(super) const UNKNOWN_OUTCOME: &str =
    "a write of the order has an unknown outcome yet; run the undo again later";

/// What a person has changed of the order since Tillbook last wrote, in plain words.
pub(super) async fn touched(
    tools: &Tools,
    entry: &OrderEntry,
    known: &WrittenInvoice,
    invoice: &Invoice,
) -> Result<Option<String>, Error> {
    let say = |text: &str| Ok(Some(text.to_owned()));
    if entry.intent.is_some() {
        return say(UNKNOWN_OUTCOME);
    }
    if invoice.is_deleted() {
        return say("the invoice was deleted in FreshBooks");
    }
    let is_as_written = match invoice.vendor_hash() {
        Some(hash) if !known.vendor_hash.is_empty() => hash == known.vendor_hash,
        _ => read_money(known.total.as_ref()) == Some(invoice.amount),
    };
    if !is_as_written {
        return say("the invoice was edited in FreshBooks");
    }
    // Only the client's own look at it makes it so; Tillbook marks it as sent and no more.
    if [&invoice.v3_status, &invoice.display_status]
        .iter()
        .any(|status| matches!(status.as_str(), "viewed" | "disputed"))
    {
        return say("the client has seen the invoice");
    }
    let payments = tools
        .account
        .list_payments_of_invoice(invoice.id)
        .await
        .map_err(Error::vendor("reading an invoice's payments"))?;
    if let Some(reason) = payments_touched(entry, &payments) {
        return Ok(Some(reason));
    }
    if let Some(reason) = refunds_touched(tools, entry).await? {
        return Ok(Some(reason));
    }
    shipping_touched(tools, entry).await
}

fn payments_touched(entry: &OrderEntry, found: &[Payment]) -> Option<String> {
    for payment in found {
        let known = entry
            .payments
            .iter()
            .find(|known| known.payment_id == payment.id);
        let Some(known) = known else {
            return Some(format!(
                "a payment of {} was added in FreshBooks",
                payment.amount
            ));
        };
        if read_money(known.amount.as_ref()) != Some(payment.amount) {
            return Some(format!(
                "payment {} was changed to {} in FreshBooks",
                known.key, payment.amount
            ));
        }
    }
    let gone = entry
        .payments
        .iter()
        .find(|known| !found.iter().any(|payment| payment.id == known.payment_id));
    gone.map(|known| format!("payment {} was deleted in FreshBooks", known.key))
}

async fn refunds_touched(tools: &Tools, entry: &OrderEntry) -> Result<Option<String>, Error> {
    for known in &entry.refunds {
        let failed = Error::vendor("reading a refund's document");
        let (amount, is_deleted) = if known.is_expense {
            let found = tools.account.get_expense(known.document_id).await;
            let found = found.map_err(failed)?;
            (found.amount, found.is_deleted())
        } else {
            let found = tools.account.get_credit_note(known.document_id).await;
            let found = found.map_err(failed)?;
            (found.amount, found.is_deleted())
        };
        if is_deleted || read_money(known.amount.as_ref()) != Some(amount) {
            return Ok(Some(format!(
                "{} was changed or deleted in FreshBooks",
                known.number
            )));
        }
    }
    Ok(None)
}

pub(super) async fn shipping_touched(
    tools: &Tools,
    entry: &OrderEntry,
) -> Result<Option<String>, Error> {
    for known in standing_shipping(entry) {
        let found = tools.account.get_expense(known.expense_id).await;
        let found = found.map_err(Error::vendor("reading an expense of the shipping"))?;
        if found.is_deleted() || read_money(known.amount.as_ref()) != Some(found.amount) {
            return Ok(Some(format!(
                "expense {} ({}) was changed or deleted in FreshBooks",
                known.expense_id, known.key
            )));
        }
    }
    Ok(None)
}

/// Expenses of the shipping that were not taken out.
pub(super) fn standing_shipping(entry: &OrderEntry) -> impl Iterator<Item = &WrittenShipping> {
    entry.shipping.iter().filter(|known| !known.removed)
}

pub(super) fn read_money(wire: Option<&contracts::money::Money>) -> Option<Money> {
    money_from_wire("amount", wire).ok()
}
