//! What an invoice comes to: the one place that multiplies, taxes and rounds.
//!
//! FreshBooks publishes no formula, so three rounding models stand side by side and an account
//! picks one. Not here: reading JSON, payments, statuses.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Where tax is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Rounding {
    /// Each tax of each line is rounded, then summed.
    #[default]
    #[serde(rename = "per_line")]
    Line,
    /// Per tax (name and percent) the exact line taxes are summed, then rounded once.
    #[serde(rename = "per_tax")]
    Tax,
    /// All exact taxes of the invoice are summed, then rounded once.
    #[serde(rename = "per_invoice")]
    Invoice,
}

/// One tax on a line: its name and its percent (6.25 is 6.25 %).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    pub name: String,
    pub percent: Decimal,
}

/// What a line brings to the sum.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub quantity: Decimal,
    pub unit_cost: Decimal,
    pub tax1: Option<Tax>,
    pub tax2: Option<Tax>,
    /// The second tax is also due on the first.
    pub compounded: bool,
}

/// What comes out, all rounded to the currency's smallest unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Per line, in order: quantity × unit cost.
    pub lines: Vec<Decimal>,
    pub subtotal: Decimal,
    pub discount: Decimal,
    pub tax: Decimal,
    pub amount: Decimal,
}

/// Decimal places of a currency (ISO 4217): 0 for yen and the like, 3 for the dinars, else 2.
pub fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Rounds half away from zero, as people and tills do.
pub fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// Sums an invoice. `discount_percent` is taken off the subtotal, tax is due on what is left.
pub fn totals(lines: &[Line], discount_percent: Decimal, model: Rounding, places: u32) -> Totals {
    let amounts: Vec<Decimal> = lines
        .iter()
        .map(|line| round(line.quantity * line.unit_cost, places))
        .collect();
    let subtotal: Decimal = amounts.iter().sum();
    let discount = round(percent_of(subtotal, discount_percent), places);
    let tax = match model {
        Rounding::Line => tax_by_line(lines, &amounts, discount_percent, places),
        Rounding::Tax => tax_by_name(lines, &amounts, discount_percent, places),
        Rounding::Invoice => {
            let exact = exact_taxes(lines, &amounts, discount_percent);
            round(exact.iter().map(|(_, tax)| *tax).sum(), places)
        }
    };
    Totals {
        amount: subtotal - discount + tax,
        lines: amounts,
        subtotal,
        discount,
        tax,
    }
}

fn percent_of(base: Decimal, percent: Decimal) -> Decimal {
    base * percent / Decimal::ONE_HUNDRED
}

/// The first tax is rounded before the second compounds on it: each printed figure is whole.
fn tax_by_line(lines: &[Line], amounts: &[Decimal], discount: Decimal, places: u32) -> Decimal {
    let mut sum = Decimal::ZERO;
    for (line, amount) in lines.iter().zip(amounts) {
        let base = amount - percent_of(*amount, discount);
        let first = line.tax1.as_ref().map_or(Decimal::ZERO, |tax| {
            round(percent_of(base, tax.percent), places)
        });
        let second_base = if line.compounded { base + first } else { base };
        let second = line.tax2.as_ref().map_or(Decimal::ZERO, |tax| {
            round(percent_of(second_base, tax.percent), places)
        });
        sum += first + second;
    }
    sum
}

fn tax_by_name(lines: &[Line], amounts: &[Decimal], discount: Decimal, places: u32) -> Decimal {
    let mut sums: Vec<(&Tax, Decimal)> = Vec::new();
    for (tax, exact) in exact_taxes(lines, amounts, discount) {
        match sums.iter_mut().find(|(seen, _)| *seen == tax) {
            Some((_, sum)) => *sum += exact,
            None => sums.push((tax, exact)),
        }
    }
    sums.into_iter().map(|(_, sum)| round(sum, places)).sum()
}

fn exact_taxes<'a>(
    lines: &'a [Line],
    amounts: &[Decimal],
    discount: Decimal,
) -> Vec<(&'a Tax, Decimal)> {
    let mut taxes = Vec::new();
    for (line, amount) in lines.iter().zip(amounts) {
        let base = amount - percent_of(*amount, discount);
        let mut second_base = base;
        if let Some(tax) = &line.tax1 {
            let first = percent_of(base, tax.percent);
            if line.compounded {
                second_base += first;
            }
            taxes.push((tax, first));
        }
        if let Some(tax) = &line.tax2 {
            taxes.push((tax, percent_of(second_base, tax.percent)));
        }
    }
    taxes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: &str, unit_cost: &str, taxes: &[(&str, &str)]) -> Line {
        let mut taxes = taxes.iter().map(|(name, percent)| Tax {
            name: (*name).into(),
            percent: percent.parse().unwrap(),
        });
        Line {
            quantity: quantity.parse().unwrap(),
            unit_cost: unit_cost.parse().unwrap(),
            tax1: taxes.next(),
            tax2: taxes.next(),
            compounded: false,
        }
    }

    fn tax(lines: &[Line], model: Rounding) -> String {
        totals(lines, Decimal::ZERO, model, 2)
            .tax
            .normalize()
            .to_string()
    }

    /// 0.08 × 6.25 % = 0.005 a tax: three models, three answers.
    #[test]
    fn the_three_models_differ_where_fractions_pile_up() {
        let lines = [
            line("1", "0.08", &[("State", "6.25"), ("City", "6.25")]),
            line("1", "0.08", &[("State", "6.25"), ("City", "6.25")]),
            line("1", "0.08", &[("State", "6.25"), ("City", "6.25")]),
        ];
        assert_eq!(tax(&lines, Rounding::Line), "0.06");
        assert_eq!(tax(&lines, Rounding::Tax), "0.04");
        assert_eq!(tax(&lines, Rounding::Invoice), "0.03");
    }

    #[test]
    fn discount_comes_before_tax() {
        let lines = [line("2", "50.00", &[("VAT", "20")])];
        let sum = totals(&lines, Decimal::TEN, Rounding::Line, 2);
        assert_eq!(
            (sum.subtotal, sum.discount, sum.tax),
            (100.into(), 10.into(), 18.into())
        );
        assert_eq!(sum.amount, 108.into());
    }

    #[test]
    fn a_compounded_second_tax_is_due_on_the_first() {
        let mut one = line("1", "100", &[("GST", "5"), ("QST", "10")]);
        assert_eq!(tax(&[one.clone()], Rounding::Line), "15");
        one.compounded = true;
        assert_eq!(tax(&[one.clone()], Rounding::Line), "15.5");
        assert_eq!(tax(&[one], Rounding::Invoice), "15.5");
    }

    #[test]
    fn halves_round_away_from_zero_on_both_sides() {
        assert_eq!(round("0.125".parse().unwrap(), 2).to_string(), "0.13");
        assert_eq!(round("-0.125".parse().unwrap(), 2).to_string(), "-0.13");
    }

    #[test]
    fn yen_have_no_cents() {
        let lines = [line("1", "105", &[("CT", "10")])];
        let sum = totals(&lines, Decimal::ZERO, Rounding::Line, decimals("JPY"));
        assert_eq!(
            (
                sum.tax.normalize().to_string(),
                sum.amount.normalize().to_string()
            ),
            ("11".into(), "116".into())
        );
    }
}
