//! Wire and domain forms of desired books.
//!
//! The wire message also names its event and mapping; the sender fills those. Not here: orders
//! (see [`crate::order_conversion`]).

mod arithmetic;
mod refunds;
mod shipping;

use domain::books as d;
use domain::money::Money;

pub use self::arithmetic::{model_from_wire, model_to_wire};

use crate::books as w;
use crate::money::Money as WireMoney;
pub use crate::order_conversion::ConversionError;
use crate::order_conversion::{currency, decimal};

type Read<T> = Result<T, ConversionError>;

/// The books as they travel; event, mapping and lock fields are left at their defaults.
pub fn to_wire(books: &d::DesiredBooks) -> w::DesiredBooks {
    let (disposition, reason) = match &books.disposition {
        d::Disposition::Nothing(reason) => (w::Disposition::Nothing, reason.as_str()),
        d::Disposition::Draft => (w::Disposition::Draft, ""),
        d::Disposition::Sent => (w::Disposition::Sent, ""),
        d::Disposition::Removed(reason) => (w::Disposition::Removed, reason.as_str()),
        d::Disposition::Undone(reason) => (w::Disposition::Undone, reason.as_str()),
    };
    w::DesiredBooks {
        disposition: disposition.into(),
        disposition_reason: reason.to_owned(),
        client: Some(client_to_wire(&books.client)),
        invoice: Some(invoice_to_wire(&books.invoice)),
        payments: books.payments.iter().map(payment_to_wire).collect(),
        refunds: books.refunds.iter().map(refunds::to_wire).collect(),
        shipping: books.shipping.iter().map(shipping::to_wire).collect(),
        notices: books.notices.clone(),
        email_to: books.email_to.clone().unwrap_or_default(),
        alternatives: books
            .alternatives
            .iter()
            .map(arithmetic::alternative_to_wire)
            .collect(),
        held_for: books
            .held_for
            .iter()
            .map(arithmetic::held_to_wire)
            .collect(),
        ..w::DesiredBooks::default()
    }
}

/// The books that travelled.
pub fn from_wire(books: &w::DesiredBooks) -> Read<d::DesiredBooks> {
    let reason = || books.disposition_reason.clone();
    let disposition = match w::Disposition::try_from(books.disposition) {
        Ok(w::Disposition::Nothing) => d::Disposition::Nothing(reason()),
        Ok(w::Disposition::Draft) => d::Disposition::Draft,
        Ok(w::Disposition::Sent) => d::Disposition::Sent,
        Ok(w::Disposition::Removed) => d::Disposition::Removed(reason()),
        Ok(w::Disposition::Undone) => d::Disposition::Undone(reason()),
        Ok(w::Disposition::Unspecified) => {
            return Err(ConversionError::Missing {
                field: "books.disposition",
            });
        }
        Err(_) => {
            return Err(ConversionError::UnknownValue {
                field: "books.disposition",
            });
        }
    };
    let client = books.client.as_ref().ok_or(ConversionError::Missing {
        field: "books.client",
    })?;
    let invoice = books.invoice.as_ref().ok_or(ConversionError::Missing {
        field: "books.invoice",
    })?;
    Ok(d::DesiredBooks {
        disposition,
        client: client_from_wire(client),
        invoice: invoice_from_wire(invoice)?,
        payments: books.payments.iter().map(payment).collect::<Read<_>>()?,
        refunds: books
            .refunds
            .iter()
            .map(refunds::from_wire)
            .collect::<Read<_>>()?,
        shipping: books
            .shipping
            .iter()
            .map(shipping::from_wire)
            .collect::<Read<_>>()?,
        email_to: Some(books.email_to.clone()).filter(|to| !to.is_empty()),
        notices: books.notices.clone(),
        alternatives: books
            .alternatives
            .iter()
            .map(arithmetic::alternative_from_wire)
            .collect::<Read<_>>()?,
        held_for: books
            .held_for
            .iter()
            .map(arithmetic::held_from_wire)
            .collect::<Read<_>>()?,
    })
}

/// An exact amount as it travels.
pub fn money_to_wire(money: Money) -> WireMoney {
    WireMoney {
        amount_minor: money.amount_minor,
        currency_code: money.currency.code().to_owned(),
    }
}

/// The amount that travelled; `field` names it in errors.
pub fn money_from_wire(field: &'static str, money: Option<&WireMoney>) -> Read<Money> {
    let money = money.ok_or(ConversionError::Missing { field })?;
    Ok(Money {
        amount_minor: money.amount_minor,
        currency: currency(field, &money.currency_code)?,
    })
}

/// A client as it travels.
pub fn client_to_wire(client: &d::DesiredClient) -> w::Client {
    w::Client {
        email_key: client.email_key.clone().unwrap_or_default(),
        customer_id: client.customer_id.unwrap_or(0),
        name_key: client.name_key.clone().unwrap_or_default(),
        fields: client.fields.clone(),
    }
}

/// The domain form of a client.
pub fn client_from_wire(client: &w::Client) -> d::DesiredClient {
    let key = |text: &String| (!text.is_empty()).then(|| text.clone());
    d::DesiredClient {
        email_key: key(&client.email_key),
        customer_id: (client.customer_id != 0).then_some(client.customer_id),
        name_key: key(&client.name_key),
        fields: client.fields.clone(),
    }
}

fn invoice_to_wire(invoice: &d::DesiredInvoice) -> w::Invoice {
    w::Invoice {
        number: invoice.number.clone(),
        create_date: invoice.create_date.clone(),
        due_offset_days: invoice.due_offset_days,
        currency_code: invoice.expected_total.currency.code().to_owned(),
        fields: invoice.fields.clone(),
        lines: invoice.lines.iter().map(line_to_wire).collect(),
        expected_total: Some(money_to_wire(invoice.expected_total)),
        expected_tax: Some(money_to_wire(invoice.expected_tax)),
        rounding_bound_minor: invoice.rounding_bound_minor,
    }
}

fn invoice_from_wire(invoice: &w::Invoice) -> Read<d::DesiredInvoice> {
    Ok(d::DesiredInvoice {
        number: invoice.number.clone(),
        create_date: invoice.create_date.clone(),
        due_offset_days: invoice.due_offset_days,
        fields: invoice.fields.clone(),
        lines: invoice.lines.iter().map(line).collect::<Read<_>>()?,
        expected_total: money_from_wire("invoice.expected_total", invoice.expected_total.as_ref())?,
        expected_tax: money_from_wire("invoice.expected_tax", invoice.expected_tax.as_ref())?,
        rounding_bound_minor: invoice.rounding_bound_minor,
    })
}

fn line_to_wire(line: &d::InvoiceLine) -> w::Line {
    let kind = match line.kind {
        d::LineKind::Product => w::LineKind::Product,
        d::LineKind::Shipping => w::LineKind::Shipping,
        d::LineKind::Handling => w::LineKind::Handling,
        d::LineKind::Wrapping => w::LineKind::Wrapping,
        d::LineKind::Fee => w::LineKind::Fee,
        d::LineKind::Discount => w::LineKind::Discount,
        d::LineKind::Tax => w::LineKind::Tax,
        d::LineKind::Rounding => w::LineKind::Rounding,
        d::LineKind::Refund => w::LineKind::Refund,
    };
    let tax = |tax: &d::LineTax| w::LineTax {
        name: tax.name.clone(),
        percent: tax.percent.to_string(),
    };
    w::Line {
        kind: kind.into(),
        name: line.name.clone(),
        description: line.description.clone(),
        quantity: line.quantity.to_string(),
        unit_cost: line.unit_cost.to_string(),
        tax1: line.tax1.as_ref().map(tax),
        tax2: line.tax2.as_ref().map(tax),
        compounded: line.compounded,
        rebills: line.rebills.clone().unwrap_or_default(),
    }
}

fn line(line: &w::Line) -> Read<d::InvoiceLine> {
    let kind = match w::LineKind::try_from(line.kind) {
        Ok(w::LineKind::Product) => d::LineKind::Product,
        Ok(w::LineKind::Shipping) => d::LineKind::Shipping,
        Ok(w::LineKind::Handling) => d::LineKind::Handling,
        Ok(w::LineKind::Wrapping) => d::LineKind::Wrapping,
        Ok(w::LineKind::Fee) => d::LineKind::Fee,
        Ok(w::LineKind::Discount) => d::LineKind::Discount,
        Ok(w::LineKind::Tax) => d::LineKind::Tax,
        Ok(w::LineKind::Rounding) => d::LineKind::Rounding,
        Ok(w::LineKind::Refund) => d::LineKind::Refund,
        Ok(w::LineKind::Unspecified) => {
            return Err(ConversionError::Missing {
                field: "lines.kind",
            });
        }
        Err(_) => {
            return Err(ConversionError::UnknownValue {
                field: "lines.kind",
            });
        }
    };
    let tax = |tax: &w::LineTax| -> Read<d::LineTax> {
        Ok(d::LineTax {
            name: tax.name.clone(),
            percent: decimal("lines.tax.percent", &tax.percent)?,
        })
    };
    Ok(d::InvoiceLine {
        kind,
        name: line.name.clone(),
        description: line.description.clone(),
        quantity: decimal("lines.quantity", &line.quantity)?,
        unit_cost: decimal("lines.unit_cost", &line.unit_cost)?,
        tax1: line.tax1.as_ref().map(tax).transpose()?,
        tax2: line.tax2.as_ref().map(tax).transpose()?,
        compounded: line.compounded,
        rebills: (!line.rebills.is_empty()).then(|| line.rebills.clone()),
    })
}

fn payment_to_wire(payment: &d::DesiredPayment) -> w::Payment {
    w::Payment {
        key: payment.key.clone(),
        amount: Some(money_to_wire(payment.amount)),
        date: payment.date.clone(),
        r#type: payment.kind.clone(),
        note: payment.note.clone(),
        captured: Some(money_to_wire(payment.captured)),
    }
}

fn payment(payment: &w::Payment) -> Read<d::DesiredPayment> {
    let amount = money_from_wire("payments.amount", payment.amount.as_ref())?;
    let captured = match &payment.captured {
        // Plans of before refunds were carried name no other amount.
        None => amount,
        captured => money_from_wire("payments.captured", captured.as_ref())?,
    };
    Ok(d::DesiredPayment {
        key: payment.key.clone(),
        amount,
        captured,
        date: payment.date.clone(),
        kind: payment.r#type.clone(),
        note: payment.note.clone(),
    })
}

#[cfg(test)]
mod tests;
