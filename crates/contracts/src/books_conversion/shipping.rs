//! Wire and domain forms of the expenses that an invoice rebills.

use domain::books as d;

use super::{Read, money_from_wire, money_to_wire};
use crate::books as w;

pub(super) fn to_wire(expense: &d::ShippingExpense) -> w::ShippingExpense {
    w::ShippingExpense {
        key: expense.key.clone(),
        category: expense.category.clone(),
        number: expense.number.clone(),
        date: expense.date.clone(),
        amount: Some(money_to_wire(expense.amount)),
        note: expense.note.clone(),
    }
}

pub(super) fn from_wire(expense: &w::ShippingExpense) -> Read<d::ShippingExpense> {
    Ok(d::ShippingExpense {
        key: expense.key.clone(),
        category: expense.category.clone(),
        number: expense.number.clone(),
        date: expense.date.clone(),
        amount: money_from_wire("shipping.amount", expense.amount.as_ref())?,
        note: expense.note.clone(),
    })
}
