//! Reads an order, customer or product document into its type, reporting every fault at once.
//!
//! Tolerant of the vendor's spellings (see [`reader`]), strict about what the books need (see
//! [`rules`]). Messages name places, codes and amounts, never customer data. Not here: fetching,
//! and what the books make of the order.

mod customers;
mod parts;
mod products;
mod reader;
mod rules;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::money::Currency;
use crate::order::{Order, Totals};
pub use customers::read_customer;
pub use products::read_product;
use reader::{Findings, Node};

/// An order that passed every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOrder {
    pub order: Order,
    pub flags: Vec<Flag>,
}

/// Something that must be put right before the order can be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable, snake case.
    pub code: &'static str,
    /// Where in the document, e.g. `products[2].quantity`.
    pub path: String,
    /// The thing, the reason, the remedy.
    pub message: String,
}

/// A suspicion. It holds nothing back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    pub code: &'static str,
    pub message: String,
}

/// Reads `{"order", "products", "taxes", "coupons", "shipping_addresses", "fees", "transactions",
/// "refunds", "store"}`. Lists may be absent. Errors hold every fault found.
pub fn read_order(document: &Value) -> Result<ReadOrder, Vec<Fault>> {
    let findings = Findings::default();
    let order = read(document, &findings);
    let faults = findings.faults.into_inner();
    match order {
        Some(order) if faults.is_empty() => Ok(ReadOrder {
            order,
            flags: findings.flags.into_inner(),
        }),
        _ => Err(faults),
    }
}

fn read(document: &Value, findings: &Findings) -> Option<Order> {
    let root = Node::root(document, findings);
    let node = root.get("order");
    if !node.is_object() {
        node.fault("missing_order", "is missing; fetch the order again");
        return None;
    }
    let id = node.get("id").id();
    if id.is_none() {
        node.get("id").fault(
            "missing_order_id",
            "must be a number above 0; fetch the order again",
        );
    }
    let currency = currency(&node);
    let status = node.get("status_id").whole_or_none();
    let status_id = status
        .and_then(|status| u32::try_from(status).ok())
        .filter(|id| *id <= 14);
    if status_id.is_none() {
        let message = "must be an order status from 0 to 14; fetch the order again";
        node.get("status_id").fault("unknown_status", message);
    }
    let fees = if root.get("fees").is_absent() && node.get("fees").is_array() {
        node.get("fees").list(parts::fee)
    } else {
        root.get("fees").list(parts::fee)
    };
    let transactions = root
        .get("transactions")
        .list(|node| parts::transaction(node, currency));
    let order = Order {
        id: id.unwrap_or_default(),
        status_id: status_id.unwrap_or_default(),
        status: node.get("status").text(),
        custom_status: node.get("custom_status").text(),
        customer_id: node.get("customer_id").id(),
        currency: currency.unwrap_or(Currency::NONE),
        is_deleted: node.get("is_deleted").flag_or_none().unwrap_or(false),
        tax_inclusive: false,
        created_at_s: node.get("date_created").time(),
        modified_at_s: 0,
        totals: totals(&node),
        billing_address: parts::address(&node.get("billing_address")),
        shipping_addresses: root.get("shipping_addresses").list(parts::address),
        products: root.get("products").list(parts::product),
        taxes: root.get("taxes").list(parts::tax),
        coupons: root.get("coupons").list(parts::coupon),
        fees,
        transactions: transactions.into_iter().flatten().collect(),
        refunds: root.get("refunds").list(parts::refund),
        payment_method: node.get("payment_method").text(),
        payment_provider_id: node.get("payment_provider_id").text(),
        payment_status: node.get("payment_status").text(),
        customer_message: node.get("customer_message").text(),
        staff_notes: node.get("staff_notes").text(),
        order_source: node.get("order_source").text(),
        external_id: node.get("external_id").text(),
        external_order_id: node.get("external_order_id").text(),
        channel_id: node.get("channel_id").text(),
        store_time_zone: "UTC".to_owned(),
        store_decimals: store_decimals(&root, currency),
    };
    let modified = node.get("date_modified").time_or_none();
    let order = Order {
        modified_at_s: modified.unwrap_or(order.created_at_s),
        ..order
    };
    Some(rules::apply(order, &root, findings))
}

/// What the store's currency settings say of the order's currency.
fn store_decimals(root: &Node<'_>, currency: Option<Currency>) -> Option<u32> {
    let store = root.get("store");
    let of_store = store.get("currency_decimals");
    let decimals = of_store.get(currency?.code()).whole_or_none()?;
    u32::try_from(decimals).ok()
}

fn currency(order: &Node<'_>) -> Option<Currency> {
    let code = order.get_any(&["default_currency_code", "currency_code"]);
    let text = code.text();
    let text = text.trim();
    let known = Currency::from_code(text)
        .ok()
        .filter(|known| *known != Currency::NONE);
    if known.is_none() {
        let shown = if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
            text
        } else {
            "empty or no code"
        };
        code.fault(
            "unknown_currency",
            format_args!(
                "({shown}) is no ISO 4217 currency Tillbook knows; correct the store's currency \
                 settings"
            ),
        );
    }
    known
}

fn totals(order: &Node<'_>) -> Totals {
    let total = order.get("total_inc_tax");
    if total.is_absent() {
        total.fault("missing_total", "is missing; fetch the order again");
    }
    Totals {
        subtotal: parts::amounts(
            order,
            ["subtotal_ex_tax", "subtotal_inc_tax", "subtotal_tax"],
        ),
        shipping: parts::amounts(
            order,
            [
                "shipping_cost_ex_tax",
                "shipping_cost_inc_tax",
                "shipping_cost_tax",
            ],
        ),
        handling: parts::amounts(
            order,
            [
                "handling_cost_ex_tax",
                "handling_cost_inc_tax",
                "handling_cost_tax",
            ],
        ),
        wrapping: parts::amounts(
            order,
            [
                "wrapping_cost_ex_tax",
                "wrapping_cost_inc_tax",
                "wrapping_cost_tax",
            ],
        ),
        total: parts::amounts(order, ["total_ex_tax", "total_inc_tax", "total_tax"]),
        discount_amount: order.get("discount_amount").money(),
        coupon_discount: order.get("coupon_discount").money(),
        gift_certificate_amount: order.get("gift_certificate_amount").money(),
        store_credit_amount: order.get("store_credit_amount").money(),
    }
}

/// What is left of `total` in one tax basis after everything the order lists is taken off.
fn residue(order: &Order, inclusive: bool) -> Decimal {
    let pick = |amounts: &crate::order::Amounts| {
        if inclusive {
            amounts.inc_tax
        } else {
            amounts.ex_tax
        }
    };
    let totals = &order.totals;
    let add = |sum: Decimal, next: Decimal| sum.checked_add(next).unwrap_or(Decimal::MAX);
    let charged = [&totals.shipping, &totals.handling, &totals.wrapping]
        .into_iter()
        .chain(order.fees.iter().map(|fee| &fee.cost))
        .chain(order.products.iter().map(|line| &line.total))
        .map(pick)
        .fold(Decimal::ZERO, add);
    let taken = add(totals.discount_amount, totals.coupon_discount);
    pick(&totals.total)
        .checked_add(taken)
        .and_then(|sum| sum.checked_sub(charged))
        .unwrap_or(Decimal::MAX)
}
