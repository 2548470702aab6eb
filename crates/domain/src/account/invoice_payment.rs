//! Orders that only pay another order's invoice: told by the policy's marks, never guessed.
//!
//! An order that looks like one and bears no mark is held: booked as a sale it would double
//! revenue and money, booked as a payment without being one it would lose a sale (ADR 0026).

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::texts::fit_texts;
use super::{Hold, not_computable, number};
use crate::books::{DesiredBooks, DesiredPayment, Disposition, RefundDocument};
use crate::mapping::Mapping;
use crate::money::Money;
use crate::order::{Order, ProductLine, ProductType};
use crate::policy::{Policy, RefundMode, ShippingMode, Unmarked};

/// Begins the word in a payment's note that names the order which paid. No person writes it.
pub const PAYING_ORDER: &str = "invoice-payment:";

/// Where the store's order ids begin; "payment 1 of 2" names no order.
const ORDER_ID_MIN: u64 = 100;

/// The order whose invoice this one pays; `None` for a sale.
pub(super) fn pays(order: &Order, policy: &Policy) -> Result<Option<u64>, Hold> {
    let marks = &policy.invoice_payment_orders;
    let costing: Vec<&ProductLine> = order.products.iter().filter(|one| costs(one)).collect();
    let marked = costing.iter().filter(|line| marks.marks_line(line)).count();
    let by_order = marks.marks_order(order);
    if !by_order && marked == 0 {
        let is_suspect = marks.unmarked == Unmarked::Hold && looks_like_one(order, policy);
        return if is_suspect {
            Err(suspect(order))
        } else {
            Ok(None)
        };
    }
    let beside = [&order.totals.shipping, &order.totals.handling];
    let sells_beside = marked < costing.len()
        || beside.iter().any(|cost| cost.inc_tax != Decimal::ZERO)
        || order
            .fees
            .iter()
            .any(|fee| fee.cost.inc_tax != Decimal::ZERO);
    if !by_order && sells_beside {
        return Err(Hold {
            code: "invoice_payment_with_goods",
            message: "The order pays an invoice (invoice_payment_orders names its product) and \
                      sells something beside it. Book the sale and the payment by hand, and discard \
                      this."
                .to_owned(),
        });
    }
    paid_order(order, policy).map(Some)
}

/// The books of an order that pays another's invoice: payments, and nothing else.
///
/// What is given back of it lowers the payments: no revenue goes back, the invoice is open again.
pub(super) fn book(
    order: &Order,
    policy: &Policy,
    mapping: &Mapping,
    paid: u64,
    notices: Vec<String>,
) -> Result<DesiredBooks, Vec<Hold>> {
    let own = Policy {
        refund: RefundMode::Adjust,
        shipping: ShippingMode::Line,
        ..policy.clone()
    };
    let pays = Disposition::PaysInvoice(paid);
    let mut books = super::book(order, &own, mapping, pays, notices)?;
    books.invoice.number = number(paid, policy);
    books.invoice.lines.clear();
    books.invoice.fields.clear();
    books.invoice.rounding_bound_minor = 0;
    books.invoice.expected_tax = Money::zero(order.currency);
    books.invoice.expected_total = books
        .payments
        .iter()
        .try_fold(Money::zero(order.currency), |sum, payment| {
            sum.checked_add(payment.captured)
        })
        .map_err(|error| vec![not_computable(&error)])?;
    // No lines, so nothing that accounts could round otherwise.
    books.alternatives.clear();
    books.held_for.clear();
    books.email_to = None;
    for refund in &mut books.refunds {
        refund.document = RefundDocument::None;
    }
    for payment in &mut books.payments {
        name_payer(payment, order.id);
    }
    let (client, invoice) = (&mut books.client, &mut books.invoice);
    fit_texts(client, invoice, &mut books.payments, &mut books.notices);
    Ok(books)
}

/// Keys of tenders are an order's own; on another's invoice they name the order that paid.
fn name_payer(payment: &mut DesiredPayment, order_id: u64) {
    if let Some(tender) = payment.key.strip_prefix("tender:") {
        let key = format!("tender:{order_id}:{tender}");
        payment.note = payment.note.replace(&payment.key, &key);
        payment.key = key;
    }
    payment.note = format!(
        "Order {order_id} paid this invoice ({PAYING_ORDER}{order_id}). {}",
        payment.note
    );
}

fn costs(line: &ProductLine) -> bool {
    line.total.inc_tax != Decimal::ZERO || line.total.ex_tax != Decimal::ZERO
}

/// The one order that the payment names, or the hold that says why it cannot be told.
fn paid_order(order: &Order, policy: &Policy) -> Result<u64, Hold> {
    let named = orders_named(order, policy);
    let mut ids = named.iter();
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(*id),
        (None, _) => Err(Hold {
            code: "invoice_payment_of_no_order",
            message: format!(
                "Order {} pays an invoice (invoice_payment_orders), but neither its product's name \
                 or options nor its external id names an order. Write the number of the paid order \
                 into the order's external id (external_order_id) in the store, or book the payment \
                 by hand and discard this.",
                order.id
            ),
        }),
        (Some(_), Some(_)) => {
            let all: Vec<String> = named.iter().map(|id| number(*id, policy)).collect();
            Err(Hold {
                code: "invoice_payment_of_several_orders",
                message: format!(
                    "Order {} pays an invoice, but names several: {}. Book the payments by hand, \
                     and discard this.",
                    order.id,
                    all.join(", ")
                ),
            })
        }
    }
}

/// The orders named by the lines' names and options and by `external_order_id`; where none is, by
/// `external_id`.
fn orders_named(order: &Order, policy: &Policy) -> BTreeSet<u64> {
    let mut told = vec![order.external_order_id.as_str()];
    for line in &order.products {
        told.push(&line.name);
        told.extend(
            line.options
                .iter()
                .map(|option| option.display_value.as_str()),
        );
    }
    let places: [Vec<&str>; 2] = [told, vec![order.external_id.as_str()]];
    for texts in places {
        let ids = texts
            .iter()
            .flat_map(|text| order_ids(text, &policy.invoice.prefix));
        let ids: BTreeSet<u64> = ids.filter(|id| *id != order.id).collect();
        if !ids.is_empty() {
            return ids;
        }
    }
    BTreeSet::new()
}

/// Order numbers in a text, with the prefix where one has it, else bare. Amounts, dates and parts of
/// words are none.
fn order_ids(text: &str, prefix: &str) -> Vec<u64> {
    let (text, prefix) = (text.to_lowercase(), prefix.to_lowercase());
    let (mut prefixed, mut bare) = (Vec::new(), Vec::new());
    let mut rest = 0;
    while let Some(start) = text
        .get(rest..)
        .and_then(|tail| tail.find(|c: char| c.is_ascii_digit()))
    {
        let start = rest + start;
        let tail = text.get(start..).unwrap_or_default();
        let length = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        rest = start + length;
        let before = text.get(..start).unwrap_or_default();
        let after = tail.get(length..).unwrap_or_default();
        let digits = tail.get(..length).unwrap_or_default();
        let id = digits.parse().ok().filter(|id| *id >= ORDER_ID_MIN);
        let Some(id) = id.filter(|_| !digits.starts_with('0') && !goes_on(after.chars())) else {
            continue;
        };
        let own = before.strip_suffix(prefix.as_str());
        if !prefix.is_empty() && own.is_some_and(|before| !ends_in_word(before)) {
            prefixed.push(id);
        } else if !ends_in_word(before) && !goes_on(before.chars().rev()) {
            bare.push(id);
        }
    }
    if prefixed.is_empty() { bare } else { prefixed }
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(char::is_alphanumeric)
}

/// Whether a number goes on: with a letter, or as an amount or a date after a mark (`500.00`).
fn goes_on(mut beside: impl Iterator<Item = char>) -> bool {
    match beside.next() {
        Some('.' | ',' | '-' | '/' | ':') => beside.next().is_some_and(|c| c.is_ascii_digit()),
        Some('$' | '€' | '£' | '%') => true,
        other => other.is_some_and(char::is_alphanumeric),
    }
}

/// Whether nothing is sold but digital pieces whose names speak of paying invoices.
///
/// Digital goods about invoices ("Invoice template") stay sales: the name has to speak of a payment
/// and an invoice, or of one of both and an order's number.
fn looks_like_one(order: &Order, policy: &Policy) -> bool {
    let mut costing = order.products.iter().filter(|line| costs(line)).peekable();
    let is_suspect = |line: &ProductLine| {
        line.product_type == ProductType::Digital
            && line.quantity == Decimal::ONE
            && speaks_of_payment(&line.name, order.id, policy)
    };
    costing.peek().is_some()
        && order.totals.shipping.inc_tax == Decimal::ZERO
        && costing.all(is_suspect)
}

fn speaks_of_payment(name: &str, order_id: u64, policy: &Policy) -> bool {
    let name = name.to_lowercase();
    let words: BTreeSet<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let says = |wanted: &[&str]| wanted.iter().any(|word| words.contains(word));
    let invoice = says(&["invoice", "invoices", "inv"]);
    let payment = says(&["payment", "payments", "pay", "paying", "paid"]);
    let named = order_ids(&name, &policy.invoice.prefix);
    // A year is a number that goods of all kinds bear.
    let is_year = |id: &u64| (1900..2100).contains(id);
    let has_number = named.iter().any(|id| *id != order_id && !is_year(id));
    (invoice && payment) || (has_number && (invoice || (payment && says(&["order", "orders"]))))
}

fn suspect(order: &Order) -> Hold {
    let names = order.products.iter().filter(|line| costs(line));
    let name = names
        .map(|line| line.name.as_str())
        .next()
        .unwrap_or_default();
    Hold {
        code: "looks_like_invoice_payment",
        message: format!(
            "Order {} sells only {name:?}: it looks like the payment of another order's invoice, \
             which as a sale would be revenue twice. If it is one, name its mark in the \
             connection's policy: invoice_payment_orders, by channels, products (a SKU, \
             \"id:<product id>\" or \"name:<beginning>*\") or external_sources. If such orders are \
             sales, set invoice_payment_orders.unmarked = \"ordinary\". Then release this.",
            order.id
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_numbers_are_told_from_amounts_dates_and_words() {
        for (text, prefix, ids) in [
            ("Invoice payment for order 7901", "", vec![7901]),
            ("Payment 1 of 2, order #7901.", "", vec![7901]),
            ("7901: 500.00 USD, 2026-11-30, 1,250", "", vec![7901]),
            ("INV-7901 (order 12345)", "inv-", vec![7901]),
            ("BC7901", "BC", vec![7901]),
            ("XBC7901 A7902 7903b 07904 $7905", "BC", vec![]),
            ("orders 7901 and 7902", "", vec![7901, 7902]),
            ("order 99999999999999999999999", "", vec![]),
            ("Zahlung für Bestellung №7901 ✓", "", vec![7901]),
        ] {
            assert_eq!(order_ids(text, prefix), ids, "{text:?} {prefix:?}");
        }
    }
}
