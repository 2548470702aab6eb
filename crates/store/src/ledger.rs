//! The ledger: what was written to FreshBooks, and what is about to be written.
//!
//! Every change is a compare-and-set on the entry's revision. That is the fence: of two workers
//! with the same order, the one whose revision is old learns it before it calls FreshBooks.

use std::collections::BTreeMap;

use async_nats::jetstream;
use contracts::ledger::{AccountEntry, ClientEntry, ItemEntry, OrderEntry, Undone};
use contracts::topology;
use domain::books::DesiredClient;
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::bucket::{Bucket, Fault};
use crate::{BindError, bind};

/// Entries read at the same time when many are asked for.
const AT_ONCE: usize = 16;

/// The ledger of all connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    bucket: Bucket,
}

/// An entry with the revision a change must name. Revision 0: there is no entry yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    pub value: T,
    pub revision: u64,
}

/// The ledger could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("ledger entry {key} was changed by another worker; it must be read again")]
    Fenced { key: String },
    #[error("ledger entry {key} is not readable; was it written by a newer version?")]
    Unreadable {
        key: String,
        #[source]
        source: prost::DecodeError,
    },
    #[error("reading ledger entry {key}")]
    Read {
        key: String,
        #[source]
        source: Fault,
    },
    #[error("listing the ledger's entries")]
    List(#[source] Fault),
    #[error("writing ledger entry {key}")]
    Write {
        key: String,
        #[source]
        source: Fault,
    },
}

/// Which shopper a client entry stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClientKey {
    /// Lower case, trimmed.
    Email(String),
    Customer(u64),
    /// Lower-cased company or full name.
    Name(String),
    /// FreshBooks' own id: the entry that holds what is known of the client.
    Id(u64),
}

/// Which item an item entry stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemKey {
    /// The SKU, trimmed; the entry of the item itself.
    Sku(String),
    /// BigCommerce's variant id; leads to the SKU it had, so that a changed SKU is followed.
    Variant(u64),
}

impl ItemKey {
    /// Key tokens; a SKU is hashed, because it may hold any character.
    pub fn token(&self) -> String {
        match self {
            Self::Sku(sku) => format!("sku.{}", hashed(sku)),
            Self::Variant(id) => format!("variant.{id}"),
        }
    }
}

impl ClientKey {
    /// The keys a shopper is known by, the one that is claimed first at the front.
    ///
    /// The last one is the widest: a guest and a customer of one e-mail share it.
    pub fn of(client: &DesiredClient) -> Vec<Self> {
        let mut keys = Vec::new();
        keys.extend(client.customer_id.map(Self::Customer));
        keys.extend(client.email_key.clone().map(Self::Email));
        if keys.is_empty() {
            keys.extend(client.name_key.clone().map(Self::Name));
        }
        keys
    }

    /// Key tokens without personal data: e-mail and name are hashed.
    pub fn token(&self) -> String {
        match self {
            Self::Email(email) => format!("email.{}", hashed(email)),
            Self::Customer(id) => format!("customer.{id}"),
            Self::Name(name) => format!("name.{}", hashed(name)),
            Self::Id(id) => format!("id.{id}"),
        }
    }
}

/// Whether a client's entry may stand for this shopper: no when it is known as another customer's. An
/// e-mail that was one customer's may be another's by now.
pub fn stands_for(entry: &ClientEntry, client: &DesiredClient) -> bool {
    let other = |id: u64| entry.customer_id != 0 && entry.customer_id != id;
    !client.customer_id.is_some_and(other)
}

fn hashed(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Ledger {
    /// Binds to the bucket that `tillbook bootstrap` made.
    pub async fn bind(jetstream: &jetstream::Context) -> Result<Self, BindError> {
        let bucket = bind(jetstream, topology::Bucket::Ledger).await?;
        Ok(Self::over(bucket))
    }

    /// A ledger in this bucket.
    pub fn over(bucket: Bucket) -> Self {
        Self { bucket }
    }

    /// The entry of an order; an empty one at revision 0 when there is none.
    pub async fn order(
        &self,
        connection: &str,
        order_id: &str,
    ) -> Result<Versioned<OrderEntry>, Error> {
        self.read(order_key(connection, order_id)).await
    }

    /// The ids of every order of a connection that has an entry, in no order.
    pub async fn order_ids(&self, connection: &str) -> Result<Vec<String>, Error> {
        let prefix = order_key(connection, "");
        let keys = self.bucket.keys().await.map_err(Error::List)?;
        let ids = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&prefix))
            .map(str::to_owned);
        Ok(ids.collect())
    }

    /// Which of these orders an undo took out, with its mark.
    pub async fn undone(
        &self,
        connection: &str,
        order_ids: &[u64],
    ) -> Result<BTreeMap<u64, Undone>, Error> {
        let reads = stream::iter(order_ids.iter().copied()).map(|id| async move {
            let entry = self.order(connection, &id.to_string()).await?;
            Ok::<_, Error>(entry.value.undone.map(|mark| (id, mark)))
        });
        let marks: Vec<Option<(u64, Undone)>> = reads.buffered(AT_ONCE).try_collect().await?;
        Ok(marks.into_iter().flatten().collect())
    }

    /// Changes the entry of an order if it still has `revision`; returns the new revision.
    pub async fn put_order(
        &self,
        connection: &str,
        order_id: &str,
        entry: &OrderEntry,
        revision: u64,
    ) -> Result<u64, Error> {
        self.write(order_key(connection, order_id), entry, revision)
            .await
    }

    /// The entry of a shopper; an empty one at revision 0 when there is none.
    pub async fn client(
        &self,
        connection: &str,
        key: &ClientKey,
    ) -> Result<Versioned<ClientEntry>, Error> {
        self.read(client_key(connection, key)).await
    }

    /// Changes the entry of a shopper if it still has `revision`; returns the new revision.
    pub async fn put_client(
        &self,
        connection: &str,
        key: &ClientKey,
        entry: &ClientEntry,
        revision: u64,
    ) -> Result<u64, Error> {
        self.write(client_key(connection, key), entry, revision)
            .await
    }

    /// What is known of a FreshBooks account, whichever connections use it; an empty entry at
    /// revision 0 when there is none.
    pub async fn account(&self, account_id: &str) -> Result<Versioned<AccountEntry>, Error> {
        self.read(account_key(account_id)).await
    }

    /// Changes what is known of an account if it still has `revision`; returns the new revision.
    pub async fn put_account(
        &self,
        account_id: &str,
        entry: &AccountEntry,
        revision: u64,
    ) -> Result<u64, Error> {
        self.write(account_key(account_id), entry, revision).await
    }

    /// The entry of an item; an empty one at revision 0 when there is none.
    pub async fn item(
        &self,
        connection: &str,
        key: &ItemKey,
    ) -> Result<Versioned<ItemEntry>, Error> {
        self.read(item_key(connection, &key.token())).await
    }

    /// The entry of an item by the key token another entry names.
    pub async fn item_by_token(
        &self,
        connection: &str,
        token: &str,
    ) -> Result<Versioned<ItemEntry>, Error> {
        self.read(item_key(connection, token)).await
    }

    /// Changes the entry of an item if it still has `revision`; returns the new revision.
    pub async fn put_item(
        &self,
        connection: &str,
        token: &str,
        entry: &ItemEntry,
        revision: u64,
    ) -> Result<u64, Error> {
        self.write(item_key(connection, token), entry, revision)
            .await
    }

    async fn read<T: Message + Default>(&self, key: String) -> Result<Versioned<T>, Error> {
        let record = match self.bucket.read(&key).await {
            Ok(record) => record,
            Err(source) => return Err(Error::Read { key, source }),
        };
        let revision = record.as_ref().map_or(0, |record| record.revision);
        let value = match record.and_then(|record| record.value) {
            Some(bytes) => T::decode(bytes).map_err(|source| Error::Unreadable { key, source })?,
            None => T::default(),
        };
        Ok(Versioned { value, revision })
    }

    async fn write<T: Message>(&self, key: String, value: &T, revision: u64) -> Result<u64, Error> {
        let payload = value.encode_to_vec().into();
        match self.bucket.replace(&key, payload, revision).await {
            Ok(Some(revision)) => Ok(revision),
            Ok(None) => Err(Error::Fenced { key }),
            Err(source) => Err(Error::Write { key, source }),
        }
    }
}

fn order_key(connection: &str, order_id: &str) -> String {
    format!("{connection}.order.{order_id}")
}

fn client_key(connection: &str, key: &ClientKey) -> String {
    format!("{connection}.client.{}", key.token())
}

/// Of two tokens where a connection's keys have three, so that no connection's name meets it.
fn account_key(account_id: &str) -> String {
    format!("account.{}", hashed(account_id))
}

fn item_key(connection: &str, token: &str) -> String {
    format!("{connection}.item.{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_tokens_hold_no_personal_data_and_keep_kinds_apart() {
        let email = ClientKey::Email("jane@example.com".to_owned()).token();
        let name = ClientKey::Name("jane@example.com".to_owned()).token();
        assert!(!email.contains("jane") && !email.contains('@'));
        assert_ne!(email, name);
        assert!(email.split('.').all(contracts::topology::is_token));
    }
}
