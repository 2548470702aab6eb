//! Wire and domain forms of an order.
//!
//! Amounts travel as decimal text, absent ids as 0, absent texts as empty. Reading checks what the
//! domain's types promise and names the field that breaks it. Not here: rules about orders (see
//! `domain::validate`).

mod from_wire;
mod names;
mod to_wire;

pub use self::from_wire::from_wire;
pub(crate) use self::from_wire::{address, currency, decimal};
pub(crate) use self::to_wire::address_to_wire;
pub use self::to_wire::to_wire;

/// A wire message that is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("{field} is missing; the sender must fill it")]
    Missing { field: &'static str },
    #[error("{field} is no decimal number; the sender must write plain decimal text")]
    NotDecimal { field: &'static str },
    #[error("{field} names no known value; sender and receiver differ in version")]
    UnknownValue { field: &'static str },
    #[error("{field} is no currency Tillbook knows")]
    Currency {
        field: &'static str,
        source: domain::money::Error,
    },
}

type Read<T> = Result<T, ConversionError>;

#[cfg(test)]
mod tests;
