//! How refunds stand in FreshBooks: credit notes, expenses, or a lower invoice and lower payments.
//!
//! Not here: what was given back ([`crate::accounting::refunds`]).

use rust_decimal::Decimal;

use super::not_computable;
use crate::accounting::{Hold, PayoutWay, Refunded};
use crate::arithmetic::{Figures, Model, rounding_bound_minor};
use crate::books::{
    DesiredInvoice, DesiredPayment, DesiredRefund, InvoiceLine, LineKind, RefundDocument,
    RoundingLine,
};
use crate::money::{Error, Money};
use crate::policy::{CREDIT_NOTE_NUMBER_MAX_CHARS, RefundMode};

/// The desired refunds. With `refund = "adjust"` invoice and payments are lowered by them.
pub(super) fn book(
    refunds: Vec<Refunded>,
    mode: &RefundMode,
    model: Model,
    invoice: &mut DesiredInvoice,
    payments: &mut [DesiredPayment],
) -> Result<Vec<DesiredRefund>, Hold> {
    for refund in &refunds {
        lower(refund, refund.absorbed, payments).map_err(|error| not_computable(&error))?;
    }
    if *mode == RefundMode::Adjust {
        adjust(&refunds, model, invoice, payments)?;
    }
    let desired = |refund| desired(refund, mode, &invoice.number);
    refunds
        .into_iter()
        .map(|refund| numbered(desired(refund)))
        .collect()
}

/// Holds a refund whose credit note's number FreshBooks might cut or refuse.
fn numbered(refund: DesiredRefund) -> Result<DesiredRefund, Hold> {
    let is_note = refund.document == RefundDocument::CreditNote;
    if is_note && refund.number.chars().count() > CREDIT_NOTE_NUMBER_MAX_CHARS {
        return Err(Hold {
            code: "credit_note_number_too_long",
            message: format!(
                "Credit note number {} has more than {CREDIT_NOTE_NUMBER_MAX_CHARS} characters, \
                 more than FreshBooks is known to take. Shorten invoice.prefix, or set refund = \
                 \"adjust\" or \"expense:<category>\" for this connection.",
                refund.number
            ),
        });
    }
    Ok(refund)
}

fn desired(refund: Refunded, mode: &RefundMode, number: &str) -> DesiredRefund {
    let document = match mode {
        _ if refund.gross.amount_minor == 0 => RefundDocument::None,
        RefundMode::CreditNote => RefundDocument::CreditNote,
        RefundMode::Adjust => RefundDocument::None,
        RefundMode::Expense(category) => RefundDocument::Expense(category.clone()),
    };
    let key = |id: &str| format!("refund:{id}");
    DesiredRefund {
        key: key(&refund.id),
        document,
        number: format!("{number}-R{}", refund.id),
        note: note(&refund, number),
        date: refund.date,
        amount: refund.gross,
        tax: refund.tax,
        lines: refund.lines,
        rounding_bound_minor: refund.rounding_bound_minor,
        replaces: refund.replaces.iter().map(|id| key(id)).collect(),
    }
}

/// Says how the money went back, and names the refund so that it is found again.
fn note(refund: &Refunded, number: &str) -> String {
    let mut text = format!("Refund {} of invoice {number}.", refund.id);
    for payout in &refund.payouts {
        let way = match &payout.way {
            PayoutWay::StoreCredit => "to store credit".to_owned(),
            PayoutWay::GiftCertificate => "to a gift certificate".to_owned(),
            PayoutWay::Offline => "offline".to_owned(),
            PayoutWay::Gateway(name) if name.is_empty() => "to the payment it came from".to_owned(),
            PayoutWay::Gateway(name) => format!("to the payment it came from ({name})"),
        };
        text.push_str(&format!(" {} {way}.", payout.amount));
    }
    if refund.tax.amount_minor != 0 {
        text.push_str(&format!(" Tax in it: {}.", refund.tax));
    }
    if !refund.reason.is_empty() {
        text.push_str(&format!(" Reason: {}", refund.reason));
    }
    text
}

/// Lowers the invoice by a negative line for each refund and its taxes, and the payments by what
/// went back of each.
fn adjust(
    refunds: &[Refunded],
    model: Model,
    invoice: &mut DesiredInvoice,
    payments: &mut [DesiredPayment],
) -> Result<(), Hold> {
    let wide = |error: Error| not_computable(&error);
    if refunds.iter().all(|refund| refund.gross.amount_minor == 0) {
        return Ok(());
    }
    invoice.lines.retain(|line| line.kind != LineKind::Rounding);
    for refund in refunds
        .iter()
        .filter(|refund| refund.gross.amount_minor != 0)
    {
        invoice.lines.extend(negative_lines(refund));
        invoice.expected_total = invoice
            .expected_total
            .checked_sub(refund.gross)
            .map_err(wide)?;
        invoice.expected_tax = invoice.expected_tax.checked_sub(refund.tax).map_err(wide)?;
        lower(refund, refund.gross, payments).map_err(wide)?;
    }
    close(invoice, model).map_err(wide)?
}

/// One line per set of taxes; nothing of the refund's own rounding.
fn negative_lines(refund: &Refunded) -> Vec<InvoiceLine> {
    let mut lines: Vec<InvoiceLine> = Vec::new();
    for part in &refund.lines {
        if part.kind == LineKind::Rounding {
            continue;
        }
        let amount = part.quantity * part.unit_cost;
        let is_tax = part.kind == LineKind::Tax;
        let same = lines.iter_mut().find(|line| {
            line.tax1 == part.tax1
                && line.tax2 == part.tax2
                && line.compounded == part.compounded
                && (line.description == part.name) == is_tax
        });
        match same {
            Some(line) => line.unit_cost -= amount,
            None => lines.push(InvoiceLine {
                kind: LineKind::Refund,
                name: format!("Refund {}", refund.id),
                description: if is_tax {
                    part.name.clone()
                } else {
                    format!("Given back on {}", refund.date)
                },
                quantity: Decimal::ONE,
                unit_cost: -amount,
                ..part.clone()
            }),
        }
    }
    lines
}

/// Compares the prediction with the lowered total and adds the one rounding line.
fn close(invoice: &mut DesiredInvoice, model: Model) -> Result<Result<(), Hold>, Error> {
    let total = invoice.expected_total;
    let lines = invoice.lines.iter().map(Figures::from);
    let predicted = model.predict(lines.clone(), total.currency)?;
    let difference = total.checked_sub(predicted.total)?;
    // Tax booked as an amount is exact on the lines it came and went with.
    let is_amount = invoice.lines.iter().any(|line| line.kind == LineKind::Tax);
    let books_tax = if is_amount {
        invoice.expected_tax
    } else {
        predicted.tax
    };
    // Where tax is booked as an amount, the bound counts lines that show no tax.
    let bound = rounding_bound_minor(lines);
    invoice.rounding_bound_minor = invoice.rounding_bound_minor.max(bound);
    if difference.amount_minor.unsigned_abs() > invoice.rounding_bound_minor {
        return Ok(Err(Hold {
            code: "refund_sums_do_not_match",
            message: format!(
                "Lowered by its refunds, invoice {} should be {total}, its lines make {}; at most \
                 {} smallest units may be rounding. Set refund = \"credit_note\" for this \
                 connection, or book the refund by hand.",
                invoice.number, predicted.total, invoice.rounding_bound_minor
            ),
        }));
    }
    if difference.amount_minor != 0 || books_tax != invoice.expected_tax {
        invoice.lines.push(InvoiceLine {
            kind: LineKind::Rounding,
            name: RoundingLine::NAME.to_owned(),
            description: RoundingLine::description(invoice.expected_tax, books_tax),
            quantity: Decimal::ONE,
            unit_cost: difference.to_decimal(),
            tax1: None,
            tax2: None,
            compounded: false,
            rebills: None,
        });
    }
    Ok(Ok(()))
}

/// Takes an amount of a refund off the payments it gives back, what is left off the latest ones.
fn lower(refund: &Refunded, amount: Money, payments: &mut [DesiredPayment]) -> Result<(), Error> {
    let mut left = amount;
    for payout in &refund.payouts {
        let paid = payments
            .iter_mut()
            .find(|payment| Some(&payment.key) == payout.receipt.as_ref());
        if let Some(payment) = paid {
            let most = payout.amount.amount_minor.min(left.amount_minor);
            take(payment, &mut left, most)?;
        }
    }
    for payment in payments.iter_mut().rev() {
        let most = left.amount_minor;
        take(payment, &mut left, most)?;
    }
    Ok(())
}

/// Moves up to `most_minor` from a payment, never more than it holds.
fn take(payment: &mut DesiredPayment, left: &mut Money, most_minor: i64) -> Result<(), Error> {
    let part = Money {
        amount_minor: payment.amount.amount_minor.min(most_minor).max(0),
        ..*left
    };
    payment.amount = payment.amount.checked_sub(part)?;
    *left = left.checked_sub(part)?;
    Ok(())
}
