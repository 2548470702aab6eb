//! Payments: one per captured transaction, never more than is due; lowered by refunds where the
//! policy says so.
//!
//! FreshBooks cuts an overpayment without an error and makes a credit of the rest, so what is due
//! is read and compared before money is booked.

use connect::freshbooks::{Invoice, Payment};
use contracts::ledger::{Intent, IntentKind, OrderEntry, WrittenPayment};
use domain::account::contains_token;
use domain::books::DesiredPayment;
use domain::money::Money;
use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::entry::{Content, OpenEntry};
use crate::{invoice, other_invoice, wire};

/// Books one payment. `due_known` says that this very delivery created the invoice, so nobody
/// else can have paid it and what is due need not be read.
pub(crate) async fn create(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredPayment,
    due_known: bool,
) -> Result<(), Failure> {
    let Some(known) = other_invoice::payable(&entry.value) else {
        return Ok(());
    };
    if !due_known {
        // The ledger may be a restored one, older than the books.
        let all = find_all(place, known.invoice_id).await?;
        if let Some(found) = all.iter().find(|found| is(found, &desired.key)) {
            entry.done(|value| value.payments.push(written(desired, found)));
            return entry.finish().await;
        }
        let current = invoice::get(place, known.invoice_id).await?;
        tell_if_missing(place, &entry.value, &current);
        if desired.amount.amount_minor > current.outstanding.amount_minor {
            return Err(Failure::held(Reason::new(
                "exceeds_what_is_due",
                format!(
                    "payment {} of {} exceeds what invoice {} has open ({}); was it paid by hand?",
                    desired.key, desired.amount, known.number, current.outstanding
                ),
            )));
        }
    }
    entry
        .begin(IntentKind::CreatePayment, &desired.key, None)
        .await?;
    match place
        .account
        .create_payment(known.invoice_id, desired)
        .await
    {
        Ok(payment) => {
            place.wrote();
            entry.done(|value| value.payments.push(written(desired, &payment)));
            if payment.amount == desired.amount && payment.overpayment_id.is_none() {
                return Ok(());
            }
            entry.finish().await?;
            Err(Failure::held(Reason::new(
                "overpaid",
                format!(
                    "FreshBooks booked {} of payment {} over {} and made a credit of the rest; correct it by hand",
                    payment.amount, desired.key, desired.amount
                ),
            )))
        }
        Err(error) => Err(entry.write_failed(place, "booking a payment", &error).await),
    }
}

/// The active payments of an invoice.
pub(crate) async fn find_all(
    place: &Workplace<'_>,
    invoice_id: u64,
) -> Result<Vec<Payment>, Failure> {
    match place.account.list_payments_of_invoice(invoice_id).await {
        Ok(payments) => Ok(payments),
        Err(error) => Err(place.vendor_failure("reading the payments", &error).await),
    }
}

/// Takes the order's payments into the ledger that FreshBooks has and the ledger does not know;
/// whether there were any. Asks only when the invoice shows more money than the ledger knows of,
/// and some of the order's may be it.
pub(crate) async fn take_in_unknown(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &[DesiredPayment],
    invoice: &Invoice,
) -> Result<bool, Failure> {
    let known = &entry.value.payments;
    let known_minor = known_minor(&entry.value);
    let is_unknown = |payment: &DesiredPayment| known.iter().all(|known| known.key != payment.key);
    if invoice.paid.amount_minor <= known_minor || !desired.iter().any(is_unknown) {
        return Ok(false);
    }
    let before = known.len();
    let found = find_all(place, invoice.id).await?;
    entry.done(|value| take_in(value, desired, &found));
    Ok(entry.value.payments.len() > before)
}

/// What the ledger knows as paid, in minor units of the invoice's currency.
fn known_minor(entry: &OrderEntry) -> i64 {
    let amounts = entry.payments.iter().filter_map(|one| one.amount.as_ref());
    amounts.fold(0, |sum, amount| sum.saturating_add(amount.amount_minor))
}

/// What the ledger knows as paid, where the invoice shows less: a person deleted or lowered a
/// payment in FreshBooks.
pub(crate) fn known_beyond(entry: &OrderEntry, invoice: &Invoice) -> Option<Money> {
    let known_minor = known_minor(entry);
    let known = Money {
        amount_minor: known_minor,
        currency: invoice.currency,
    };
    (known_minor > invoice.paid.amount_minor).then_some(known)
}

/// Tells the story that money is missing on the invoice, where it is.
pub(crate) fn tell_if_missing(place: &Workplace<'_>, entry: &OrderEntry, invoice: &Invoice) {
    let Some(known) = known_beyond(entry, invoice) else {
        return;
    };
    let words = format!(
        "FreshBooks shows {} paid of invoice {}, Tillbook booked {known}: a person deleted or lowered a payment there.",
        invoice.paid, invoice.number
    );
    place.tell(words);
}

/// Takes those of the payments found into the ledger's entry that are the order's and not in it.
pub(crate) fn take_in(value: &mut OrderEntry, desired: &[DesiredPayment], found: &[Payment]) {
    for desired in desired {
        let is_known = value.payments.iter().any(|known| known.key == desired.key);
        let found = found.iter().find(|found| is(found, &desired.key));
        if let (false, Some(found)) = (is_known, found) {
            value.payments.push(written(desired, found));
        }
    }
}

/// Whether a payment in FreshBooks is the one of a key: its note names the key.
pub(crate) fn is(found: &Payment, key: &str) -> bool {
    contains_token(&found.note, key)
}

/// What the ledger keeps of a payment.
pub(crate) fn written(desired: &DesiredPayment, payment: &Payment) -> WrittenPayment {
    WrittenPayment {
        key: desired.key.clone(),
        payment_id: payment.id,
        amount: Some(wire::money(payment.amount)),
        captured: Some(wire::money(desired.captured)),
        date: desired.date.clone(),
    }
}

/// Lowers or raises a payment to what is desired, unless a person changed it since.
pub(crate) async fn change(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    desired: &DesiredPayment,
) -> Result<(), Failure> {
    let Some(known) = known(entry, &desired.key).cloned() else {
        return Ok(());
    };
    let current = get(place, known.payment_id).await?;
    if current.is_deleted() || current.amount != wire::read_money(known.amount.as_ref())? {
        return Err(edited(&known, &current));
    }
    let content = Content {
        hash: String::new(),
        total: desired.amount,
    };
    entry
        .begin(IntentKind::ChangePayment, &desired.key, Some(content))
        .await?;
    let changed = place
        .account
        .change_payment_amount(known.payment_id, desired.amount)
        .await;
    match changed {
        Ok(payment) => {
            place.wrote();
            take_amount(entry, &desired.key, &payment);
            if payment.amount == desired.amount {
                return Ok(());
            }
            entry.finish().await?;
            Err(Failure::held(Reason::new(
                "payment_not_changed",
                format!(
                    "payment {} should be {}, FreshBooks made it {}; correct it by hand",
                    desired.key, desired.amount, payment.amount
                ),
            )))
        }
        Err(error) => Err(entry
            .write_failed(place, "changing a payment", &error)
            .await),
    }
}

/// Closes an intent to change a payment with what FreshBooks says.
pub(crate) async fn changed(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
) -> Result<(), Failure> {
    let Some(known) = known(entry, &intent.natural_key).cloned() else {
        return entry.withdraw().await;
    };
    let current = get(place, known.payment_id).await?;
    if current.amount == wire::read_money(known.amount.as_ref())? {
        return entry.withdraw().await;
    }
    if current.is_deleted() || current.amount != wire::read_money(intent.total.as_ref())? {
        return Err(edited(&known, &current));
    }
    take_amount(entry, &intent.natural_key, &current);
    entry.finish().await
}

/// Takes a payment out of the books (soft delete), unless a person changed it since.
pub(crate) async fn remove(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    key: &str,
) -> Result<(), Failure> {
    let Some(known) = known(entry, key).cloned() else {
        return Ok(());
    };
    let current = get(place, known.payment_id).await?;
    if !current.is_deleted() {
        if current.amount != wire::read_money(known.amount.as_ref())? {
            return Err(edited(&known, &current));
        }
        entry.begin(IntentKind::RemovePayment, key, None).await?;
        if let Err(error) = place.account.remove_payment(known.payment_id).await {
            // Removing twice changes nothing, so the next attempt simply does it again.
            return Err(place.vendor_failure("removing a payment", &error).await);
        }
        place.wrote();
    }
    entry.done(|value| value.payments.retain(|payment| payment.key != key));
    Ok(())
}

/// Closes the intent to remove a payment: a plan by now may want it kept, so whether it is gone is
/// looked up.
pub(crate) async fn removed(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
) -> Result<(), Failure> {
    let key = &intent.natural_key;
    let Some(known) = known(entry, key).cloned() else {
        return entry.withdraw().await;
    };
    if !get(place, known.payment_id).await?.is_deleted() {
        return entry.withdraw().await;
    }
    entry.done(|value| value.payments.retain(|payment| payment.key != *key));
    entry.finish().await
}

fn take_amount(entry: &mut OpenEntry<'_>, key: &str, payment: &Payment) {
    entry.done(|value| {
        for known in &mut value.payments {
            if known.key == key {
                known.amount = Some(wire::money(payment.amount));
            }
        }
    });
}

pub(crate) fn known<'a>(entry: &'a OpenEntry<'_>, key: &str) -> Option<&'a WrittenPayment> {
    entry
        .value
        .payments
        .iter()
        .find(|payment| payment.key == key)
}

/// A payment as FreshBooks has it, deleted ones too.
pub(crate) async fn get(place: &Workplace<'_>, id: u64) -> Result<Payment, Failure> {
    match place.account.get_payment(id).await {
        Ok(payment) => Ok(payment),
        Err(error) => Err(place.vendor_failure("reading a payment", &error).await),
    }
}

fn edited(known: &WrittenPayment, current: &Payment) -> Failure {
    Failure::held(Reason::new(
        "payment_edited_in_freshbooks",
        format!(
            "a person changed or deleted payment {} in FreshBooks since Tillbook wrote it (it says {}); undo the change, then replay",
            known.key, current.amount
        ),
    ))
}
