//! Which arithmetic an account's invoices show: where FreshBooks rounds its tax.
//!
//! FreshBooks does not document it, so Tillbook learns it from answers; here the proof tries all
//! three on every invoice it reads, from the lines alone and without what Tillbook learned. A
//! total that none explains was not made from its lines, or by an arithmetic nobody knows yet.
//! Not here: whether an invoice is right.

use std::collections::BTreeMap;

use connect::freshbooks::lists::{InvoiceFigures, LineFigures};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::amounts::{decimals, minus, percent_of, plus, sum};

/// Invoices that no arithmetic explains are named up to so many.
const NAMED_MAX: usize = 5;

/// How many invoices each arithmetic explains; most are explained by more than one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Invoices with lines and no discount on the whole.
    pub invoices: u64,
    /// Each tax of each line is rounded, then summed.
    pub per_line: u64,
    /// Each tax is summed over the lines, then rounded.
    pub per_tax: u64,
    /// All taxes are summed, then rounded once.
    pub per_invoice: u64,
    pub none: u64,
    /// The numbers of the first that none explains.
    pub none_first: Vec<String>,
}

impl Tally {
    pub(crate) fn of<'a>(invoices: impl IntoIterator<Item = &'a InvoiceFigures>) -> Self {
        let mut tally = Self::default();
        let mut ordered: Vec<&InvoiceFigures> = invoices.into_iter().collect();
        ordered.sort_by_key(|invoice| invoice.id);
        for invoice in ordered {
            tally.enter(invoice);
        }
        tally
    }

    fn enter(&mut self, invoice: &InvoiceFigures) {
        let Some([line, tax, whole]) = explained(invoice) else {
            return;
        };
        self.invoices += 1;
        self.per_line += u64::from(line);
        self.per_tax += u64::from(tax);
        self.per_invoice += u64::from(whole);
        if !(line || tax || whole) {
            self.none += 1;
            if self.none_first.len() < NAMED_MAX {
                self.none_first.push(invoice.number.clone());
            }
        }
    }

    /// One line for people.
    pub fn words(&self) -> String {
        let mut words = format!(
            "Tax of {} invoices: explained rounding per line {}, per tax {}, per invoice {}, by \
             none {}",
            self.invoices, self.per_line, self.per_tax, self.per_invoice, self.none
        );
        if !self.none_first.is_empty() {
            words = format!("{words} ({})", self.none_first.join(", "));
        }
        words
    }
}

/// Whether the total is what each arithmetic makes of the lines: per line, per tax, per invoice.
/// `None` where a figure is missing, or a discount on the whole lowers the taxed amounts.
fn explained(invoice: &InvoiceFigures) -> Option<[bool; 3]> {
    let lines = invoice.lines.as_deref().filter(|lines| !lines.is_empty())?;
    if !invoice.discount.is_zero() {
        return None;
    }
    let nets: Vec<Decimal> = lines
        .iter()
        .map(|line| line.amount)
        .collect::<Option<_>>()?;
    let tax = minus(invoice.amount?, sum(nets.iter().copied()));
    let places = decimals(&invoice.currency);
    let mut by_line = Decimal::ZERO;
    let mut by_tax: BTreeMap<(&str, Decimal), Decimal> = BTreeMap::new();
    for (line, net) in lines.iter().zip(nets) {
        by_line = plus(by_line, rounded_taxes(line, net, places));
        for (name, percent, amount) in exact_taxes(line, net) {
            let known = by_tax.entry((name, percent)).or_default();
            *known = plus(*known, amount);
        }
    }
    let per_tax = sum(by_tax.values().map(|tax| round(*tax, places)));
    let per_invoice = round(sum(by_tax.values().copied()), places);
    Some([by_line, per_tax, per_invoice].map(|made| made == tax))
}

/// A line's taxes, each rounded before the next one comes on it.
fn rounded_taxes(line: &LineFigures, net: Decimal, places: u32) -> Decimal {
    let first = round(percent_of(net, line.percent1), places);
    let base = if line.compounded {
        plus(net, first)
    } else {
        net
    };
    plus(first, round(percent_of(base, line.percent2), places))
}

fn exact_taxes(line: &LineFigures, net: Decimal) -> [(&str, Decimal, Decimal); 2] {
    let first = percent_of(net, line.percent1);
    let base = if line.compounded {
        plus(net, first)
    } else {
        net
    };
    [
        (&line.tax1, line.percent1, first),
        (&line.tax2, line.percent2, percent_of(base, line.percent2)),
    ]
}

/// Half goes away from zero.
fn round(amount: Decimal, places: u32) -> Decimal {
    amount.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(net: &str, tax: &str, percent: &str) -> LineFigures {
        LineFigures {
            name: "Mug".to_owned(),
            amount: Some(net.parse().unwrap()),
            tax1: tax.to_owned(),
            tax2: String::new(),
            percent1: percent.parse().unwrap(),
            percent2: Decimal::ZERO,
            compounded: false,
        }
    }

    fn invoice(number: &str, amount: &str, lines: Vec<LineFigures>) -> InvoiceFigures {
        InvoiceFigures {
            id: number.parse().unwrap(),
            number: number.to_owned(),
            client_id: 7,
            currency: "USD".to_owned(),
            amount: Some(amount.parse().unwrap()),
            paid: None,
            discount: Decimal::ZERO,
            is_draft: false,
            is_deleted: false,
            create_date: String::new(),
            updated: String::new(),
            lines: Some(lines),
        }
    }

    /// 0.1625 of VAT twice and 0.1625 of a second tax: 0.48 line by line, 0.49 tax by tax (0.325
    /// and 0.1625), and the three exact ones make 0.4875.
    fn parted(amount: &str) -> InvoiceFigures {
        let lines = vec![
            line("3.25", "VAT", "5"),
            line("3.25", "VAT", "5"),
            line("3.25", "City", "5"),
        ];
        invoice("100", amount, lines)
    }

    #[test]
    fn each_arithmetic_is_told_from_the_others() {
        assert_eq!(explained(&parted("10.23")), Some([true, false, false]));
        assert_eq!(explained(&parted("10.24")), Some([false, true, true]));
        // 0.005 of each of two taxes: 0.02 line by line and tax by tax, 0.01 in one.
        let two = |amount| {
            let lines = vec![line("0.10", "VAT", "5"), line("0.10", "City", "5")];
            invoice("101", amount, lines)
        };
        assert_eq!(explained(&two("0.22")), Some([true, true, false]));
        assert_eq!(explained(&two("0.21")), Some([false, false, true]));
    }

    #[test]
    fn compounded_taxes_and_currencies_without_cents_are_rounded_as_they_are() {
        let mut taxed = line("100", "A", "5");
        (taxed.tax2, taxed.percent2, taxed.compounded) = ("B".to_owned(), 10.into(), true);
        let mut yen = invoice("102", "116", vec![taxed]);
        yen.currency = "JPY".to_owned();
        // 5 and 10.5: 11 line by line and tax by tax, 15.5 in one.
        assert_eq!(explained(&yen), Some([true, true, true]));
        yen.amount = Some(115.into());
        assert_eq!(explained(&yen), Some([false, false, false]));
    }

    #[test]
    fn what_none_explains_is_counted_and_named() {
        let mut discounted = parted("9.00");
        discounted.discount = 1.into();
        let all = [parted("10.24"), parted("11.00"), discounted];
        let tally = Tally::of(&all);
        assert_eq!((tally.invoices, tally.per_tax, tally.none), (2, 1, 1));
        assert!(
            tally.words().ends_with("by none 1 (100)"),
            "{}",
            tally.words()
        );
    }
}
