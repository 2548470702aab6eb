//! One order against the independent arithmetic: is every cent where it belongs?
//!
//! What FreshBooks would answer is the sandbox's arithmetic in one of three rounding models, each
//! for an account in which Tillbook has learned it. What is off must be named: a rounding line says
//! the store's tax and the books'.

use std::borrow::Cow;

use domain::account::account;
use domain::arithmetic::Model;
use domain::books::{DesiredBooks, Disposition, InvoiceLine, LineKind, LineTax, RefundDocument};
use domain::mapping::Mapping;
use domain::money::{Currency, Money};
use domain::policy::Policy;
use domain::validate::read_order;
use rust_decimal::Decimal;
use sandbox::bigcommerce::corpus::Moment;
use sandbox::freshbooks::arithmetic::{self as freshbooks, Rounding};
use serde_json::Value;

use crate::bound::bound_minor;
use crate::returned;

/// The three ways in which FreshBooks may round.
pub const MODELS: [Rounding; 3] = [Rounding::Line, Rounding::Tax, Rounding::Invoice];

/// What became of one state of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Booked(Booked),
    /// Not in the books, or taken out of them.
    Absent,
    /// Waits for a person; the codes of the reasons.
    Held(Vec<Cow<'static, str>>),
    /// Wrong, and why.
    Wrong(String),
}

/// An order whose total is the store's to the smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// The rounding line that made it so, smallest units; 0 without one.
    pub rounding_minor: u64,
    /// What rounding alone can explain, by the policy's words.
    pub bound_minor: u64,
    /// Store's tax less the invoice's tax, smallest units.
    pub tax_off_minor: u64,
}

/// What Tillbook makes of one state under a policy: books, or the codes of the holds.
pub fn books_of(
    document: Option<&Value>,
    policy: &Policy,
    mapping: &Mapping,
) -> Result<DesiredBooks, Vec<&'static str>> {
    let Some(document) = document else {
        return Ok(domain::account::gone(1, policy));
    };
    let read = read_order(document)
        .map_err(|faults| faults.iter().map(|fault| fault.code).collect::<Vec<_>>())?;
    account(&read.order, false, policy, mapping)
        .map_err(|holds| holds.iter().map(|hold| hold.code).collect())
}

/// The verdict under one rounding model.
pub fn judge(
    moment: &Moment,
    books: &Result<DesiredBooks, Vec<&'static str>>,
    model: Rounding,
) -> Verdict {
    let books = match books {
        Ok(books) => books,
        Err(codes) => {
            return Verdict::Held(codes.iter().map(|code| Cow::Borrowed(*code)).collect());
        }
    };
    if !matches!(books.disposition, Disposition::Sent | Disposition::Draft) {
        return Verdict::Absent;
    }
    let learned = match model {
        Rounding::Line => Model::PerLine,
        Rounding::Tax => Model::PerTax,
        Rounding::Invoice => Model::PerInvoice,
    };
    match books.for_model(learned) {
        Ok(books) => booked(moment, &books, model).unwrap_or_else(Verdict::Wrong),
        Err(held) => Verdict::Held(held.iter().map(|held| held.code.clone().into()).collect()),
    }
}

fn booked(moment: &Moment, books: &DesiredBooks, model: Rounding) -> Result<Verdict, String> {
    let invoice = &books.invoice;
    let currency = invoice.expected_total.currency;
    // The store's own figures, not what Tillbook read of them.
    let store_total = figure(&moment.summary, "payable")?;
    let store_tax = figure(&moment.summary, "total_tax")?;
    if moment.summary.get("currency").and_then(Value::as_str) != Some(currency.code()) {
        return Err(format!("in {currency} instead of the store's currency"));
    }
    let answered = answer(&invoice.lines, model, currency)?;
    if answered.0.to_decimal() != store_total {
        return Err(format!(
            "{} in the books, {store_total} charged",
            answered.0
        ));
    }
    money(moment, books)?;
    let stated = figure(&moment.summary, "total_inc_tax")?.normalize();
    if stated != store_total && !tells(books, stated) {
        return Err(format!(
            "{stated} is booked as {store_total}, and no notice says so"
        ));
    }
    let rounding_minor = rounding(&invoice.lines, currency)?
        .amount_minor
        .unsigned_abs();
    let document = moment.document.as_ref().unwrap_or(&Value::Null);
    let unit = figure(&moment.summary, "unit")?;
    returned::check(document, books, unit)?;
    let bound = bound_minor(document, &invoice.lines, unit, currency.decimals());
    if rounding_minor > bound {
        return Err(format!(
            "a rounding line of {rounding_minor} where rounding explains {bound}"
        ));
    }
    let exact = Money::rounded(tax_lines(&invoice.lines), currency);
    let books_tax = exact.and_then(|exact| exact.checked_add(answered.1));
    let books_tax = books_tax.map_err(|error| error.to_string())?;
    let store_tax = Money::rounded(store_tax, currency).map_err(|error| error.to_string())?;
    let off = store_tax.checked_sub(books_tax);
    let off = off
        .map_err(|error| error.to_string())?
        .amount_minor
        .unsigned_abs();
    if off > bound {
        return Err(format!(
            "the tax is off by {off} where rounding explains {bound}"
        ));
    }
    if off > 0 && !names_both(&invoice.lines, store_tax, books_tax) {
        return Err(format!(
            "no line says that {store_tax} tax is {books_tax} in the books"
        ));
    }
    Ok(Verdict::Booked(Booked {
        rounding_minor,
        bound_minor: bound,
        tax_off_minor: off,
    }))
}

/// Whether a notice names an amount as the store writes it.
fn tells(books: &DesiredBooks, amount: Decimal) -> bool {
    let text = amount.to_string();
    books.notices.iter().any(|notice| notice.contains(&text))
}

/// Whether the rounding line states the store's tax and the books'.
fn names_both(lines: &[InvoiceLine], store: Money, books: Money) -> bool {
    lines.iter().any(|line| {
        line.kind == LineKind::Rounding
            && line.description.contains(&store.to_string())
            && line.description.contains(&books.to_string())
    })
}

/// The tax booked as lines of its own (`tax = "amount"`).
fn tax_lines(lines: &[InvoiceLine]) -> Decimal {
    let taxes = lines.iter().filter(|line| line.kind == LineKind::Tax);
    taxes.map(|line| line.quantity * line.unit_cost).sum()
}

fn rounding(lines: &[InvoiceLine], currency: Currency) -> Result<Money, String> {
    let plugs = lines.iter().filter(|line| line.kind == LineKind::Rounding);
    let sum: Decimal = plugs.map(|line| line.unit_cost).sum();
    Money::exact(sum, currency).map_err(|error| error.to_string())
}

/// Total and tax as FreshBooks would answer them.
fn answer(
    lines: &[InvoiceLine],
    model: Rounding,
    currency: Currency,
) -> Result<(Money, Money), String> {
    let tax = |tax: &Option<LineTax>| {
        tax.as_ref().map(|tax| freshbooks::Tax {
            name: tax.name.clone(),
            percent: tax.percent,
        })
    };
    let lines: Vec<freshbooks::Line> = lines
        .iter()
        .map(|line| freshbooks::Line {
            quantity: line.quantity,
            unit_cost: line.unit_cost,
            tax1: tax(&line.tax1),
            tax2: tax(&line.tax2),
            compounded: line.compounded,
        })
        .collect();
    let places = freshbooks::decimals(currency.code());
    let sums = freshbooks::totals(&lines, Decimal::ZERO, model, places);
    let money = |amount| Money::exact(amount, currency).map_err(|error| error.to_string());
    Ok((money(sums.amount)?, money(sums.tax)?))
}

/// Payments less what was given back is what the store took, to the smallest unit.
fn money(moment: &Moment, books: &DesiredBooks) -> Result<(), String> {
    let paid: Decimal = books.payments.iter().map(|p| p.amount.to_decimal()).sum();
    let back: Decimal = books
        .refunds
        .iter()
        .filter(|refund| refund.document != RefundDocument::None)
        .map(|refund| refund.amount.to_decimal())
        .sum();
    let net = figure(&moment.summary, "net")?;
    let offline_only = figure(&moment.summary, "captured")?.is_zero();
    if paid - back == net || (offline_only && paid - back == figure(&moment.summary, "received")?) {
        return Ok(());
    }
    Err(format!(
        "{paid} paid and {back} given back, the store says {net}"
    ))
}

fn figure(summary: &Value, name: &str) -> Result<Decimal, String> {
    let text = summary.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| format!("the summary has no {name}"))?;
    text.parse().map_err(|_| format!("{name} is {text:?}"))
}
