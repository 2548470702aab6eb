//! What a refund gives back, as lines before tax that FreshBooks' arithmetic turns into its amount.
//!
//! Each share's net amount is chosen so that FreshBooks' tax brings it back, and the tax is compared
//! with what the store reports. Not here: how much went back ([`super::given_back`]) and for what
//! ([`super::refund_shares`]).

use rust_decimal::{Decimal, RoundingStrategy};

use super::given_back::GivenBack;
use super::refund_left::{amount, left, without_negatives};
use super::refund_parts::{free_share, ways};
use super::refund_shares::{Share, Taxes, custom, divisor, left_out, net_worth, shares};
use super::spread::spread;
use super::{Entry, Hold, Refunded, bound_minor};
use crate::arithmetic::{Figures, Model, tax_on};
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

/// A part of a refund and its amount with tax.
type Part = (Share, Decimal);

/// The lines that make `given.gross` in an account that rounds by `model`, or why there are none.
/// `earlier` are the order's refunds before this one.
pub(super) fn lines(
    order: &Order,
    entries: &[Entry],
    given: &GivenBack<'_>,
    earlier: &[Refunded],
    tax_mode: TaxMode,
    model: Model,
) -> Result<Result<Lines, Hold>, Error> {
    let told = told_tax(order, given);
    if let Some(record) = given.record
        && record.items.is_empty()
        && told == Some(given.gross.to_decimal())
    {
        // Only tax went back: an adjustment without items.
        let line = line(
            LineKind::Tax,
            "Tax adjustment",
            given.gross.to_decimal(),
            Taxes::default(),
        );
        return Ok(Ok(Lines {
            lines: vec![line],
            tax: given.gross,
            bound_minor: 1,
        }));
    }
    if let Some(lines) = all_that_is_left(order, entries, given, earlier, told, model)? {
        return Ok(Ok(lines));
    }
    let candidates = candidates(order, entries, given, told);
    let likeliest = candidates.first().map(Vec::as_slice).unwrap_or_default();
    if tax_mode == TaxMode::Amount {
        return Ok(Ok(by_amount(order, given, likeliest, told)));
    }
    for parts in &candidates {
        if let Some(lines) = by_percent(order, entries, given, parts, told, model)? {
            return Ok(Ok(lines));
        }
    }
    if is_override(given) {
        // No rate of the order makes the merchant's own figures; they stand as amounts.
        return Ok(Ok(by_amount(order, given, likeliest, told)));
    }
    Ok(Err(Hold {
        code: "refund_tax_does_not_match",
        message: format!(
            "The store says refund {} of {} holds {} tax; nothing in the order's own lines and \
             percents makes that. Correct the refund's figures with whoever made it, set tax = \
             \"amount\" for this connection, or book the refund by hand in FreshBooks.",
            given.id,
            given.gross,
            told.unwrap_or_default().normalize()
        ),
    }))
}

fn is_override(given: &GivenBack<'_>) -> bool {
    given
        .record
        .is_some_and(|record| record.uses_merchant_override_values)
}

/// The tax in what was not declined, as far as BigCommerce tells it. It reports 0 for custom values,
/// and where it lost the taxes of refunded lines: then nothing is told. 0 is meant where the
/// merchant's own figures say so, and where the amount is what the items cost without their tax.
fn told_tax(order: &Order, given: &GivenBack<'_>) -> Option<Decimal> {
    let record = given.record?;
    let tax = reported_tax(given, order.currency);
    let is_meant = !tax.is_zero()
        || record.uses_merchant_override_values
        || net_worth(order, record)
            .is_some_and(|net| round(net, order.currency) == given.gross.to_decimal());
    is_meant.then_some(tax)
}

/// What is left of the invoice, where this refund is all of it.
fn all_that_is_left(
    order: &Order,
    entries: &[Entry],
    given: &GivenBack<'_>,
    earlier: &[Refunded],
    told: Option<Decimal>,
    model: Model,
) -> Result<Option<Lines>, Error> {
    let currency = order.currency;
    let mut gross = super::expected_total(order)?.total;
    let mut tax = Money::rounded(order.totals.total.tax, currency)?;
    let mut tax_by_store = order.totals.total.tax;
    for before in earlier {
        gross = gross.checked_sub(before.gross)?;
        tax = tax.checked_sub(before.tax)?;
        // A custom value has tax in the books and none in the store's report.
        let mut records = order.refunds.iter();
        let record = records.find(|record| record.id == before.id);
        tax_by_store -= record.map_or(Decimal::ZERO, |record| record.total_tax);
    }
    if gross != given.gross {
        return Ok(None);
    }
    let Some(as_invoiced) = left(entries, earlier, currency) else {
        return Ok(None);
    };
    let positive = without_negatives(&as_invoiced, currency);
    for (lines, must_be_exact) in [(positive, true), (as_invoiced, false)] {
        let predicted = model.predict(lines.iter().map(Figures::from), currency)?;
        let as_amount = lines.iter().filter(|line| line.kind == LineKind::Tax);
        let as_amount: Decimal = as_amount.filter_map(amount).sum();
        let made = predicted
            .tax
            .checked_add(Money::rounded(as_amount, currency)?)?;
        let bound = bound_minor(order, &lines);
        let unit = Decimal::new(1, currency.decimals());
        let near = |tax: Decimal, told: Decimal| (tax - told).abs() <= unit * Decimal::from(bound);
        let is_its_tax = match told {
            None => near(tax.to_decimal(), made.to_decimal()),
            Some(told) if is_override(given) => told == made.to_decimal(),
            Some(told) => near(made.to_decimal(), told) || near(tax_by_store, told),
        };
        let is_exact =
            predicted.total == given.gross && told.is_none_or(|told| told == made.to_decimal());
        if is_its_tax && (is_exact || !must_be_exact) {
            let closed = closed(order, lines, given.gross, made, model)?;
            return Ok(closed);
        }
    }
    Ok(None)
}

/// What a refund may be made of, the likeliest first: its items at what they are worth or at what
/// the merchant made of them; those and a charge that was left out; those and a custom value;
/// amounts of the order's own rates.
fn candidates(
    order: &Order,
    entries: &[Entry],
    given: &GivenBack<'_>,
    told: Option<Decimal>,
) -> Vec<Vec<Part>> {
    let currency = order.currency;
    let gross = given.gross.to_decimal();
    // Halves of things are worth whole units of the store's own.
    let unit = Decimal::new(1, currency.decimals()) * Decimal::from(super::widened(order, 1));
    let items = shares(order, entries, given.record);
    let worth = |shares: &[Share]| shares.iter().map(|share| share.weight).sum::<Decimal>();
    let slack = unit * Decimal::from(items.len().max(1));
    let mut found = Vec::new();
    let rest = gross - worth(&items);
    if worth(&items) > Decimal::ZERO && rest <= slack {
        found.push(spread_over(items.clone(), gross, currency));
    }
    if rest > slack {
        for charges in left_out(order, entries, given.record) {
            if (worth(&charges) - rest).abs() <= slack {
                let all = items.iter().cloned().chain(charges).collect();
                found.push(spread_over(all, gross, currency));
            }
        }
    }
    let Some(tax) = told else {
        let mut parts = spread_over(items.clone(), gross - rest, currency);
        let beyond = gross - parts.iter().map(|(_, amount)| amount).sum::<Decimal>();
        parts.extend(spread_over(
            custom(order, entries, beyond),
            beyond,
            currency,
        ));
        found.push(parts);
        return found;
    };
    if tax.is_zero() {
        // No tax goes back, whatever the things were taxed with.
        return vec![untaxed(found.into_iter().next(), items, gross, currency)];
    }
    let firm: Vec<Share> = items.into_iter().filter(|share| !share.is_custom).collect();
    let rest = gross - round(worth(&firm), currency);
    if rest > slack {
        let own = spread_over(firm, gross - rest, currency);
        let taxes = own.iter().map(|(share, amount)| {
            let net = net_of(*amount, &share.taxes, Decimal::ZERO, currency);
            net.map_or(Decimal::ZERO, |(_, tax)| tax)
        });
        let beyond = tax - taxes.sum::<Decimal>();
        let beyond = if beyond.abs() <= slack {
            Decimal::ZERO
        } else {
            beyond
        };
        for way in ways(entries, rest, beyond, is_override(given), currency) {
            found.push(own.iter().cloned().chain(way).collect());
        }
    }
    found.extend(ways(entries, gross, tax, is_override(given), currency));
    found
}

fn untaxed(
    likeliest: Option<Vec<Part>>,
    items: Vec<Share>,
    gross: Decimal,
    currency: Currency,
) -> Vec<Part> {
    let parts = likeliest.unwrap_or_else(|| {
        let worth: Decimal = items.iter().map(|share| share.weight).sum();
        let own = worth.min(gross);
        let mut parts = spread_over(items, round(own, currency), currency);
        let beyond = gross - parts.iter().map(|(_, amount)| amount).sum::<Decimal>();
        parts.push((free_share(), beyond));
        parts
    });
    let bare = |share: Share| Share {
        taxes: Taxes::default(),
        tax_ratio: Decimal::ZERO,
        is_custom: false,
        ..share
    };
    parts
        .into_iter()
        .map(|(share, amount)| (bare(share), amount))
        .collect()
}

fn spread_over(shares: Vec<Share>, amount: Decimal, currency: Currency) -> Vec<Part> {
    let weights: Vec<Decimal> = shares.iter().map(|share| share.weight).collect();
    let amounts = spread(amount, &weights, currency.decimals());
    shares.into_iter().zip(amounts).collect()
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

/// Taxed lines whose tax FreshBooks computes; `None` where it is not the one that was told.
fn by_percent(
    order: &Order,
    entries: &[Entry],
    given: &GivenBack<'_>,
    parts: &[Part],
    told: Option<Decimal>,
    model: Model,
) -> Result<Option<Lines>, Error> {
    let currency = order.currency;
    let mut carry = Decimal::ZERO;
    let mut lines = Vec::with_capacity(parts.len() + 1);
    let (mut made, mut made_lines) = (Decimal::ZERO, 0_u64);
    for (share, gross) in parts.iter().filter(|(_, gross)| !gross.is_zero()) {
        let (net, tax) = net_of(*gross, &share.taxes, carry, currency)?;
        carry += gross - net - tax;
        if !share.is_custom {
            made += tax;
            made_lines += u64::from(share.taxes.tax1.is_some());
        }
        lines.push(with_quantity(share, net, currency));
    }
    let unit = Decimal::new(1, currency.decimals());
    let off = told.map_or(Decimal::ZERO, |told| (told - made).abs() / unit);
    // A sum that stands for several lines may be off by as many roundings as the store made.
    let is_sum = |(share, _): &Part| share.kind == LineKind::Refund;
    let roundings = if parts.iter().any(is_sum) {
        let taxed = entries.iter().filter(|entry| entry.tax1.is_some());
        made_lines.max(taxed.count() as u64)
    } else {
        made_lines
    };
    if off > Decimal::from(super::widened(order, roundings.max(1))) {
        return Ok(None);
    }
    let predicted = model.predict(lines.iter().map(Figures::from), currency)?;
    closed(order, lines, given.gross, predicted.tax, model)
}

/// The lines with the rounding line they need; `None` where more than rounding is missing.
fn closed(
    order: &Order,
    mut lines: Vec<InvoiceLine>,
    gross: Money,
    tax: Money,
    model: Model,
) -> Result<Option<Lines>, Error> {
    let currency = gross.currency;
    let bound = bound_minor(order, &lines);
    let predicted = model.predict(lines.iter().map(Figures::from), currency)?;
    let difference = gross.checked_sub(predicted.total)?;
    if difference.amount_minor.unsigned_abs() > bound {
        return Ok(None);
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
    Ok(Some(Lines {
        lines,
        tax,
        bound_minor: bound,
    }))
}

/// Untaxed lines and one line with the exact tax.
fn by_amount(order: &Order, given: &GivenBack<'_>, parts: &[Part], told: Option<Decimal>) -> Lines {
    let currency = order.currency;
    let by_ratio: Vec<Decimal> = parts
        .iter()
        .map(|(share, gross)| {
            let tax = gross.checked_mul(share.tax_ratio);
            round(tax.unwrap_or(Decimal::ZERO), currency)
        })
        .collect();
    // What the store reports is exact for all but custom values, unless the figures are the
    // merchant's own or there is nothing else it could be about.
    let all = is_override(given) || parts.iter().all(|(share, _)| share.is_custom);
    let is_told = |share: &Share| all || !share.is_custom;
    let weights: Vec<Decimal> = parts
        .iter()
        .zip(&by_ratio)
        .map(|((share, _), tax)| if is_told(share) { *tax } else { Decimal::ZERO })
        .collect();
    // Where it reports none, the order's own figures stand.
    let exact = match told {
        None => weights,
        Some(told) => spread(told, &weights, currency.decimals()),
    };
    let mut lines = Vec::with_capacity(parts.len() + 1);
    let mut tax = Decimal::ZERO;
    for (((share, gross), by_ratio), exact) in parts.iter().zip(&by_ratio).zip(exact) {
        let own = if is_told(share) { exact } else { *by_ratio };
        tax += own;
        if gross != &own {
            let untaxed = Share {
                taxes: Taxes::default(),
                ..share.clone()
            };
            lines.push(with_quantity(&untaxed, gross - own, currency));
        }
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

pub(super) fn round(value: Decimal, currency: Currency) -> Decimal {
    value.round_dp_with_strategy(currency.decimals(), RoundingStrategy::MidpointAwayFromZero)
}
