//! What became of each letter: a record in the bucket `letters`, changed by compare-and-set.
//!
//! The letter itself stays in its stream until it expires or is purged; a letter without a record
//! rests. Not here: what leads from one state to the next.

use async_nats::jetstream::{self, kv};
use bytes::Bytes;
use contracts::topology::{Bucket, is_token};
use serde::{Deserialize, Serialize};
use store::json_record;

use crate::error::Error;

/// Where a letter stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It waits for somebody.
    #[default]
    Resting,
    /// A process is about to publish it; if that process died, it still rests.
    Releasing,
    Released,
    /// A newer state of its entity came into the books.
    Cleared,
    Purged,
}

impl Fate {
    /// Whether nobody needs to look at the letter any longer.
    pub(crate) const fn is_settled(self) -> bool {
        matches!(self, Self::Released | Self::Cleared | Self::Purged)
    }

    /// The word for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Resting | Self::Releasing => "rests",
            Self::Released => "was released",
            Self::Cleared => "cleared itself",
            Self::Purged => "was purged",
        }
    }
}

/// Who changed a letter's payload, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edit {
    pub(crate) at_ms: u64,
    pub(crate) who: String,
    pub(crate) why: String,
}

/// The record of one letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) fate: Fate,
    /// Unix milliseconds of the last change of fate.
    pub(crate) at_ms: u64,
    #[serde(default)]
    pub(crate) who: String,
    #[serde(default)]
    pub(crate) why: String,
    /// Under which it was, or is to be, published.
    #[serde(default)]
    pub(crate) message_id: String,
    /// The release of many that it was part of.
    #[serde(default)]
    pub(crate) release: Option<String>,
    #[serde(default)]
    pub(crate) edits: Vec<Edit>,
}

/// The bucket of states. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct States {
    bucket: kv::Store,
}

impl States {
    /// Binds to the bucket that `tillbook bootstrap` made.
    pub(crate) async fn bind(jetstream: &jetstream::Context) -> Result<Self, Error> {
        let bucket = jetstream.get_key_value(Bucket::Letters.name()).await;
        let bucket = bucket.map_err(Error::nats(
            "bucket letters cannot be bound; run `tillbook bootstrap` first",
        ))?;
        Ok(Self { bucket })
    }

    /// The stream behind the bucket, and the subjects of the states in it.
    pub(crate) fn stream() -> (String, String) {
        let name = Bucket::Letters.name();
        (format!("KV_{name}"), format!("$KV.{name}.state.>"))
    }

    /// The letter whose state a subject of the bucket holds.
    pub(crate) fn letter_of(subject: &str) -> Option<&str> {
        subject.rsplit_once(".state.").map(|(_, id)| id)
    }

    /// The state of a letter with the revision a change must name.
    pub(crate) async fn get(&self, id: &str) -> Result<(State, u64), Error> {
        let key = key("state", id)?;
        let (state, revision) = json_record::read(&self.bucket, &key)
            .await
            .map_err(Error::nats("reading what became of the letter"))?;
        Ok((state.unwrap_or_default(), revision))
    }

    /// The new revision; `None` when somebody else changed it first.
    pub(crate) async fn put(
        &self,
        id: &str,
        state: &State,
        revision: u64,
    ) -> Result<Option<u64>, Error> {
        json_record::replace(&self.bucket, &key("state", id)?, state, revision)
            .await
            .map_err(Error::nats("noting what became of the letter"))
    }

    /// The payload that a person put in the place of the original's, if somebody did.
    pub(crate) async fn edited(&self, id: &str, state: &State) -> Result<Option<Bytes>, Error> {
        let number = state.edits.len();
        if number == 0 {
            return Ok(None);
        }
        let bytes = self.bucket.get(edit_key(id, number)?).await;
        bytes.map_err(Error::nats("reading the letter's edited payload"))
    }

    /// Keeps the payload of the edit of a number, the first being 1; it counts once the state has
    /// as many edits.
    pub(crate) async fn keep_edited(
        &self,
        id: &str,
        number: usize,
        payload: Bytes,
    ) -> Result<(), Error> {
        let kept = self.bucket.put(edit_key(id, number)?, payload).await;
        kept.map(|_| ())
            .map_err(Error::nats("keeping the letter's edited payload"))
    }

    /// Takes all edited payloads of a letter out for good.
    pub(crate) async fn forget_edited(&self, id: &str, state: &State) -> Result<(), Error> {
        for number in 1..=state.edits.len() {
            let purged = self.bucket.purge(edit_key(id, number)?).await;
            purged.map_err(Error::nats("taking out the letter's edited payload"))?;
        }
        Ok(())
    }
}

fn edit_key(id: &str, number: usize) -> Result<String, Error> {
    Ok(format!("{}.{number}", key("edit", id)?))
}

fn key(what: &str, id: &str) -> Result<String, Error> {
    if is_token(id) {
        Ok(format!("{what}.{id}"))
    } else {
        Error::refused(format!("no dead letter has the id {id:?}"))
    }
}
