//! Is this order in the books as it should be? Pure: the store's figures against the books'.

use std::fmt;

use rust_decimal::Decimal;

use super::dump::{Books, Invoice};
use super::holds::MayBeHeld;
use super::monitor::State;
use super::orders::Placed;
use super::world::Merchant;

/// Why an order waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) codes: String,
    /// In plain words; may be empty.
    pub(crate) words: String,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words.is_empty() {
            true => write!(f, "{}", self.codes),
            false => write!(f, "{}: {}", self.codes, self.words),
        }
    }
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    InBooks,
    /// What stands in the books is right, and the rest waits for a person, as its kind expects.
    InBooksAndHeld(Hold),
    /// An accountant expects nothing, and there is nothing.
    AbsentAsExpected,
    /// Waits for a person; nothing was written.
    HeldAsExpected(Hold),
    /// Not there yet, but on its way.
    Waiting(String),
    /// Wrong, and why.
    Wrong(String),
}

impl Outcome {
    pub(crate) fn is_right(&self) -> bool {
        matches!(
            self,
            Self::InBooks
                | Self::InBooksAndHeld(_)
                | Self::AbsentAsExpected
                | Self::HeldAsExpected(_)
        )
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::InBooks => "in books".to_owned(),
            Self::InBooksAndHeld(reason) => format!("in books; held: {reason}"),
            Self::AbsentAsExpected => "not in books, as expected".to_owned(),
            Self::HeldAsExpected(reason) => format!("held: {reason}"),
            Self::Waiting(why) => format!("waiting: {why}"),
            Self::Wrong(why) => format!("WRONG: {why}"),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) placed: Placed,
    pub(crate) invoice: Option<String>,
    pub(crate) booked: Option<Decimal>,
    pub(crate) paid: Decimal,
    pub(crate) outcome: Outcome,
}

impl Row {
    /// Books minus store; nothing where no invoice is expected and none is there.
    pub(crate) fn difference(&self) -> Option<Decimal> {
        match self.booked {
            Some(booked) => booked.checked_sub(self.placed.total),
            None if self.placed.in_books => Decimal::ZERO.checked_sub(self.placed.total),
            None => None,
        }
    }
}

/// Compares one order with the books of its account and the word of the monitor.
pub(crate) fn judge(placed: &Placed, books: &Books, state: &State, holds: &MayBeHeld) -> Row {
    let invoices = books.invoices_of(placed.order_id);
    let first = invoices.first();
    let paid = invoices.iter().map(|invoice| books.paid(invoice.id)).sum();
    let outcome = match (placed.in_books, first) {
        _ if invoices.len() > 1 => {
            Outcome::Wrong(format!("{} invoices for one order", invoices.len()))
        }
        _ if state.awaits_person() && !holds.expects(&placed.kind, &state.codes) => {
            Outcome::Wrong(format!("its kind does not expect {}", state.words()))
        }
        (true, Some(invoice)) => {
            let credited = books.credited(&invoice.number);
            same(placed, invoice, (paid, credited), state)
        }
        (_, None) if state.awaits_person() => Outcome::HeldAsExpected(hold(state)),
        (_, None) if state.is_unfinished() => Outcome::Waiting(state.word.clone()),
        (true, None) => Outcome::Wrong(format!("no invoice; the monitor says {}", state.words())),
        (false, None) => Outcome::AbsentAsExpected,
        (false, Some(_)) if state.is_unfinished() => Outcome::Waiting(state.word.clone()),
        (false, Some(_)) => {
            Outcome::Wrong("an invoice although none belongs in the books".to_owned())
        }
    };
    Row {
        placed: placed.clone(),
        invoice: first.map(|invoice| invoice.number.clone()),
        booked: first.map(|invoice| invoice.total),
        paid,
        outcome,
    }
}

/// Says so when an account has other invoices than those of these orders.
pub(crate) fn stray(merchant: &Merchant, books: &Books, rows: &[Row]) -> Option<String> {
    let of_merchant = |row: &&Row| row.placed.merchant.name == merchant.name;
    let ours = rows.iter().filter(of_merchant);
    let ours = ours.filter(|row| row.invoice.is_some()).count();
    let there = books.invoice_count();
    let words = || format!("{} has {there} invoices for {ours} orders", merchant.name);
    (there != ours).then(words)
}

fn hold(state: &State) -> Hold {
    let codes: Vec<&str> = state.codes.iter().map(String::as_str).collect();
    Hold {
        codes: codes.join(", "),
        words: state.detail.clone(),
    }
}

fn same(
    placed: &Placed,
    invoice: &Invoice,
    (paid, credited): (Decimal, Decimal),
    state: &State,
) -> Outcome {
    let fault = if invoice.total != placed.total {
        let fault = format!("{} instead of {}", invoice.total, placed.total);
        // An invoice is written with its whole total; only one of an older state is on its way.
        if !state.is_unfinished() {
            return Outcome::Wrong(fault);
        }
        fault
    } else if invoice.currency != placed.currency {
        return Outcome::Wrong(format!(
            "in {} instead of {}",
            invoice.currency, placed.currency
        ));
    } else if invoice.is_draft {
        "still a draft".to_owned()
    } else if paid != placed.paid {
        format!("{paid} paid instead of {}", placed.paid)
    } else if credited != placed.refunded {
        format!("{credited} credited instead of {}", placed.refunded)
    } else if state.awaits_person() {
        return Outcome::InBooksAndHeld(hold(state));
    } else {
        return Outcome::InBooks;
    };
    // Sent and paid in steps of their own; more than is due is never a step on the way.
    if state.is_unfinished() && paid <= placed.paid && credited <= placed.refunded {
        return Outcome::Waiting(fault);
    }
    Outcome::Wrong(fault)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::dump::tests::books;
    use super::super::world::tests::MERCHANT;
    use super::*;

    fn placed(in_books: bool) -> Placed {
        Placed {
            merchant: MERCHANT,
            order_id: 100,
            kind: "taxed_one_rate".to_owned(),
            currency: "USD".to_owned(),
            in_books,
            total: "12.5000".parse().unwrap(),
            paid: "12.5000".parse().unwrap(),
            refunded: Decimal::ZERO,
            archived: false,
            changes_left: 0,
            changed_at_ms: 0,
        }
    }

    /// A state; one that waits for a person does so for a missing customer.
    fn state(word: &str) -> State {
        let codes = (word == "held").then(|| "missing_customer".to_owned());
        State {
            word: word.to_owned(),
            codes: codes.into_iter().collect(),
            ..State::default()
        }
    }

    fn missing_customer() -> Hold {
        hold(&state("held"))
    }

    fn outcome(in_books: bool, books: &Books, word: &str) -> Outcome {
        let holds = MayBeHeld::only("taxed_one_rate", "missing_customer");
        judge(&placed(in_books), books, &state(word), &holds).outcome
    }

    #[test]
    fn one_invoice_with_its_money_is_right() {
        let good = books(&[(1, "100", "12.50")], &[(1, "10.00"), (1, "2.50")]);
        assert_eq!(outcome(true, &good, "in_books"), Outcome::InBooks);
    }

    #[test]
    fn each_way_to_be_wrong_is_seen() {
        for wrong in [
            books(&[], &[]),
            books(&[(1, "100", "12.51")], &[(1, "12.50")]),
            books(&[(1, "100", "12.50")], &[]),
            books(&[(1, "100", "12.50")], &[(1, "12.50"), (1, "12.50")]),
            books(&[(1, "100", "12.50"), (2, "100", "12.50")], &[(1, "12.50")]),
        ] {
            let outcome = outcome(true, &wrong, "in_books");
            assert!(matches!(outcome, Outcome::Wrong(_)), "{outcome:?}");
        }
    }

    #[test]
    fn a_refund_that_is_not_credited_is_wrong() {
        let mut order = placed(true);
        order.refunded = "2.50".parse().unwrap();
        let paid = books(&[(1, "100", "12.50")], &[(1, "12.50")]);
        let holds = MayBeHeld::default();
        let told = judge(&order, &paid, &state("in_books"), &holds).outcome;
        assert!(matches!(told, Outcome::Wrong(_)), "{told:?}");
        let told = judge(&order, &paid, &state("in_progress"), &holds).outcome;
        assert!(matches!(told, Outcome::Waiting(_)), "{told:?}");
    }

    #[test]
    fn what_is_under_way_is_waited_for_but_a_surplus_is_not() {
        let unpaid = books(&[(1, "100", "12.50")], &[]);
        let twice = books(&[(1, "100", "12.50")], &[(1, "12.50"), (1, "12.50")]);
        assert!(matches!(
            outcome(true, &unpaid, "in_progress"),
            Outcome::Waiting(_)
        ));
        assert!(matches!(
            outcome(true, &books(&[], &[]), ""),
            Outcome::Waiting(_)
        ));
        assert!(matches!(
            outcome(true, &twice, "in_progress"),
            Outcome::Wrong(_)
        ));
    }

    #[test]
    fn an_order_that_does_not_belong_is_absent_or_held() {
        let none = books(&[], &[]);
        let held = Outcome::HeldAsExpected(missing_customer());
        assert_eq!(
            outcome(false, &none, "not_in_books"),
            Outcome::AbsentAsExpected
        );
        assert_eq!(outcome(false, &none, "held"), held);
        assert!(matches!(
            outcome(false, &none, "waiting"),
            Outcome::Waiting(_)
        ));
        let there = books(&[(1, "100", "12.50")], &[]);
        assert!(matches!(
            outcome(false, &there, "in_books"),
            Outcome::Wrong(_)
        ));
    }

    #[test]
    fn a_hold_is_right_only_where_the_kind_expects_its_reason() {
        let none = books(&[], &[]);
        let there = books(&[(1, "100", "12.50")], &[(1, "12.50")]);
        assert_eq!(
            outcome(true, &none, "held"),
            Outcome::HeldAsExpected(missing_customer())
        );
        assert_eq!(
            outcome(true, &there, "held"),
            Outcome::InBooksAndHeld(missing_customer())
        );
        let mut other = state("held");
        other.codes = BTreeSet::from(["sums_do_not_match".to_owned()]);
        let holds = MayBeHeld::only("taxed_one_rate", "missing_customer");
        for books in [&none, &there] {
            let told = judge(&placed(true), books, &other, &holds).outcome;
            assert!(matches!(told, Outcome::Wrong(_)), "{told:?}");
        }
    }
}
