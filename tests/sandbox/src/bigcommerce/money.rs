//! Exact money: currency digits, rounding, spreading, and the two spellings BigCommerce uses.
//!
//! V2 writes money as text with four decimals, V3 as JSON numbers. Nothing here is ever a float.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value};

/// Digits behind the point of a currency as every store here has it set, two when the code is not
/// known. Stores keep forints and pesos whole although ISO 4217 gives them two digits.
pub(crate) fn digits(code: &str) -> u32 {
    match code {
        "COP" | "HUF" => 0,
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Rounds half away from zero to `digits` decimals.
pub(crate) fn round(amount: Decimal, digits: u32) -> Decimal {
    amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
}

/// V2's spelling: text with exactly four decimals.
pub(crate) fn text4(amount: Decimal) -> Value {
    Value::String(plain4(amount))
}

/// [`text4`] as a plain string.
pub(crate) fn plain4(amount: Decimal) -> String {
    format!("{:.4}", round(amount, 4))
}

/// V3's spelling: a JSON number whose digits are the amount's own.
pub(crate) fn number(amount: Decimal) -> Value {
    amount
        .normalize()
        .to_string()
        .parse::<Number>()
        .map_or(Value::Null, Value::Number)
}

/// Reads an amount from JSON text or a JSON number, without passing through a float.
pub(crate) fn read(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => {
            let text = number.to_string();
            text.parse()
                .ok()
                .or_else(|| Decimal::from_scientific(&text).ok())
        }
        _ => None,
    }
}

/// Splits `total` by `weights` so that the parts sum to it exactly, each rounded to `digits`.
///
/// Cumulative rounding: no part is more than one smallest unit off its fair share.
pub(crate) fn spread(total: Decimal, weights: &[Decimal], digits: u32) -> Vec<Decimal> {
    let sum: Decimal = weights.iter().copied().sum();
    if sum.is_zero() {
        return vec![Decimal::ZERO; weights.len()];
    }
    let mut seen = Decimal::ZERO;
    let mut given = Decimal::ZERO;
    weights
        .iter()
        .map(|weight| {
            seen += weight;
            let target = if seen == sum {
                total
            } else {
                round(total * seen / sum, digits)
            };
            let part = target - given;
            given = target;
            part
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_money_has_four_decimals_and_v3_money_is_an_exact_number() {
        let amount: Decimal = "109.9".parse().unwrap();
        assert_eq!(text4(amount), Value::String("109.9000".into()));
        assert_eq!(number(amount).to_string(), "109.9");
        assert_eq!(
            number("0.10000000000000001".parse().unwrap()).to_string(),
            "0.10000000000000001"
        );
    }

    #[test]
    fn spreading_loses_nothing() {
        let weights: Vec<Decimal> = [1, 1, 1].into_iter().map(Decimal::from).collect();
        let parts = spread(Decimal::new(1000, 2), &weights, 2);
        assert_eq!(
            parts.iter().copied().sum::<Decimal>(),
            Decimal::new(1000, 2)
        );
        assert_eq!(parts[0], Decimal::new(333, 2));
    }
}
