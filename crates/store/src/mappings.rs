//! The mapping documents in force: a connection's own, else the shared one, else the built-in.
//!
//! A watcher keeps them current, so a published change takes effect without a restart. A document
//! that does not pass its check is never used and never silently replaced by another: orders of
//! that connection are held until it is mended.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_nats::jetstream::{self, kv};
use contracts::topology::Bucket;
use domain::mapping::Mapping;
use futures::StreamExt;
use tracing::{info, warn};

use crate::{BindError, bind_store};

/// Key of the document that serves every connection without one of its own.
pub const DEFAULT_KEY: &str = "default";

/// The mapping documents in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mappings {
    documents: Arc<RwLock<HashMap<String, Checked>>>,
    built_in: Arc<Mapping>,
}

type Checked = Result<Arc<Mapping>, String>;

/// The documents could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Bind(BindError),
    #[error("reading the mapping documents")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Mappings {
    /// Loads what is stored and follows changes for as long as the process lives.
    pub async fn load(jetstream: &jetstream::Context) -> Result<Self, Error> {
        let bucket = bind_store(jetstream, Bucket::Mappings)
            .await
            .map_err(Error::Bind)?;
        let mappings = Self {
            documents: Arc::default(),
            built_in: Arc::new(Mapping::built_in()),
        };
        let watch = bucket
            .watch_with_history(">")
            .await
            .map_err(|e| Error::Read(e.into()))?;
        let mut keys = bucket.keys().await.map_err(|e| Error::Read(e.into()))?;
        while let Some(key) = keys.next().await {
            let key = key.map_err(|e| Error::Read(e.into()))?;
            if let Some(bytes) = bucket.get(&key).await.map_err(|e| Error::Read(e.into()))? {
                mappings.take_up(&key, Some(&bytes));
            }
        }
        tokio::spawn(mappings.clone().follow(bucket, watch));
        Ok(mappings)
    }

    /// The mapping of a connection; the check's faults when its document is not usable.
    pub fn of(&self, connection: &str) -> Result<Arc<Mapping>, String> {
        let documents = self
            .documents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        match documents
            .get(connection)
            .or_else(|| documents.get(DEFAULT_KEY))
        {
            Some(checked) => checked.clone(),
            None => Ok(self.built_in.clone()),
        }
    }

    async fn follow(self, bucket: kv::Store, mut watch: kv::Watch) {
        loop {
            while let Some(Ok(entry)) = watch.next().await {
                let bytes = (entry.operation == kv::Operation::Put).then_some(&entry.value[..]);
                self.take_up(&entry.key, bytes);
            }
            warn!("the watch of the mapping documents ended; it is begun again");
            watch = loop {
                match bucket.watch_with_history(">").await {
                    Ok(watch) => break watch,
                    Err(error) => {
                        warn!(error = %error, "the mapping documents cannot be watched");
                        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
                    }
                }
            };
        }
    }

    fn take_up(&self, key: &str, bytes: Option<&[u8]>) {
        let mut documents = self
            .documents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(bytes) = bytes else {
            documents.remove(key);
            return;
        };
        let checked = String::from_utf8(bytes.to_vec())
            .map_err(|_| "the document is not UTF-8 text".to_owned())
            .and_then(|text| Mapping::from_document(&text).map_err(|faults| joined(&faults)));
        match &checked {
            Ok(mapping) => info!(key, version = mapping.version(), "mapping taken up"),
            Err(why) => warn!(key, why, "the mapping document does not pass its check"),
        }
        documents.insert(key.to_owned(), checked.map(Arc::new));
    }
}

/// Stores a document that passed its check.
pub async fn publish(
    jetstream: &jetstream::Context,
    key: &str,
    document: &str,
) -> Result<(), Error> {
    let bucket = bind_store(jetstream, Bucket::Mappings)
        .await
        .map_err(Error::Bind)?;
    bucket
        .put(key, document.to_owned().into())
        .await
        .map_err(|error| Error::Read(error.into()))?;
    Ok(())
}

fn joined(faults: &[domain::mapping::MappingFault]) -> String {
    faults
        .iter()
        .map(|f| format!("{}: {}", f.path, f.message))
        .collect::<Vec<_>>()
        .join("; ")
}
