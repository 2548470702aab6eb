//! Reading loosely typed vendor JSON without floats.
//!
//! Vendors write ids and amounts as numbers or as strings. Not here: what a field is for.

use rust_decimal::Decimal;
use serde_json::Value;

/// An id: a number or a numeric string.
pub(crate) fn id(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An exact decimal: a number or a numeric string.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        // `arbitrary_precision` keeps the number's own text.
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    Decimal::from_str_exact(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()
}

/// A text; null and absent are the empty text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

/// True for `true`, 1 and "true".
pub(crate) fn flag(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(text) => text == "true" || text == "1",
        _ => false,
    }
}

/// Whether an amount is there and is not zero.
pub(crate) fn is_nonzero(value: &Value) -> bool {
    decimal(value).is_some_and(|amount| !amount.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_and_amounts_are_numbers_or_strings_and_stay_exact() {
        assert_eq!(id(&json!(12)), Some(12));
        assert_eq!(id(&json!("12")), Some(12));
        assert_eq!(id(&json!(-1)), None);
        let number: Value = serde_json::from_str("0.30000000000000004").unwrap();
        assert_eq!(decimal(&number).unwrap().to_string(), "0.30000000000000004");
        assert_eq!(decimal(&json!("109.0000")), Some(Decimal::from(109)));
        assert_eq!(decimal(&json!("")), None);
    }
}
