//! Invoice numbers: at most twenty characters, given or counted, and the account's switch for what
//! a second use of one means.

use super::super::call::Doc;
use super::super::errors::{Refusal, errno};
use super::super::state::{Account, DuplicateNumbers};
use super::super::table::{is_deleted, text};
use super::fields::Input;

const OBJECT: &str = "invoice";
const LONGEST: usize = 20;

/// Sets a given number; an empty one leaves the choice to FreshBooks.
pub(super) fn write(
    account: &Account,
    row: &mut Doc,
    input: &Input<'_>,
    number: &str,
    own: Option<u64>,
) -> Result<(), Refusal> {
    if number.chars().count() > LONGEST {
        let message = format!("invoice_number may have at most {LONGEST} characters.");
        return Err(input.refuse("invoice_number", errno::TOO_LONG, message, &number.into()));
    }
    if !number.is_empty() {
        check_free(account, number, own)?;
        row.insert("invoice_number".into(), number.into());
    }
    Ok(())
}

pub(super) fn check_free(account: &Account, number: &str, own: Option<u64>) -> Result<(), Refusal> {
    let blocks = |row: &Doc| account.settings.deleted_numbers_block || !is_deleted(row);
    let taken = account
        .invoices
        .rows_with("invoice_number", number)
        .any(|(id, row)| Some(id) != own && blocks(row));
    let refusal = |errno| {
        let message = format!("Invoice number {number} already exists.");
        Refusal::field(OBJECT, "invoice_number", errno, message).with_value(number)
    };
    match account.settings.duplicate_numbers {
        DuplicateNumbers::Reject if taken => Err(refusal(errno::DUPLICATE)),
        DuplicateNumbers::Conflict if taken => Err(refusal(errno::CONFLICT).with_status(409)),
        _ => Ok(()),
    }
}

/// The next seven-digit number after the highest one in use.
pub(super) fn next(account: &Account) -> String {
    let automatic = |row: &Doc| {
        text(row, "invoice_number")
            .parse::<u64>()
            .ok()
            .filter(|number| *number < 10_000_000)
    };
    let highest = account
        .invoices
        .rows()
        .filter_map(|(_, row)| automatic(row))
        .max()
        .unwrap_or(0);
    format!("{:07}", highest + 1)
}
