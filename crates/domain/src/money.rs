//! Exact money: whole smallest units of one currency.
//!
//! Not here: formatting for people beyond plain decimal text, and exchange rates.

use std::fmt;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// An ISO 4217 currency that Tillbook knows the smallest unit of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

/// An exact amount: smallest units of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    pub amount_minor: i64,
    pub currency: Currency,
}

/// What can go wrong with money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("currency {0:?} is not an ISO 4217 code Tillbook knows")]
    UnknownCurrency(String),
    #[error("an amount leaves the range of money (about 92 quadrillion units)")]
    Overflow,
    #[error("{left} and {right} are different currencies and cannot be combined")]
    CurrencyMismatch { left: Currency, right: Currency },
    #[error("{amount} has more decimals than {currency} has")]
    TooPrecise { amount: Decimal, currency: Currency },
}

/// Currencies whose smallest unit is not a hundredth. Source: ISO 4217 list one.
const UNUSUAL_DECIMALS: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// Currencies with hundredths. Source: ISO 4217 list one.
const HUNDREDTHS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL \
BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR \
LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN \
PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB \
TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG";

/// No currency.
impl Default for Currency {
    fn default() -> Self {
        Self::NONE
    }
}

impl Currency {
    /// ISO 4217's code for no currency: stands where an order has none, e.g. because it is gone.
    pub const NONE: Self = Self {
        code: *b"XXX",
        decimals: 0,
    };

    /// The currency of an ISO 4217 code; upper and lower case are the same.
    pub fn from_code(code: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownCurrency(code.to_owned());
        let mut bytes: [u8; 3] = code.trim().as_bytes().try_into().map_err(|_| unknown())?;
        bytes.make_ascii_uppercase();
        let same = |known: &str| known.as_bytes() == bytes;
        if bytes == Self::NONE.code {
            return Ok(Self::NONE);
        }
        if let Some((_, decimals)) = UNUSUAL_DECIMALS.iter().find(|(known, _)| same(known)) {
            return Ok(Self {
                code: bytes,
                decimals: *decimals,
            });
        }
        if HUNDREDTHS.split_ascii_whitespace().any(same) {
            return Ok(Self {
                code: bytes,
                decimals: 2,
            });
        }
        Err(unknown())
    }

    /// ISO 4217 code, upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// How many decimals the currency has: 2 for USD, 0 for JPY.
    pub fn decimals(&self) -> u32 {
        u32::from(self.decimals)
    }
}

impl Money {
    /// Zero of a currency.
    pub fn zero(currency: Currency) -> Self {
        Self {
            amount_minor: 0,
            currency,
        }
    }

    /// The exact amount; an error when `amount` has more decimals than the currency.
    pub fn exact(amount: Decimal, currency: Currency) -> Result<Self, Error> {
        let money = Self::rounded(amount, currency)?;
        if money.to_decimal() == amount {
            Ok(money)
        } else {
            Err(Error::TooPrecise { amount, currency })
        }
    }

    /// The amount rounded half away from zero to the smallest unit.
    pub fn rounded(amount: Decimal, currency: Currency) -> Result<Self, Error> {
        let rounded = amount
            .round_dp_with_strategy(currency.decimals(), RoundingStrategy::MidpointAwayFromZero);
        let scale = Decimal::from(10_i64.pow(currency.decimals()));
        let amount_minor = rounded
            .checked_mul(scale)
            .and_then(|minor| minor.to_i64())
            .ok_or(Error::Overflow)?;
        Ok(Self {
            amount_minor,
            currency,
        })
    }

    /// The amount as a decimal with exactly the currency's decimals.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.amount_minor, self.currency.decimals())
    }

    /// The sum; an error on overflow or mixed currencies.
    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        self.same_currency(other)?;
        let amount_minor = self
            .amount_minor
            .checked_add(other.amount_minor)
            .ok_or(Error::Overflow)?;
        Ok(Self {
            amount_minor,
            ..self
        })
    }

    /// The difference; an error on overflow or mixed currencies.
    pub fn checked_sub(self, other: Self) -> Result<Self, Error> {
        self.same_currency(other)?;
        let amount_minor = self
            .amount_minor
            .checked_sub(other.amount_minor)
            .ok_or(Error::Overflow)?;
        Ok(Self {
            amount_minor,
            ..self
        })
    }

    fn same_currency(self, other: Self) -> Result<(), Error> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(Error::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            })
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Plain decimal text and the code: `19.99 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yen_has_no_cents_and_dinar_has_three_decimals() {
        assert_eq!(Currency::from_code("jpy").unwrap().decimals(), 0);
        assert_eq!(Currency::from_code("KWD").unwrap().decimals(), 3);
        assert!(matches!(
            Currency::from_code("XYZ"),
            Err(Error::UnknownCurrency(_))
        ));
    }

    #[test]
    fn rounding_is_half_away_from_zero_and_exact_refuses_it() {
        let usd = Currency::from_code("USD").unwrap();
        let half_cent = Decimal::new(10_005, 3);
        assert_eq!(Money::rounded(half_cent, usd).unwrap().amount_minor, 1001);
        assert_eq!(Money::rounded(-half_cent, usd).unwrap().amount_minor, -1001);
        assert!(matches!(
            Money::exact(half_cent, usd),
            Err(Error::TooPrecise { .. })
        ));
    }

    #[test]
    fn mixed_currencies_and_overflow_are_errors() {
        let usd = Money {
            amount_minor: i64::MAX,
            currency: Currency::from_code("USD").unwrap(),
        };
        let eur = Money::zero(Currency::from_code("EUR").unwrap());
        assert_eq!(usd.checked_add(usd), Err(Error::Overflow));
        assert!(matches!(
            usd.checked_add(eur),
            Err(Error::CurrencyMismatch { .. })
        ));
    }
}
