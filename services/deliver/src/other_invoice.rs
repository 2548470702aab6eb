//! Payments on another order's invoice, where an order only pays that one (ADR 0026).
//!
//! The paying order's ledger entry keeps the payments and names the invoice, so intents, repeats,
//! refunds and undos go the way of every payment (`payment`). Here: which invoice it is, and what
//! becomes of the paid order's own offline payment, which would be the same money twice.

use contracts::ledger::{IntentKind, OrderEntry, PaidInvoice, WrittenInvoice};
use domain::account::PAYING_ORDER;
use domain::books::{DesiredBooks, DesiredPayment, Disposition};
use domain::money::Money;
use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::entry::OpenEntry;
use crate::{invoice, open_intent, payment, wire};

/// Begins the key of the payment of an order that was paid outside of the store.
const OFFLINE: &str = "offline:";

/// The invoice that the order's payments stand on: the one it pays, else its own.
pub(crate) fn payable(entry: &OrderEntry) -> Option<WrittenInvoice> {
    match &entry.paid_invoice {
        Some(paid) => Some(WrittenInvoice {
            invoice_id: paid.invoice_id,
            number: paid.number.clone(),
            ..WrittenInvoice::default()
        }),
        None => entry.invoice.clone(),
    }
}

/// Brings the entry's paid invoice to what the books say, before any step: found, or let go.
pub(crate) async fn settle(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    books: &DesiredBooks,
) -> Result<(), Failure> {
    let has_payments = !entry.value.payments.is_empty();
    match (&books.disposition, entry.value.paid_invoice.clone()) {
        (Disposition::PaysInvoice(order_id), known) => {
            if stands(&entry.value) {
                // Booked as a sale before the policy knew its mark: the next step holds it.
                return Ok(());
            }
            if let Some(known) = known.filter(|known| has_payments && known.order_id != *order_id) {
                return Err(moved(&known, &books.invoice.number));
            }
            let found = find(place, *order_id, books).await?;
            if entry.value.paid_invoice.as_ref() != Some(&found) {
                entry.change(|value| value.paid_invoice = Some(found));
            }
            Ok(())
        }
        (Disposition::Draft | Disposition::Sent | Disposition::Removed(_), Some(known)) => {
            if has_payments {
                return Err(no_payment_any_more(&known));
            }
            entry.change(|value| value.paid_invoice = None);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn stands(entry: &OrderEntry) -> bool {
    entry.invoice.as_ref().is_some_and(|known| !known.removed)
}

/// The paid order's invoice, as its ledger entry knows it; waits until there is one.
async fn find(
    place: &Workplace<'_>,
    order_id: u64,
    books: &DesiredBooks,
) -> Result<PaidInvoice, Failure> {
    let paid = paid_entry(place, order_id).await?.value;
    if paid.undone.is_some() {
        return Err(Failure::held(Reason::new(
            "paid_order_undone",
            format!(
                "{} came in for invoice {}, which was undone on purpose; run a backfill of that order's day, then release this",
                books.invoice.expected_total, books.invoice.number
            ),
        )));
    }
    match paid.invoice.filter(|known| !known.removed) {
        Some(known) => Ok(PaidInvoice {
            order_id,
            invoice_id: known.invoice_id,
            number: known.number,
        }),
        None => Err(Failure::retry(Reason::new(
            "paid_invoice_not_in_books",
            format!(
                "{} came in for invoice {} of order {order_id}, which is not in the books; see that order's own story and bring it into the books (a backfill of its day), then release this, or book the payment by hand",
                books.invoice.expected_total, books.invoice.number
            ),
        ))),
    }
}

async fn paid_entry<'a>(
    place: &Workplace<'a>,
    order_id: u64,
) -> Result<store::ledger::Versioned<OrderEntry>, Failure> {
    place
        .ledger
        .order(place.connection, &order_id.to_string())
        .await
        .map_err(|error| Failure::retry(Reason::new("ledger_unavailable", error.to_string())))
}

/// Makes room on the paid invoice for money that has come in through the store: the paid order's
/// offline payment was only inferred from its status, so the real one takes its place.
///
/// Lowered under the paid order's own entry, its intent before the effect. What room there still
/// is not is held by the booking itself.
pub(crate) async fn make_room(
    place: &Workplace<'_>,
    entry: &OpenEntry<'_>,
    books: &DesiredBooks,
    desired: &DesiredPayment,
    first_open_day: &str,
) -> Result<(), Failure> {
    let (Disposition::PaysInvoice(order_id), Some(paid)) =
        (&books.disposition, &entry.value.paid_invoice)
    else {
        return Ok(());
    };
    let current = invoice::get(place, paid.invoice_id).await?;
    if current.amount.currency != desired.amount.currency {
        return Err(Failure::held(Reason::new(
            "paid_invoice_in_other_currency",
            format!(
                "{} came in for invoice {}, which is in {}; book the payment by hand and discard this",
                desired.amount, paid.number, current.amount.currency
            ),
        )));
    }
    let id = order_id.to_string();
    let mut other = OpenEntry::read(
        place.ledger,
        place.connection,
        &id,
        place.owner,
        place.settle,
    )
    .await?;
    settle_room(place, &mut other, books, *order_id).await?;
    let Ok(missing) = desired.amount.checked_sub(current.outstanding) else {
        return Ok(());
    };
    if missing.amount_minor <= 0 {
        return Ok(());
    }
    let booked = payment::find_all(place, paid.invoice_id).await?;
    if booked.iter().any(|found| payment::is(found, &desired.key)) {
        // A ledger that was lost: the booking takes it in.
        return Ok(());
    }
    let offline = other.value.payments.iter();
    let offline = offline
        .clone()
        .find(|known| known.key.starts_with(OFFLINE))
        .cloned();
    let Some(offline) = offline else {
        return Ok(());
    };
    let amount = wire::read_money(offline.amount.as_ref())?;
    let Ok(left) = amount.checked_sub(missing) else {
        return Ok(());
    };
    if left.amount_minor < 0 {
        return Ok(());
    }
    if !offline.date.is_empty() && offline.date.as_str() < first_open_day {
        return Err(Failure::held(Reason::new(
            "period_closed",
            format!(
                "the offline payment of invoice {} on {} would have to make room for {}, but its day is closed (before {first_open_day}); correct it by hand, or move books_locked_until back, then release this",
                paid.number, offline.date, desired.key
            ),
        )));
    }
    if left.amount_minor == 0 {
        payment::remove(place, &mut other, &offline.key).await?;
    } else {
        let lowered = DesiredPayment {
            key: offline.key.clone(),
            amount: left,
            ..desired.clone()
        };
        payment::change(place, &mut other, &lowered).await?;
    }
    other.finish().await
}

/// Closes what an earlier delivery began on the paid order's offline payment: that order itself may
/// have no delivery for a long time. All else is settled by its own.
async fn settle_room(
    place: &Workplace<'_>,
    other: &mut OpenEntry<'_>,
    books: &DesiredBooks,
    order_id: u64,
) -> Result<(), Failure> {
    let Some(intent) = &other.value.intent else {
        return Ok(());
    };
    match intent.kind() {
        IntentKind::RemovePayment | IntentKind::ChangePayment => {
            open_intent::resolve(place, other, books).await
        }
        _ => Err(Failure::retry(Reason::new(
            "paid_order_at_work",
            format!("a write of order {order_id} has an unknown outcome; it is settled first"),
        ))),
    }
}

/// What other orders have paid on the order's invoice; `None` where none has.
pub(crate) async fn paid_by_others(
    place: &Workplace<'_>,
    entry: &OrderEntry,
) -> Result<Option<Money>, Failure> {
    let Some(known) = &entry.invoice else {
        return Ok(None);
    };
    let booked = payment::find_all(place, known.invoice_id).await?;
    let mut others = booked.iter().filter(|one| one.note.contains(PAYING_ORDER));
    let Some(first) = others.next() else {
        return Ok(None);
    };
    let paid = others.try_fold(first.amount, |sum, one| sum.checked_add(one.amount));
    paid.map(Some)
        .map_err(|error| Failure::held(Reason::new("not_computable", error.to_string())))
}

/// The books with their offline payment lowered by what other orders have paid. It says that
/// nothing is open any more, not that money of its own came in.
pub(crate) fn less(books: &DesiredBooks, paid: Money) -> Option<DesiredBooks> {
    let index = (0..books.payments.len()).find(|index| is_offline(books, *index))?;
    let mut less = books.clone();
    let offline = less.payments.get_mut(index)?;
    let open = offline.amount.checked_sub(paid).ok()?;
    offline.amount.amount_minor = open.amount_minor.max(0);
    Some(less)
}

/// Whether the payment at this index is an offline one.
pub(crate) fn is_offline(books: &DesiredBooks, index: usize) -> bool {
    let payment = books.payments.get(index);
    !matches!(books.disposition, Disposition::PaysInvoice(_))
        && payment.is_some_and(|payment| payment.key.starts_with(OFFLINE))
}

fn moved(known: &PaidInvoice, number: &str) -> Failure {
    Failure::held(Reason::new(
        "pays_another_invoice",
        format!(
            "the order's payments stand on invoice {}, by now it names {number}; take the order out with `tillbook undo` for the day of its payment, then run a backfill of the day on which it was placed",
            known.number
        ),
    ))
}

fn no_payment_any_more(known: &PaidInvoice) -> Failure {
    Failure::held(Reason::new(
        "booked_as_invoice_payment",
        format!(
            "the order's payments stand on invoice {}, but by now it is gone, unpaid or a sale of its own; take it out with `tillbook undo` for the day of its payment, then run a backfill of the day on which it was placed",
            known.number
        ),
    ))
}
