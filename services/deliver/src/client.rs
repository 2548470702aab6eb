//! A client that exists: brought to what the store says now, people's own changes respected.
//!
//! The ledger keeps two hashes of each field (`domain::client_update`), so a client about which the
//! store says nothing new costs no call. An update is an intent, a call and a result, in the entry
//! under the client's own id. Not here: finding and creating clients (`shopper`).

use std::collections::BTreeMap;

use connect::VendorError;
use connect::freshbooks::ClientRecord;
use contracts::customer_conversion::{known_from_wire, known_to_wire};
use contracts::ledger::{ClientEntry, Intent, IntentKind};
use domain::books::DesiredClient;
use domain::client_update::{
    Fields, KnownFields, chosen, completed, difference, hash, is_settled, settled,
};
use domain::customer::ClientVersion;
use domain::policy::ClientConflicts;
use stage::{Failure, Reason, vendor};
use store::ledger::{ClientKey, Versioned, stands_for};

use crate::account::Workplace;
use crate::entry;
use crate::send_by::SendBy;

/// Shopper keys kept with a client; older ones still lead to it, but are not listed.
const KEYS_MAX: usize = 32;

/// What the store says of a client.
pub(crate) struct Wanted<'a> {
    pub client: &'a DesiredClient,
    /// Of a customer: the fields once for each address. Empty for an order's client.
    pub versions: &'a [ClientVersion],
    pub conflicts: ClientConflicts,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refreshed {
    /// In plain words, for the story; no values.
    pub notices: Vec<String>,
}

/// Brings the client to what the store says, unless something newer was taken up before.
pub(crate) async fn refresh(
    place: &Workplace<'_>,
    client_id: u64,
    wanted: &Wanted<'_>,
) -> Result<Refreshed, Failure> {
    let lock = format!("{}.client.{client_id}", place.connection);
    let _client = place.locks.lock(&lock).await;
    let mut record = Record::read(place, client_id).await?;
    record.wait_for_open_write(place)?;
    if !stands_for(&record.entry.value, wanted.client) {
        return Ok(Refreshed {
            notices: vec![format!(
                "Client {client_id} stands for another customer of the store; this one's name and address are not written to it."
            )],
        });
    }
    record.bind(place, wanted.client).await?;
    if record.entry.value.as_of_ms > place.client_as_of_ms {
        record.store_if_changed(place).await?;
        return Ok(Refreshed::default());
    }
    let known = known_from_wire(&record.entry.value.fields);
    let is_customer = !wanted.versions.is_empty();
    let address_id = record.entry.value.address_id;
    let version = chosen(
        wanted.versions,
        &known,
        (address_id != 0).then_some(address_id),
    );
    let fields = version.map_or(&wanted.client.fields, |version| &version.fields);
    let desired = completed(fields, &known, is_customer);
    record.change(|value| {
        value.as_of_ms = place.client_as_of_ms;
        if let Some(id) = version.and_then(|version| version.address_id) {
            value.address_id = id;
        }
    });
    if is_settled(&desired, &known) && record.entry.value.pending.is_empty() {
        record.store_if_changed(place).await?;
        return Ok(Refreshed::default());
    }
    match place.account.get_client(client_id).await {
        Ok(current) if current.vis_state == 1 => Ok(deleted(client_id)),
        Ok(current) => {
            record
                .write(place, &desired, &known, &current, wanted.conflicts)
                .await
        }
        Err(VendorError::NotFound { .. }) => Ok(deleted(client_id)),
        Err(error) => Err(place.vendor_failure("reading the client", &error).await),
    }
}

/// Takes down a client that Tillbook has just created.
pub(crate) async fn created(
    place: &Workplace<'_>,
    client: &DesiredClient,
    created: &ClientRecord,
) -> Result<(), Failure> {
    let mut record = Record::read(place, created.id).await?;
    let none = KnownFields::new();
    let known = settled(&client.fields, &none, &Default::default(), &created.fields);
    record.change(|value| {
        value.created_by_tillbook = true;
        value.as_of_ms = place.client_as_of_ms;
        value.fields = known_to_wire(&known);
        value.customer_id = client.customer_id.unwrap_or(0);
        value.keys = ClientKey::of(client).iter().map(ClientKey::token).collect();
    });
    record.store_if_changed(place).await
}

/// Takes down a client that was found after a create whose reply was lost, if it says what that
/// create sent: then Tillbook made it.
pub(crate) async fn recognise(
    place: &Workplace<'_>,
    client: &DesiredClient,
    client_id: u64,
) -> Result<(), Failure> {
    let current = match place.account.get_client(client_id).await {
        Ok(current) => current,
        Err(error) => return Err(place.vendor_failure("reading the client", &error).await),
    };
    let is_ours = client.fields.iter().all(|(name, value)| {
        let now = current.fields.get(name);
        now.is_some_and(|now| now.trim() == value.trim())
    });
    if is_ours {
        created(place, client, &current).await?;
    }
    Ok(())
}

fn deleted(client_id: u64) -> Refreshed {
    Refreshed {
        notices: vec![format!(
            "A person deleted client {client_id} in FreshBooks; the store's change is not written to it."
        )],
    }
}

/// The ledger's entry of one client while it is worked on.
struct Record {
    key: ClientKey,
    entry: Versioned<ClientEntry>,
    dirty: bool,
}

impl Record {
    async fn read(place: &Workplace<'_>, client_id: u64) -> Result<Self, Failure> {
        let key = ClientKey::Id(client_id);
        let mut entry = place
            .ledger
            .client(place.connection, &key)
            .await
            .map_err(|error| entry::failure(&error))?;
        entry.value.client_id = client_id;
        Ok(Self {
            key,
            entry,
            dirty: false,
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut ClientEntry)) {
        let before = self.entry.value.clone();
        change(&mut self.entry.value);
        self.dirty |= before != self.entry.value;
    }

    async fn store_if_changed(&mut self, place: &Workplace<'_>) -> Result<(), Failure> {
        if !self.dirty {
            return Ok(());
        }
        let put = place
            .ledger
            .put_client(
                place.connection,
                &self.key,
                &self.entry.value,
                self.entry.revision,
            )
            .await;
        self.entry.revision = put.map_err(|error| entry::failure(&error))?;
        self.dirty = false;
        Ok(())
    }

    /// An update whose outcome is unknown is left alone until its call has ended for certain.
    fn wait_for_open_write(&self, place: &Workplace<'_>) -> Result<(), Failure> {
        let Some(open) = &self.entry.value.intent else {
            return Ok(());
        };
        let Some(after) = place.may_live_for(open) else {
            return Ok(());
        };
        Err(Failure::Wait {
            after,
            reason: Reason::new(
                "open_intent",
                "an update of the client has an unknown outcome; it is looked up when its call has ended for certain",
            ),
        })
    }

    /// Leads every key of the shopper to this client: a guest who registers, a new e-mail.
    async fn bind(&mut self, place: &Workplace<'_>, client: &DesiredClient) -> Result<(), Failure> {
        let customer_id = client.customer_id.unwrap_or(0);
        let registers = self.entry.value.customer_id == 0 && customer_id != 0;
        let client_id = self.entry.value.client_id;
        for key in ClientKey::of(client) {
            let token = key.token();
            if self.entry.value.keys.contains(&token) && !registers {
                continue;
            }
            let known = place.ledger.client(place.connection, &key).await;
            let known = known.map_err(|error| entry::failure(&error))?;
            let is_free = known.value.client_id == 0 || known.value.client_id == client_id;
            if is_free && known.value.intent.is_none() {
                let bound = ClientEntry {
                    client_id,
                    customer_id,
                    ..ClientEntry::default()
                };
                let put = place
                    .ledger
                    .put_client(place.connection, &key, &bound, known.revision);
                put.await.map_err(|error| entry::failure(&error))?;
                place
                    .cache
                    .remember_client(place.connection, &key, client_id)
                    .await;
            }
            self.change(|value| {
                value.keys.retain(|known| *known != token);
                value.keys.push(token);
                let excess = value.keys.len().saturating_sub(KEYS_MAX);
                value.keys.drain(..excess);
            });
        }
        if registers {
            self.change(|value| value.customer_id = customer_id);
        }
        Ok(())
    }

    /// Compares with what FreshBooks shows, and writes what is the store's to write.
    async fn write(
        &mut self,
        place: &Workplace<'_>,
        desired: &Fields,
        known: &KnownFields,
        current: &ClientRecord,
        conflicts: ClientConflicts,
    ) -> Result<Refreshed, Failure> {
        let pending: BTreeMap<String, String> = self.entry.value.pending.clone();
        let verdict = difference(desired, known, &pending, &current.fields, conflicts);
        if !verdict.contested.is_empty() {
            return Err(contested(current.id, &verdict.contested));
        }
        let mut shown = current.fields.clone();
        if !verdict.write.is_empty() {
            self.begin(place, &verdict.write).await?;
            match place
                .account
                .update_client(current.id, &verdict.write)
                .await
            {
                Ok(updated) => {
                    place.wrote();
                    shown.extend(updated.fields);
                }
                Err(error) if error.is_outcome_unknown() => {
                    return Err(
                        place.after_settling(vendor::failure("updating the client", &error))
                    );
                }
                Err(error) => {
                    self.change(|value| {
                        value.intent = None;
                        value.pending.clear();
                    });
                    self.store_if_changed(place).await?;
                    return Err(place.vendor_failure("updating the client", &error).await);
                }
            }
        }
        let now = settled(desired, known, &verdict.kept, &shown);
        self.change(|value| {
            value.intent = None;
            value.pending.clear();
            value.fields = known_to_wire(&now);
        });
        self.store_if_changed(place).await?;
        let notices = verdict.kept.iter().map(|name| {
            format!(
                "A person's own {name} of client {} in FreshBooks is kept.",
                current.id
            )
        });
        Ok(Refreshed {
            notices: notices.collect(),
        })
    }

    /// The intent, with a hash of each field it writes, before the call.
    async fn begin(&mut self, place: &Workplace<'_>, write: &Fields) -> Result<(), Failure> {
        let send_by = SendBy::start(place.settle);
        self.change(|value| {
            let attempt = value.intent.as_ref().map_or(0, |open| open.attempt);
            value.intent = Some(Intent {
                kind: IntentKind::UpdateClient.into(),
                natural_key: value.client_id.to_string(),
                owner: place.owner.to_owned(),
                started_at_ms: store::now_ms(),
                attempt: attempt.saturating_add(1),
                ..Intent::default()
            });
            value.pending = write
                .iter()
                .map(|(name, text)| (name.clone(), hash(text)))
                .collect();
        });
        self.store_if_changed(place).await?;
        send_by.check()
    }
}

fn contested(client_id: u64, names: &std::collections::BTreeSet<String>) -> Failure {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Failure::held(Reason::new(
        "client_edited_in_freshbooks",
        format!(
            "the store changed {} of client {client_id}, and a person changed the same in FreshBooks; \
             make both say the same, or set client_conflicts to \"keep\" or \"overwrite\", then replay",
            names.join(", ")
        ),
    ))
}
