//! Comparing an invoice of FreshBooks with what Tillbook wrote, or wants to write.
//!
//! Pure: no call is made here. What follows from a difference is `invoice`'s matter.

use connect::freshbooks::{Invoice, Rebilled};
use contracts::ledger::WrittenInvoice;
use domain::books::{DesiredInvoice, InvoiceLine, LineKind};
use domain::difference::content_hash;
use domain::money::Money;
use stage::{Failure, Reason};

use crate::wire;

/// The name of the line that makes the total exact.
const ROUNDING: &str = "Rounding";

/// Whether the lines say the same. Some replies come without lines; then the total has to do.
pub(crate) fn has_lines_of(invoice: &Invoice, desired: &DesiredInvoice) -> bool {
    let Some(lines) = &invoice.lines else {
        return true;
    };
    let wanted = desired
        .lines
        .iter()
        .filter(|line| line.kind != LineKind::Rounding);
    let found = lines.iter().filter(|line| line.name != ROUNDING);
    wanted
        .map(|line| (line.quantity.normalize(), line.unit_cost.normalize()))
        .eq(found.map(|line| (line.quantity.normalize(), line.unit_cost.normalize())))
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

/// The invoice with its rounding line changed by the difference; one line, never two.
///
/// `None` when that line would exceed the policy's bound.
pub(crate) fn corrected(desired: &DesiredInvoice, difference: Money) -> Option<DesiredInvoice> {
    let (mut lines, line) =
        rounding_line(&desired.lines, difference, desired.rounding_bound_minor)?;
    lines.extend(line);
    Some(DesiredInvoice {
        lines,
        ..desired.clone()
    })
}

/// Lines without their rounding line, and the one that takes its place when it is not nothing.
///
/// `None` when that line would exceed the bound, smallest units.
pub(crate) fn rounding_line(
    lines: &[InvoiceLine],
    difference: Money,
    bound_minor: u64,
) -> Option<(Vec<InvoiceLine>, Option<InvoiceLine>)> {
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
    let line = (amount.amount_minor != 0).then(|| InvoiceLine {
        kind: LineKind::Rounding,
        name: ROUNDING.to_owned(),
        description: String::new(),
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
    }
}
