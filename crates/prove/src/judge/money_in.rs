//! The money a store took for an order, by its transactions, tenders and status.
//!
//! Written from the accounting page and not from `domain`, so that neither can hide the other's
//! fault.

use connect::bigcommerce::lists::{OrderRow, TransactionRow};
use rust_decimal::Decimal;

use crate::amounts::{minus, sum};
use crate::evidence::Taken;
use crate::terms::Terms;

/// Statuses that mean the order is paid. Source: BigCommerce's orders overview.
const PAID: [u64; 6] = [2, 3, 8, 9, 10, 11];

/// What names a payment outside of gateways; BigCommerce documents no list.
const OUTSIDE: [&str; 14] = [
    "bank",
    "cash",
    "check",
    "cheque",
    "cod",
    "collect",
    "deposit",
    "invoice",
    "manual",
    "money order",
    "offline",
    "purchase order",
    "store",
    "wire",
];

/// Transactions that are money, each once: captured, accepted, real and not voided.
pub(super) fn captured(transactions: &[Taken]) -> Vec<&Taken> {
    let real = |taken: &&Taken| taken.row.ok && !taken.row.test;
    let is_money = |taken: &&Taken| {
        taken
            .row
            .amount
            .is_some_and(|amount| amount > Decimal::ZERO)
            && !transactions.iter().filter(real).any(|other| {
                other.row.event == "void" && other.row.reference_transaction_id == taken.row.id
            })
    };
    let mut counted: Vec<&Taken> = Vec::new();
    let good = || transactions.iter().filter(real).filter(is_money);
    for taken in good().filter(|taken| matches!(taken.row.event.as_str(), "purchase" | "capture")) {
        if !counted.iter().any(|known| known.row.id == taken.row.id) {
            counted.push(taken);
        }
    }
    for taken in good().filter(|taken| taken.row.event == "settled") {
        if !counted.iter().any(|known| confirms(&taken.row, &known.row)) {
            counted.push(taken);
        }
    }
    counted
}

/// Whether `settled` only says that money counted already has arrived.
fn confirms(settled: &TransactionRow, known: &TransactionRow) -> bool {
    let reference = &settled.reference_transaction_id;
    settled.id == known.id
        || (!reference.is_empty() && *reference == known.id)
        || (!settled.gateway_transaction_id.is_empty()
            && settled.gateway == known.gateway
            && settled.gateway_transaction_id == known.gateway_transaction_id)
        || (!reference.is_empty()
            && *reference == known.reference_transaction_id
            && settled.amount == known.amount)
}

/// Gift certificate and store credit that no transaction stands for.
pub(super) fn tenders(order: &OrderRow, transactions: &[Taken]) -> Decimal {
    let told = |method: &str| transactions.iter().any(|taken| taken.row.method == method);
    let amounts = [
        ("gift_certificate", order.gift_certificate_amount),
        ("store_credit", order.store_credit_amount),
    ];
    sum(amounts
        .into_iter()
        .filter(|(method, amount)| *amount > Decimal::ZERO && !told(method))
        .map(|(_, amount)| amount))
}

/// Whether a gateway takes part, so that only transactions are money.
pub(crate) fn names_gateway(order: &OrderRow) -> bool {
    let status = order.payment_status.to_ascii_lowercase();
    let waits = [
        "authorized",
        "capture pending",
        "captured",
        "held for review",
    ];
    if waits.contains(&status.as_str()) {
        return true;
    }
    let provider = order.payment_provider_id.trim().to_ascii_lowercase();
    let method = order.payment_method.to_ascii_lowercase();
    !matches!(provider.as_str(), "" | "0" | "null")
        && !OUTSIDE
            .iter()
            .any(|name| provider.contains(name) || method.contains(name))
}

/// Whether the merchant says the order is paid and no gateway took part.
pub(super) fn paid_offline(order: &OrderRow, transactions: &[Taken], was_refunded: bool) -> bool {
    let status = order.status_id.unwrap_or(0);
    let paid = PAID.contains(&status) || (was_refunded && matches!(status, 4 | 5 | 14));
    paid && (!transactions.is_empty() || !names_gateway(order))
        && transactions.iter().all(|taken| {
            let method = taken.row.method.as_str();
            matches!(method, "offline" | "gift_certificate" | "store_credit") && !taken.row.test
        })
}

/// Everything that came in, whatever the order's total.
pub(super) fn received(
    order: &OrderRow,
    transactions: &[Taken],
    was_refunded: bool,
    terms: &Terms,
) -> Decimal {
    let amounts = captured(transactions);
    let captured = sum(amounts.iter().filter_map(|taken| taken.row.amount));
    let taken = sum([captured, tenders(order, transactions)]);
    let due = minus(order.total_inc_tax.unwrap_or_default(), taken);
    if due > Decimal::ZERO && terms.offline_paid && paid_offline(order, transactions, was_refunded)
    {
        return sum([taken, due]);
    }
    taken
}
