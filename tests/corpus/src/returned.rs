//! What was given back, against the store's own refund records: amount, tax, and the document's sum.

use domain::books::{DesiredBooks, DesiredRefund, RefundDocument};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::bound::bound_minor;

/// Checks the tax of every refund that stands as a document of its own. `unit` is the smallest one of
/// the currency in this store; what rounding alone explains may differ.
///
/// # Errors
/// What differs, in words.
pub(crate) fn check(document: &Value, books: &DesiredBooks, unit: Decimal) -> Result<(), String> {
    let records = document.get("refunds").and_then(Value::as_array);
    let mut left = figure(&document["order"], "total_tax");
    let mut left_amount = figure(&document["order"], "total_inc_tax");
    for record in records.into_iter().flatten().filter(|record| moved(record)) {
        let amount = figure(record, "total_amount");
        let told = figure(record, "total_tax");
        let key = format!("refund:{}", record["id"]);
        let booked = books.refunds.iter().find(|refund| refund.key == key);
        let Some(refund) = booked.filter(|refund| refund.document != RefundDocument::None) else {
            return Ok(());
        };
        if refund.amount.to_decimal() != amount {
            return Err(format!(
                "{key} of {amount} is {} in the books",
                refund.amount
            ));
        }
        let overridden = record["uses_merchant_override_values"] == Value::Bool(true);
        let tax = if overridden || !told.is_zero() {
            Some(told)
        } else if amount == left_amount {
            // All that is left takes all the tax that is left with it.
            Some(left)
        } else {
            None
        };
        if let Some(tax) = tax {
            same_tax(refund, tax, unit, &key)?;
        }
        left -= refund.tax.to_decimal();
        left_amount -= amount;
    }
    Ok(())
}

fn same_tax(refund: &DesiredRefund, tax: Decimal, unit: Decimal, key: &str) -> Result<(), String> {
    let decimals = refund.tax.currency.decimals();
    // FreshBooks makes the document's tax of its lines' percents; none is none.
    let bound = match tax.is_zero() {
        true => Decimal::ZERO,
        false => bound_minor(&Value::Null, &refund.lines, unit, decimals).into(),
    };
    let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    let tax = tax.round_dp_with_strategy(decimals, strategy);
    let off = (refund.tax.to_decimal() - tax).abs();
    if off <= bound * Decimal::new(1, decimals) {
        return Ok(());
    }
    Err(format!(
        "{key} gives {} of tax back, the store says {tax}",
        refund.tax
    ))
}

/// Whether any money of it went back.
fn moved(record: &Value) -> bool {
    let payments = record.get("payments").and_then(Value::as_array);
    let mut payments = payments.into_iter().flatten();
    payments.any(|payment| payment["is_declined"] != Value::Bool(true))
}

/// V2 writes amounts as text, V3 as numbers.
fn figure(of: &Value, name: &str) -> Decimal {
    let text = match &of[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse().unwrap_or_default()
}
