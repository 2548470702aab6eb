//! The money that went back: each refund's amount, tax, lines, day and ways.
//!
//! Never more than came in; what cannot be told exactly is held. Not here: how a refund stands in
//! FreshBooks ([`crate::account`]).

use super::given_back::{GivenBack, Way, given_back};
use super::receipts::{day, time_zone};
use super::{Entry, Hold, Receipt, entries, range, receipts, refund_lines};
use crate::arithmetic::Model;
use crate::books::InvoiceLine;
use crate::money::{Error, Money};
use crate::order::Order;
use crate::policy::Policy;

/// One refund as the books need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refunded {
    /// The store's refund id, or `T` and the id of a refund transaction without a record.
    pub id: String,
    /// With tax; zero when declined. Without what is `absorbed`.
    pub gross: Money,
    /// Gives back what had come in beyond the order's total: it lowers payments and nothing else.
    pub absorbed: Money,
    /// The tax in `gross`.
    pub tax: Money,
    /// `YYYY-MM-DD` in the store's time zone.
    pub date: String,
    /// Positive; empty when declined.
    pub lines: Vec<InvoiceLine>,
    /// The largest rounding line allowed, smallest units.
    pub rounding_bound_minor: u64,
    pub payouts: Vec<Payout>,
    /// The merchant's own words; may be empty.
    pub reason: String,
    /// What a person should know about how it was read; empty when there is nothing.
    pub notice: String,
    /// Ids this refund had before its record was known.
    pub replaces: Vec<String>,
}

/// One way a refund was paid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    pub amount: Money,
    pub way: PayoutWay,
    /// The key of the receipt it gives back, e.g. `txn:4711`, where told.
    pub receipt: Option<String>,
}

/// Where the money of a refund went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayoutWay {
    /// The shopper's balance in the store.
    StoreCredit,
    GiftCertificate,
    /// Outside of the store's gateways.
    Offline,
    /// Back through this provider; may be empty.
    Gateway(String),
}

/// Whether any refund of the order was not declined.
pub fn money_given_back(order: &Order) -> bool {
    range::check(order).is_ok()
        && matches!(given_back(order), Ok(Ok(list)) if list.iter().any(|one| one.gross.amount_minor > 0))
}

/// Whether as much went back as was captured by the gateways.
pub fn all_given_back(order: &Order) -> bool {
    let Some(captured) = receipts::captured_sum(order) else {
        return false;
    };
    let back = given_back_minor(order);
    back > 0 && back >= i128::from(captured.amount_minor)
}

/// What went back together, smallest units; 0 where it cannot be told.
pub(super) fn given_back_minor(order: &Order) -> i128 {
    if order.refunds.is_empty() && order.transactions.is_empty() {
        return 0;
    }
    match given_back(order) {
        Ok(Ok(list)) => list
            .iter()
            .map(|one| i128::from(one.gross.amount_minor))
            .sum(),
        _ => 0,
    }
}

/// All refunds of an order, oldest first, never more together than `received`, with lines for an
/// account that rounds by `model`.
pub fn refunds(
    order: &Order,
    policy: &Policy,
    entries: &[Entry],
    received: &[Receipt],
    model: Model,
) -> Result<Vec<Refunded>, Vec<Hold>> {
    range::check(order)?;
    compute(order, policy, entries, received, model).map_err(|error| {
        vec![Hold {
            code: "not_computable",
            message: entries::sentence(&error),
        }]
    })?
}

type Computed = Result<Result<Vec<Refunded>, Vec<Hold>>, Error>;

fn compute(
    order: &Order,
    policy: &Policy,
    entries: &[Entry],
    received: &[Receipt],
    model: Model,
) -> Computed {
    let given = match given_back(order)? {
        Ok(given) => given,
        Err(holds) => return Ok(Err(holds)),
    };
    let mut back = Money::zero(order.currency);
    for one in &given {
        back = back.checked_add(one.gross)?;
    }
    let came_in = came_in(order, policy, received)?;
    let mut holds = Vec::new();
    holds.extend(without_record(order, back, came_in));
    if back.amount_minor > came_in.amount_minor {
        holds.push(Hold {
            code: "refund_exceeds_captured",
            message: format!(
                "{back} was given back, but only {came_in} came in for the order. Compare its \
                 payments and refunds in the store and at the gateway, and book it by hand."
            ),
        });
    }
    let mut list = Vec::with_capacity(given.len());
    if holds.is_empty() {
        let total = super::expected_total(order)?.total;
        let mut excess = came_in.checked_sub(total)?;
        for one in given {
            let part = excess.amount_minor.min(one.gross.amount_minor).max(0);
            excess.amount_minor -= part;
            match refunded(order, policy, entries, (one, part), &list, model)? {
                Ok(refund) => list.push(refund),
                Err(hold) => holds.push(hold),
            }
        }
    }
    Ok(if holds.is_empty() {
        Ok(list)
    } else {
        Err(holds)
    })
}

/// What came in; money paid outside of the store counts even where the policy leaves its booking
/// to people.
fn came_in(order: &Order, policy: &Policy, received: &[Receipt]) -> Result<Money, Error> {
    let mut sum = Money::zero(order.currency);
    for receipt in received {
        sum = sum.checked_add(receipt.amount)?;
    }
    if !policy.offline_paid && receipts::paid_offline(order) {
        let total = super::expected_total(order)?.total;
        sum.amount_minor = sum.amount_minor.max(total.amount_minor);
    }
    Ok(sum)
}

/// A status set by hand moves no money and leaves no record of what went back.
fn without_record(order: &Order, back: Money, came_in: Money) -> Option<Hold> {
    let says_refunded = matches!(order.status_id, 4 | 14);
    (says_refunded && back.amount_minor == 0 && came_in.amount_minor > 0).then(|| Hold {
        code: "refund_without_record",
        message: format!(
            "The order's status says it was refunded, wholly or in part, but the store has no \
             refund of it, and {came_in} came in. Look up what was given back at the gateway: \
             record it as a refund in the store, or correct the status, or book it by hand."
        ),
    })
}

fn refunded(
    order: &Order,
    policy: &Policy,
    entries: &[Entry],
    (mut given, absorbed_minor): (GivenBack<'_>, i64),
    earlier: &[Refunded],
    model: Model,
) -> Result<Result<Refunded, Hold>, Error> {
    let absorbed = Money {
        amount_minor: absorbed_minor,
        ..given.gross
    };
    given.gross = given.gross.checked_sub(absorbed)?;
    let given = &given;
    let date = match time_zone(order).and_then(|zone| day(given.at_s, &zone)) {
        Ok(date) => date,
        Err(hold) => return Ok(Err(hold)),
    };
    let mut refund = Refunded {
        id: given.id.clone(),
        gross: given.gross,
        absorbed,
        tax: Money::zero(order.currency),
        date,
        lines: Vec::new(),
        rounding_bound_minor: 0,
        payouts: given.ways.iter().map(payout).collect(),
        reason: given
            .record
            .map_or(String::new(), |record| record.reason.trim().to_owned()),
        notice: given.dated_by.map_or(String::new(), |source| {
            format!(
                "The store gives refund {} no date; it is booked on the day of {source}.",
                given.id
            )
        }),
        replaces: given
            .transactions
            .iter()
            .map(|money| format!("T{}", money.id))
            .collect(),
    };
    if given.gross.amount_minor == 0 {
        return Ok(Ok(refund));
    }
    match refund_lines::lines(order, entries, given, earlier, policy.tax, model)? {
        Ok(lines) => {
            refund.lines = lines.lines;
            refund.tax = lines.tax;
            refund.rounding_bound_minor = lines.bound_minor;
            Ok(Ok(refund))
        }
        Err(hold) => Ok(Err(hold)),
    }
}

fn payout(way: &Way) -> Payout {
    let bare: String = way
        .provider
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let to = match bare.as_str() {
        _ if way.offline => PayoutWay::Offline,
        "storecredit" => PayoutWay::StoreCredit,
        "giftcertificate" => PayoutWay::GiftCertificate,
        _ => PayoutWay::Gateway(way.provider.trim().to_owned()),
    };
    Payout {
        amount: way.amount,
        way: to,
        receipt: way.undoes.as_ref().map(|id| format!("txn:{id}")),
    }
}
