//! What FreshBooks will make of an invoice's lines, predicted.
//!
//! No source states FreshBooks' rounding, so the assumption is one small replaceable [`Model`].
//! After every write the answered total is compared again with [`correction`]. Not here: which
//! lines an order has.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::books::{InvoiceLine, LineTax};
use crate::money::{Currency, Error, Money};

/// Where FreshBooks rounds tax to the smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Model {
    /// Each tax of each line.
    #[default]
    PerLine,
    /// Each tax name and percent, over all lines.
    PerTax,
    /// The invoice's tax once.
    PerInvoice,
}

/// The figures of one line.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    pub quantity: Decimal,
    pub unit_cost: Decimal,
    pub tax1: Option<&'a LineTax>,
    pub tax2: Option<&'a LineTax>,
    pub compounded: bool,
}

/// What an invoice will show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// With tax.
    pub total: Money,
    pub tax: Money,
    /// Lines that carry a tax.
    pub taxed_lines: u64,
}

/// What has to be done about an answered total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    None,
    /// Add this amount as an untaxed line.
    Line(Money),
    /// More than the policy ever plugs: hold the order.
    Beyond,
}

impl<'a> From<&'a InvoiceLine> for Figures<'a> {
    fn from(line: &'a InvoiceLine) -> Self {
        Self {
            quantity: line.quantity,
            unit_cost: line.unit_cost,
            tax1: line.tax1.as_ref(),
            tax2: line.tax2.as_ref(),
            compounded: line.compounded,
        }
    }
}

impl Model {
    /// The total and tax FreshBooks will compute. Errors only on overflow.
    pub fn predict<'a>(
        self,
        lines: impl IntoIterator<Item = Figures<'a>>,
        currency: Currency,
    ) -> Result<Predicted, Error> {
        let mut net = Decimal::ZERO;
        let mut tax = Decimal::ZERO;
        let mut taxed_lines = 0;
        let mut by_tax: Vec<(&LineTax, Decimal)> = Vec::new();
        for line in lines {
            let amount = round(mul(line.quantity, line.unit_cost)?, currency);
            net = add(net, amount)?;
            if line.tax1.is_none() && line.tax2.is_none() {
                continue;
            }
            taxed_lines += 1;
            let (first, second) = raw_taxes(amount, line, currency, self == Self::PerLine)?;
            match self {
                Self::PerLine | Self::PerInvoice => tax = add(tax, add(first, second)?)?,
                Self::PerTax => {
                    for (name, share) in [(line.tax1, first), (line.tax2, second)] {
                        let Some(name) = name else { continue };
                        match by_tax.iter_mut().find(|(known, _)| *known == name) {
                            Some((_, sum)) => *sum = add(*sum, share)?,
                            None => by_tax.push((name, share)),
                        }
                    }
                }
            }
        }
        for (_, sum) in by_tax {
            tax = add(tax, round(sum, currency))?;
        }
        let tax = Money::rounded(tax, currency)?;
        let total = Money::rounded(net, currency)?.checked_add(tax)?;
        Ok(Predicted {
            total,
            tax,
            taxed_lines,
        })
    }
}

/// The two taxes on one amount, rounded each when `rounded`.
fn raw_taxes(
    amount: Decimal,
    line: Figures<'_>,
    currency: Currency,
    rounded: bool,
) -> Result<(Decimal, Decimal), Error> {
    let finish = |value| {
        if rounded {
            round(value, currency)
        } else {
            value
        }
    };
    let first = match line.tax1 {
        Some(tax) => finish(percent_of(amount, tax.percent)?),
        None => Decimal::ZERO,
    };
    let second = match line.tax2 {
        Some(tax) if line.compounded => finish(percent_of(add(amount, first)?, tax.percent)?),
        Some(tax) => finish(percent_of(amount, tax.percent)?),
        None => Decimal::ZERO,
    };
    Ok((first, second))
}

/// The tax FreshBooks will compute on one line of `net`, by the default model.
pub(crate) fn tax_on(
    net: Decimal,
    tax1: Option<&LineTax>,
    tax2: Option<&LineTax>,
    compounded: bool,
    currency: Currency,
) -> Result<Decimal, Error> {
    let line = Figures {
        quantity: Decimal::ONE,
        unit_cost: net,
        tax1,
        tax2,
        compounded,
    };
    let (first, second) = raw_taxes(net, line, currency, true)?;
    add(first, second)
}

/// The largest rounding line allowed: one smallest unit per two taxed lines, at least one.
pub fn rounding_bound_minor(taxed_lines: u64) -> u64 {
    (taxed_lines / 2).max(1)
}

/// Compares the total that should be with the total that FreshBooks answered. The bound is in
/// smallest units. Different currencies are always [`Correction::Beyond`].
pub fn correction(expected: Money, answered: Money, bound_minor: u64) -> Correction {
    match expected.checked_sub(answered) {
        Ok(difference) if difference.amount_minor == 0 => Correction::None,
        Ok(difference) if difference.amount_minor.unsigned_abs() <= bound_minor => {
            Correction::Line(difference)
        }
        _ => Correction::Beyond,
    }
}

fn percent_of(amount: Decimal, percent: Decimal) -> Result<Decimal, Error> {
    // A scale change is exact where a division would cost time.
    let mut product = mul(amount, percent)?;
    match product.set_scale(product.scale() + 2) {
        Ok(()) => Ok(product),
        Err(_) => product
            .checked_div(Decimal::ONE_HUNDRED)
            .ok_or(Error::Overflow),
    }
}

fn round(value: Decimal, currency: Currency) -> Decimal {
    value.round_dp_with_strategy(currency.decimals(), RoundingStrategy::MidpointAwayFromZero)
}

fn add(left: Decimal, right: Decimal) -> Result<Decimal, Error> {
    left.checked_add(right).ok_or(Error::Overflow)
}

fn mul(left: Decimal, right: Decimal) -> Result<Decimal, Error> {
    left.checked_mul(right).ok_or(Error::Overflow)
}
