//! Wire and domain forms of refunds.

use domain::books as d;

use super::{ConversionError, Read, line, line_to_wire, money_from_wire, money_to_wire};
use crate::books as w;

pub(super) fn to_wire(refund: &d::DesiredRefund) -> w::Refund {
    let (document, category) = match &refund.document {
        d::RefundDocument::CreditNote => (w::RefundDocument::CreditNote, ""),
        d::RefundDocument::Expense(category) => (w::RefundDocument::Expense, category.as_str()),
        d::RefundDocument::None => (w::RefundDocument::None, ""),
    };
    w::Refund {
        key: refund.key.clone(),
        document: document.into(),
        expense_category: category.to_owned(),
        number: refund.number.clone(),
        date: refund.date.clone(),
        amount: Some(money_to_wire(refund.amount)),
        tax: Some(money_to_wire(refund.tax)),
        lines: refund.lines.iter().map(line_to_wire).collect(),
        note: refund.note.clone(),
        rounding_bound_minor: refund.rounding_bound_minor,
        replaces: refund.replaces.clone(),
    }
}

pub(super) fn from_wire(refund: &w::Refund) -> Read<d::DesiredRefund> {
    let field = "refunds.document";
    let document = match w::RefundDocument::try_from(refund.document) {
        Ok(w::RefundDocument::CreditNote) => d::RefundDocument::CreditNote,
        Ok(w::RefundDocument::Expense) => {
            d::RefundDocument::Expense(refund.expense_category.clone())
        }
        Ok(w::RefundDocument::None) => d::RefundDocument::None,
        Ok(w::RefundDocument::Unspecified) => return Err(ConversionError::Missing { field }),
        Err(_) => return Err(ConversionError::UnknownValue { field }),
    };
    Ok(d::DesiredRefund {
        key: refund.key.clone(),
        document,
        number: refund.number.clone(),
        date: refund.date.clone(),
        amount: money_from_wire("refunds.amount", refund.amount.as_ref())?,
        tax: money_from_wire("refunds.tax", refund.tax.as_ref())?,
        lines: refund.lines.iter().map(line).collect::<Read<_>>()?,
        note: refund.note.clone(),
        rounding_bound_minor: refund.rounding_bound_minor,
        replaces: refund.replaces.clone(),
    })
}
