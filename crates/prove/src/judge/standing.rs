//! Whether an order belongs in the books: the accounting page's table, and what waits for a
//! person by the vendors' own figures.

use domain::money::Currency;
use rust_decimal::Decimal;

use super::money_in;
use crate::amounts::{minus, money, sum};
use crate::evidence::Evidence;
use crate::terms::{Standing as Told, Terms};

/// The longest invoice number FreshBooks takes.
const NUMBER_CHARS_MAX: usize = 20;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An invoice; it may stay a draft.
    In { draft: bool },
    /// No invoice, for this reason.
    Out(&'static str),
    /// Whatever stands in the books, stands.
    Either,
    /// Waits for a person: code and words.
    Held(&'static str, String),
}

pub(super) fn place(evidence: &Evidence, terms: &Terms) -> Place {
    let order = &evidence.order;
    let by_table = by_table(evidence, terms);
    let in_books = matches!(by_table, Place::In { .. });
    match held(evidence, terms) {
        Some((code, words)) if in_books => Place::Held(code, words),
        _ if order.total_inc_tax.is_none() && in_books => Place::Held(
            "unreadable_total",
            "The store's total of the order is no amount.".to_owned(),
        ),
        _ => by_table,
    }
}

fn by_table(evidence: &Evidence, terms: &Terms) -> Place {
    let order = &evidence.order;
    let status = order.status_id.unwrap_or(u64::MAX);
    let set = u32::try_from(status)
        .ok()
        .and_then(|status| terms.status.get(&status));
    match set {
        Some(Told::None) => return Place::Out("the policy keeps its status out of the books"),
        Some(Told::Draft) => return Place::In { draft: true },
        Some(Told::Sent) => return Place::In { draft: false },
        None => {}
    }
    let captured = sum([
        sum(money_in::captured(&evidence.transactions)
            .iter()
            .filter_map(|taken| taken.row.amount)),
        order.gift_certificate_amount,
        order.store_credit_amount,
    ]) > Decimal::ZERO;
    let offline = money_in::paid_offline(order, &evidence.transactions, was_refunded(evidence));
    if order.is_deleted && !captured && !offline {
        return Place::Either;
    }
    match status {
        0 => Place::Out("it is incomplete"),
        5 if captured || offline => Place::In { draft: false },
        // What was given back in full is neither owed nor earned; the books show both ways.
        6 if captured && all_given_back(evidence) => Place::In { draft: false },
        5 => Place::Out("it was cancelled and never paid"),
        6 if captured => Place::Held(
            "declined_but_captured",
            "The order is declined, but money was captured for it.".to_owned(),
        ),
        6 => Place::Out("it was declined"),
        1..=14 => Place::In { draft: false },
        other => Place::Held(
            "unknown_status",
            format!("Order status {other} is none that is known; set [status] in the policy."),
        ),
    }
}

fn all_given_back(evidence: &Evidence) -> bool {
    let captured = money_in::captured(&evidence.transactions);
    let captured = sum(captured.iter().filter_map(|taken| taken.row.amount));
    let back = sum(evidence.refunds.iter().map(|refund| refund.amount));
    back > Decimal::ZERO && back >= captured
}

pub(super) fn was_refunded(evidence: &Evidence) -> bool {
    !evidence.refunds.is_empty()
}

/// Why a person has to look first.
fn held(evidence: &Evidence, terms: &Terms) -> Option<(&'static str, String)> {
    let order = &evidence.order;
    let currency = order.currency.as_str();
    let nobody = [
        &order.email,
        &order.company,
        &order.first_name,
        &order.last_name,
    ]
    .into_iter()
    .all(|text| text.trim().is_empty());
    if nobody && order.customer_id == 0 {
        let words = "The order has no e-mail, company or name, so there is nobody to invoice.";
        return Some(("missing_customer", words.to_owned()));
    }
    if Currency::from_code(currency).is_err() {
        let words = format!("The order is in {currency:?}, which is no known currency.");
        return Some(("unknown_currency", words));
    }
    if terms.number(order.id).chars().count() > NUMBER_CHARS_MAX {
        let words = format!("Its invoice number has more than {NUMBER_CHARS_MAX} characters.");
        return Some(("invoice_number_too_long", words));
    }
    let foreign = money_in::captured(&evidence.transactions)
        .into_iter()
        .find(|taken| !taken.row.currency.is_empty() && taken.row.currency != currency);
    if let Some(taken) = foreign {
        let words = format!(
            "Transaction {} is in {}, the order in {currency}.",
            taken.row.id, taken.row.currency
        );
        return Some(("payment_currency_differs", words));
    }
    let total = order.total_inc_tax?;
    if total < Decimal::ZERO {
        let words = format!(
            "The order's total is {}: it gives money back, which is booked as a credit note by \
             hand.",
            money(total, currency)
        );
        return Some(("negative_total", words));
    }
    let (ex_tax, tax) = (order.total_ex_tax?, order.total_tax?);
    let parts = sum([ex_tax, tax]);
    if parts != total {
        let words = format!(
            "The store's total is {}, its total before tax and its tax make {}.",
            money(total, currency),
            money(parts, currency)
        );
        return Some(("sums_do_not_add_up", words));
    }
    let received = money_in::received(order, &evidence.transactions, was_refunded(evidence), terms);
    let back = sum(evidence.refunds.iter().map(|refund| refund.amount));
    if minus(received, back) > total && received > Decimal::ZERO {
        let words = format!(
            "{} came in for an order of {}.",
            money(received, currency),
            money(total, currency)
        );
        return Some(("paid_more_than_due", words));
    }
    refunds_held(evidence, received)
}

fn refunds_held(evidence: &Evidence, received: Decimal) -> Option<(&'static str, String)> {
    let order = &evidence.order;
    let back = sum(evidence.refunds.iter().map(|refund| refund.amount));
    if back > received {
        let words = format!(
            "{} was given back of {} received.",
            money(back, &order.currency),
            money(received, &order.currency)
        );
        return Some(("refund_above_payments", words));
    }
    let came_in = received > Decimal::ZERO;
    if matches!(order.status_id, Some(4 | 14)) && evidence.refunds.is_empty() && came_in {
        let words = "The store says the order is refunded, but reports no refund that was carried \
                     out; only the gateway knows what was given back.";
        return Some(("refund_without_record", words.to_owned()));
    }
    None
}
