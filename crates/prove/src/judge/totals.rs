//! The invoice's own figures against the order's: total, tax, rounding, currency.

use connect::freshbooks::lists::{InvoiceFigures, LineFigures};
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;

use crate::amounts::{minus, money, percent_of, plus, sum, unit};
use crate::evidence::{Booked, Evidence};
use crate::report::{Cause, Code};
use crate::terms::Terms;

/// The rounding line's name; see the accounting page.
const ROUNDING: &str = "Rounding";

/// What the lines tell.
pub(super) struct Lines {
    /// Net sum of the rounding lines.
    pub(super) rounding: Decimal,
    /// Refund ids that stand as lines (`refund = "adjust"`).
    pub(super) adjusted: Vec<String>,
    /// The most that rounding may come to.
    pub(super) bound: Decimal,
}

/// The accounting policy, section 2: for each taxed line half a unit of net with its taxes, and half
/// a unit for each tax on it, cut to whole units, one at least.
fn bound_units(lines: &[LineFigures]) -> Decimal {
    let factor = |percent: Decimal| plus(Decimal::ONE, percent_of(Decimal::ONE, percent));
    let halves = lines.iter().map(|line| {
        let taxes = [line.percent1, line.percent2];
        let count = taxes.iter().filter(|percent| !percent.is_zero()).count();
        let (one, two) = (factor(line.percent1), factor(line.percent2));
        let with_taxes = if line.compounded {
            one.checked_mul(two).unwrap_or(one)
        } else {
            minus(plus(one, two), Decimal::ONE)
        };
        match count {
            0 => Decimal::ZERO,
            _ => plus(with_taxes, Decimal::from(count)),
        }
    });
    let units = sum(halves).checked_div(Decimal::TWO).unwrap_or_default();
    units.trunc().max(Decimal::ONE)
}

pub(super) fn read_lines(invoice: &InvoiceFigures, terms: &Terms) -> Lines {
    let lines = invoice.lines.as_deref().unwrap_or_default();
    let is_rounding = |line: &&LineFigures| line.name.trim() == ROUNDING;
    let refund = |line: &LineFigures| line.name.trim().strip_prefix("Refund ").map(str::to_owned);
    let untaxed = |line: &&LineFigures| line.percent1.is_zero() && line.percent2.is_zero();
    let taxed = lines.iter().filter(|line| !untaxed(line)).count();
    // Where tax stands on lines of its own, every line could have had one.
    let units = if taxed == 0 {
        Decimal::from(lines.len().max(1))
    } else {
        bound_units(lines)
    };
    Lines {
        rounding: sum(lines
            .iter()
            .filter(is_rounding)
            .filter_map(|line| line.amount)),
        adjusted: lines.iter().filter_map(refund).collect(),
        bound: terms
            .unit(&invoice.currency)
            .checked_mul(units)
            .unwrap_or_default(),
    }
}

/// Everything about amounts that does not match.
pub(super) fn causes(
    evidence: &Evidence,
    booked: &Booked,
    lines: &Lines,
    terms: &Terms,
) -> Vec<Cause> {
    let (order, invoice) = (&evidence.order, &booked.invoice);
    if !invoice.currency.eq_ignore_ascii_case(&order.currency) {
        let words = format!(
            "The order is in {}, its invoice in {}.",
            order.currency, invoice.currency
        );
        return vec![Cause::new(Code::WrongCurrency, words)];
    }
    let (Some(total), Some(amount)) = (order.total_inc_tax, invoice.amount) else {
        let words = "The total of the order or of its invoice is no amount, so they cannot be \
                     compared.";
        return vec![Cause::new(Code::Unknown, words)];
    };
    let adjusted = adjusted(evidence, lines);
    let expected = minus(total, adjusted);
    let mut causes = Vec::new();
    let is_total = is_same(amount, expected, &order.currency);
    if !is_total {
        causes.push(total_cause(evidence, invoice, expected, amount));
    } else if !invoice.discount.is_zero() {
        let words = format!(
            "The invoice has a discount of {} on the whole, which Tillbook never writes; a person \
             changed it.",
            money(invoice.discount, &invoice.currency)
        );
        causes.push(Cause::new(Code::EditedByHand, words));
    }
    if lines.rounding.abs() > lines.bound {
        let words = format!(
            "Its rounding line is {}, at most {} is allowed.",
            money(lines.rounding, &invoice.currency),
            money(lines.bound, &invoice.currency)
        );
        causes.push(Cause::new(Code::RoundingTooLarge, words));
    }
    if is_total {
        causes.extend(tax_cause(evidence, invoice, amount, lines, terms));
    }
    causes
}

/// Whether the invoice says the order's total. A store that does not round reports totals finer than
/// its currency; then it is the one beside it, whichever was captured.
fn is_same(amount: Decimal, expected: Decimal, currency: &str) -> bool {
    let unit = unit(currency);
    let is_finer = expected.normalize().scale() > unit.scale();
    amount == expected || (is_finer && minus(amount, expected).abs() < unit)
}

/// What refunds booked as lines take off the invoice.
pub(super) fn adjusted(evidence: &Evidence, lines: &Lines) -> Decimal {
    let refunds = evidence.refunds.iter();
    sum(refunds
        .filter(|refund| lines.adjusted.contains(&refund.id))
        .map(|refund| refund.amount))
}

/// A total that differs was edited by hand when the invoice was written to after the store last
/// changed the order: Tillbook compares each total it writes, so its own would have been right.
fn total_cause(
    evidence: &Evidence,
    invoice: &InvoiceFigures,
    expected: Decimal,
    amount: Decimal,
) -> Cause {
    let currency = &evidence.order.currency;
    let (expected, amount) = (money(expected, currency), money(amount, currency));
    let by_hand = match (eastern(&invoice.updated), last_change(evidence)) {
        (Some(invoice), Some(order)) => invoice > order,
        _ => false,
    };
    if by_hand {
        let words = format!(
            "The invoice is {amount}, the order {expected}, and the invoice was changed after the \
             order last was: a person edited it."
        );
        return Cause::new(Code::EditedByHand, words);
    }
    let words = format!(
        "The invoice is {amount}, the order {expected}: the books did not follow the order."
    );
    Cause::new(Code::WrongTotal, words)
}

/// When the store last changed anything about the order.
fn last_change(evidence: &Evidence) -> Option<Timestamp> {
    let money = evidence.transactions.iter();
    let times = money.filter_map(|taken| taken.row.created_at);
    evidence.order.modified_at.into_iter().chain(times).max()
}

/// FreshBooks writes local time of New York without saying so.
fn eastern(text: &str) -> Option<Timestamp> {
    let local: DateTime = text.trim().parse().ok()?;
    let zone = TimeZone::get("America/New_York").ok()?;
    zone.to_timestamp(local).ok()
}

/// FreshBooks names no tax total: it is what the total has beyond its lines.
fn tax_cause(
    evidence: &Evidence,
    invoice: &InvoiceFigures,
    amount: Decimal,
    lines: &Lines,
    terms: &Terms,
) -> Option<Cause> {
    let currency = &invoice.currency;
    let expected = evidence.order.total_tax?;
    let Some(all) = &invoice.lines else {
        let words = "FreshBooks gave no lines for the invoice, so its tax cannot be judged.";
        return (!expected.is_zero()).then(|| Cause::new(Code::Unknown, words));
    };
    let net = sum(all.iter().filter_map(|line| line.amount));
    let in_percents = minus(plus(amount, invoice.discount), net);
    // Refund lines take tax back; the order's own tax stays what it was.
    let refunds = all
        .iter()
        .filter(|line| line.name.trim().starts_with("Refund "));
    let in_percents = minus(in_percents, sum(refunds.filter_map(line_tax)));
    if terms.tax_as_amount && in_percents.is_zero() {
        return tax_line_cause(all, expected, currency);
    }
    let refunded = u64::try_from(lines.adjusted.len()).unwrap_or(u64::MAX);
    let bound = plus(
        lines.bound,
        unit(currency)
            .checked_mul(refunded.into())
            .unwrap_or_default(),
    );
    (minus(in_percents, expected).abs() > bound).then(|| {
        let words = format!(
            "The tax in the invoice is {}, in the order {}; the totals are equal.",
            money(in_percents, currency),
            money(expected, currency)
        );
        Cause::new(Code::WrongTax, words)
    })
}

fn line_tax(line: &LineFigures) -> Option<Decimal> {
    let amount = line.amount?;
    let first = percent_of(amount, line.percent1);
    let base = if line.compounded {
        plus(amount, first)
    } else {
        amount
    };
    Some(plus(first, percent_of(base, line.percent2)))
}

/// `tax = "amount"`: the tax is the last lines before the rounding line.
fn tax_line_cause(lines: &[LineFigures], expected: Decimal, currency: &str) -> Option<Cause> {
    if expected.is_zero() {
        return None;
    }
    let own = |line: &&LineFigures| {
        let name = line.name.trim();
        name != ROUNDING && !name.starts_with("Refund ")
    };
    let mut tail = Decimal::ZERO;
    for line in lines.iter().filter(own).rev() {
        tail = plus(tail, line.amount.unwrap_or_default());
        if tail == expected {
            return None;
        }
    }
    let words = format!(
        "No lines at the end of the invoice make the order's tax of {}.",
        money(expected, currency)
    );
    Some(Cause::new(Code::WrongTax, words))
}
