//! Rules across the parts of an order, and suspicions.
//!
//! Not here: reading single values.

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::reader::{Findings, Node};
use super::{Flag, residue};
use crate::order::Order;

/// Status 0, Incomplete: nothing of it goes in the books, so it needs no customer.
const INCOMPLETE: u32 = 0;

/// Checks the whole order and settles what depends on several parts: tax basis and time zone.
pub(super) fn apply(mut order: Order, root: &Node<'_>, findings: &Findings) -> Order {
    order.store_time_zone = time_zone(root, findings);
    order.tax_inclusive = tax_basis(&order, root, findings);
    customer(&order, root);
    totals(&order, root);
    belonging(&order, root);
    tests_only(&order, findings);
    suspicions(&order, findings);
    order
}

fn flag(findings: &Findings, code: &'static str, message: String) {
    findings.flags.borrow_mut().push(Flag { code, message });
}

fn time_zone(root: &Node<'_>, findings: &Findings) -> String {
    let store = root.get("store");
    let node = store.get("time_zone");
    let name = node.text();
    let name = name.trim();
    if name.is_empty() {
        let message = "The store's time zone is not known; days are counted in UTC. Set the \
                       connection's time zone."
            .to_owned();
        flag(findings, "time_zone_missing", message);
        return "UTC".to_owned();
    }
    if TimeZone::get(name).is_err() {
        node.fault(
            "unknown_time_zone",
            "is no IANA time zone; set the connection's, e.g. \"America/New_York\"",
        );
    }
    name.to_owned()
}

/// The basis the store states, unless only the other one makes the order's own sum.
fn tax_basis(order: &Order, root: &Node<'_>, findings: &Findings) -> bool {
    let node = root.get("order");
    let on_order = node.get("is_tax_inclusive_pricing").flag_or_none();
    let store = root.get("store");
    let settings = store
        .get("tax_settings")
        .get("tax_entered_with_prices")
        .flag_or_none();
    let on_store = settings.or(store.get("tax_entered_with_prices").flag_or_none());
    let stated = on_order.or(on_store);
    let unit = Decimal::new(1, order.currency.decimals());
    let holds = |inclusive| residue(order, inclusive).abs() <= unit;
    match stated {
        Some(inclusive) if !holds(inclusive) && holds(!inclusive) => {
            let (said, used) = if inclusive {
                ("with", "without")
            } else {
                ("without", "with")
            };
            flag(
                findings,
                "tax_basis_contradicts_totals",
                format!(
                    "The store says prices are {said} tax, but the order adds up {used} tax only; \
                     it is read that way."
                ),
            );
            !inclusive
        }
        Some(inclusive) => inclusive,
        None => !holds(false) && holds(true),
    }
}

fn customer(order: &Order, root: &Node<'_>) {
    let billing = &order.billing_address;
    let known = [
        &billing.email,
        &billing.company,
        &billing.first_name,
        &billing.last_name,
    ]
    .iter()
    .any(|text| !text.trim().is_empty());
    if !known && order.status_id != INCOMPLETE {
        let node = root.get("order");
        node.get("billing_address").fault(
            "missing_customer",
            "has no e-mail, company or name, so there is nobody to invoice; add one of them to the \
             order in the store",
        );
    }
}

fn totals(order: &Order, root: &Node<'_>) {
    let total = order.totals.total.inc_tax;
    if total < Decimal::ZERO {
        let node = root.get("order");
        let message = format!(
            "is {total}: the store owes the shopper, and no invoice can say that; book a credit note \
             for the client in FreshBooks by hand, then purge this letter"
        );
        node.get("total_inc_tax").fault("negative_total", message);
    }
}

/// Rows of another order must never be booked on this one.
fn belonging(order: &Order, root: &Node<'_>) {
    for (list, code) in [
        ("products", "product_of_other_order"),
        ("transactions", "transaction_of_other_order"),
        ("refunds", "refund_of_other_order"),
    ] {
        let rows = root.get(list);
        if !rows.is_array() {
            continue;
        }
        rows.list(|row| {
            let node = row.get("order_id");
            let other = node
                .whole_or_none()
                .filter(|id| *id != order.id && order.id != 0);
            if let Some(other) = other {
                node.fault(
                    code,
                    format_args!(
                        "names order {other}, but this is order {}; fetch the order again",
                        order.id
                    ),
                );
            }
        });
    }
}

fn tests_only(order: &Order, findings: &Findings) {
    if !order.transactions.is_empty() && order.transactions.iter().all(|money| money.test) {
        let message = "All transactions are tests; no payment is booked.".to_owned();
        flag(findings, "test_transactions_only", message);
    }
}

fn suspicions(order: &Order, findings: &Findings) {
    let totals = &order.totals;
    let parts = totals.total.ex_tax.checked_add(totals.total.tax);
    if parts != Some(totals.total.inc_tax) {
        flag(
            findings,
            "total_is_not_net_plus_tax",
            format!(
                "The total is {}, but net and tax make {} and {}.",
                totals.total.inc_tax, totals.total.ex_tax, totals.total.tax
            ),
        );
    }
    let left = residue(order, order.tax_inclusive);
    if !left.is_zero() {
        let message = format!("The order's total differs by {left} from what its parts make.");
        flag(findings, "parts_do_not_make_the_total", message);
    }
    let billing = &order.billing_address.country_iso2;
    let elsewhere = order.shipping_addresses.iter().any(|address| {
        !address.country_iso2.is_empty() && !address.country_iso2.eq_ignore_ascii_case(billing)
    });
    if elsewhere && !billing.is_empty() {
        let message = "Billing and shipping countries differ.".to_owned();
        flag(findings, "countries_differ", message);
    }
    if order
        .products
        .iter()
        .any(|line| line.quantity.is_zero() && !line.total.inc_tax.is_zero())
    {
        let message = "A line with quantity 0 costs something.".to_owned();
        flag(findings, "charged_without_quantity", message);
    }
    if order.products.is_empty() && order.status_id != INCOMPLETE {
        flag(
            findings,
            "no_products",
            "The order has no products.".to_owned(),
        );
    }
}
