//! Reading what a caller wrote: each field checked for its type, refused by the vendor's errno.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::arithmetic;
use super::super::call::Doc;
use super::super::errors::{Refusal, errno};
use super::super::state::Settings;

/// Largest number taken, either way from zero. FreshBooks tells none; a yen needs more than a cent.
const LARGEST: u64 = 1_000_000_000_000;
/// Largest percent taken.
const LARGEST_PERCENT: u64 = 1_000;

/// The body of a write to one object.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) object: &'static str,
    body: &'a Doc,
    settings: &'a Settings,
}

/// A field that is absent, null, or has a value: a PUT tells the three apart.
pub(super) type Given<T> = Option<Option<T>>;

impl<'a> Input<'a> {
    pub(super) fn new(object: &'static str, body: &'a Doc, settings: &'a Settings) -> Self {
        Self {
            object,
            body,
            settings,
        }
    }

    /// The same checks on a nested object.
    pub(super) fn nested(&self, body: &'a Doc) -> Self {
        Self { body, ..*self }
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.body.contains_key(field)
    }

    pub(super) fn raw(&self, field: &str) -> Option<&'a Value> {
        self.body.get(field)
    }

    fn given(&self, field: &str) -> Given<&'a Value> {
        self.body
            .get(field)
            .map(|value| if value.is_null() { None } else { Some(value) })
    }

    pub(super) fn text(&self, field: &str) -> Result<Given<String>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(self.given(field).map(|_| None));
        };
        let Value::String(text) = value else {
            let message = format!("{field} must be a string.");
            return Err(self.refuse(field, errno::INVALID_VALUE, message, value));
        };
        self.check_text(field, text, value)?;
        Ok(Some(Some(text.clone())))
    }

    /// The characters and the length that this account takes in a field.
    fn check_text(&self, field: &str, text: &str, value: &Value) -> Result<(), Refusal> {
        let settings = self.settings;
        let control = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
        if text.contains(|letter| control(letter) || settings.refused_characters.contains(letter)) {
            let message = format!("{field} contains an invalid character.");
            return Err(self.refuse(field, errno::CHARACTER, message, value));
        }
        if settings.refuse_four_byte_unicode && text.chars().any(|letter| letter.len_utf8() == 4) {
            let message = format!("{field} contains unsupported unicode.");
            return Err(self.refuse(field, errno::UNICODE, message, value));
        }
        match settings.text_limits.of(self.object, field) {
            Some(most) if text.chars().count() > most => {
                let message = format!("{field} is longer than {most} characters.");
                Err(self.refuse(field, errno::TOO_LONG, message, value))
            }
            _ => Ok(()),
        }
    }

    /// Copies the text fields that are present; null becomes null.
    pub(super) fn copy_text(&self, into: &mut Doc, fields: &[&str]) -> Result<(), Refusal> {
        for field in fields {
            if let Some(value) = self.text(field)? {
                into.insert((*field).into(), value.map_or(Value::Null, Value::String));
            }
        }
        Ok(())
    }

    pub(super) fn date(&self, field: &str) -> Result<Option<String>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(None);
        };
        let date = value.as_str().filter(|text| is_date(text));
        date.map(|text| Some(text.to_owned())).ok_or_else(|| {
            self.refuse(
                field,
                errno::DATE,
                format!("{field} must be a date, YYYY-MM-DD."),
                value,
            )
        })
    }

    pub(super) fn required_date(&self, field: &str) -> Result<String, Refusal> {
        self.date(field)?
            .ok_or_else(|| Refusal::required(self.object, field))
    }

    /// An integer, as a number or as digits.
    pub(super) fn integer(&self, field: &str) -> Result<Option<i64>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(None);
        };
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| {
            self.refuse(
                field,
                errno::NUMBER,
                format!("{field} must be an integer."),
                value,
            )
        })
    }

    pub(super) fn required_id(&self, field: &str) -> Result<u64, Refusal> {
        let number = self
            .integer(field)?
            .ok_or_else(|| Refusal::required(self.object, field))?;
        Ok(u64::try_from(number).unwrap_or(0))
    }

    pub(super) fn boolean(&self, field: &str) -> Result<Option<bool>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(None);
        };
        value.as_bool().map(Some).ok_or_else(|| {
            self.refuse(
                field,
                errno::BOOLEAN,
                format!("{field} must be a boolean."),
                value,
            )
        })
    }

    pub(super) fn decimal(&self, field: &str) -> Result<Option<Decimal>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(None);
        };
        decimal(value).map(Some).ok_or_else(|| {
            self.refuse(
                field,
                errno::NUMBER,
                format!("{field} must be a number."),
                value,
            )
        })
    }

    /// A percent: 0 or more, at most three decimals.
    pub(super) fn percent(&self, field: &str) -> Result<Option<Decimal>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(None);
        };
        let percent = decimal(value)
            .map(|percent| percent.normalize())
            .filter(|percent| !percent.is_sign_negative() && percent.scale() <= 3)
            .filter(|percent| *percent <= Decimal::from(LARGEST_PERCENT));
        percent.map(Some).ok_or_else(|| {
            let message = format!("{field} must be a percent with at most 3 decimals.");
            self.refuse(field, errno::PERCENT, message, value)
        })
    }

    /// `{"amount","code"}`; the code may be missing.
    pub(super) fn money(&self, field: &str) -> Result<Option<(Decimal, Option<String>)>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(None);
        };
        let amount = value.get("amount").and_then(decimal);
        let amount = amount.ok_or_else(|| {
            let message = format!("{field} must be an object with an amount.");
            self.refuse(field, errno::INVALID_VALUE, message, value)
        })?;
        let code = value.get("code").and_then(Value::as_str).map(str::to_owned);
        Ok(Some((amount, code)))
    }

    /// Three capital letters.
    pub(super) fn currency(&self, field: &str) -> Result<Option<String>, Refusal> {
        let Some(Some(value)) = self.given(field) else {
            return Ok(None);
        };
        let code = value
            .as_str()
            .filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
        code.map(|code| Some(code.to_owned())).ok_or_else(|| {
            let message = format!("{field} must be a currency code.");
            self.refuse(field, errno::INVALID_VALUE, message, value)
        })
    }

    pub(super) fn refuse(
        &self,
        field: &str,
        errno: u32,
        message: impl Into<String>,
        value: &Value,
    ) -> Refusal {
        let value = super::super::call::plain(value);
        Refusal::field(self.object, field, errno, message).with_value(value)
    }
}

/// A number given as a JSON number or as text; exact either way. None beyond ten thousand
/// million, so that no product of such numbers leaves the range of a decimal.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let number: Decimal = text
        .parse()
        .ok()
        .or_else(|| Decimal::from_scientific(&text).ok())?;
    (number.abs() <= Decimal::from(LARGEST)).then_some(number)
}

/// `YYYY-MM-DD` and a day that exists.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// Money as it is read: the amount a string, with all the decimals of its currency.
pub(super) fn money(amount: Decimal, currency: &str) -> Value {
    json!({"amount": amount_text(amount, currency), "code": currency})
}

/// An amount padded to its currency's decimals; finer ones stay.
pub(super) fn amount_text(amount: Decimal, currency: &str) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < arithmetic::decimals(currency) {
        amount.rescale(arithmetic::decimals(currency));
    }
    amount.to_string()
}

/// A quantity or percent as it is read: a string without trailing zeros.
pub(super) fn number_text(number: Decimal) -> Value {
    Value::String(number.normalize().to_string())
}

/// The amount of a stored money field, zero when there is none.
pub(super) fn stored_amount(row: &Doc, field: &str) -> Decimal {
    row.get(field)
        .and_then(|money| money.get("amount"))
        .and_then(decimal)
        .unwrap_or_default()
}
