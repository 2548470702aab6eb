//! Is this order in the books as it should be? Pure: the store's figures against the books'.

use rust_decimal::Decimal;

use super::books::Books;
use super::monitor::State;
use super::orders::Placed;

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    InBooks,
    /// An accountant expects nothing, and there is nothing.
    AbsentAsExpected,
    /// Waits for a person; nothing was written. The reason in plain words.
    HeldAsExpected(String),
    /// Not there yet, but on its way.
    Waiting(String),
    /// Wrong, and why.
    Wrong(String),
}

impl Outcome {
    pub(super) fn is_right(&self) -> bool {
        matches!(
            self,
            Self::InBooks | Self::AbsentAsExpected | Self::HeldAsExpected(_)
        )
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::InBooks => "in books".to_owned(),
            Self::AbsentAsExpected => "not in books, as expected".to_owned(),
            Self::HeldAsExpected(reason) => format!("held: {reason}"),
            Self::Waiting(why) => format!("waiting: {why}"),
            Self::Wrong(why) => format!("WRONG: {why}"),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) placed: Placed,
    pub(super) invoice: Option<String>,
    pub(super) booked: Option<Decimal>,
    pub(super) paid: Decimal,
    pub(super) outcome: Outcome,
}

impl Row {
    /// Books minus store; nothing where no invoice is expected and none is there.
    pub(super) fn difference(&self) -> Option<Decimal> {
        match self.booked {
            Some(booked) => booked.checked_sub(self.placed.total),
            None if self.placed.in_books => Decimal::ZERO.checked_sub(self.placed.total),
            None => None,
        }
    }
}

/// Compares one order with the books of its account and the word of the monitor.
pub(super) fn judge(placed: &Placed, books: &Books, state: &State) -> Row {
    let invoices = books.invoices_of(placed.order_id);
    let first = invoices.first();
    let paid = invoices.iter().map(|invoice| books.paid(invoice.id)).sum();
    let outcome = match (placed.in_books, invoices.len()) {
        (true, 0) => missing(state),
        (true, 1) => first.map_or_else(
            || missing(state),
            |invoice| {
                let credited = books.credited(&invoice.number);
                same(placed, invoice, (paid, credited), state)
            },
        ),
        (_, 2..) => Outcome::Wrong(format!("{} invoices for one order", invoices.len())),
        (false, 0) => absent(state),
        (false, _) => Outcome::Wrong("an invoice although none belongs in the books".to_owned()),
    };
    Row {
        placed: placed.clone(),
        invoice: first.map(|invoice| invoice.number.clone()),
        booked: first.map(|invoice| invoice.total),
        paid,
        outcome,
    }
}

fn missing(state: &State) -> Outcome {
    if state.is_unfinished() {
        return Outcome::Waiting(state.word.clone());
    }
    Outcome::Wrong(format!("no invoice; the monitor says {}", state.words()))
}

fn absent(state: &State) -> Outcome {
    match state.word.as_str() {
        _ if state.is_unfinished() => Outcome::Waiting(state.word.clone()),
        "held" => Outcome::HeldAsExpected(state.detail.clone()),
        "failed" => Outcome::HeldAsExpected(format!("dead letter: {}", state.detail)),
        _ => Outcome::AbsentAsExpected,
    }
}

fn same(
    placed: &Placed,
    invoice: &super::books::Invoice,
    (paid, credited): (Decimal, Decimal),
    state: &State,
) -> Outcome {
    let fault = if invoice.total != placed.total {
        // Never a step on the way: an invoice is written with its whole total.
        return Outcome::Wrong(format!("{} instead of {}", invoice.total, placed.total));
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
    use super::super::books::tests::books;
    use super::super::world::MERCHANTS;
    use super::*;

    fn placed(in_books: bool) -> Placed {
        Placed {
            merchant: MERCHANTS[0],
            order_id: 100,
            kind: "taxed_one_rate".to_owned(),
            currency: "USD".to_owned(),
            in_books,
            total: "12.5000".parse().unwrap(),
            paid: "12.5000".parse().unwrap(),
            refunded: Decimal::ZERO,
        }
    }

    fn outcome(in_books: bool, books: &Books, state: &str) -> Outcome {
        let state = State {
            word: state.to_owned(),
            detail: "missing customer".to_owned(),
        };
        judge(&placed(in_books), books, &state).outcome
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
        let word = |word: &str| State {
            word: word.to_owned(),
            detail: String::new(),
        };
        let told = judge(&order, &paid, &word("in_books")).outcome;
        assert!(matches!(told, Outcome::Wrong(_)), "{told:?}");
        let told = judge(&order, &paid, &word("in_progress")).outcome;
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
        let held = Outcome::HeldAsExpected("missing customer".to_owned());
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
}
