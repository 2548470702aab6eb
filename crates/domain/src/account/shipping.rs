//! Shipping as an expense that the invoice rebills: one for each shipping line that costs something.
//!
//! The line keeps its amount and its taxes, so the total and the tax in it still stand. Not here:
//! what shipping cost ([`crate::accounting::entries`]).

use super::not_computable;
use crate::accounting::Hold;
use crate::books::{DesiredInvoice, LineKind, ShippingExpense};
use crate::money::{Error, Money};
use crate::policy::ShippingMode;

/// The expenses, and the invoice's lines naming them; none with `shipping = "line"`.
pub(super) fn book(
    mode: &ShippingMode,
    invoice: &mut DesiredInvoice,
) -> Result<Vec<ShippingExpense>, Hold> {
    let ShippingMode::Expense(category) = mode else {
        return Ok(Vec::new());
    };
    let currency = invoice.expected_total.currency;
    let mut expenses = Vec::new();
    let lines = invoice.lines.iter_mut();
    for line in lines.filter(|line| line.kind == LineKind::Shipping) {
        let amount = line.quantity.checked_mul(line.unit_cost);
        let amount = amount
            .ok_or(Error::Overflow)
            .and_then(|amount| Money::exact(amount, currency))
            .map_err(|error| not_computable(&error))?;
        if amount.amount_minor <= 0 {
            continue;
        }
        let place = expenses.len().saturating_add(1);
        let key = format!("shipping:{place}");
        let marker = ShippingExpense::marker(&invoice.number, &key);
        line.rebills = Some(key.clone());
        expenses.push(ShippingExpense {
            key,
            category: category.clone(),
            number: format!("{}-S{place}", invoice.number),
            date: invoice.create_date.clone(),
            amount,
            note: format!("Shipping of {marker}"),
        });
    }
    Ok(expenses)
}
