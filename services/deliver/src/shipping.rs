//! Expenses of the shipping: written before the invoice rebills them, followed, taken out after it
//! no longer does, and restored under their own id.
//!
//! Not here: which lines rebill one (`domain::account`), and when (`domain::difference`).

use connect::VendorError;
use connect::freshbooks::{Expense, Rebilled};
use contracts::ledger::{Intent, IntentKind, OrderEntry, WrittenShipping};
use domain::books::ShippingExpense;
use domain::difference::shipping_hash;
use domain::money::Money;
use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::entry::{Content, OpenEntry};
use crate::{expense_category, wire};

/// The ids of the expenses that stand, for the invoice's lines.
pub(crate) fn rebilled(entry: &OrderEntry) -> Rebilled {
    let standing = entry.shipping.iter().filter(|known| !known.removed);
    standing
        .map(|known| (known.key.clone(), known.expense_id))
        .collect()
}

/// Books the expense of one shipping line.
pub(crate) async fn create(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    expense: &ShippingExpense,
) -> Result<(), Failure> {
    let category_id = expense_category::id(place, &expense.category, "shipping").await?;
    begin(entry, IntentKind::CreateShipping, expense).await?;
    let client_id = entry.value.client_id;
    let created = place
        .account
        .create_shipping_expense(client_id, category_id, expense)
        .await;
    take_result(place, entry, expense, created, "booking the shipping").await
}

/// Makes the expense follow its order, unless a person changed it since.
pub(crate) async fn update(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    expense: &ShippingExpense,
) -> Result<(), Failure> {
    let Some(known) = known(entry, &expense.key).cloned() else {
        return Ok(());
    };
    let current = read(place, &known).await?;
    if current.is_deleted() || current.amount != wire::read_money(known.amount.as_ref())? {
        return Err(edited(&known, current.amount));
    }
    let category_id = expense_category::id(place, &expense.category, "shipping").await?;
    begin(entry, IntentKind::UpdateShipping, expense).await?;
    let updated = place
        .account
        .update_shipping_expense(known.expense_id, category_id, expense)
        .await;
    take_result(
        place,
        entry,
        expense,
        updated,
        "changing the shipping's expense",
    )
    .await
}

/// Takes an expense out of the books (soft delete), unless a person changed it since.
pub(crate) async fn remove(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    key: &str,
) -> Result<(), Failure> {
    let Some(known) = known(entry, key).cloned() else {
        return Ok(());
    };
    let current = read(place, &known).await?;
    if !current.is_deleted() {
        if current.amount != wire::read_money(known.amount.as_ref())? {
            return Err(edited(&known, current.amount));
        }
        entry.begin(IntentKind::RemoveShipping, key, None).await?;
        if let Err(error) = place.account.remove_expense(known.expense_id).await {
            // Removing twice changes nothing, so the next attempt simply does it again.
            let what = "removing the shipping's expense";
            return Err(place.vendor_failure(what, &error).await);
        }
        place.wrote();
    }
    mark(entry, key, true);
    Ok(())
}

/// Brings an expense back that was taken out, so that none is made beside it.
pub(crate) async fn restore(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    key: &str,
) -> Result<(), Failure> {
    let Some(known) = known(entry, key).cloned() else {
        return Ok(());
    };
    entry.begin(IntentKind::RestoreShipping, key, None).await?;
    let restored = match place.account.restore_expense(known.expense_id).await {
        Ok(restored) => restored,
        // Restoring twice changes nothing, so the next attempt simply does it again.
        Err(error) => {
            let what = "restoring the shipping's expense";
            return Err(place.vendor_failure(what, &error).await);
        }
    };
    place.wrote();
    mark(entry, key, false);
    if restored.amount == wire::read_money(known.amount.as_ref())? {
        return Ok(());
    }
    entry.finish().await?;
    Err(edited(&known, restored.amount))
}

/// Closes an intent to create an expense with what FreshBooks says.
pub(crate) async fn created(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
    invoice_number: &str,
) -> Result<(), Failure> {
    let key = &intent.natural_key;
    let all = of_client(place, entry.value.client_id).await?;
    let Some(found) = named(&all, invoice_number, key) else {
        return entry.withdraw().await;
    };
    let sent = wire::read_money(intent.total.as_ref())?;
    let content_hash = if sent == found.amount {
        intent.content_hash.clone()
    } else {
        String::new()
    };
    let kept = written(key, found, content_hash);
    entry.done(|value| keep(&mut value.shipping, kept));
    entry.finish().await
}

/// Closes an intent to change an expense.
pub(crate) async fn updated(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
) -> Result<(), Failure> {
    let Some(known) = known(entry, &intent.natural_key).cloned() else {
        return entry.withdraw().await;
    };
    let current = read(place, &known).await?;
    if current.amount == wire::read_money(known.amount.as_ref())? {
        // Done or not, doing it again changes nothing more.
        return entry.withdraw().await;
    }
    if current.amount != wire::read_money(intent.total.as_ref())? {
        return Err(edited(&known, current.amount));
    }
    let kept = WrittenShipping {
        amount: Some(wire::money(current.amount)),
        content_hash: intent.content_hash.clone(),
        date: current.date,
        ..known
    };
    entry.done(|value| keep(&mut value.shipping, kept));
    entry.finish().await
}

/// Takes an expense in that FreshBooks has and the ledger does not know; false when there is none.
pub(crate) async fn adopt(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    invoice_number: &str,
    expense: &ShippingExpense,
) -> Result<bool, Failure> {
    let wanted = std::slice::from_ref(expense);
    let found = find_all(place, entry.value.client_id, invoice_number, wanted).await?;
    let is_found = !found.is_empty();
    if is_found {
        entry.done(|value| {
            for expense in found {
                keep(&mut value.shipping, expense);
            }
        });
        entry.finish().await?;
    }
    Ok(is_found)
}

/// What FreshBooks has of these expenses, when the ledger knows of none.
pub(crate) async fn find_all(
    place: &Workplace<'_>,
    client_id: u64,
    invoice_number: &str,
    expenses: &[ShippingExpense],
) -> Result<Vec<WrittenShipping>, Failure> {
    if expenses.is_empty() {
        return Ok(Vec::new());
    }
    let all = of_client(place, client_id).await?;
    let found = expenses.iter().filter_map(|expense| {
        let found = named(&all, invoice_number, &expense.key)?;
        let is_same = found.amount == expense.amount && found.date == expense.date;
        let content_hash = hash_if(is_same, expense);
        Some(written(&expense.key, found, content_hash))
    });
    Ok(found.collect())
}

/// The expense whose note names the invoice and the key; one that stands before a deleted one.
fn named<'a>(all: &'a [Expense], invoice_number: &str, key: &str) -> Option<&'a Expense> {
    let marker = ShippingExpense::marker(invoice_number, key);
    let mut found: Vec<&Expense> = all
        .iter()
        .filter(|expense| expense.notes.contains(&marker))
        .collect();
    found.sort_by_key(|expense| (expense.is_deleted(), expense.id));
    found.first().copied()
}

async fn of_client(place: &Workplace<'_>, client_id: u64) -> Result<Vec<Expense>, Failure> {
    match place.account.list_expenses_of_client(client_id).await {
        Ok(all) => Ok(all),
        Err(error) => Err(failed(place, &error).await),
    }
}

/// What the ledger keeps of an expense.
fn written(key: &str, expense: &Expense, content_hash: String) -> WrittenShipping {
    WrittenShipping {
        key: key.to_owned(),
        expense_id: expense.id,
        content_hash,
        amount: Some(wire::money(expense.amount)),
        date: expense.date.clone(),
        removed: expense.is_deleted(),
    }
}

/// The hash of what is as it should be; nobody must take anything else for done.
fn hash_if(is_exact: bool, expense: &ShippingExpense) -> String {
    if is_exact {
        shipping_hash(expense)
    } else {
        String::new()
    }
}

/// Keeps one expense's entry; there is never a second of a key.
pub(crate) fn keep(shipping: &mut Vec<WrittenShipping>, expense: WrittenShipping) {
    shipping.retain(|known| known.key != expense.key);
    shipping.push(expense);
}

fn mark(entry: &mut OpenEntry<'_>, key: &str, removed: bool) {
    entry.done(|value| {
        for known in &mut value.shipping {
            if known.key == key {
                known.removed = removed;
            }
        }
    });
}

/// Takes the reply into the ledger; an amount that is not the one sent is held.
async fn take_result(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    expense: &ShippingExpense,
    result: Result<Expense, VendorError>,
    what: &str,
) -> Result<(), Failure> {
    let found = match result {
        Ok(found) => found,
        Err(error) => return Err(entry.write_failed(place, what, &error).await),
    };
    place.wrote();
    let is_exact = found.amount == expense.amount;
    let content_hash = hash_if(is_exact, expense);
    let kept = WrittenShipping {
        date: expense.date.clone(),
        ..written(&expense.key, &found, content_hash)
    };
    entry.done(|value| keep(&mut value.shipping, kept));
    if is_exact {
        return Ok(());
    }
    entry.finish().await?;
    Err(Failure::held(Reason::new(
        "shipping_expense_differs",
        format!(
            "{}: FreshBooks made an expense of {}, the order's shipping is {}; correct it in FreshBooks by hand, then replay",
            expense.number, found.amount, expense.amount
        ),
    )))
}

fn edited(known: &WrittenShipping, now: Money) -> Failure {
    Failure::held(Reason::new(
        "shipping_expense_edited_in_freshbooks",
        format!(
            "a person changed or deleted expense {} ({}) in FreshBooks since Tillbook wrote it (it says {now}); undo the change, then replay",
            known.expense_id, known.key
        ),
    ))
}

async fn begin(
    entry: &mut OpenEntry<'_>,
    kind: IntentKind,
    expense: &ShippingExpense,
) -> Result<(), Failure> {
    let content = Content {
        hash: shipping_hash(expense),
        total: expense.amount,
    };
    entry.begin(kind, &expense.key, Some(content)).await
}

fn known<'a>(entry: &'a OpenEntry<'_>, key: &str) -> Option<&'a WrittenShipping> {
    entry.value.shipping.iter().find(|known| known.key == key)
}

async fn read(place: &Workplace<'_>, known: &WrittenShipping) -> Result<Expense, Failure> {
    match place.account.get_expense(known.expense_id).await {
        Ok(expense) => Ok(expense),
        Err(error) => Err(failed(place, &error).await),
    }
}

async fn failed(place: &Workplace<'_>, error: &VendorError) -> Failure {
    place.vendor_failure("reading expenses", error).await
}
