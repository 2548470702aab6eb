//! Makes every text of the books fit FreshBooks and keeps payments findable by their key.

use crate::books::{DesiredClient, DesiredInvoice, DesiredPayment, DesiredRefund};
use crate::text::{self, LONG_MAX_CHARS, SHORT_MAX_CHARS};

/// FreshBooks fields that take long text; all others are short.
const LONG_FIELDS: [&str; 3] = ["note", "notes", "terms"];

/// A notice for what had to change in a text.
fn told(notices: &mut Vec<String>, changed: text::Changed, place: &dyn Fn() -> String) {
    if changed.cut {
        notices.push(format!(
            "{} was too long for FreshBooks and is cut.",
            place()
        ));
    }
    if changed.replaced > 0 {
        notices.push(format!(
            "{}: {} characters FreshBooks refuses are replaced by {}.",
            place(),
            changed.replaced,
            text::REPLACEMENT
        ));
    }
}

/// Makes every text fit FreshBooks, with a notice for what had to change.
pub(super) fn fit_texts(
    client: &mut DesiredClient,
    invoice: &mut DesiredInvoice,
    payments: &mut [DesiredPayment],
    notices: &mut Vec<String>,
) {
    let mut note =
        |changed: text::Changed, place: &dyn Fn() -> String| told(notices, changed, place);
    let width = |key: &str| {
        if LONG_FIELDS.contains(&key) {
            LONG_MAX_CHARS
        } else {
            SHORT_MAX_CHARS
        }
    };
    for (key, value) in &mut client.fields {
        note(text::fit_in_place(value, width(key)), &|| {
            format!("Client field {key}")
        });
    }
    for (key, value) in &mut invoice.fields {
        note(text::fit_in_place(value, width(key)), &|| {
            format!("Invoice field {key}")
        });
    }
    for (index, line) in invoice.lines.iter_mut().enumerate() {
        let place = |what: &str| format!("Line {}'s {what}", index + 1);
        note(text::fit_in_place(&mut line.name, SHORT_MAX_CHARS), &|| {
            place("name")
        });
        note(
            text::fit_in_place(&mut line.description, LONG_MAX_CHARS),
            &|| place("description"),
        );
        for tax in [&mut line.tax1, &mut line.tax2].into_iter().flatten() {
            note(text::fit_in_place(&mut tax.name, SHORT_MAX_CHARS), &|| {
                place("tax name")
            });
        }
    }
    for payment in payments {
        let place = || format!("The note of payment {}", payment.key);
        note(keep_findable(&mut payment.note, &payment.key), &place);
    }
}

/// The same for refunds; their notes name their keys.
pub(super) fn fit_refunds(refunds: &mut [DesiredRefund], notices: &mut Vec<String>) {
    for refund in refunds {
        for (index, line) in refund.lines.iter_mut().enumerate() {
            let changed = text::fit_in_place(&mut line.name, SHORT_MAX_CHARS);
            told(notices, changed, &|| {
                format!("The name of line {} of {}", index + 1, refund.key)
            });
        }
        let changed = keep_findable(&mut refund.note, &refund.key);
        told(notices, changed, &|| format!("The note of {}", refund.key));
    }
}

/// Makes a note fit and end in its key, which is how a doubtful write is found again: it is never
/// cut off.
fn keep_findable(note: &mut String, key: &str) -> text::Changed {
    let room = LONG_MAX_CHARS.saturating_sub(key.chars().count() + 1);
    let changed = text::fit_in_place(note, room);
    if !contains_token(note, key) {
        if !note.is_empty() {
            note.push(' ');
        }
        note.push_str(key);
    }
    changed
}

/// Whether `text` names `key` as a word of its own (`txn:47` is not named by `txn:4711`).
pub fn contains_token(text: &str, key: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
    text.match_indices(key).any(|(start, found)| {
        let before = text.get(..start).and_then(|part| part.chars().next_back());
        let after = text
            .get(start + found.len()..)
            .and_then(|part| part.chars().next());
        !inside(before) && !inside(after)
    })
}
