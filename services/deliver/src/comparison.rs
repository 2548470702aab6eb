//! Comparing an invoice of FreshBooks with what Tillbook wrote, or wants to write.
//!
//! Pure: no call is made here. What follows from a difference is `invoice`'s matter.

use connect::freshbooks::{Invoice, Rebilled};
use contracts::ledger::WrittenInvoice;
use domain::arithmetic::Figures;
use domain::books::{DesiredInvoice, InvoiceLine, LineKind, LineTax, RoundingLine};
use domain::difference::content_hash;
use domain::money::Money;
use rust_decimal::Decimal;
use stage::{Failure, Reason};

use crate::wire;

/// Whether an invoice says what is desired: total, currency and every line.
pub(crate) fn says_the_same(invoice: &Invoice, desired: &DesiredInvoice) -> bool {
    invoice.amount == desired.expected_total && has_lines_of(invoice, desired)
}

/// Whether every line is the same by name, quantity, price and taxes, but for the rounding line.
/// Without its lines nobody can tell.
pub(crate) fn has_lines_of(invoice: &Invoice, desired: &DesiredInvoice) -> bool {
    let Some(lines) = &invoice.lines else {
        return false;
    };
    let wanted = desired
        .lines
        .iter()
        .filter(|line| line.kind != LineKind::Rounding);
    let found = lines.iter().filter(|line| line.name != RoundingLine::NAME);
    let percent = |tax: Option<Decimal>| tax.unwrap_or_default().normalize();
    let wanted = wanted.map(|line| {
        let of = |tax: &Option<LineTax>| percent(tax.as_ref().map(|tax| tax.percent));
        let figures = (line.quantity.normalize(), line.unit_cost.normalize());
        (line.name.trim(), figures, of(&line.tax1), of(&line.tax2))
    });
    let found = found.map(|line| {
        let of = |tax: &Option<(String, Decimal)>| percent(tax.as_ref().map(|(_, rate)| *rate));
        let figures = (line.quantity.normalize(), line.unit_cost.normalize());
        (line.name.trim(), figures, of(&line.tax1), of(&line.tax2))
    });
    wanted.eq(found)
}

/// Whether the lines rebill the expenses they should. Some replies come without lines; then they do
/// when none is to be rebilled.
pub(crate) fn rebills_the_same(
    invoice: &Invoice,
    desired: &DesiredInvoice,
    rebilled: &Rebilled,
) -> bool {
    let wanted = desired
        .lines
        .iter()
        .filter_map(|line| line.rebills.as_ref());
    let mut wanted: Vec<Option<u64>> = wanted.map(|key| rebilled.get(key).copied()).collect();
    let lines = invoice.lines.iter().flatten();
    let mut found: Vec<Option<u64>> = lines
        .map(|line| line.expense_id)
        .filter(Option::is_some)
        .collect();
    wanted.sort_unstable();
    found.sort_unstable();
    wanted == found
}

/// Whether FreshBooks still says what Tillbook's last write left there.
///
/// Some replies come without lines; then only the total can be compared.
pub(crate) fn is_as_written(current: &Invoice, known: &WrittenInvoice) -> bool {
    match current.vendor_hash() {
        Some(hash) if !known.vendor_hash.is_empty() => hash == known.vendor_hash,
        _ => known.total.as_ref().is_some_and(|total| {
            total.amount_minor == current.amount.amount_minor
                && total.currency_code == current.currency.code()
        }),
    }
}

/// The invoice with its rounding line changed by the difference; one line, never two, and it names
/// the store's tax and the one that FreshBooks made of the lines.
///
/// `None` when that line would exceed the policy's bound, or the taxes differ by more than it.
pub(crate) fn corrected(
    desired: &DesiredInvoice,
    answered: Money,
    difference: Money,
) -> Option<DesiredInvoice> {
    let bound_minor = desired.rounding_bound_minor;
    let taxes = Taxes {
        store: desired.expected_tax,
        books: answered_tax(&desired.lines, answered)?,
    };
    let (mut lines, line) = rounding_line(&desired.lines, difference, taxes, bound_minor)?;
    lines.extend(line);
    Some(DesiredInvoice {
        lines,
        ..desired.clone()
    })
}

/// The tax that the store reports and the one that FreshBooks made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taxes {
    pub(crate) store: Money,
    pub(crate) books: Money,
}

/// The tax in an answered total: what is not the lines' own net, taxes booked as lines included.
pub(crate) fn answered_tax(lines: &[InvoiceLine], answered: Money) -> Option<Money> {
    let currency = answered.currency;
    let figures = |kind_is: fn(LineKind) -> bool| {
        let lines = lines.iter().filter(move |line| kind_is(line.kind));
        lines.map(Figures::from)
    };
    // Nets are exact whatever the account's arithmetic is; the model does not matter here.
    let model = domain::arithmetic::Model::default();
    let net = model.predict(figures(|_| true), currency).ok()?.net;
    let exact = model
        .predict(figures(|kind| kind == LineKind::Tax), currency)
        .ok()?;
    answered.checked_sub(net).ok()?.checked_add(exact.net).ok()
}

/// Lines without their rounding line, and the one that takes its place when it is not nothing.
///
/// `None` when that line would exceed the bound, smallest units, or the taxes differ by more.
pub(crate) fn rounding_line(
    lines: &[InvoiceLine],
    difference: Money,
    taxes: Taxes,
    bound_minor: u64,
) -> Option<(Vec<InvoiceLine>, Option<InvoiceLine>)> {
    let off = taxes.store.checked_sub(taxes.books).ok()?;
    if off.amount_minor.unsigned_abs() > bound_minor {
        return None;
    }
    let mut lines = lines.to_vec();
    let amount = match lines
        .iter()
        .position(|line| line.kind == LineKind::Rounding)
    {
        Some(index) => lines
            .remove(index)
            .unit_cost
            .checked_add(difference.to_decimal())?,
        None => difference.to_decimal(),
    };
    let amount = Money::exact(amount, difference.currency).ok()?;
    if amount.amount_minor.unsigned_abs() > bound_minor {
        return None;
    }
    let is_needed = amount.amount_minor != 0 || off.amount_minor != 0;
    let line = is_needed.then(|| InvoiceLine {
        kind: LineKind::Rounding,
        name: RoundingLine::NAME.to_owned(),
        description: RoundingLine::description(taxes.store, taxes.books),
        quantity: 1.into(),
        unit_cost: amount.to_decimal(),
        tax1: None,
        tax2: None,
        compounded: false,
        rebills: None,
    });
    Some((lines, line))
}

pub(crate) fn edited(desired: &DesiredInvoice, current: &Invoice) -> Failure {
    Failure::held(Reason::new(
        "edited_in_freshbooks",
        format!(
            "a person changed invoice {} in FreshBooks since Tillbook wrote it (it says {}, the order says {}); undo the change or accept it, then replay",
            desired.number, current.amount, desired.expected_total
        ),
    ))
}

/// What the ledger keeps of an invoice.
pub(crate) fn written(
    desired: &DesiredInvoice,
    invoice: &Invoice,
    corrected_by: Option<Money>,
) -> WrittenInvoice {
    WrittenInvoice {
        invoice_id: invoice.id,
        number: desired.number.clone(),
        content_hash: content_hash(desired),
        sent: invoice.is_sent(),
        total: Some(wire::money(invoice.amount)),
        correction_minor: corrected_by.map_or(0, |money| money.amount_minor),
        vendor_updated: invoice.updated.clone(),
        removed: false,
        vendor_hash: invoice.vendor_hash().unwrap_or_default(),
        create_date: desired.create_date.clone(),
        adopted: false,
    }
}
