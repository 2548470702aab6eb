//! A client that an undo leaves without any use is taken out too, and brought back when an order
//! of its shopper is booked again.
//!
//! Only clients that Tillbook created and that nobody has edited. The check for a use comes after
//! the intent, and whoever books an order looks at the entry before and after it writes: so a
//! client that is taken out while an order of its shopper arrives is brought back. Not here:
//! updates (`client`), and items: FreshBooks links no line to an item, so nobody can tell which of
//! them nothing uses.

use connect::VendorError;
use contracts::ledger::{ClientEntry, Intent, IntentKind};
use domain::client_update::hash;
use stage::{Failure, Reason};
use store::ledger::{ClientKey, Versioned};

use crate::account::Workplace;
use crate::entry;

/// Takes the client out when nothing uses it; what keeps it, in plain words, when it stays.
pub(crate) async fn remove_unused(
    place: &Workplace<'_>,
    client_id: u64,
) -> Result<Option<String>, Failure> {
    let _client = place.locks.lock(&lock_name(place, client_id)).await;
    let mut record = read(place, client_id).await?;
    if !record.value.created_by_tillbook || record.value.removed {
        return Ok(None);
    }
    settle(place, &record.value)?;
    let current = match place.account.get_client(client_id).await {
        Ok(current) => current,
        // It is gone already, by a person's hand.
        Err(VendorError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(place.vendor_failure("reading the client", &error).await),
    };
    let is_edited = record.value.fields.iter().any(|(name, known)| {
        // A reply that leaves a field out says nothing of it.
        let now = current.fields.get(name);
        !known.shown.is_empty() && now.is_some_and(|now| known.shown != hash(now))
    });
    if is_edited {
        return Ok(Some(format!(
            "Client {client_id} was edited in FreshBooks and stays."
        )));
    }
    if current.vis_state != 1 {
        begin(place, &mut record, IntentKind::RemoveClient).await?;
        if is_used(place, client_id).await? {
            finish(place, &mut record, false).await?;
            return Ok(None);
        }
        if let Err(error) = place.account.remove_client(client_id).await {
            // Removing twice changes nothing, so the next attempt simply does it again.
            return Err(place.vendor_failure("removing the client", &error).await);
        }
        place.wrote();
    }
    finish(place, &mut record, true).await?;
    Ok(None)
}

/// Brings a client back that an undo took out; any other is left as it is.
pub(crate) async fn bring_back(place: &Workplace<'_>, client_id: u64) -> Result<(), Failure> {
    let record = read(place, client_id).await?;
    if !is_out(&record.value) {
        return Ok(());
    }
    let _client = place.locks.lock(&lock_name(place, client_id)).await;
    let mut record = read(place, client_id).await?;
    if !is_out(&record.value) {
        return Ok(());
    }
    settle(place, &record.value)?;
    begin(place, &mut record, IntentKind::RestoreClient).await?;
    if let Err(error) = place.account.restore_client(client_id).await {
        // Restoring twice changes nothing, so the next attempt simply does it again.
        return Err(place.vendor_failure("restoring the client", &error).await);
    }
    place.wrote();
    finish(place, &mut record, false).await
}

/// Taken out, or perhaps so.
fn is_out(entry: &ClientEntry) -> bool {
    let open = entry.intent.as_ref().map(Intent::kind);
    entry.removed
        || matches!(
            open,
            Some(IntentKind::RemoveClient | IntentKind::RestoreClient)
        )
}

/// Whether an invoice or a credit note of the client stands.
async fn is_used(place: &Workplace<'_>, client_id: u64) -> Result<bool, Failure> {
    let invoices = match place.account.has_invoices(client_id).await {
        Ok(invoices) => invoices,
        Err(error) => return Err(place.vendor_failure("reading the invoices", &error).await),
    };
    if invoices {
        return Ok(true);
    }
    match place.account.list_credit_notes_of_client(client_id).await {
        Ok(notes) => Ok(!notes.is_empty()),
        Err(error) => Err(place.vendor_failure("reading credit notes", &error).await),
    }
}

fn lock_name(place: &Workplace<'_>, client_id: u64) -> String {
    format!("{}.client.{client_id}", place.connection)
}

async fn read(place: &Workplace<'_>, client_id: u64) -> Result<Versioned<ClientEntry>, Failure> {
    let key = ClientKey::Id(client_id);
    let read = place.ledger.client(place.connection, &key).await;
    read.map_err(|error| entry::failure(&error))
}

/// Waits until the call behind an open intent has ended for certain.
fn settle(place: &Workplace<'_>, entry: &ClientEntry) -> Result<(), Failure> {
    let Some(open) = &entry.intent else {
        return Ok(());
    };
    let Some(after) = place.may_live_for(open) else {
        return Ok(());
    };
    Err(Failure::Wait {
        after,
        reason: Reason::new(
            "open_intent",
            "a write of the client has an unknown outcome; it is looked at again when its call has ended for certain",
        ),
    })
}

async fn begin(
    place: &Workplace<'_>,
    record: &mut Versioned<ClientEntry>,
    kind: IntentKind,
) -> Result<(), Failure> {
    let attempt = record.value.intent.as_ref().map_or(0, |open| open.attempt);
    record.value.intent = Some(Intent {
        kind: kind.into(),
        natural_key: record.value.client_id.to_string(),
        owner: place.owner.to_owned(),
        started_at_ms: store::now_ms(),
        attempt: attempt.saturating_add(1),
        ..Intent::default()
    });
    put(place, record).await
}

async fn finish(
    place: &Workplace<'_>,
    record: &mut Versioned<ClientEntry>,
    removed: bool,
) -> Result<(), Failure> {
    record.value.intent = None;
    record.value.removed = removed;
    put(place, record).await
}

async fn put(place: &Workplace<'_>, record: &mut Versioned<ClientEntry>) -> Result<(), Failure> {
    let key = ClientKey::Id(record.value.client_id);
    let put = place
        .ledger
        .put_client(place.connection, &key, &record.value, record.revision)
        .await;
    record.revision = put.map_err(|error| entry::failure(&error))?;
    Ok(())
}
