//! Wire and domain forms of an account's arithmetic and what depends on it.

use domain::arithmetic::Model;
use domain::books as d;

use super::{ConversionError, Read, invoice_from_wire, invoice_to_wire, refunds, shipping};
use crate::books as w;

/// An account's arithmetic as it travels and is kept.
pub fn model_to_wire(model: Model) -> w::Arithmetic {
    match model {
        Model::PerLine => w::Arithmetic::PerLine,
        Model::PerTax => w::Arithmetic::PerTax,
        Model::PerInvoice => w::Arithmetic::PerInvoice,
    }
}

/// The arithmetic that was kept; `None` where none is named or a newer version named it.
pub fn model_from_wire(arithmetic: i32) -> Option<Model> {
    match w::Arithmetic::try_from(arithmetic) {
        Ok(w::Arithmetic::PerLine) => Some(Model::PerLine),
        Ok(w::Arithmetic::PerTax) => Some(Model::PerTax),
        Ok(w::Arithmetic::PerInvoice) => Some(Model::PerInvoice),
        Ok(w::Arithmetic::Unspecified) | Err(_) => None,
    }
}

fn model(arithmetic: i32) -> Read<Model> {
    model_from_wire(arithmetic).ok_or(ConversionError::UnknownValue {
        field: "arithmetic",
    })
}

pub(super) fn alternative_to_wire(other: &d::Alternative) -> w::Alternative {
    w::Alternative {
        arithmetic: model_to_wire(other.model).into(),
        invoice: Some(invoice_to_wire(&other.invoice)),
        refunds: other.refunds.iter().map(refunds::to_wire).collect(),
        shipping: other.shipping.iter().map(shipping::to_wire).collect(),
    }
}

pub(super) fn alternative_from_wire(other: &w::Alternative) -> Read<d::Alternative> {
    let invoice = other.invoice.as_ref().ok_or(ConversionError::Missing {
        field: "alternatives.invoice",
    })?;
    let refunds = other.refunds.iter().map(refunds::from_wire);
    let shipping = other.shipping.iter().map(shipping::from_wire);
    Ok(d::Alternative {
        model: model(other.arithmetic)?,
        invoice: invoice_from_wire(invoice)?,
        refunds: refunds.collect::<Read<_>>()?,
        shipping: shipping.collect::<Read<_>>()?,
    })
}

pub(super) fn held_to_wire(held: &d::HeldFor) -> w::HeldFor {
    w::HeldFor {
        arithmetic: model_to_wire(held.model).into(),
        code: held.code.clone(),
        message: held.message.clone(),
    }
}

pub(super) fn held_from_wire(held: &w::HeldFor) -> Read<d::HeldFor> {
    Ok(d::HeldFor {
        model: model(held.arithmetic)?,
        code: held.code.clone(),
        message: held.message.clone(),
    })
}
