//! What FreshBooks will make of an invoice's lines, predicted.
//!
//! No source states FreshBooks' rounding, so three [`Model`]s stand side by side and every account
//! has one of them: at first the likeliest, then the one that FreshBooks' own answers prove
//! ([`Model::learned`]). After every write the answered total is compared again with
//! [`correction`]. Not here: which lines an order has, and where the account's model is kept.

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

/// What FreshBooks' answer says of an account's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The account's model explains the answer.
    Confirmed,
    /// Only this other one does.
    Changed(Model),
    /// None does: a person's hand, or a rule that nobody has seen.
    Unexplained,
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
    /// Before tax.
    pub net: Money,
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
    /// Every model, the likeliest first.
    pub const ALL: [Self; 3] = [Self::PerLine, Self::PerTax, Self::PerInvoice];

    /// What is rounded, in plain words; also the name under which it is kept.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PerLine => "each line's tax",
            Self::PerTax => "each tax's sum",
            Self::PerInvoice => "the invoice's sum",
        }
    }

    /// What the total that FreshBooks answered to `lines` says of the account's arithmetic, which
    /// was taken to be `self`. Errors only on overflow.
    pub fn learned<'a>(
        self,
        lines: impl IntoIterator<Item = Figures<'a>> + Clone,
        answered: Money,
    ) -> Result<Learned, Error> {
        let explains = |model: Self| -> Result<bool, Error> {
            let predicted = model.predict(lines.clone(), answered.currency)?;
            Ok(predicted.total == answered)
        };
        if explains(self)? {
            return Ok(Learned::Confirmed);
        }
        for model in Self::ALL {
            if explains(model)? {
                return Ok(Learned::Changed(model));
            }
        }
        Ok(Learned::Unexplained)
    }

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
        let net = Money::rounded(net, currency)?;
        Ok(Predicted {
            total: net.checked_add(tax)?,
            net,
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

/// The most that rounding alone can explain of these lines, smallest units: for each taxed line
/// half a unit of net with its taxes, and half a unit for each tax on it, cut to whole units, one
/// at least. Source: the accounting policy, section 2.
pub fn rounding_bound_minor<'a>(lines: impl IntoIterator<Item = Figures<'a>>) -> u64 {
    bound_of_halves(lines.into_iter().map(rounding_halves).sum())
}

/// Half units that rounding can explain of one line; zero of an untaxed one.
pub(crate) fn rounding_halves(line: Figures<'_>) -> Decimal {
    let rates = [line.tax1, line.tax2];
    let taxes = rates.iter().flatten().count() as u64;
    if taxes == 0 {
        return Decimal::ZERO;
    }
    let factor = |tax: Option<&LineTax>| {
        let percent = tax.map_or(Decimal::ZERO, |tax| tax.percent);
        Decimal::ONE + percent.abs().min(Decimal::ONE_THOUSAND) / Decimal::ONE_HUNDRED
    };
    let (one, two) = (factor(line.tax1), factor(line.tax2));
    let with_taxes = if line.compounded {
        one * two
    } else {
        one + two - Decimal::ONE
    };
    with_taxes + Decimal::from(taxes)
}

/// Half units cut to whole ones; one at least.
pub(crate) fn bound_of_halves(halves: Decimal) -> u64 {
    use rust_decimal::prelude::ToPrimitive;
    (halves / Decimal::TWO).trunc().to_u64().unwrap_or(1).max(1)
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
