//! Sums and texts of amounts. Not here: rounding; the proof never rounds a figure it was told.

use domain::money::Currency;
use rust_decimal::Decimal;

/// The sum. One beyond the range of decimals stays at its end: it then equals nothing, and is
/// reported as a difference rather than lost.
pub(crate) fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Decimal {
    amounts.into_iter().fold(Decimal::ZERO, plus)
}

pub(crate) fn plus(left: Decimal, right: Decimal) -> Decimal {
    left.checked_add(right).unwrap_or(Decimal::MAX)
}

pub(crate) fn minus(left: Decimal, right: Decimal) -> Decimal {
    left.checked_sub(right).unwrap_or(Decimal::MIN)
}

/// `amount` of `percent`; zero where it leaves the range.
pub(crate) fn percent_of(amount: Decimal, percent: Decimal) -> Decimal {
    amount
        .checked_mul(percent)
        .and_then(|value| value.checked_div(Decimal::ONE_HUNDRED))
        .unwrap_or_default()
}

/// One smallest unit; a hundredth where the currency is not known.
pub(crate) fn unit(currency: &str) -> Decimal {
    Decimal::new(1, decimals(currency))
}

pub(crate) fn decimals(currency: &str) -> u32 {
    Currency::from_code(currency).map_or(2, |known| known.decimals())
}

/// Plain text with the currency's decimals, and more only where the amount has more.
pub(crate) fn shown(amount: Decimal, currency: &str) -> String {
    let mut plain = amount.normalize();
    if plain.scale() < decimals(currency) {
        plain.rescale(decimals(currency));
    }
    plain.to_string()
}

/// The same with the code: `12.50 USD`.
pub(crate) fn money(amount: Decimal, currency: &str) -> String {
    format!("{} {currency}", shown(amount, currency))
}

/// Amounts in JSON are texts.
pub(crate) mod text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(
        amount: &Decimal,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&amount.to_string())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Decimal, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_their_currencys_decimals() {
        let shown = |text: &str, code| money(text.parse().unwrap(), code);
        assert_eq!(shown("109.0000", "USD"), "109.00 USD");
        assert_eq!(shown("1200", "JPY"), "1200 JPY");
        assert_eq!(shown("0.005", "USD"), "0.005 USD");
        assert_eq!(shown("3.5", "KWD"), "3.500 KWD");
    }

    #[test]
    fn a_sum_beyond_the_range_is_no_panic() {
        assert_eq!(sum([Decimal::MAX, Decimal::MAX]), Decimal::MAX);
    }
}
