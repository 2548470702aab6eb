//! What a refund gives back, as lines before tax that FreshBooks' arithmetic turns into its amount.
//!
//! Each share's net amount is chosen so that FreshBooks' tax brings it back, and the tax is compared
//! with what the store reports. Not here: how much went back ([`super::given_back`]) and for what
//! ([`super::refund_shares`]).

use rust_decimal::{Decimal, RoundingStrategy};

use super::given_back::GivenBack;
use super::refund_shares::{Share, Taxes, custom, divisor, shares};
use super::spread::spread;
use super::{Entry, Hold};
use crate::arithmetic::{Figures, Model, rounding_bound_minor, tax_on};
use crate::books::{InvoiceLine, LineKind};
use crate::money::{Currency, Error, Money};
use crate::order::Order;
use crate::policy::TaxMode;

/// The lines of one refund.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) lines: Vec<InvoiceLine>,
    pub(super) tax: Money,
    pub(super) bound_minor: u64,
}

/// The lines that make `given.gross`, or why there are none.
pub(super) fn lines(
    order: &Order,
    entries: &[Entry],
    given: &GivenBack<'_>,
    tax_mode: TaxMode,
) -> Result<Result<Lines, Hold>, Error> {
    let reported = reported_tax(given, order.currency);
    if let Some(record) = given.record
        && record.items.is_empty()
        && !reported.is_zero()
        && reported == given.gross.to_decimal()
    {
        // Only tax went back: an adjustment without items.
        let line = line(LineKind::Tax, "Tax adjustment", reported, Taxes::default());
        return Ok(Ok(Lines {
            lines: vec![line],
            tax: given.gross,
            bound_minor: 1,
        }));
    }
    let mut shares = shares(order, entries, given.record);
    if !shares.iter().any(|share| share.weight > Decimal::ZERO) {
        shares = custom(order, entries, Decimal::ONE);
    }
    let weights: Vec<Decimal> = shares.iter().map(|share| share.weight).collect();
    let amounts = spread(
        given.gross.to_decimal(),
        &weights,
        order.currency.decimals(),
    );
    let parts: Vec<(Share, Decimal)> = shares
        .into_iter()
        .zip(amounts)
        .filter(|(_, amount)| !amount.is_zero())
        .collect();
    match tax_mode {
        TaxMode::Percent => by_percent(order, given, &parts, reported),
        TaxMode::Amount => Ok(Ok(by_amount(order, &parts, reported))),
    }
}

/// The tax BigCommerce reports, for the part of the refund that was not declined.
fn reported_tax(given: &GivenBack<'_>, currency: Currency) -> Decimal {
    let Some(record) = given.record else {
        return Decimal::ZERO;
    };
    let gross = given.gross.to_decimal();
    if gross == record.total_amount {
        return record.total_tax;
    }
    let share = gross
        .checked_div(record.total_amount)
        .and_then(|part| part.checked_mul(record.total_tax));
    round(share.unwrap_or(Decimal::ZERO), currency)
}

/// Taxed lines whose tax FreshBooks computes; compared with what the store reports.
fn by_percent(
    order: &Order,
    given: &GivenBack<'_>,
    parts: &[(Share, Decimal)],
    reported: Decimal,
) -> Result<Result<Lines, Hold>, Error> {
    let currency = order.currency;
    let mut carry = Decimal::ZERO;
    let mut lines = Vec::with_capacity(parts.len() + 1);
    let (mut told, mut told_lines) = (Decimal::ZERO, 0_u64);
    for (share, gross) in parts {
        let (net, tax) = net_of(*gross, &share.taxes, carry, currency)?;
        carry += gross - net - tax;
        if !share.is_custom {
            told += tax;
            told_lines += u64::from(share.taxes.tax1.is_some());
        }
        lines.push(with_quantity(share, net, currency));
    }
    let unit = Decimal::new(1, currency.decimals());
    let off = (reported - told).abs() / unit;
    // No tax told of taxed things: BigCommerce loses the taxes of refunded lines. Then the share
    // stands that the order's own rates make.
    if !reported.is_zero() && off > Decimal::from(told_lines.max(1)) {
        return Ok(Err(Hold {
            code: "refund_tax_does_not_match",
            message: format!(
                "The store says refund {} of {} holds {} tax, the order's percents make {told} of \
                 it. Set tax = \"amount\" for this connection, or book the refund by hand.",
                given.id,
                given.gross,
                reported.normalize()
            ),
        }));
    }
    let bound = rounding_bound_minor(lines.iter().map(Figures::from));
    let predicted = Model::default().predict(lines.iter().map(Figures::from), currency)?;
    let difference = given.gross.checked_sub(predicted.total)?;
    if difference.amount_minor.unsigned_abs() > bound {
        return Ok(Err(Hold {
            code: "refund_sums_do_not_match",
            message: format!(
                "Refund {} is {}, its lines make {}; at most {bound} smallest units may be \
                 rounding. Set tax = \"amount\" for this connection, or book the refund by hand.",
                given.id, given.gross, predicted.total
            ),
        }));
    }
    if difference.amount_minor != 0 {
        let amount = difference.to_decimal();
        lines.push(line(
            LineKind::Rounding,
            "Rounding",
            amount,
            Taxes::default(),
        ));
    }
    Ok(Ok(Lines {
        lines,
        tax: predicted.tax,
        bound_minor: bound,
    }))
}

/// Untaxed lines and one line with the exact tax.
fn by_amount(order: &Order, parts: &[(Share, Decimal)], reported: Decimal) -> Lines {
    let currency = order.currency;
    let by_ratio: Vec<Decimal> = parts
        .iter()
        .map(|(share, gross)| {
            let tax = gross.checked_mul(share.tax_ratio);
            round(tax.unwrap_or(Decimal::ZERO), currency)
        })
        .collect();
    let is_told = |share: &Share| !share.is_custom;
    let told: Vec<Decimal> = parts
        .iter()
        .zip(&by_ratio)
        .map(
            |((share, _), tax)| {
                if is_told(share) { *tax } else { Decimal::ZERO }
            },
        )
        .collect();
    // What the store reports is exact for all but custom values; where it reports none, the
    // order's own figures stand.
    let exact = if reported.is_zero() {
        told.clone()
    } else {
        spread(reported, &told, currency.decimals())
    };
    let mut lines = Vec::with_capacity(parts.len() + 1);
    let mut tax = Decimal::ZERO;
    for (((share, gross), by_ratio), exact) in parts.iter().zip(&by_ratio).zip(exact) {
        let own = if is_told(share) { exact } else { *by_ratio };
        tax += own;
        lines.push(with_quantity(share, gross - own, currency));
    }
    if !tax.is_zero() {
        lines.push(line(LineKind::Tax, tax_name(order), tax, Taxes::default()));
    }
    Lines {
        lines,
        tax: Money::rounded(tax, currency).unwrap_or(Money::zero(currency)),
        bound_minor: (parts.len() as u64).max(1),
    }
}

/// The name of the order's only tax, or a general one.
fn tax_name(order: &Order) -> &str {
    let mut names = order.taxes.iter().map(|row| row.name.trim());
    let first = names.next().filter(|name| !name.is_empty());
    match first {
        Some(first) if names.all(|name| name == first) => first,
        _ => "Tax",
    }
}

/// The net amount that FreshBooks' tax brings back to `gross`, or comes nearest to with what the
/// lines so far fall short; and that tax.
fn net_of(
    gross: Decimal,
    taxes: &Taxes,
    carry: Decimal,
    currency: Currency,
) -> Result<(Decimal, Decimal), Error> {
    if taxes.tax1.is_none() && taxes.tax2.is_none() {
        return Ok((gross, Decimal::ZERO));
    }
    let near = round(
        gross.checked_div(divisor(taxes)).ok_or(Error::Overflow)?,
        currency,
    );
    let unit = Decimal::new(1, currency.decimals());
    let mut best: Option<(bool, Decimal, Decimal, Decimal)> = None;
    for net in [near, near - unit, near + unit] {
        let tax = tax_on(
            net,
            taxes.tax1.as_ref(),
            taxes.tax2.as_ref(),
            taxes.compounded,
            currency,
        )?;
        let misses = net + tax != gross;
        let off = (gross + carry - net - tax).abs();
        if best.is_none_or(|(missed, known, _, _)| (misses, off) < (missed, known)) {
            best = Some((misses, off, net, tax));
        }
    }
    Ok(best.map_or((gross, Decimal::ZERO), |(_, _, net, tax)| (net, tax)))
}

/// Pieces at their price where that is exact, else one of the whole.
fn with_quantity(share: &Share, net: Decimal, currency: Currency) -> InvoiceLine {
    let unit_cost = net
        .checked_div(share.quantity)
        .map(|unit| round(unit, currency))
        .filter(|unit| unit.checked_mul(share.quantity) == Some(net));
    let mut made = line(share.kind, &share.name, net, share.taxes.clone());
    if let Some(mut unit_cost) = unit_cost {
        unit_cost.rescale(currency.decimals());
        made.quantity = share.quantity.normalize();
        made.unit_cost = unit_cost;
    }
    made
}

fn line(kind: LineKind, name: &str, amount: Decimal, taxes: Taxes) -> InvoiceLine {
    InvoiceLine {
        kind,
        name: name.to_owned(),
        description: String::new(),
        quantity: Decimal::ONE,
        unit_cost: amount,
        tax1: taxes.tax1,
        tax2: taxes.tax2,
        compounded: taxes.compounded,
        rebills: None,
    }
}

fn round(value: Decimal, currency: Currency) -> Decimal {
    value.round_dp_with_strategy(currency.decimals(), RoundingStrategy::MidpointAwayFromZero)
}
