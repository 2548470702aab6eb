//! Money between the ledger's wire form and the domain.

use contracts::money;
use domain::money::{Currency, Money};
use stage::{Failure, Reason};

/// The wire form.
pub(crate) fn money(money: Money) -> money::Money {
    money::Money {
        amount_minor: money.amount_minor,
        currency_code: money.currency.code().to_owned(),
    }
}

/// The domain form; an unknown currency in the ledger is held, not guessed.
pub(crate) fn read_money(wire: Option<&money::Money>) -> Result<Money, Failure> {
    let wire = wire.cloned().unwrap_or_default();
    let currency = Currency::from_code(&wire.currency_code).map_err(|error| {
        Failure::held(Reason::new(
            "ledger_unreadable",
            format!("the ledger's entry: {error}"),
        ))
    })?;
    Ok(Money {
        amount_minor: wire.amount_minor,
        currency,
    })
}
