//! What a proof found. Holds no name, address or note of anybody.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::amounts;
use crate::arithmetic::Tally;
use crate::forecast::Forecast;

/// Why an order does not match, for programs. The texts never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Tillbook holds it: a dead letter of the order rests. Named at the edge; see `Report::explain`.
    Held,
    /// An undo took the order out. Named at the edge too.
    Undone,
    Missing,
    Twice,
    /// The order only pays another order's invoice, and is in the books as a sale.
    Doubled,
    WrongTotal,
    WrongTax,
    WrongCurrency,
    PaymentMissing,
    PaymentTooMuch,
    RefundMissing,
    RefundTooMuch,
    EditedByHand,
    WrongDate,
    LockedPeriod,
    ClientWrong,
    Draft,
    ShouldNotBeInBooks,
    RoundingTooLarge,
    PaymentUnclear,
    InvoiceDeletedInFreshbooks,
    PaymentDeletedInFreshbooks,
    CreditNoteDeletedInFreshbooks,
    ClientDeletedInFreshbooks,
    /// An invoice of somebody else bears the order's number.
    NumberTaken,
    Unknown,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 26] = [
        Self::Held,
        Self::Undone,
        Self::InvoiceDeletedInFreshbooks,
        Self::PaymentDeletedInFreshbooks,
        Self::CreditNoteDeletedInFreshbooks,
        Self::ClientDeletedInFreshbooks,
        Self::NumberTaken,
        Self::Missing,
        Self::Twice,
        Self::Doubled,
        Self::WrongTotal,
        Self::WrongTax,
        Self::WrongCurrency,
        Self::PaymentMissing,
        Self::PaymentTooMuch,
        Self::RefundMissing,
        Self::RefundTooMuch,
        Self::EditedByHand,
        Self::WrongDate,
        Self::LockedPeriod,
        Self::ClientWrong,
        Self::Draft,
        Self::ShouldNotBeInBooks,
        Self::RoundingTooLarge,
        Self::PaymentUnclear,
        Self::Unknown,
    ];

    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Undone => "undone",
            Self::InvoiceDeletedInFreshbooks => "invoice_deleted_in_freshbooks",
            Self::PaymentDeletedInFreshbooks => "payment_deleted_in_freshbooks",
            Self::CreditNoteDeletedInFreshbooks => "credit_note_deleted_in_freshbooks",
            Self::ClientDeletedInFreshbooks => "client_deleted_in_freshbooks",
            Self::NumberTaken => "number_taken",
            Self::Missing => "missing",
            Self::Twice => "twice",
            Self::Doubled => "doubled",
            Self::WrongTotal => "wrong_total",
            Self::WrongTax => "wrong_tax",
            Self::WrongCurrency => "wrong_currency",
            Self::PaymentMissing => "payment_missing",
            Self::PaymentTooMuch => "payment_too_much",
            Self::RefundMissing => "refund_missing",
            Self::RefundTooMuch => "refund_too_much",
            Self::EditedByHand => "edited_by_hand",
            Self::WrongDate => "wrong_date",
            Self::LockedPeriod => "locked_period",
            Self::ClientWrong => "client_wrong",
            Self::Draft => "draft",
            Self::ShouldNotBeInBooks => "should_not_be_in_books",
            Self::RoundingTooLarge => "rounding_too_large",
            Self::PaymentUnclear => "payment_unclear",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that does not match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub code: Code,
    /// Plain words with the figures side by side.
    pub words: String,
}

impl Cause {
    pub(crate) fn new(code: Code, words: impl Into<String>) -> Self {
        Self {
            code,
            words: words.into(),
        }
    }
}

/// An order that does not match; the first cause is the main one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub order_id: u64,
    pub invoice_number: String,
    pub causes: Vec<Cause>,
}

/// An order that is listed apart: held for a person, or with a rounding line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub order_id: u64,
    /// Stable, for programs.
    pub code: String,
    pub words: String,
}

/// Sums of one day in one currency, after refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Orders that belong in the books.
    pub orders: u64,
    /// What they come to, refunds taken off.
    #[serde(with = "amounts::text")]
    pub store_total: Decimal,
    /// What their invoices come to, refunds booked beside them taken off.
    #[serde(with = "amounts::text")]
    pub books_total: Decimal,
    /// Captures less refunds.
    #[serde(with = "amounts::text")]
    pub store_received: Decimal,
    /// Payments less refunds booked beside them.
    #[serde(with = "amounts::text")]
    pub books_received: Decimal,
}

impl Sums {
    /// Books less store.
    pub fn difference(&self) -> Decimal {
        amounts::minus(self.books_total, self.store_total)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.orders = self.orders.saturating_add(other.orders);
        for (sum, more) in [
            (&mut self.store_total, other.store_total),
            (&mut self.books_total, other.books_total),
            (&mut self.store_received, other.store_received),
            (&mut self.books_received, other.books_received),
        ] {
            *sum = amounts::plus(*sum, more);
        }
    }
}

/// One day of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Orders of any status.
    pub orders: u64,
    /// By currency code. Held and young orders are in no sum.
    pub sums: BTreeMap<String, Sums>,
    /// Orders in the books that match.
    pub matching: u64,
    /// Orders that do not match.
    pub findings: Vec<Finding>,
    /// Waiting for a person for a reason that the vendors' own figures show; no error.
    pub held: Vec<Note>,
    /// Differ, but changed too recently to be called wrong.
    pub young: Vec<Finding>,
    /// Match by means of a rounding line within its bound.
    pub rounding: Vec<Note>,
}

/// Calls of one proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    pub bigcommerce: u64,
    pub freshbooks: u64,
}

/// What Tillbook itself knows of an order. It names a cause and never changes a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// A dead letter rests: its id, the code of its reason and its words.
    Held {
        letter: String,
        reason: String,
        words: String,
    },
    /// An undo took the order out, in words.
    Undone { words: String },
}

impl Known {
    fn cause(&self) -> Cause {
        match self {
            Self::Held {
                letter,
                reason,
                words,
            } => Cause::new(
                Code::Held,
                format!("held: {reason} (dead letter {letter}): {words}"),
            ),
            Self::Undone { words } => Cause::new(Code::Undone, words.as_str()),
        }
    }
}

/// How many of the findings Tillbook's own knowledge explains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// A dead letter of the order rests.
    pub held: u64,
    pub undone: u64,
    /// Why Tillbook could not be asked; findings are then named by the vendors' figures alone.
    pub not_asked: Option<String>,
}

/// The whole proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub connection: String,
    /// First and last day, `YYYY-MM-DD`, in the store's time zone.
    pub from: String,
    pub to: String,
    pub time_zone: String,
    /// When the reading began; a resumed proof keeps the first time.
    pub started_at: String,
    pub finished_at: String,
    pub forecast: Forecast,
    /// Calls made in this run.
    pub calls: Calls,
    /// By day, `YYYY-MM-DD`.
    pub days: BTreeMap<String, Day>,
    /// Which of FreshBooks' possible arithmetics the account's invoices show.
    #[serde(default)]
    pub arithmetic: Tally,
    #[serde(default)]
    pub explained: Explained,
}

impl Report {
    /// Puts what Tillbook knows of an order that does not match before its other causes. The
    /// verdict stays the vendors': an order that matches stays so, whatever is known of it.
    pub fn explain(&mut self, known: &BTreeMap<u64, Known>) {
        for day in self.days.values_mut() {
            for finding in &mut day.findings {
                let Some(known) = known.get(&finding.order_id) else {
                    continue;
                };
                let count = match known {
                    Known::Held { .. } => &mut self.explained.held,
                    Known::Undone { .. } => &mut self.explained.undone,
                };
                *count = count.saturating_add(1);
                finding.causes.insert(0, known.cause());
            }
        }
    }

    /// The orders that do not match, each once, for whoever asks what is known of them.
    pub fn differing(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.findings().map(|(_, one)| one.order_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Orders and invoices that do not match.
    pub fn findings(&self) -> impl Iterator<Item = (&str, &Finding)> {
        let days = self.days.iter();
        days.flat_map(|(day, found)| found.findings.iter().map(move |one| (day.as_str(), one)))
    }

    /// Whether everything matches.
    pub fn is_clean(&self) -> bool {
        self.findings().next().is_none()
    }

    /// The sums of all days, by currency.
    pub fn totals(&self) -> BTreeMap<&str, Sums> {
        let mut totals: BTreeMap<&str, Sums> = BTreeMap::new();
        for (currency, sums) in self.days.values().flat_map(|day| &day.sums) {
            totals.entry(currency).or_default().add(sums);
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codes_text_is_its_json() {
        for code in Code::ALL {
            assert_eq!(serde_json::json!(code), code.as_str());
        }
    }

    #[test]
    fn what_tillbook_knows_names_a_difference_and_makes_none() {
        let finding = |order_id| Finding {
            order_id,
            invoice_number: order_id.to_string(),
            causes: vec![Cause::new(Code::Missing, "The order has no invoice.")],
        };
        let day = Day {
            orders: 4,
            matching: 1,
            findings: vec![finding(100), finding(101), finding(102)],
            ..Day::default()
        };
        let mut report: Report = serde_json::from_value(serde_json::json!({
            "connection": "acme", "from": "", "to": "", "time_zone": "", "started_at": "",
            "finished_at": "", "forecast": Forecast::default(), "calls": Calls::default(),
            "days": { "2026-01-01": day },
        }))
        .unwrap();
        let letter = Known::Held {
            letter: "deliver-RESOLVED-7-1000".to_owned(),
            reason: "number_taken".to_owned(),
            words: "Invoice 100 is another client's.".to_owned(),
        };
        let undone = Known::Undone {
            words: "Undone by jo.".to_owned(),
        };
        // Order 103 matches; that a letter of it rests is no difference.
        report.explain(&BTreeMap::from([
            (100, letter.clone()),
            (101, undone),
            (103, letter),
        ]));
        let codes: Vec<Vec<Code>> = report
            .findings()
            .map(|(_, one)| one.causes.iter().map(|cause| cause.code).collect())
            .collect();
        assert_eq!(
            codes,
            [
                vec![Code::Held, Code::Missing],
                vec![Code::Undone, Code::Missing],
                vec![Code::Missing]
            ]
        );
        assert_eq!((report.explained.held, report.explained.undone), (1, 1));
        let words = &report.findings().next().unwrap().1.causes[0].words;
        assert!(words.starts_with("held: number_taken (dead letter deliver-RESOLVED-7-1000)"));
        assert!(!report.is_clean());
    }
}
