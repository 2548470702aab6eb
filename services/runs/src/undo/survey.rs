//! What the ledger says was written in a range, against what FreshBooks holds now.
//!
//! Reads only. An order that a person has touched since is left, with the reason in plain words.

use std::collections::BTreeMap;
use std::fmt;

use connect::VendorError;
use contracts::ledger::{OrderEntry, WrittenInvoice};
use domain::money::Money;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::paying;
use super::touched::{UNKNOWN_OUTCOME, read_money, shipping_touched, standing_shipping, touched};
use crate::{DayRange, Error, Tools};

/// Ledger entries read at the same time.
const LEDGER_AT_ONCE: usize = 32;
/// Orders compared with FreshBooks at the same time.
const COMPARED_AT_ONCE: usize = 4;

/// What an undo would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Will be taken out, by rising order id.
    pub written: Vec<Written>,
    /// Stays, because a person has touched it.
    pub left: Vec<Left>,
    /// Calls that taking it out will cost.
    calls: u64,
}

/// What stands for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub order_id: u64,
    pub number: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    pub total: Money,
    pub payments: usize,
    pub paid: Option<Money>,
    /// Credit notes and expenses.
    pub refunds: usize,
    /// Expenses that the invoice rebills.
    pub shipping: usize,
}

/// What is left in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub order_id: u64,
    pub number: String,
    /// Plain words.
    pub reason: String,
}

/// FreshBooks' limit on calls other than creates, as measured.
const CALLS_A_MINUTE: u64 = 600;

impl Survey {
    /// How long FreshBooks' limit makes it last, when one part in five is left to live work.
    pub(crate) fn duration_ms(&self, tools: &Tools) -> u64 {
        let quota = tools.account.window_quota().unwrap_or(CALLS_A_MINUTE);
        let usable = (quota.saturating_mul(4) / 5).max(1);
        self.calls.saturating_mul(60_000) / usable
    }

    fn totals(&self) -> BTreeMap<String, (usize, Money, Money)> {
        let mut totals = BTreeMap::new();
        for one in &self.written {
            let currency = one.total.currency;
            let zero = Money::zero(currency);
            let sums = totals
                .entry(currency.code().to_owned())
                .or_insert((0_usize, zero, zero));
            sums.0 = sums.0.saturating_add(1);
            // A sum beyond all money is shown as it was before.
            sums.1 = sums.1.checked_add(one.total).unwrap_or(sums.1);
            if let Some(paid) = one.paid {
                sums.2 = sums.2.checked_add(paid).unwrap_or(sums.2);
            }
        }
        totals
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.written {
            write!(f, "take out  {}  {}  {}", one.number, one.date, one.total)?;
            if one.payments > 0 {
                write!(f, ", payments: {}", one.payments)?;
            }
            if one.refunds > 0 {
                write!(f, ", refunds: {}", one.refunds)?;
            }
            if one.shipping > 0 {
                write!(f, ", shipping expenses: {}", one.shipping)?;
            }
            writeln!(f)?;
        }
        for left in &self.left {
            writeln!(f, "leave     {}  {}", left.number, left.reason)?;
        }
        for (invoices, total, paid) in self.totals().values() {
            writeln!(
                f,
                "in all    {invoices} invoices of {total}, payments of {paid}"
            )?;
        }
        if self.written.is_empty() {
            writeln!(f, "nothing of Tillbook's stands in these days")?;
        }
        Ok(())
    }
}

/// The orders of a range; with a run's id also those it has taken out already.
pub(super) async fn survey(
    tools: &Tools,
    days: DayRange,
    run_id: Option<&str>,
) -> Result<(Survey, Vec<u64>), Error> {
    let ids = tools.ledger.order_ids(&tools.connection).await?;
    let reads = stream::iter(ids).map(|id| async move {
        let entry = tools.ledger.order(&tools.connection, &id).await?.value;
        Ok::<_, Error>((id, entry))
    });
    let entries: Vec<(String, OrderEntry)> = reads.buffered(LEDGER_AT_ONCE).try_collect().await?;
    let (mut standing, mut done) = (Vec::new(), Vec::new());
    for (id, entry) in entries {
        let Ok(order_id) = id.parse::<u64>() else {
            continue;
        };
        let is_empty = entry.invoice.is_none() && entry.paid_invoice.is_none();
        if is_empty && standing_shipping(&entry).next().is_none() {
            continue;
        }
        let is_ours =
            run_id.is_some() && entry.undone.as_ref().map(|mark| mark.run_id.as_str()) == run_id;
        if stands(&entry) {
            standing.push((order_id, entry, is_ours));
        } else if is_ours {
            done.push(order_id);
        }
    }
    standing.sort_by_key(|(order_id, ..)| *order_id);
    done.sort_unstable();
    let looks = stream::iter(standing).map(|(order_id, entry, is_ours)| async move {
        match (&entry.invoice, &entry.paid_invoice) {
            (_, Some(paid)) => Ok(paying::look(tools, days, order_id, &entry, paid, is_ours)),
            (Some(invoice), None) => look(tools, days, order_id, &entry, invoice, is_ours).await,
            (None, None) => look_at_shipping(tools, days, order_id, &entry, is_ours).await,
        }
    });
    let looks: Vec<Look> = looks.buffered(COMPARED_AT_ONCE).try_collect().await?;
    let mut survey = Survey::default();
    for look in looks {
        match look {
            Look::OtherDay => {}
            Look::Left(left) => survey.left.push(left),
            Look::TakeOut(written) => {
                let documents = written.payments.saturating_add(written.refunds);
                let documents = count(documents.saturating_add(written.shipping));
                // Each is read once more and then removed, the client too with what may use it.
                let calls = documents
                    .saturating_add(2)
                    .saturating_mul(2)
                    .saturating_add(2);
                survey.calls = survey.calls.saturating_add(calls);
                survey.written.push(written);
            }
        }
    }
    Ok((survey, done))
}

/// Whether anything of the order's stands, as far as the ledger knows.
fn stands(entry: &OrderEntry) -> bool {
    entry.invoice.as_ref().is_some_and(|known| !known.removed)
        || !entry.payments.is_empty()
        || !entry.refunds.is_empty()
        || standing_shipping(entry).next().is_some()
        || entry.intent.is_some()
}

pub(super) enum Look {
    OtherDay,
    Left(Left),
    TakeOut(Written),
}

async fn look(
    tools: &Tools,
    days: DayRange,
    order_id: u64,
    entry: &OrderEntry,
    known: &WrittenInvoice,
    is_ours: bool,
) -> Result<Look, Error> {
    let in_range = |date: &str| lies_in(days, date);
    if !known.create_date.is_empty() && !in_range(&known.create_date) {
        return Ok(Look::OtherDay);
    }
    let left = |reason: String| {
        Ok(Look::Left(Left {
            order_id,
            number: known.number.clone(),
            reason,
        }))
    };
    let invoice = match tools.account.get_invoice(known.invoice_id).await {
        Ok(invoice) => invoice,
        Err(VendorError::NotFound { .. }) => {
            return left("the invoice is no longer in FreshBooks".to_owned());
        }
        Err(error) => return Err(Error::vendor("reading an invoice")(error)),
    };
    let date = if known.create_date.is_empty() {
        invoice.create_date.clone()
    } else {
        known.create_date.clone()
    };
    if !in_range(&date) {
        return Ok(Look::OtherDay);
    }
    // What this run has begun to take out no longer looks as it was written.
    if !is_ours && let Some(reason) = touched(tools, entry, known, &invoice).await? {
        return left(reason);
    }
    if let Some(day) = closed_day(tools, entry) {
        return left(format!(
            "a payment, refund or expense lies on {day}, in a closed period"
        ));
    }
    let paid = entry.payments.iter().try_fold(None, |sum, payment| {
        let amount = read_money(payment.amount.as_ref())?;
        Some(Some(match sum {
            None => amount,
            Some(sum) => Money::checked_add(sum, amount).ok()?,
        }))
    });
    Ok(Look::TakeOut(Written {
        order_id,
        number: known.number.clone(),
        date,
        total: invoice.amount,
        payments: entry.payments.len(),
        paid: paid.flatten(),
        refunds: entry.refunds.len(),
        shipping: standing_shipping(entry).count(),
    }))
}

/// The same where the invoice that was to rebill the shipping was never written.
async fn look_at_shipping(
    tools: &Tools,
    days: DayRange,
    order_id: u64,
    entry: &OrderEntry,
    is_ours: bool,
) -> Result<Look, Error> {
    let known = standing_shipping(entry).find(|known| lies_in(days, &known.date));
    let amount = known.and_then(|known| read_money(known.amount.as_ref()));
    let (Some(known), Some(amount)) = (known, amount) else {
        return Ok(Look::OtherDay);
    };
    let number = domain::account::gone(order_id, &tools.policy)
        .invoice
        .number;
    let reason = match shipping_touched(tools, entry).await? {
        _ if entry.intent.is_some() && !is_ours => Some(UNKNOWN_OUTCOME.to_owned()),
        Some(reason) if !is_ours => Some(reason),
        _ => closed_day(tools, entry)
            .map(|day| format!("an expense lies on {day}, in a closed period")),
    };
    if let Some(reason) = reason {
        return Ok(Look::Left(Left {
            order_id,
            number,
            reason,
        }));
    }
    Ok(Look::TakeOut(Written {
        order_id,
        number,
        date: known.date.clone(),
        total: Money::zero(amount.currency),
        payments: 0,
        paid: None,
        refunds: 0,
        shipping: standing_shipping(entry).count(),
    }))
}

pub(super) fn lies_in(days: DayRange, date: &str) -> bool {
    date.parse()
        .is_ok_and(|day| days.from <= day && day <= days.to)
}

/// A day of the order's moneys that the books close.
pub(super) fn closed_day(tools: &Tools, entry: &OrderEntry) -> Option<String> {
    let first_open = tools.policy.books_locked_until?.to_string();
    let payments = entry.payments.iter().map(|payment| &payment.date);
    let refunds = entry.refunds.iter().map(|refund| &refund.date);
    let shipping = standing_shipping(entry).map(|expense| &expense.date);
    payments
        .chain(refunds)
        .chain(shipping)
        .find(|day| !day.is_empty() && **day < first_open)
        .cloned()
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
