//! The verdict on one order: evidence in, causes out. Pure and total.
//!
//! The order of the causes is their rank: the first explains the most. Not here: reading, and
//! what is too young to count.

mod flows;
mod invoice_payments;
mod money_in;
mod standing;
#[cfg(test)]
mod tests;
mod totals;

pub(crate) use money_in::names_gateway;

use rust_decimal::Decimal;

use crate::amounts::{minus, money, sum};
use crate::evidence::{Booked, Evidence, tokens};
use crate::report::{Cause, Code, Sums};
use crate::terms::Terms;
use standing::{Place, place};

/// What came of one order.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    /// By currency code; empty for orders that belong in no sum.
    pub(crate) sums: Vec<(String, Sums)>,
    /// A rounding line within its bound, in words.
    pub(crate) rounding: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Not in the books, and rightly so.
    #[default]
    OutOfBooks,
    Matches,
    Differs(Vec<Cause>),
    /// Waits for a person: code and words.
    Held(&'static str, String),
}

pub(crate) fn judge(evidence: &Evidence, terms: &Terms) -> Judged {
    let place = place(evidence, terms);
    let evidence = &flows::without_excess(evidence, terms);
    if !evidence.pays.is_empty() {
        return invoice_payments::judge(evidence, terms);
    }
    let outcome = match (place, evidence.invoices.is_empty()) {
        (Place::Either, _) | (Place::Out(_), true) => return Judged::default(),
        (Place::Held(code, words), true) => {
            return Judged {
                outcome: Outcome::Held(code, words),
                ..Judged::default()
            };
        }
        (Place::Out(why), false) => Outcome::Differs(vec![Cause::new(
            Code::ShouldNotBeInBooks,
            format!("There is an invoice, but the order is not to have one: {why}."),
        )]),
        (Place::In { .. }, true) => Outcome::Differs(vec![absent(evidence, terms)]),
        (Place::In { draft }, false) => compared(evidence, draft, terms),
        (Place::Held(..), false) => compared(evidence, false, terms),
    };
    let is_out = matches!(&outcome, Outcome::Differs(causes)
        if causes.first().is_some_and(|cause| cause.code == Code::ShouldNotBeInBooks));
    Judged {
        sums: sums(evidence, !is_out, terms),
        rounding: rounding(evidence, terms),
        outcome,
    }
}

fn absent(evidence: &Evidence, terms: &Terms) -> Cause {
    let order = &evidence.order;
    let total = money(order.total_inc_tax.unwrap_or_default(), &order.currency);
    if terms.is_closed(&evidence.day) {
        let words = format!(
            "The order of {total} has no invoice, and its day {} is closed: Tillbook writes \
             nothing there.",
            evidence.day
        );
        return Cause::new(Code::LockedPeriod, words);
    }
    if let Some(gone) = evidence.deleted.invoices.iter().max_by_key(|one| one.id) {
        let words = format!(
            "The order of {total} has no invoice any more: invoice {} of {} was deleted in \
             FreshBooks.",
            gone.number,
            money(gone.amount.unwrap_or_default(), &gone.currency)
        );
        return Cause::new(Code::InvoiceDeletedInFreshbooks, words);
    }
    Cause::new(
        Code::Missing,
        format!("The order of {total} has no invoice."),
    )
}

/// The invoice that stands for the order: the one whose total is right, else the oldest.
fn main_invoice(evidence: &Evidence) -> Option<&Booked> {
    let right = |booked: &&Booked| booked.invoice.amount == evidence.order.total_inc_tax;
    let oldest = || evidence.invoices.iter().min_by_key(|one| one.invoice.id);
    let own = evidence.invoices.iter().filter(|one| !one.renumbered);
    own.clone().find(right).or_else(oldest)
}

fn compared(evidence: &Evidence, draft: bool, terms: &Terms) -> Outcome {
    let Some(booked) = main_invoice(evidence) else {
        return Outcome::Differs(vec![absent(evidence, terms)]);
    };
    let mut causes = Vec::new();
    if evidence.invoices.len() > 1 {
        let words = format!("{} invoices stand for the order.", evidence.invoices.len());
        causes.push(Cause::new(Code::Twice, words));
    } else if booked.renumbered {
        let words = format!(
            "Its invoice bears the number {:?} instead of {}; a person changed it.",
            booked.invoice.number,
            terms.number(evidence.order.id)
        );
        causes.push(Cause::new(Code::EditedByHand, words));
    }
    let lines = totals::read_lines(&booked.invoice, terms);
    causes.extend(invoice_payments::doubled(evidence, booked, terms));
    causes.extend(taken_cause(evidence, booked, terms));
    causes.extend(totals::causes(evidence, booked, &lines, terms));
    causes.extend(flows::day_cause(
        "The invoice",
        &booked.invoice.create_date,
        &evidence.day,
        terms,
    ));
    causes.extend(client_cause(evidence));
    if booked.invoice.is_draft && !draft {
        let words = "The invoice is a draft, so it is in none of FreshBooks' reports.";
        causes.push(Cause::new(Code::Draft, words));
    }
    let same_currency = !causes.iter().any(|cause| cause.code == Code::WrongCurrency);
    if same_currency {
        causes.extend(flows::causes(evidence, booked, &lines, terms));
    }
    if causes.is_empty() {
        Outcome::Matches
    } else {
        Outcome::Differs(causes)
    }
}

/// The number is on somebody else's invoice: with another client, and none of the order's money
/// on it though some came in. One that was moved to another client has kept its payments.
fn taken_cause(evidence: &Evidence, booked: &Booked, terms: &Terms) -> Option<Cause> {
    let is_owed_money = flows::received(evidence, terms) > Decimal::ZERO;
    let holds_money = booked.payments.iter().any(|payment| {
        let mut told = tokens(&payment.note, "txn:").chain(tokens(&payment.note, "offline:"));
        told.next().is_some()
    });
    let another = evidence.client.is_some() && client_cause(evidence).is_some();
    let nothing_deleted = evidence.deleted.payments.is_empty();
    (another && is_owed_money && !holds_money && nothing_deleted).then(|| {
        let words = format!(
            "Invoice {} is another client's and holds none of the order's money: the order's \
             number is taken. Give that invoice another number.",
            booked.invoice.number
        );
        Cause::new(Code::NumberTaken, words)
    })
}

/// By e-mail, the order's or the one its customer has now; without one by company or name.
fn client_cause(evidence: &Evidence) -> Option<Cause> {
    let order = &evidence.order;
    let wrong = |words: &str| Some(Cause::new(Code::ClientWrong, words));
    let Some(client) = &evidence.client else {
        if evidence.deleted.client {
            let words = "The invoice's client was deleted in FreshBooks; bring it back there.";
            return Some(Cause::new(Code::ClientDeletedInFreshbooks, words));
        }
        return wrong("The invoice's client is deleted, or FreshBooks does not list it.");
    };
    let same = |left: &str, right: &str| left.trim().to_lowercase() == right.trim().to_lowercase();
    let full = |first: &str, last: &str| format!("{} {}", first.trim(), last.trim());
    if !order.email.trim().is_empty() && !client.email.trim().is_empty() {
        let now = evidence.customer_email.as_deref().unwrap_or_default();
        if same(&order.email, &client.email) || (!now.is_empty() && same(now, &client.email)) {
            return None;
        }
        return wrong(
            "The invoice's client has another e-mail than the order: the invoice is with another \
             client, or the client's e-mail was changed by hand.",
        );
    }
    let company = !order.company.trim().is_empty() && same(&order.company, &client.organization);
    let name = full(&order.first_name, &order.last_name);
    let named =
        !name.trim().is_empty() && same(&name, &full(&client.first_name, &client.last_name));
    let nameless = order.company.trim().is_empty() && name.trim().is_empty();
    if company || named || nameless {
        return None;
    }
    wrong("The invoice's client has another name than the order.")
}

/// The order's share in its day's sums; an order that is not to be there adds only its invoices.
fn sums(evidence: &Evidence, belongs: bool, terms: &Terms) -> Vec<(String, Sums)> {
    let order = &evidence.order;
    let refunds = sum(evidence.refunds.iter().map(|refund| refund.amount));
    let mut all = Vec::new();
    if belongs {
        let store = Sums {
            orders: 1,
            store_total: minus(order.total_inc_tax.unwrap_or_default(), refunds),
            store_received: minus(invoice_payments::own_received(evidence, terms), refunds),
            ..Sums::default()
        };
        all.push((order.currency.clone(), store));
    }
    let main = main_invoice(evidence).map(|booked| booked.invoice.id);
    for booked in &evidence.invoices {
        let is_main = main == Some(booked.invoice.id);
        let given = evidence.outgoing.iter().filter(|_| is_main);
        let beside = sum(given.filter_map(|one| one.figures.amount));
        let books = Sums {
            books_total: minus(booked.invoice.amount.unwrap_or_default(), beside),
            // What another order paid stands with that one.
            books_received: minus(
                minus(booked.received(), booked.received_from_others()),
                beside,
            ),
            ..Sums::default()
        };
        all.push((booked.invoice.currency.clone(), books));
    }
    all
}

fn rounding(evidence: &Evidence, terms: &Terms) -> Option<String> {
    let invoice = &main_invoice(evidence)?.invoice;
    let lines = totals::read_lines(invoice, terms);
    let within = lines.rounding != Decimal::ZERO && lines.rounding.abs() <= lines.bound;
    within.then(|| {
        format!(
            "Rounding line of {}, at most {}.",
            money(lines.rounding, &invoice.currency),
            money(lines.bound, &invoice.currency)
        )
    })
}
