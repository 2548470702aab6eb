//! Orders that only pay another order's invoice: no invoice of their own, their money on that one.
//!
//! A payment's note names the order that paid, which is how both orders are told. Not here: whether
//! an order rightly counts as such a payment, which the lists do not show.

use connect::freshbooks::lists::LineFigures;
use rust_decimal::Decimal;

use super::{Judged, Outcome, flows, main_invoice};
use crate::amounts::{minus, money, sum};
use crate::evidence::{Booked, Evidence, tokens};
use crate::report::{Cause, Code, Sums};
use crate::terms::Terms;

/// The least order id of a store; "payment 1 of 2" names no order.
const ORDER_ID_MIN: u64 = 100;

/// The verdict on the order that paid: its money, given back parts taken off, and nothing else.
pub(super) fn judge(evidence: &Evidence, terms: &Terms) -> Judged {
    let order = &evidence.order;
    let refunds = sum(evidence.refunds.iter().map(|refund| refund.amount));
    let due = minus(flows::received(evidence, terms), refunds);
    let found = sum(evidence.pays.iter().filter_map(|payment| payment.amount));
    let mut causes = Vec::new();
    if let Some(booked) = main_invoice(evidence) {
        let words = format!(
            "{} of the order stand as payment of another order's invoice, and the order has \
             invoice {} of its own as well. Delete that invoice, or those payments.",
            money(found, &order.currency),
            booked.invoice.number
        );
        causes.push(Cause::new(Code::Doubled, words));
    }
    if found != due {
        let code = if found > due {
            Code::PaymentTooMuch
        } else {
            Code::PaymentMissing
        };
        let words = format!(
            "The order pays another order's invoice: {} of payments are due there, {} are there.",
            money(due, &order.currency),
            money(found, &order.currency)
        );
        causes.push(Cause::new(code, words));
    }
    for payment in &evidence.pays {
        let named: Vec<&str> = tokens(&payment.note, "txn:").collect();
        let mut taken = evidence.transactions.iter();
        if let Some(taken) = taken.find(|taken| named.contains(&taken.row.id.as_str())) {
            let what = format!("The payment of transaction {}", taken.row.id);
            causes.extend(flows::day_cause(&what, &payment.date, &taken.day, terms));
        }
    }
    let revenue = evidence.invoices.iter();
    let sums = Sums {
        orders: 1,
        store_received: due,
        books_total: sum(revenue.clone().filter_map(|booked| booked.invoice.amount)),
        books_received: sum([found, sum(revenue.map(Booked::received))]),
        ..Sums::default()
    };
    Judged {
        outcome: match causes.is_empty() {
            true => Outcome::Matches,
            false => Outcome::Differs(causes),
        },
        sums: vec![(order.currency.clone(), sums)],
        rounding: None,
    }
}

/// What the order's own money is: an order paid offline was paid only as far as no other order
/// paid its invoice.
pub(super) fn own_received(evidence: &Evidence, terms: &Terms) -> Decimal {
    let received = flows::received(evidence, terms);
    let others = sum(evidence.invoices.iter().map(Booked::received_from_others));
    if others.is_zero() {
        return received;
    }
    let told = flows::received(
        evidence,
        &Terms {
            offline_paid: false,
            ..terms.clone()
        },
    );
    let total = evidence.order.total_inc_tax.unwrap_or(received);
    let open = minus(total, others).max(Decimal::ZERO);
    told.max(received.min(open))
}

/// A sale whose lines only say that they pay other orders' invoices: revenue and money twice.
///
/// Goods about invoices stay sales: a line has to speak of both, or of one and an order's number.
pub(super) fn doubled(evidence: &Evidence, booked: &Booked, terms: &Terms) -> Option<Cause> {
    let costs = |line: &&LineFigures| line.amount.is_some_and(|amount| !amount.is_zero());
    let lines = booked.invoice.lines.as_ref()?;
    let mut costing = lines.iter().filter(costs);
    let first = costing.clone().next()?;
    let speaks = |line: &LineFigures| speaks_of_payment(&line.name, evidence.order.id, terms);
    let is_suspect = !terms.lookalikes_are_sales && costing.all(speaks);
    is_suspect.then(|| {
        let words = format!(
            "The order sells only {:?}, so it seems to pay another order's invoice, and stands as a \
             sale of {}: revenue and money twice. If it is one, take it out with `tillbook undo` for \
             its day, name its mark in invoice_payment_orders, and backfill that day; if such orders \
             are sales, set invoice_payment_orders.unmarked = \"ordinary\".",
            first.name,
            money(booked.invoice.amount.unwrap_or_default(), &booked.invoice.currency)
        );
        Cause::new(Code::Doubled, words)
    })
}

fn speaks_of_payment(name: &str, order_id: u64, terms: &Terms) -> bool {
    let (name, prefix) = (name.to_lowercase(), terms.prefix.to_lowercase());
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let says = |wanted: &[&str]| wanted.iter().any(|word| words.contains(word));
    let invoice = says(&["invoice", "invoices", "inv"]);
    let payment = says(&["payment", "payments", "pay", "paying", "paid"]);
    let pieces = name.split_whitespace();
    let number = |piece: &str| {
        let piece = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let digits = piece.strip_prefix(prefix.as_str()).unwrap_or(piece);
        digits.parse::<u64>().ok()
    };
    // A year is a number that goods of all kinds bear.
    let is_year = |id: &u64| (1900..2100).contains(id);
    let has_number = pieces
        .filter_map(number)
        .any(|id| id >= ORDER_ID_MIN && id != order_id && !is_year(&id));
    (invoice && payment) || (has_number && (invoice || (payment && says(&["order", "orders"]))))
}
