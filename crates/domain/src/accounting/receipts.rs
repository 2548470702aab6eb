//! The money that came in, each amount once.
//!
//! Money is a captured, accepted, real transaction; gift certificates and store credit are tenders
//! of their own; an order without transactions that the merchant moved to a paid status was paid
//! outside the store. Not here: what went back ([`super::refunds`]).

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::{Hold, Receipt, entries, payment_type, range};
use crate::money::{Error, Money};
use crate::order::{Order, Transaction, TransactionEvent};
use crate::policy::Policy;

/// Statuses that mean the order is paid. Source: BigCommerce's orders overview.
const PAID_STATUSES: [u32; 6] = [2, 3, 8, 9, 10, 11];

/// All money of an order, oldest first, never more than is due.
pub fn receipts(order: &Order, policy: &Policy) -> Result<Vec<Receipt>, Vec<Hold>> {
    range::check(order)?;
    let zone = time_zone(order).map_err(|hold| vec![hold])?;
    compute(order, policy, &zone).map_err(|error| {
        vec![Hold {
            code: "not_computable",
            message: entries::sentence(&error),
        }]
    })?
}

/// Whether any real money was captured for the order, tenders included.
pub fn money_captured(order: &Order) -> bool {
    !captured(order).is_empty()
        || order.totals.gift_certificate_amount > Decimal::ZERO
        || order.totals.store_credit_amount > Decimal::ZERO
}

/// What the gateways captured; `None` when it cannot be told.
pub(super) fn captured_sum(order: &Order) -> Option<Money> {
    range::check(order).ok()?;
    let amounts = captured(order);
    let sum = amounts.iter().map(|money| money.amount).sum();
    Money::rounded(sum, order.currency).ok()
}

/// The store's time zone, or the hold that says it is unknown.
pub(crate) fn time_zone(order: &Order) -> Result<TimeZone, Hold> {
    TimeZone::get(&order.store_time_zone).map_err(|_| Hold {
        code: "unknown_time_zone",
        message: "The store's time zone is no IANA name, so days cannot be told. Set the \
                  connection's time zone, e.g. \"America/New_York\"."
            .to_owned(),
    })
}

/// Years an order can lie in. A day outside of them is a clock or an import gone wrong, and would
/// stand in no report that anyone looks at.
const YEARS: RangeInclusive<i16> = 2000..=2099;

/// The day of an instant in a zone, `YYYY-MM-DD`; held outside of the years 2000 to 2099.
pub(crate) fn day(at_s: i64, zone: &TimeZone) -> Result<String, Hold> {
    let instant = Timestamp::from_second(at_s).ok();
    let date = instant.map(|instant| zone.to_datetime(instant).date());
    date.filter(|date| YEARS.contains(&date.year()))
        .map(|date| date.to_string())
        .ok_or_else(|| Hold {
            code: "date_out_of_range",
            message: format!(
                "A date of the order, its payments or its refunds lies outside the years {} to {}. \
                 Correct it in the store, or book the order by hand.",
                YEARS.start(),
                YEARS.end()
            ),
        })
}

type Computed = Result<Result<Vec<Receipt>, Vec<Hold>>, Error>;

fn compute(order: &Order, policy: &Policy, zone: &TimeZone) -> Computed {
    let mut holds = Vec::new();
    let mut list = Vec::new();
    for money in captured(order) {
        match of_transaction(money, order, policy, zone) {
            Ok(receipt) => list.push((money.created_at_s, receipt)),
            Err(hold) => holds.push(hold),
        }
    }
    tenders(order, policy, zone, &mut list, &mut holds)?;
    list.sort_by(|left, right| (left.0, &left.1.key).cmp(&(right.0, &right.1.key)));
    let mut receipts: Vec<Receipt> = list.into_iter().map(|(_, receipt)| receipt).collect();
    let total = super::expected_total(order)?.total;
    let mut paid = Money::zero(order.currency);
    for receipt in &receipts {
        paid = paid.checked_add(receipt.amount)?;
    }
    let due = total.checked_sub(paid)?;
    // Paid too much and given back again is no money on the invoice (see `super::refunds`).
    let back = super::refunds::given_back_minor(order);
    let too_much = i128::from(due.amount_minor) + back < 0;
    if too_much && paid.amount_minor > 0 {
        holds.push(Hold {
            code: "paid_more_than_due",
            message: format!(
                "{paid} came in for an order of {total}. FreshBooks would turn the rest into a \
                 credit; give the difference back in the store, or book it by hand."
            ),
        });
    }
    if due.amount_minor > 0 && policy.offline_paid && paid_offline(order) {
        match offline(order, policy, zone, due) {
            Ok(receipt) => receipts.push(receipt),
            Err(hold) => holds.push(hold),
        }
    }
    Ok(if holds.is_empty() {
        Ok(receipts)
    } else {
        Err(holds)
    })
}

/// Transactions that are money, each once.
fn captured(order: &Order) -> Vec<&Transaction> {
    use TransactionEvent::{Capture, Purchase, Settled, Void};
    let real = |money: &&Transaction| money.ok && !money.test;
    let voided = |money: &Transaction| {
        order.transactions.iter().filter(real).any(|other| {
            other.event == Void && other.reference_transaction_id.as_ref() == Some(&money.id)
        })
    };
    let mut counted: Vec<&Transaction> = Vec::new();
    for money in order.transactions.iter().filter(real) {
        let taken = matches!(money.event, Purchase | Capture) && money.amount > Decimal::ZERO;
        if taken && !voided(money) && !counted.iter().any(|known| known.id == money.id) {
            counted.push(money);
        }
    }
    for money in order.transactions.iter().filter(real) {
        let taken = money.event == Settled && money.amount > Decimal::ZERO;
        if taken && !voided(money) && !counted.iter().any(|known| settles(money, known)) {
            counted.push(money);
        }
    }
    counted
}

/// Whether `settled` only confirms money that `known` already stands for.
fn settles(settled: &Transaction, known: &Transaction) -> bool {
    let same_gateway_id = !settled.gateway_transaction_id.is_empty()
        && settled.gateway == known.gateway
        && settled.gateway_transaction_id == known.gateway_transaction_id;
    let same_origin = settled.reference_transaction_id.is_some()
        && settled.reference_transaction_id == known.reference_transaction_id
        && settled.amount == known.amount;
    settled.id == known.id
        || settled.reference_transaction_id.as_ref() == Some(&known.id)
        || same_gateway_id
        || same_origin
}

fn of_transaction(
    money: &Transaction,
    order: &Order,
    policy: &Policy,
    zone: &TimeZone,
) -> Result<Receipt, Hold> {
    if money.currency != order.currency {
        return Err(Hold {
            code: "payment_currency_differs",
            message: format!(
                "Transaction {} is in {}, the order in {}. Book the payment by hand.",
                money.id, money.currency, order.currency
            ),
        });
    }
    let amount = Money::exact(money.amount, order.currency).map_err(|error| Hold {
        code: "payment_not_bookable",
        message: format!("Transaction {} cannot be booked: {error}.", money.id),
    })?;
    Ok(Receipt {
        key: format!("txn:{}", money.id),
        amount,
        date: day(money.created_at_s, zone)?,
        kind: payment_type::of_transaction(money, policy).to_owned(),
        gateway: money.gateway.clone(),
        method: money.method.clone(),
        transaction_id: money.id.clone(),
        gateway_transaction_id: money.gateway_transaction_id.clone(),
        label: label(&money.method).to_owned(),
    })
}

fn label(method: &str) -> &'static str {
    match method {
        "gift_certificate" => "Gift certificate",
        "store_credit" => "Store credit",
        _ => "Payment",
    }
}

/// Tenders the order reports and no transaction stands for.
fn tenders(
    order: &Order,
    policy: &Policy,
    zone: &TimeZone,
    list: &mut Vec<(i64, Receipt)>,
    holds: &mut Vec<Hold>,
) -> Result<(), Error> {
    let totals = &order.totals;
    for (method, amount) in [
        ("gift_certificate", totals.gift_certificate_amount),
        ("store_credit", totals.store_credit_amount),
    ] {
        let by_transaction = order
            .transactions
            .iter()
            .any(|money| money.method == method);
        if amount <= Decimal::ZERO || by_transaction {
            continue;
        }
        let amount = Money::rounded(amount, order.currency)?;
        match day(order.created_at_s, zone) {
            Ok(date) => list.push((
                order.created_at_s,
                Receipt {
                    key: format!("tender:{method}"),
                    amount,
                    date,
                    kind: payment_type::of_tender(method, policy).to_owned(),
                    gateway: String::new(),
                    method: method.to_owned(),
                    transaction_id: String::new(),
                    gateway_transaction_id: String::new(),
                    label: label(method).to_owned(),
                },
            )),
            Err(hold) => holds.push(hold),
        }
    }
    Ok(())
}

/// Whether no gateway took part and the merchant says the order is paid.
///
/// An order whose gateway has not shown its transactions yet is not offline: they come with a
/// hook of their own, and money booked before them would be booked twice.
pub fn paid_offline(order: &Order) -> bool {
    // A refund that was not declined says that money had come in, whatever the status is now.
    let reached_paid = PAID_STATUSES.contains(&order.status_id)
        || (matches!(order.status_id, 4 | 5 | 14) && super::money_given_back(order));
    reached_paid
        && (!order.transactions.is_empty() || !names_gateway(order))
        && order.transactions.iter().all(|money| {
            matches!(
                money.method.as_str(),
                "offline" | "gift_certificate" | "store_credit"
            ) && !money.test
        })
}

/// Whether the order names a payment gateway. Which provider ids BigCommerce gives to payment
/// outside of gateways is not documented, so their usual names are recognised too.
fn names_gateway(order: &Order) -> bool {
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

fn offline(
    order: &Order,
    policy: &Policy,
    zone: &TimeZone,
    amount: Money,
) -> Result<Receipt, Hold> {
    Ok(Receipt {
        key: format!("offline:{}", order.id),
        amount,
        date: day(order.modified_at_s, zone)?,
        kind: payment_type::of_offline(&order.payment_method, policy).to_owned(),
        gateway: order.payment_method.clone(),
        method: "offline".to_owned(),
        transaction_id: String::new(),
        gateway_transaction_id: String::new(),
        label: "Paid outside the store's gateways".to_owned(),
    })
}
