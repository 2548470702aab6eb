//! All that both vendors say of one order, and how payments and refunds are told from notes.

use connect::bigcommerce::lists::{OrderRow, RefundRow, TransactionRow};
use connect::freshbooks::lists::{ClientNames, InvoiceFigures, OutgoingFigures, PaymentFigures};
use rust_decimal::Decimal;

use crate::amounts::sum;

/// What is known of one order.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) order: OrderRow,
    /// The order's day in the store's time zone, `YYYY-MM-DD`.
    pub(crate) day: String,
    pub(crate) transactions: Vec<Taken>,
    pub(crate) refunds: Vec<Given>,
    /// Invoices of the order that are not deleted, with their payments.
    pub(crate) invoices: Vec<Booked>,
    /// Payments on other orders' invoices that name this order as the one which paid.
    pub(crate) pays: Vec<PaymentFigures>,
    /// Credit notes and expenses that name one of the order's refunds or its invoice.
    pub(crate) outgoing: Vec<Outgoing>,
    /// The client of the first invoice; `None` when FreshBooks does not list it.
    pub(crate) client: Option<ClientNames>,
    /// What the store says is the customer's e-mail now, where that was asked.
    pub(crate) customer_email: Option<String>,
    /// What was deleted in FreshBooks, where something is missing and that was asked.
    pub(crate) deleted: Deleted,
}

/// Documents of an order that FreshBooks shows among the deleted ones. They explain what is
/// missing and never make a difference.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deleted {
    pub(crate) invoices: Vec<InvoiceFigures>,
    /// Of the invoice that stands.
    pub(crate) payments: Vec<PaymentFigures>,
    pub(crate) credit_notes: Vec<Outgoing>,
    pub(crate) client: bool,
}

/// A transaction and its day.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) row: TransactionRow,
    pub(crate) day: String,
}

/// A refund that moved something, and its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// The record's id, or `T` and the id of a transaction that no record accounts for.
    pub(crate) id: String,
    pub(crate) amount: Decimal,
    pub(crate) day: String,
}

/// An invoice with its payments.
#[derive(Clone, Debug)]
pub(crate) struct Booked {
    pub(crate) invoice: InvoiceFigures,
    pub(crate) payments: Vec<PaymentFigures>,
    /// It does not bear the order's number, but payments with the order's money.
    pub(crate) renumbered: bool,
}

/// Money that the books give back beside the invoice.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) refund_id: String,
    pub(crate) figures: OutgoingFigures,
}

impl Booked {
    /// Money on the invoice; what was paid from a credit is none.
    pub(crate) fn received(&self) -> Decimal {
        let money = self.payments.iter().filter(|one| !one.from_credit);
        sum(money.filter_map(|one| one.amount))
    }

    /// The part of it that other orders paid.
    pub(crate) fn received_from_others(&self) -> Decimal {
        let theirs = |one: &&PaymentFigures| !one.from_credit && paying_order(&one.note).is_some();
        let money = self.payments.iter().filter(theirs);
        sum(money.filter_map(|one| one.amount))
    }
}

/// What a refund really gave back; `None` when it was declined or its amount cannot be read.
fn given(refund: &RefundRow, day: String) -> Option<Given> {
    let parts = &refund.payments;
    let amount = if parts.iter().any(|part| part.is_declined) {
        let paid = parts.iter().filter(|part| !part.is_declined);
        sum(paid.filter_map(|part| part.amount))
    } else {
        refund.total_amount?
    };
    (!amount.is_zero()).then_some(Given {
        id: refund.id.to_string(),
        amount,
        day,
    })
}

/// Everything that was given back: the records, and refunds made at the gateway, which leave
/// only a transaction. A transaction that is a part of a record is not counted again. An order
/// whose transactions are all tests was never paid, so nothing can have gone back.
pub(crate) fn given_back(
    records: &[RefundRow],
    transactions: &[Taken],
    day: impl Fn(&RefundRow) -> String,
) -> Vec<Given> {
    if !transactions.is_empty() && transactions.iter().all(|taken| taken.row.test) {
        return Vec::new();
    }
    let mut all: Vec<Given> = records
        .iter()
        .filter_map(|record| given(record, day(record)))
        .collect();
    let parts = records.iter().flat_map(|record| &record.payments);
    let mut accounted: Vec<Decimal> = parts
        .filter(|part| !part.is_declined)
        .filter_map(|part| part.amount)
        .collect();
    let real = transactions
        .iter()
        .filter(|taken| taken.row.event == "refund" && taken.row.ok && !taken.row.test);
    for taken in real {
        let Some(amount) = taken.row.amount.filter(|amount| *amount > Decimal::ZERO) else {
            continue;
        };
        match accounted.iter().position(|part| *part == amount) {
            Some(place) => drop(accounted.swap_remove(place)),
            None => all.push(Given {
                id: format!("T{}", taken.row.id),
                amount,
                day: taken.day.clone(),
            }),
        }
    }
    all
}

/// The ids that a text names after a word such as `txn:`.
pub(crate) fn tokens<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(word).filter_map(move |(start, found)| {
        let before = text.get(..start)?.chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let rest = text.get(start + found.len()..)?;
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
            .unwrap_or(rest.len());
        rest.get(..end).filter(|id| !id.is_empty())
    })
}

/// Begins the word of a payment's note that names the order which paid another's invoice.
pub(crate) const PAYING: &str = "invoice-payment:";

/// The order that paid, where the payment stands on another order's invoice.
pub(crate) fn paying_order(note: &str) -> Option<u64> {
    tokens(note, PAYING).find_map(|id| id.parse().ok())
}

/// The refund a credit note or an expense stands for: by its note, else by its number.
pub(crate) fn refund_of(figures: &OutgoingFigures) -> Option<String> {
    let by_note = tokens(&figures.notes, "refund:").next().map(str::to_owned);
    let by_number = || {
        let (_, id) = figures.number.rsplit_once("-R")?;
        (!id.is_empty()).then(|| id.to_owned())
    };
    by_note.or_else(by_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect::bigcommerce::lists::RefundPaymentRow;

    #[test]
    fn tokens_are_whole_words() {
        let found: Vec<&str> = tokens("Card (txn:47), txn:4711. xtxn:9 txn:", "txn:").collect();
        assert_eq!(found, ["47", "4711"]);
    }

    #[test]
    fn the_expense_of_shipping_is_no_refund() {
        let noted = |notes: &str| OutgoingFigures {
            id: 1,
            number: String::new(),
            client_id: 0,
            amount: None,
            currency: String::new(),
            date: String::new(),
            notes: notes.to_owned(),
        };
        let of = |notes: &str| refund_of(&noted(notes));
        assert_eq!(of("Shipping of invoice 1001 (shipping:1)"), None);
        assert_eq!(
            of("Refund 7. Reason: shipping:late refund:7"),
            Some("7".to_owned())
        );
    }

    #[test]
    fn declined_parts_of_a_refund_give_nothing() {
        let part = |amount: u32, is_declined| RefundPaymentRow {
            amount: Some(amount.into()),
            is_declined,
        };
        let mut refund = RefundRow {
            id: 7,
            order_id: 100,
            created_at: None,
            total_amount: Some(30.into()),
            total_tax: None,
            payments: vec![part(20, true), part(10, false)],
        };
        let amount = |refund: &RefundRow| given(refund, String::new()).map(|given| given.amount);
        assert_eq!(amount(&refund), Some(10.into()));
        refund.payments = vec![part(30, true)];
        assert_eq!(amount(&refund), None);
        refund.payments = vec![part(30, false)];
        assert_eq!(amount(&refund), Some(30.into()));
    }
}
