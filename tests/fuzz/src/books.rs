//! What must hold of any books and of any refusal, whatever order they came from.
//!
//! The sums are the sandbox's, which shares no arithmetic with `domain`.

use contracts::{books as wire, books_conversion};
use domain::books::{DesiredBooks, Disposition, InvoiceLine, LineTax};
use domain::money::Money;
use rust_decimal::Decimal;
use sandbox::freshbooks::arithmetic::{self, Rounding};

/// The ways in which FreshBooks may round.
const MODELS: [Rounding; 3] = [Rounding::Line, Rounding::Tax, Rounding::Invoice];

/// The lines make the expected total, less what the rounding line may still mend.
///
/// # Errors
/// When they do not in any of the ways in which FreshBooks may round.
pub fn add_up(books: &DesiredBooks) -> Result<(), String> {
    if !matches!(books.disposition, Disposition::Sent | Disposition::Draft) {
        return Ok(());
    }
    let invoice = &books.invoice;
    let currency = invoice.expected_total.currency;
    let lines: Vec<arithmetic::Line> = invoice.lines.iter().map(line).collect();
    let bound = invoice.rounding_bound_minor;
    let mut nearest = None;
    for model in MODELS {
        let places = arithmetic::decimals(currency.code());
        let sum = arithmetic::totals(&lines, Decimal::ZERO, model, places).amount;
        let sum = Money::rounded(sum, currency).map_err(|error| format!("the sum: {error}"))?;
        let off = sum
            .amount_minor
            .abs_diff(invoice.expected_total.amount_minor);
        nearest = nearest.into_iter().chain([off]).min();
    }
    match nearest {
        Some(off) if off <= bound => Ok(()),
        off => Err(format!(
            "the lines miss {} by {off:?}, and {bound} may be mended",
            invoice.expected_total
        )),
    }
}

/// Books that transform made say the same after the way to the domain and back.
///
/// # Errors
/// When they cannot be read, or something of them is lost.
pub fn carried(wire: &wire::DesiredBooks) -> Result<DesiredBooks, String> {
    let books = books_conversion::from_wire(wire);
    let books = books.map_err(|error| format!("what was transformed: {error}"))?;
    // What the sender fills is no part of the domain's books.
    let back = wire::DesiredBooks {
        event: wire.event.clone(),
        mapping_name: wire.mapping_name.clone(),
        mapping_version: wire.mapping_version,
        mapping_hash: wire.mapping_hash.clone(),
        books_locked_until: wire.books_locked_until.clone(),
        client_conflicts: wire.client_conflicts,
        client_as_of_ms: wire.client_as_of_ms,
        unknown_sku: wire.unknown_sku,
        items: wire.items.clone(),
        ..books_conversion::to_wire(&books)
    };
    if back == *wire {
        Ok(books)
    } else {
        Err(format!("{wire:?} comes back as {back:?}"))
    }
}

/// A refusal has reasons, and each a code and words.
///
/// # Errors
/// When one has not.
pub fn named<'a>(reasons: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    let mut count = 0_u32;
    for (code, message) in reasons {
        count += 1;
        if code.is_empty() || message.is_empty() {
            return Err(format!("a reason without a name: {code:?} {message:?}"));
        }
    }
    if count == 0 {
        return Err("refused without a reason".to_owned());
    }
    Ok(())
}

/// The reasons of a stage's failure.
///
/// # Errors
/// When one has no name.
pub fn failure(failure: &stage::Failure) -> Result<(), String> {
    let reasons = match failure {
        stage::Failure::Held(reasons) | stage::Failure::Rejected(reasons) => reasons.iter(),
        other => return Err(format!("a pure stage may not wait: {other:?}")),
    };
    named(reasons.map(|reason| (&*reason.code, &*reason.message)))
}

fn line(line: &InvoiceLine) -> arithmetic::Line {
    let tax = |tax: &Option<LineTax>| {
        tax.as_ref().map(|tax| arithmetic::Tax {
            name: tax.name.clone(),
            percent: tax.percent,
        })
    };
    arithmetic::Line {
        quantity: line.quantity,
        unit_cost: line.unit_cost,
        tax1: tax(&line.tax1),
        tax2: tax(&line.tax2),
        compounded: line.compounded,
    }
}
