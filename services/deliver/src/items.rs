//! Items: created once for each SKU, and kept in step with the store's products.
//!
//! The entry under the SKU is claimed before an item is created, so two orders or hooks of one new
//! SKU make one item. Only what the store changed since is written, so what a person changed in
//! FreshBooks stays until the store changes the same. Not here: which items there should be.

use std::time::Duration;

use connect::VendorError;
use connect::freshbooks::{ItemRecord, ItemSearch};
use contracts::ledger::{Intent, IntentKind, ItemEntry};
use domain::items::{DesiredItem, changed, field_hashes, name_with_sku};
use stage::{Failure, Reason, vendor};
use store::ledger::{ItemKey, Versioned};

use crate::account::Workplace;
use crate::entry;
use crate::send_by::SendBy;

/// How soon to look again while another worker writes the same item.
const CLAIMED_PAUSE: Duration = Duration::from_millis(150);

/// What the look-up learned of the SKU.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Learned {
    /// FreshBooks' item of the SKU; 0 when it has none.
    pub item_id: u64,
    /// When that was read, Unix milliseconds; 0 when it was not.
    pub verified_at_ms: u64,
}

/// How a single item can fail.
pub(crate) enum ItemFailure {
    /// The account gives no access to items.
    Denied,
    /// FreshBooks refuses this item; the same call would be refused again.
    Refused(Failure),
    /// Everything else; the message's exit.
    Other(Failure),
}

impl From<Failure> for ItemFailure {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

/// Makes sure that the SKU has an item; one that exists stays as it is.
pub(crate) async fn ensure(
    place: &Workplace<'_>,
    item: &DesiredItem,
    learned: Learned,
) -> Result<(), ItemFailure> {
    let _item = place.locks.lock(&lock_name(place, item)).await;
    let mut record = Record::read(place, item).await?;
    if record.entry.value.item_id != 0 {
        return Ok(());
    }
    let refused = field_hashes(item);
    if record.entry.value.intent.is_none() && record.entry.value.fields == refused {
        // FreshBooks refused exactly this before; a call for every order would change nothing.
        let reason = Reason::new("refused_before", "FreshBooks refused this item before");
        return Err(ItemFailure::Refused(Failure::rejected(reason)));
    }
    match record.create(place, item, learned, 0).await {
        Err(ItemFailure::Refused(failure)) => {
            record.entry.value.fields = refused;
            record.put(place).await?;
            return Err(ItemFailure::Refused(failure));
        }
        other => other?,
    }
    point(place, item, &record).await?;
    Ok(())
}

/// Brings the item of a product's SKU to what the store says now.
pub(crate) async fn follow(
    place: &Workplace<'_>,
    item: &DesiredItem,
    siblings: &[DesiredItem],
    learned: Learned,
    version_ms: u64,
) -> Result<(), ItemFailure> {
    let _item = place.locks.lock(&lock_name(place, item)).await;
    let mut record = Record::read(place, item).await?;
    record.wait_for_open_write(place)?;
    if record.entry.value.version_ms > version_ms {
        return Ok(());
    }
    if record.entry.value.item_id == 0 {
        let before = match learned.item_id {
            0 => renamed(place, item, siblings).await?,
            _ => None,
        };
        match before {
            Some(before) => record.take_over(&before),
            None => record.create(place, item, learned, version_ms).await?,
        }
    }
    record.update(place, item, version_ms).await?;
    point(place, item, &record).await?;
    Ok(())
}

fn lock_name(place: &Workplace<'_>, item: &DesiredItem) -> String {
    format!("{}.item.{}", place.connection, item.sku)
}

/// The entry the variant's item has under its earlier SKU, when the store changed the SKU.
async fn renamed(
    place: &Workplace<'_>,
    item: &DesiredItem,
    siblings: &[DesiredItem],
) -> Result<Option<ItemEntry>, Failure> {
    let Some(variant_id) = item.variant_id else {
        return Ok(None);
    };
    let pointer = place
        .ledger
        .item(place.connection, &ItemKey::Variant(variant_id))
        .await
        .map_err(|error| entry::failure(&error))?
        .value;
    let is_in_use = siblings
        .iter()
        .any(|sibling| ItemKey::Sku(sibling.sku.clone()).token() == pointer.sku_token);
    if pointer.sku_token.is_empty() || is_in_use {
        return Ok(None);
    }
    let before = place
        .ledger
        .item_by_token(place.connection, &pointer.sku_token)
        .await
        .map_err(|error| entry::failure(&error))?
        .value;
    // Another product may have taken the earlier SKU, and its item with it.
    Ok((before.item_id != 0 && before.variant_id == variant_id).then_some(before))
}

/// Leads the variant to its SKU's entry, and closes the entry of the SKU it had before.
async fn point(place: &Workplace<'_>, item: &DesiredItem, record: &Record) -> Result<(), Failure> {
    let Some(variant_id) = item.variant_id else {
        return Ok(());
    };
    let failure = |error: store::ledger::Error| entry::failure(&error);
    let key = ItemKey::Variant(variant_id);
    let pointer = place.ledger.item(place.connection, &key).await;
    let pointer = pointer.map_err(failure)?;
    let before = pointer.value.sku_token;
    if before == record.token {
        return Ok(());
    }
    if !before.is_empty() {
        let earlier = place.ledger.item_by_token(place.connection, &before).await;
        let earlier = earlier.map_err(failure)?;
        if earlier.value.item_id == record.entry.value.item_id {
            let closed = ItemEntry::default();
            let put = place
                .ledger
                .put_item(place.connection, &before, &closed, earlier.revision);
            put.await.map_err(failure)?;
        }
    }
    let leads = ItemEntry {
        item_id: record.entry.value.item_id,
        sku_token: record.token.clone(),
        ..ItemEntry::default()
    };
    let token = key.token();
    let put = place
        .ledger
        .put_item(place.connection, &token, &leads, pointer.revision);
    put.await.map(drop).map_err(failure)
}

/// The ledger's entry of one SKU while it is worked on.
struct Record {
    token: String,
    entry: Versioned<ItemEntry>,
}

impl Record {
    async fn read(place: &Workplace<'_>, item: &DesiredItem) -> Result<Self, Failure> {
        let token = ItemKey::Sku(item.sku.clone()).token();
        let entry = place.ledger.item_by_token(place.connection, &token).await;
        let entry = entry.map_err(|error| entry::failure(&error))?;
        Ok(Self { token, entry })
    }

    async fn put(&mut self, place: &Workplace<'_>) -> Result<(), Failure> {
        let put = place
            .ledger
            .put_item(
                place.connection,
                &self.token,
                &self.entry.value,
                self.entry.revision,
            )
            .await;
        self.entry.revision = put.map_err(|error| match error {
            store::ledger::Error::Fenced { .. } => Failure::Wait {
                after: CLAIMED_PAUSE,
                reason: Reason::new("item_claimed", "another worker writes the same item"),
            },
            other => entry::failure(&other),
        })?;
        Ok(())
    }

    fn wait_for_open_write(&self, place: &Workplace<'_>) -> Result<(), Failure> {
        let Some(open) = &self.entry.value.intent else {
            return Ok(());
        };
        let Some(after) = place.look_again_after(open, CLAIMED_PAUSE) else {
            return Ok(());
        };
        Err(Failure::Wait {
            after,
            reason: Reason::new("item_claimed", "the item is being written already"),
        })
    }

    /// The same item under its new SKU; the SKU itself is then among what is to be written.
    fn take_over(&mut self, before: &ItemEntry) {
        self.entry.value.item_id = before.item_id;
        self.entry.value.created_by_tillbook = before.created_by_tillbook;
        self.entry.value.fields.clone_from(&before.fields);
    }

    async fn begin(
        &mut self,
        place: &Workplace<'_>,
        kind: IntentKind,
        item: &DesiredItem,
    ) -> Result<(), Failure> {
        let open = self.entry.value.intent.as_ref();
        let attempt = open.map_or(0, |open| open.attempt);
        self.entry.value.intent = Some(Intent {
            kind: kind.into(),
            natural_key: item.sku.clone(),
            owner: place.owner.to_owned(),
            started_at_ms: store::now_ms(),
            attempt: attempt.saturating_add(1),
            ..Intent::default()
        });
        self.put(place).await
    }

    /// Claims the SKU, looks it up unless it is known to be absent, and creates the item.
    async fn create(
        &mut self,
        place: &Workplace<'_>,
        item: &DesiredItem,
        learned: Learned,
        version_ms: u64,
    ) -> Result<(), ItemFailure> {
        self.wait_for_open_write(place)?;
        let is_orphaned = self.entry.value.intent.is_some();
        let send_by = SendBy::start(place.settle);
        self.begin(place, IntentKind::CreateItem, item).await?;
        let must_look = is_orphaned || !place.is_fresh(learned.verified_at_ms);
        let found = match learned.item_id {
            0 if must_look => match find(place, &item.sku).await {
                Ok(found) => found,
                Err(error) => return Err(self.failed(place, "looking an item up", error).await),
            },
            0 => None,
            id => Some(id),
        };
        if let Some(id) = found {
            self.entry.value.item_id = id;
            // A claim of ours was open, so this is what it made; else a person's.
            self.entry.value.created_by_tillbook = is_orphaned;
        } else {
            send_by.check()?;
            let made = match place.account.create_item(item, &item.name).await {
                Err(error) if error.may_be_duplicate() => {
                    send_by.check()?;
                    place.account.create_item(item, &name_with_sku(item)).await
                }
                other => other,
            };
            match made {
                Ok(made) => {
                    place.wrote();
                    self.take_result(item, &made);
                    self.entry.value.created_by_tillbook = true;
                }
                Err(error) => return Err(self.failed(place, "creating an item", error).await),
            }
        }
        self.entry.value.intent = None;
        self.entry.value.version_ms = version_ms;
        self.put(place).await?;
        Ok(())
    }

    fn take_result(&mut self, item: &DesiredItem, shown: &ItemRecord) {
        let value = &mut self.entry.value;
        value.item_id = shown.id;
        value.fields = field_hashes(item);
        value.variant_id = item.variant_id.unwrap_or(0);
    }

    /// Writes what the store changed since; nothing when it changed nothing.
    async fn update(
        &mut self,
        place: &Workplace<'_>,
        item: &DesiredItem,
        version_ms: u64,
    ) -> Result<(), ItemFailure> {
        let mut fields = changed(item, &self.entry.value.fields);
        if self.entry.value.intent.is_some() {
            // A lost reply: what it wrote is not known, and writing the same again changes nothing.
            fields = field_hashes(item).into_keys().collect();
        }
        let variant_id = item.variant_id.unwrap_or(0);
        if fields.is_empty() {
            let value = &mut self.entry.value;
            if value.version_ms != version_ms || value.variant_id != variant_id {
                value.version_ms = version_ms;
                value.variant_id = variant_id;
                self.put(place).await?;
            }
            return Ok(());
        }
        self.begin(place, IntentKind::UpdateItem, item).await?;
        let id = self.entry.value.item_id;
        let wanted = |name: &str| fields.contains(name);
        let written = match place
            .account
            .update_item(id, item, &item.name, wanted)
            .await
        {
            Err(error) if error.may_be_duplicate() => {
                let name = name_with_sku(item);
                place.account.update_item(id, item, &name, wanted).await
            }
            other => other,
        };
        match written {
            Ok(shown) => {
                place.wrote();
                self.take_result(item, &shown);
                self.entry.value.intent = None;
                self.entry.value.version_ms = version_ms;
                self.put(place).await?;
                Ok(())
            }
            Err(error) => Err(self.failed(place, "updating an item", error).await),
        }
    }

    /// A lost reply leaves the intent open, to be looked up; a refusal withdraws it.
    async fn failed(
        &mut self,
        place: &Workplace<'_>,
        what: &str,
        error: VendorError,
    ) -> ItemFailure {
        if error.is_outcome_unknown() {
            return ItemFailure::Other(place.after_settling(vendor::failure(what, &error)));
        }
        // An intent that was taken over may have had its effect: it stays, as an old one.
        let taken_over = self
            .entry
            .value
            .intent
            .take()
            .filter(|intent| intent.attempt > 1);
        self.entry.value.intent = taken_over.map(|intent| Intent {
            started_at_ms: 1,
            ..intent
        });
        if let VendorError::NotFound { .. } = &error {
            // The item is gone for good: whoever comes next makes it anew.
            self.entry.value = ItemEntry::default();
        }
        if let Err(failure) = self.put(place).await {
            return ItemFailure::Other(failure);
        }
        if error.is_items_denied() {
            return ItemFailure::Denied;
        }
        let failure = place.vendor_failure(what, &error).await;
        match failure {
            Failure::Rejected(_) | Failure::Held(_) => ItemFailure::Refused(failure),
            other => ItemFailure::Other(other),
        }
    }
}

/// FreshBooks' item of a SKU; the oldest of several.
async fn find(place: &Workplace<'_>, sku: &str) -> Result<Option<u64>, VendorError> {
    let items = match place.account.find_items_by_sku(sku).await? {
        ItemSearch::Found(items) => items,
        ItemSearch::FilterIgnored => place.account.list_items().await?,
    };
    let ids = items.iter().filter(|item| item.sku.trim() == sku);
    Ok(ids.map(|item| item.id).min())
}
