//! What a ledger entry says was written, as the difference wants to see it.
//!
//! Not here: storing entries, and what is written next.

use std::collections::BTreeMap;

use domain::difference::{Written, WrittenInvoice, WrittenPayment, WrittenRefund, WrittenShipping};

use crate::books_conversion::{ConversionError, money_from_wire};
use crate::ledger::{InvoiceEmail, OrderEntry};

/// Whether the ledger knows of nothing that was written, or may have been, for the order.
pub fn is_untouched(entry: &OrderEntry) -> bool {
    entry.invoice.is_none()
        && entry.intent.is_none()
        && entry.shipping.is_empty()
        && entry.paid_invoice.is_none()
}

/// The domain form of an entry; an error names the amount that cannot be read.
pub fn written(entry: &OrderEntry) -> Result<Written, ConversionError> {
    let mut payments = BTreeMap::new();
    for payment in &entry.payments {
        let amount = money_from_wire("ledger.payments.amount", payment.amount.as_ref())?;
        let captured = match &payment.captured {
            // Entries of before refunds were carried.
            None => amount,
            captured => money_from_wire("ledger.payments.captured", captured.as_ref())?,
        };
        let known = WrittenPayment {
            amount,
            captured,
            date: payment.date.clone(),
        };
        payments.insert(payment.key.clone(), known);
    }
    let mut refunds = BTreeMap::new();
    for refund in &entry.refunds {
        let known = WrittenRefund {
            is_expense: refund.is_expense,
            content_hash: refund.content_hash.clone(),
            amount: money_from_wire("ledger.refunds.amount", refund.amount.as_ref())?,
            date: refund.date.clone(),
        };
        refunds.insert(refund.key.clone(), known);
    }
    let shipping = entry.shipping.iter().map(|expense| {
        let known = WrittenShipping {
            content_hash: expense.content_hash.clone(),
            date: expense.date.clone(),
            removed: expense.removed,
        };
        (expense.key.clone(), known)
    });
    let shipping = shipping.collect();
    let invoice = match &entry.invoice {
        None => None,
        Some(invoice) => Some(WrittenInvoice {
            content_hash: invoice.content_hash.clone(),
            sent: invoice.sent,
            total: money_from_wire("ledger.invoice.total", invoice.total.as_ref())?,
            removed: invoice.removed,
            create_date: invoice.create_date.clone(),
            correction_minor: invoice.correction_minor,
        }),
    };
    Ok(Written {
        invoice,
        payments,
        refunds,
        shipping,
        email_due: entry.invoice_email() == InvoiceEmail::Due,
    })
}
