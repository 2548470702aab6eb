//! Money of the ledger's entries; what cannot be read is held, not guessed.

use contracts::{books_conversion, money};
use domain::money::Money;
use stage::{Failure, Reason};

pub(crate) use books_conversion::money_to_wire as money;

/// The domain form of an amount in the ledger.
pub(crate) fn read_money(wire: Option<&money::Money>) -> Result<Money, Failure> {
    books_conversion::money_from_wire("the ledger's amount", wire).map_err(|error| {
        Failure::held(Reason::new(
            "ledger_unreadable",
            format!("the ledger's entry: {error}"),
        ))
    })
}
