//! One value of an order, borrowed, and the type it has.
//!
//! Not here: where values are found; see `view`.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::books::LineKind;
use crate::money::{Currency, Money};

/// The type of a source or target field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    Text,
    Integer,
    Decimal,
    Bool,
    /// `YYYY-MM-DD`.
    Date,
    /// The kind of an invoice line, e.g. `product`.
    LineKind,
    /// A FreshBooks payment type, e.g. `Credit Card`.
    PaymentType,
    /// A merchant's own field: text whose use as a number is checked order by order.
    Custom,
}

impl FieldType {
    /// Its name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "whole number",
            Self::Decimal => "decimal number",
            Self::Bool => "yes/no",
            Self::Date => "date",
            Self::LineKind => "line kind",
            Self::PaymentType => "payment type",
            Self::Custom => "custom field",
        }
    }

    /// Whether a value of this type may go where `target` is wanted. Everything has a text.
    pub(super) fn fits(self, target: Self) -> bool {
        match target {
            Self::Text => true,
            Self::Decimal => matches!(self, Self::Decimal | Self::Integer | Self::Custom),
            Self::Integer => matches!(self, Self::Integer | Self::Custom),
            other => self == other,
        }
    }
}

/// One value. `Missing` stands for an absent field and for empty text alike, since BigCommerce
/// sends `""` for what was never filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read<'a> {
    Missing,
    Text(Cow<'a, str>),
    Integer(i128),
    Decimal(Decimal),
    Bool(bool),
}

impl<'a> Read<'a> {
    /// Text without white space at its ends; `Missing` when nothing is left.
    pub(super) fn text(text: &'a str) -> Self {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            Self::Missing
        } else {
            Self::Text(Cow::Borrowed(trimmed))
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Its text; `None` when missing. Decimals are written without trailing zeros.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Missing => None,
            Self::Text(text) => Some(text),
            Self::Integer(value) => Some(Cow::Owned(value.to_string())),
            Self::Decimal(value) => Some(Cow::Owned(value.normalize().to_string())),
            Self::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
        }
    }

    /// Its exact number; `None` when it is no number.
    pub(super) fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Integer(value) => Decimal::try_from_i128_with_scale(*value, 0).ok(),
            Self::Decimal(value) => Some(*value),
            Self::Text(text) => Decimal::from_str_exact(text).ok(),
            Self::Missing | Self::Bool(_) => None,
        }
    }
}

/// A field of the order that can be read as one value of one type.
pub(super) trait Readable {
    const TYPE: FieldType;
    fn read(&self) -> Read<'_>;
}

impl Readable for String {
    const TYPE: FieldType = FieldType::Text;
    fn read(&self) -> Read<'_> {
        Read::text(self)
    }
}

impl Readable for Decimal {
    const TYPE: FieldType = FieldType::Decimal;
    fn read(&self) -> Read<'_> {
        Read::Decimal(*self)
    }
}

impl Readable for Money {
    const TYPE: FieldType = FieldType::Decimal;
    fn read(&self) -> Read<'_> {
        Read::Decimal(self.to_decimal())
    }
}

impl Readable for Currency {
    const TYPE: FieldType = FieldType::Text;
    fn read(&self) -> Read<'_> {
        Read::text(self.code())
    }
}

impl Readable for bool {
    const TYPE: FieldType = FieldType::Bool;
    fn read(&self) -> Read<'_> {
        Read::Bool(*self)
    }
}

impl Readable for u64 {
    const TYPE: FieldType = FieldType::Integer;
    fn read(&self) -> Read<'_> {
        Read::Integer(i128::from(*self))
    }
}

impl Readable for u32 {
    const TYPE: FieldType = FieldType::Integer;
    fn read(&self) -> Read<'_> {
        Read::Integer(i128::from(*self))
    }
}

impl Readable for LineKind {
    const TYPE: FieldType = FieldType::LineKind;
    fn read(&self) -> Read<'_> {
        Read::Text(Cow::Borrowed(kind_text(*self)))
    }
}

impl<T: Readable> Readable for Option<T> {
    const TYPE: FieldType = T::TYPE;
    fn read(&self) -> Read<'_> {
        self.as_ref().map_or(Read::Missing, Readable::read)
    }
}

/// The kinds of invoice lines by their text in a mapping.
pub(super) const LINE_KINDS: &[(&str, LineKind)] = &[
    ("product", LineKind::Product),
    ("shipping", LineKind::Shipping),
    ("handling", LineKind::Handling),
    ("wrapping", LineKind::Wrapping),
    ("fee", LineKind::Fee),
    ("discount", LineKind::Discount),
    ("tax", LineKind::Tax),
    ("rounding", LineKind::Rounding),
];

fn kind_text(kind: LineKind) -> &'static str {
    LINE_KINDS
        .iter()
        .find(|(_, known)| *known == kind)
        .map_or("product", |(text, _)| text)
}

/// The kind a text names.
pub(super) fn kind_of(text: &str) -> Option<LineKind> {
    LINE_KINDS
        .iter()
        .find(|(known, _)| *known == text)
        .map(|(_, kind)| *kind)
}
