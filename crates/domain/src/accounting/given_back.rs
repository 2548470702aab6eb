//! What really went back to the shopper: each refund once, declined ones for nothing.
//!
//! Refund records are the truth. A refund made at the gateway leaves only a transaction; it counts
//! as a refund of its own when no record accounts for it, so that nothing is booked twice. Not
//! here: lines and taxes ([`super::refund_lines`]).

use rust_decimal::Decimal;

use super::Hold;
use crate::money::{Error, Money};
use crate::order::{NO_DATE, Order, Refund, Transaction, TransactionEvent};

/// One refund, with what of it was not declined.
#[derive(Clone, Debug)]
pub(super) struct GivenBack<'a> {
    /// The record's id, or `T` and the id of a transaction that no record accounts for.
    pub(super) id: String,
    /// With tax; zero when declined.
    pub(super) gross: Money,
    pub(super) at_s: i64,
    /// What the day was taken from, where the refund itself has none.
    pub(super) dated_by: Option<&'static str>,
    /// `None` for a refund that is only a transaction.
    pub(super) record: Option<&'a Refund>,
    pub(super) ways: Vec<Way>,
    /// Refund transactions the record accounts for.
    pub(super) transactions: Vec<&'a Transaction>,
}

/// One way money went back.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) amount: Money,
    pub(super) offline: bool,
    /// The payment provider's id, or the gateway; may be empty.
    pub(super) provider: String,
    /// The store's id of the captured transaction it undoes, where told.
    pub(super) undoes: Option<String>,
    /// Its refund transaction is known.
    is_matched: bool,
}

/// Every refund of the order, in the order they were made.
pub(super) fn given_back(order: &Order) -> Result<Result<Vec<GivenBack<'_>>, Vec<Hold>>, Error> {
    let only_tests =
        !order.transactions.is_empty() && order.transactions.iter().all(|money| money.test);
    if only_tests {
        // No payment was booked for such an order, so nothing can be given back.
        return Ok(Ok(Vec::new()));
    }
    let mut holds = Vec::new();
    let mut list: Vec<GivenBack<'_>> = Vec::new();
    let mut left = refund_transactions(order);
    for refund in &order.refunds {
        if list.iter().any(|known| known.id == refund.id) {
            continue;
        }
        match of_record(order, refund, &mut left) {
            Ok(record) => list.push(record),
            Err(hold) => holds.push(hold),
        }
    }
    match unaccounted(order, &mut list, left) {
        Ok(own) => {
            for money in own {
                match of_transaction(order, money) {
                    Ok(refund) => list.push(refund),
                    Err(hold) => holds.push(hold),
                }
            }
        }
        Err(hold) => holds.push(hold),
    }
    for given in list.iter_mut().filter(|given| given.at_s == NO_DATE) {
        date(order, given);
    }
    list.sort_by(|left, right| (left.at_s, &left.id).cmp(&(right.at_s, &right.id)));
    Ok(if holds.is_empty() {
        Ok(list)
    } else {
        Err(holds)
    })
}

/// The day of its refund transaction for a refund without one, else the order's last change: no
/// refund is made after that.
fn date(order: &Order, given: &mut GivenBack<'_>) {
    let mut times = given.transactions.iter().map(|money| money.created_at_s);
    (given.at_s, given.dated_by) = match times.find(|at_s| *at_s != NO_DATE) {
        Some(at_s) => (at_s, Some("its refund transaction")),
        None => (order.modified_at_s, Some("the order's last change")),
    };
}

/// Accepted, real refund transactions, each once.
fn refund_transactions(order: &Order) -> Vec<&Transaction> {
    let mut found: Vec<&Transaction> = Vec::new();
    for money in &order.transactions {
        let counts = money.event == TransactionEvent::Refund
            && money.ok
            && !money.test
            && money.amount > Decimal::ZERO;
        if counts && !found.iter().any(|known| known.id == money.id) {
            found.push(money);
        }
    }
    found
}

fn of_record<'a>(
    order: &Order,
    refund: &'a Refund,
    left: &mut Vec<&'a Transaction>,
) -> Result<GivenBack<'a>, Hold> {
    let negative = refund.total_amount < Decimal::ZERO
        || refund.payments.iter().any(|way| way.amount < Decimal::ZERO);
    if negative {
        return Err(Hold {
            code: "negative_refund",
            message: format!(
                "Refund {} is {}, or one of its payments is below zero. Book it by hand.",
                refund.id, refund.total_amount
            ),
        });
    }
    let all: Decimal = refund.payments.iter().map(|way| way.amount).sum();
    if !refund.payments.is_empty() && all != refund.total_amount {
        return Err(Hold {
            code: "refund_sums_differ",
            message: format!(
                "Refund {} is {} {}, but the payments it went back by make {all}. Look the refund \
                 up in the store and book it by hand.",
                refund.id,
                refund.total_amount.normalize(),
                order.currency
            ),
        });
    }
    let mut given = GivenBack {
        id: refund.id.clone(),
        gross: Money::zero(order.currency),
        at_s: refund.created_at_s,
        dated_by: None,
        record: Some(refund),
        ways: Vec::new(),
        transactions: Vec::new(),
    };
    if refund.payments.is_empty() {
        given.gross = exact(order, &refund.id, refund.total_amount)?;
        return Ok(given);
    }
    for way in &refund.payments {
        // A transaction named by the record is accounted for, whatever became of it.
        let named = left
            .iter()
            .position(|money| names(&way.transaction_id, money))
            .map(|index| left.remove(index));
        given.transactions.extend(named);
        if way.is_declined || way.amount.is_zero() {
            continue;
        }
        let amount = exact(order, &refund.id, way.amount)?;
        given.gross = given
            .gross
            .checked_add(amount)
            .map_err(|error| not_bookable(&refund.id, &error))?;
        given.ways.push(Way {
            amount,
            offline: way.offline,
            provider: way.provider_id.clone(),
            undoes: named.and_then(|money| money.reference_transaction_id.clone()),
            is_matched: named.is_some(),
        });
    }
    Ok(given)
}

fn names(transaction_id: &str, money: &Transaction) -> bool {
    !transaction_id.is_empty()
        && (transaction_id == money.id || transaction_id == money.gateway_transaction_id)
}

/// The transactions that no record accounts for.
///
/// Records do not always name their transactions. One of the same amount as an unnamed payment of
/// a record is taken for it; and where sums tell that records account for all of the rest, nothing
/// is left. Anything else is not guessed.
fn unaccounted<'a>(
    order: &Order,
    list: &mut [GivenBack<'a>],
    mut left: Vec<&'a Transaction>,
) -> Result<Vec<&'a Transaction>, Hold> {
    let mut silent = Decimal::ZERO;
    for given in list.iter_mut() {
        let unnamed = given.ways.iter_mut();
        for way in unnamed.filter(|way| !way.offline && !way.is_matched) {
            let same = left
                .iter()
                .position(|money| money.amount == way.amount.to_decimal());
            match same.map(|index| left.remove(index)) {
                Some(money) => {
                    way.is_matched = true;
                    way.undoes.clone_from(&money.reference_transaction_id);
                    given.transactions.push(money);
                }
                None => silent += way.amount.to_decimal(),
            }
        }
    }
    let rest: Decimal = left.iter().map(|money| money.amount).sum();
    if silent.is_zero() || left.is_empty() {
        return Ok(left);
    }
    if rest <= silent {
        // E.g. one refund of 30 that the gateway paid out as 10 and 20. Which record's they are is
        // not told, but whatever was booked of them before its record was known makes way.
        let is_silent = |given: &&mut GivenBack<'_>| {
            let mut ways = given.ways.iter();
            ways.any(|way| !way.offline && !way.is_matched)
        };
        if let Some(given) = list.iter_mut().find(is_silent) {
            given.transactions.append(&mut left);
        }
        return Ok(Vec::new());
    }
    Err(Hold {
        code: "refund_transactions_unclear",
        message: format!(
            "Refund transactions of {rest} {0} name no refund, and refunds of {silent} {0} name no \
             transaction. Look up at the gateway what was given back, and book the refunds by hand.",
            order.currency
        ),
    })
}

fn of_transaction<'a>(order: &Order, money: &'a Transaction) -> Result<GivenBack<'a>, Hold> {
    if money.currency != order.currency {
        return Err(Hold {
            code: "refund_currency_differs",
            message: format!(
                "Refund transaction {} is in {}, the order in {}. Book the refund by hand.",
                money.id, money.currency, order.currency
            ),
        });
    }
    let gross = exact(order, &money.id, money.amount)?;
    Ok(GivenBack {
        id: format!("T{}", money.id),
        gross,
        at_s: money.created_at_s,
        dated_by: None,
        record: None,
        ways: vec![Way {
            amount: gross,
            offline: money.method == "offline",
            provider: if money.method == "store_credit" {
                money.method.clone()
            } else {
                money.gateway.clone()
            },
            undoes: money.reference_transaction_id.clone(),
            is_matched: true,
        }],
        transactions: Vec::new(),
    })
}

fn exact(order: &Order, id: &str, amount: Decimal) -> Result<Money, Hold> {
    Money::exact(amount, order.currency).map_err(|error| not_bookable(id, &error))
}

fn not_bookable(id: &str, error: &Error) -> Hold {
    Hold {
        code: "refund_not_bookable",
        message: format!("Refund {id} cannot be booked: {error}. Book it by hand."),
    }
}
