//! Refunds: a credit note or an expense each, followed and taken back out; the total always
//! compared.
//!
//! Not here: what was given back, and the lowering of invoices and payments (`payment`).

use connect::VendorError;
use connect::freshbooks::{CreditNote, Expense};
use contracts::ledger::{Intent, IntentKind, WrittenRefund};
use domain::account::contains_token;
use domain::arithmetic::{Correction, correction};
use domain::books::{DesiredRefund, InvoiceLine, RefundDocument};
use domain::difference::refund_hash;
use domain::money::Money;
use stage::{Failure, Reason};

use crate::account::Workplace;
use crate::comparison::{Taxes, answered_tax, rounding_line};
use crate::entry::{Content, OpenEntry};
use crate::{expense_category, invoice, payment, wire};

/// A refund's document as FreshBooks has it.
pub(crate) struct Document {
    id: u64,
    pub(crate) amount: Money,
    pub(crate) is_deleted: bool,
    is_expense: bool,
}

impl From<CreditNote> for Document {
    fn from(note: CreditNote) -> Self {
        Self {
            id: note.id,
            amount: note.amount,
            is_deleted: note.is_deleted(),
            is_expense: false,
        }
    }
}

impl From<Expense> for Document {
    fn from(expense: Expense) -> Self {
        Self {
            id: expense.id,
            amount: expense.amount,
            is_deleted: expense.is_deleted(),
            is_expense: true,
        }
    }
}

/// Books a refund in a document of its own.
pub(crate) async fn create(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    refund: &DesiredRefund,
) -> Result<(), Failure> {
    let before = entry.value.client_id;
    standing(place, entry, refund).await?;
    let client_id = entry.value.client_id;
    // The ledger may be a restored one, older than the books.
    let mut found = find(place, client_id, refund).await?;
    if found.is_none() && before != client_id {
        found = find(place, before, refund).await?;
    }
    if let Some(found) = found {
        entry.done(|value| {
            let mut kept = written(refund, &found);
            if found.amount != refund.amount {
                kept.content_hash.clear();
            }
            keep(&mut value.refunds, kept);
        });
        return entry.finish().await;
    }
    let category_id = category(place, refund).await?;
    begin(entry, IntentKind::CreateRefund, refund).await?;
    let created = match category_id {
        Some(category_id) => {
            let expense = place.account.create_expense(category_id, refund).await;
            expense.map(Document::from)
        }
        None => {
            let note = place.account.create_credit_note(client_id, refund).await;
            note.map(Document::from)
        }
    };
    take_result(place, entry, refund, created, "booking a refund", false).await
}

/// Whether what the refund gives back still stands in FreshBooks: its invoice, and the money that
/// was booked on it. A person may have moved the invoice; the refund goes to whoever has it now.
async fn standing(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    refund: &DesiredRefund,
) -> Result<(), Failure> {
    let Some(known) = entry.value.invoice.clone() else {
        return Ok(());
    };
    let invoice = invoice::get(place, known.invoice_id).await?;
    if let Some(booked) = payment::known_beyond(&entry.value, &invoice) {
        return Err(Failure::held(Reason::new(
            "payment_deleted_in_freshbooks",
            format!(
                "{} gives back money of invoice {}, but a person deleted or lowered a payment of it in FreshBooks: it shows {} paid, Tillbook booked {booked}. Restore the payment there, then release, or book the refund by hand and purge this letter",
                refund.number, known.number, invoice.paid
            ),
        )));
    }
    if invoice.client_id != 0 && invoice.client_id != entry.value.client_id {
        let words = format!(
            "Invoice {} is of client {} now: a person moved it. {} goes to that client too.",
            known.number, invoice.client_id, refund.number
        );
        place.tell(words);
        entry.change(|value| value.client_id = invoice.client_id);
    }
    Ok(())
}

/// Makes the document follow its refund, unless a person changed it since.
pub(crate) async fn update(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    refund: &DesiredRefund,
) -> Result<(), Failure> {
    let Some(known) = known(entry, &refund.key).cloned() else {
        return Ok(());
    };
    let current = read(place, &known).await?;
    if current.is_deleted || current.amount != wire::read_money(known.amount.as_ref())? {
        return Err(edited(&known, current.amount));
    }
    standing(place, entry, refund).await?;
    write_update(place, entry, refund, known.document_id, None).await
}

/// Takes the document of a refund out of the books (soft delete).
pub(crate) async fn remove(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    key: &str,
) -> Result<(), Failure> {
    let Some(known) = known(entry, key).cloned() else {
        return Ok(());
    };
    let current = read(place, &known).await?;
    if !current.is_deleted {
        if current.amount != wire::read_money(known.amount.as_ref())? {
            return Err(edited(&known, current.amount));
        }
        entry.begin(IntentKind::RemoveRefund, key, None).await?;
        let removed = if known.is_expense {
            place.account.remove_expense(known.document_id).await
        } else {
            place.account.remove_credit_note(known.document_id).await
        };
        if let Err(error) = removed {
            // Removing twice changes nothing, so the next attempt simply does it again.
            return Err(place.vendor_failure("removing a refund", &error).await);
        }
        place.wrote();
    }
    entry.done(|value| value.refunds.retain(|refund| refund.key != key));
    Ok(())
}

/// Closes an intent to create a document with what FreshBooks says.
pub(crate) async fn created(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
    refunds: &[DesiredRefund],
) -> Result<(), Failure> {
    let Some(refund) = refunds.iter().find(|one| one.key == intent.natural_key) else {
        // Nobody can tell under what number or day it would be, so a person looks.
        return Err(Failure::held(Reason::new(
            "refund_in_doubt",
            format!(
                "a write of {} has an unknown outcome, and the store no longer reports it; look for it in FreshBooks' credit notes and expenses, remove it there, and replay",
                intent.natural_key
            ),
        )));
    };
    match find(place, entry.value.client_id, refund).await? {
        None => entry.withdraw().await,
        Some(found) => {
            let sent = wire::read_money(intent.total.as_ref())?;
            entry.done(|value| {
                let mut kept = written(refund, &found);
                if sent == found.amount {
                    kept.content_hash.clone_from(&intent.content_hash);
                } else {
                    kept.content_hash.clear();
                }
                keep(&mut value.refunds, kept);
            });
            entry.finish().await
        }
    }
}

/// Closes an intent to change a document.
pub(crate) async fn updated(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    intent: &Intent,
) -> Result<(), Failure> {
    let Some(known) = known(entry, &intent.natural_key).cloned() else {
        return entry.withdraw().await;
    };
    let current = read(place, &known).await?;
    let before = wire::read_money(known.amount.as_ref())?;
    if current.amount == before {
        // Done or not, doing it again changes nothing more.
        return entry.withdraw().await;
    }
    if current.amount != wire::read_money(intent.total.as_ref())? {
        return Err(edited(&known, current.amount));
    }
    entry.done(|value| {
        keep(
            &mut value.refunds,
            WrittenRefund {
                amount: Some(wire::money(current.amount)),
                content_hash: intent.content_hash.clone(),
                ..known
            },
        )
    });
    entry.finish().await
}

/// A document in FreshBooks that stands for the refund, when the ledger knows of none.
pub(crate) async fn find(
    place: &Workplace<'_>,
    client_id: u64,
    refund: &DesiredRefund,
) -> Result<Option<Document>, Failure> {
    match &refund.document {
        RefundDocument::None => Ok(None),
        RefundDocument::CreditNote => {
            let notes = place.account.list_credit_notes_of_client(client_id).await;
            let notes = match notes {
                Ok(notes) => notes,
                Err(error) => return Err(failed(place, &error).await),
            };
            let is = |note: &CreditNote| note.number == refund.number;
            Ok(notes.into_iter().find(is).map(Document::from))
        }
        RefundDocument::Expense(_) => {
            let expenses = place.account.list_expenses_of_day(&refund.date).await;
            let expenses = match expenses {
                Ok(expenses) => expenses,
                Err(error) => return Err(failed(place, &error).await),
            };
            // Refund ids are of one store; another store may book into the same account.
            let invoice = refund
                .number
                .rsplit_once("-R")
                .map_or("", |(number, _)| number);
            let is = |expense: &Expense| {
                contains_token(&expense.notes, &refund.key)
                    && contains_token(&expense.notes, invoice)
            };
            Ok(expenses.into_iter().find(is).map(Document::from))
        }
    }
}

/// What the ledger keeps of a refund.
pub(crate) fn written(refund: &DesiredRefund, document: &Document) -> WrittenRefund {
    WrittenRefund {
        key: refund.key.clone(),
        is_expense: document.is_expense,
        document_id: document.id,
        number: refund.number.clone(),
        content_hash: refund_hash(refund),
        amount: Some(wire::money(document.amount)),
        date: refund.date.clone(),
    }
}

/// Keeps one refund's entry; there is never a second of a key.
pub(crate) fn keep(refunds: &mut Vec<WrittenRefund>, refund: WrittenRefund) {
    refunds.retain(|known| known.key != refund.key);
    refunds.push(refund);
}

async fn write_update(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    refund: &DesiredRefund,
    id: u64,
    line: Option<&InvoiceLine>,
) -> Result<(), Failure> {
    let category_id = category(place, refund).await?;
    begin(entry, IntentKind::UpdateRefund, refund).await?;
    let updated = match category_id {
        Some(category_id) => {
            let expense = place.account.update_expense(id, category_id, refund).await;
            expense.map(Document::from)
        }
        None => {
            let note = place.account.update_credit_note(id, refund, line).await;
            note.map(Document::from)
        }
    };
    let is_corrected = line.is_some();
    Box::pin(take_result(
        place,
        entry,
        refund,
        updated,
        "changing a refund",
        is_corrected,
    ))
    .await
}

/// Takes the reply into the ledger, and corrects a total that surprises once, within the bound.
async fn take_result(
    place: &Workplace<'_>,
    entry: &mut OpenEntry<'_>,
    refund: &DesiredRefund,
    result: Result<Document, VendorError>,
    what: &str,
    is_corrected: bool,
) -> Result<(), Failure> {
    let document = match result {
        Ok(document) => document,
        Err(error) => return Err(entry.write_failed(place, what, &error).await),
    };
    place.wrote();
    let bound = refund.rounding_bound_minor;
    let verdict = correction(refund.amount, document.amount, bound);
    entry.done(|value| {
        let mut kept = written(refund, &document);
        if verdict != Correction::None {
            // Not as it should be: whoever comes next must not take it for done.
            kept.content_hash.clear();
        }
        keep(&mut value.refunds, kept);
    });
    match verdict {
        Correction::None => Ok(()),
        Correction::Line(difference) if !is_corrected && !document.is_expense => {
            let Some((content, line)) = corrected(refund, document.amount, difference) else {
                return Err(differs(entry, refund, document.amount).await);
            };
            write_update(place, entry, &content, document.id, line.as_ref()).await?;
            // What was sent stands for the desired refund, its rounding line included.
            entry.change(|value| {
                for kept in &mut value.refunds {
                    if kept.key == refund.key && !kept.content_hash.is_empty() {
                        kept.content_hash = refund_hash(refund);
                    }
                }
            });
            Ok(())
        }
        Correction::Line(_) | Correction::Beyond => {
            Err(differs(entry, refund, document.amount).await)
        }
    }
}

/// The refund without its rounding line, and the line that takes its place; one, never two.
fn corrected(
    refund: &DesiredRefund,
    answered: Money,
    difference: Money,
) -> Option<(DesiredRefund, Option<InvoiceLine>)> {
    let taxes = Taxes {
        store: refund.tax,
        books: answered_tax(&refund.lines, answered)?,
    };
    let bound_minor = refund.rounding_bound_minor;
    let (lines, line) = rounding_line(&refund.lines, difference, taxes, bound_minor)?;
    let content = DesiredRefund {
        lines,
        ..refund.clone()
    };
    Some((content, line))
}

async fn differs(entry: &mut OpenEntry<'_>, refund: &DesiredRefund, answered: Money) -> Failure {
    if let Err(failure) = entry.finish().await {
        return failure;
    }
    Failure::held(Reason::new(
        "refund_total_differs",
        format!(
            "{}: FreshBooks makes {answered} of the refund's lines, the store says {}; allowed are {} smallest units. Correct it in FreshBooks by hand",
            refund.number, refund.amount, refund.rounding_bound_minor
        ),
    ))
}

fn edited(known: &WrittenRefund, now: Money) -> Failure {
    Failure::held(Reason::new(
        "refund_edited_in_freshbooks",
        format!(
            "a person changed or deleted {} in FreshBooks since Tillbook wrote it (it says {now}); undo the change, then replay",
            known.number
        ),
    ))
}

async fn begin(
    entry: &mut OpenEntry<'_>,
    kind: IntentKind,
    refund: &DesiredRefund,
) -> Result<(), Failure> {
    let content = Content {
        hash: refund_hash(refund),
        total: refund.amount,
    };
    entry.begin(kind, &refund.key, Some(content)).await
}

/// The id of the expense category, for refunds that are expenses.
async fn category(place: &Workplace<'_>, refund: &DesiredRefund) -> Result<Option<u64>, Failure> {
    let RefundDocument::Expense(name) = &refund.document else {
        return Ok(None);
    };
    expense_category::id(place, name, "refund").await.map(Some)
}

pub(crate) fn known<'a>(entry: &'a OpenEntry<'_>, key: &str) -> Option<&'a WrittenRefund> {
    entry.value.refunds.iter().find(|refund| refund.key == key)
}

pub(crate) async fn read(
    place: &Workplace<'_>,
    known: &WrittenRefund,
) -> Result<Document, Failure> {
    let id = known.document_id;
    let document = if known.is_expense {
        place.account.get_expense(id).await.map(Document::from)
    } else {
        place.account.get_credit_note(id).await.map(Document::from)
    };
    match document {
        Ok(document) => Ok(document),
        Err(error) => Err(failed(place, &error).await),
    }
}

async fn failed(place: &Workplace<'_>, error: &VendorError) -> Failure {
    place.vendor_failure("reading refunds", error).await
}
