//! What a person has put right in FreshBooks, after Tillbook held the order because of it.
//!
//! Without this a hold that says "correct it by hand" would stand for ever: the ledger would
//! still know what is no longer there. Not here: what a person changed unasked; that is held by
//! the step that finds it.

use domain::books::DesiredBooks;
use domain::difference::Mendable;
use stage::Failure;

use crate::account::Workplace;
use crate::entry::OpenEntry;
use crate::{payment, refund, wire};

/// Reads the payment or refund and takes into the ledger what a person made of it: that it is
/// gone, or that it is what the books want. False when it is neither.
pub(crate) async fn take_over(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    what: &Mendable,
    books: &DesiredBooks,
) -> Result<bool, Failure> {
    match what {
        Mendable::Payment(key) => take_payment(place, entry, key, books).await,
        Mendable::Refund(key) => take_refund(place, entry, key).await,
    }
}

async fn take_payment(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    key: &str,
    books: &DesiredBooks,
) -> Result<bool, Failure> {
    let Some(known) = payment::known(entry, key).cloned() else {
        return Ok(false);
    };
    let current = payment::get(place, known.payment_id).await?;
    let wanted = books.payments.iter().find(|one| one.key == key);
    if current.is_deleted() {
        entry.change(|value| value.payments.retain(|one| one.key != key));
        return Ok(true);
    }
    let Some(wanted) = wanted.filter(|wanted| wanted.amount == current.amount) else {
        return Ok(false);
    };
    entry.change(|value| {
        for one in value.payments.iter_mut().filter(|one| one.key == key) {
            one.amount = Some(wire::money(current.amount));
            one.captured = Some(wire::money(wanted.captured));
        }
    });
    Ok(true)
}

async fn take_refund(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    key: &str,
) -> Result<bool, Failure> {
    let Some(known) = refund::known(entry, key).cloned() else {
        return Ok(false);
    };
    let is_deleted = refund::read(place, &known).await?.is_deleted;
    if is_deleted {
        entry.change(|value| value.refunds.retain(|one| one.key != key));
    }
    Ok(is_deleted)
}
