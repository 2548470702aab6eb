//! What the order of a dead letter comes to, as far as its original says.
//!
//! Only the amount is taken. A customer or product has none, and neither has a hint.

use domain::money::{Currency, Money};
use serde_json::Value;

use crate::books::DesiredBooks;
use crate::event::Entity;
use crate::money;
use crate::order::{OrderSnapshot, ValidatedOrder};
use crate::original::Original;
use crate::snapshot_document;

/// The order's total; `None` when the original does not say.
pub fn at_stake(original: &Original) -> Option<money::Money> {
    match original {
        Original::Hint(_) => None,
        Original::Snapshot(snapshot) => of_snapshot(snapshot),
        Original::Validated(validated) => of_validated(validated),
        Original::Desired(desired) => of_desired(desired),
        Original::Plan(plan) => of_desired(plan.books.as_ref()?),
    }
}

fn of_desired(books: &DesiredBooks) -> Option<money::Money> {
    books.invoice.as_ref()?.expected_total.clone()
}

fn of_validated(validated: &ValidatedOrder) -> Option<money::Money> {
    let order = validated.order.as_ref()?;
    let amount = &order.totals.as_ref()?.total.as_ref()?.inc_tax;
    exact(amount, &order.currency_code)
}

/// A document that was not validated yet is read tolerantly: it is here because it has faults.
fn of_snapshot(snapshot: &OrderSnapshot) -> Option<money::Money> {
    if snapshot.event.as_ref()?.entity() != Entity::Order {
        return None;
    }
    let bytes = snapshot_document::read(snapshot).ok()?;
    let document: Value = serde_json::from_slice(&bytes).ok()?;
    let order = document.get("order")?;
    let amount = match order.get("total_inc_tax")? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    // In the order `domain::validate` reads them.
    let codes = ["default_currency_code", "currency_code"];
    let code = codes.into_iter().find_map(|name| order.get(name));
    exact(&amount, code?.as_str()?)
}

fn exact(amount: &str, currency_code: &str) -> Option<money::Money> {
    let currency = Currency::from_code(currency_code).ok()?;
    let exact = Money::exact(amount.parse().ok()?, currency).ok()?;
    Some(money::Money {
        amount_minor: exact.amount_minor,
        currency_code: currency_code.to_owned(),
    })
}
