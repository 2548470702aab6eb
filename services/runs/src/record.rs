//! The records of runs: what was asked, how far it is, and what a person wishes of it.
//!
//! One key a run, changed by compare-and-set. The process that works on a run names itself in it
//! and refreshes a beat; a run whose beat is old belongs to nobody and may be taken up. Not here:
//! the work.

use std::time::Duration;

use async_nats::jetstream::{self, kv};
use contracts::topology::Bucket;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use store::now_ms;

use crate::backfill::Forecast;
use crate::undo::Left;
use crate::{Asked, DayRange, Error, Results};

/// After this long without a beat a run's process counts as dead.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(15);

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Backfill,
    Undo,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Paused,
    Cancelled,
    Finished,
}

impl State {
    /// How a run stands, in the journal's words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Running => "goes on",
            Self::Paused => "paused",
            Self::Cancelled => "was cancelled",
            Self::Finished => "finished",
        }
    }
}

/// What a person asked of a run that another process works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Pause,
    Cancel,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub kind: Kind,
    pub connection: String,
    pub days: DayRange,
    pub who: String,
    pub why: String,
    pub started_at_ms: u64,
    pub state: State,
    pub wish: Option<Wish>,
    /// Random id of the process that works on it.
    owner: String,
    /// Unix milliseconds of that process's last sign of life.
    beat_at_ms: u64,
    /// The last order that was handed over; orders go by rising id.
    pub position: u64,
    /// Stream sequences from which the run's conclusions are read.
    pub outcomes_after: u64,
    pub letters_after: u64,
    pub forecast: Forecast,
    pub results: Results,
    /// What an undo leaves in the books.
    #[serde(default)]
    pub left: Vec<Left>,
}

impl Run {
    /// A run that has not begun.
    pub(crate) fn new(kind: Kind, connection: &str, days: DayRange, asked: Asked) -> Self {
        let started_at_ms = now_ms();
        let word = match kind {
            Kind::Backfill => "backfill",
            Kind::Undo => "undo",
        };
        Self {
            id: format!("{word}-{connection}-{started_at_ms}"),
            kind,
            connection: connection.to_owned(),
            days,
            who: asked.who,
            why: asked.why,
            started_at_ms,
            state: State::Running,
            wish: None,
            owner: uuid::Uuid::new_v4().to_string(),
            beat_at_ms: started_at_ms,
            position: 0,
            outcomes_after: 0,
            letters_after: 0,
            forecast: Forecast::default(),
            results: Results::default(),
            left: Vec::new(),
        }
    }

    /// Whether a living process works on it.
    pub fn is_alive(&self) -> bool {
        let age = Duration::from_millis(now_ms().saturating_sub(self.beat_at_ms));
        self.state == State::Running && age < DEAD_AFTER
    }
}

/// The bucket of runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RunStore {
    bucket: kv::Store,
}

/// A run with the revision a change must name.
#[derive(Clone, Debug)]
pub(crate) struct OpenRun {
    pub(crate) run: Run,
    revision: u64,
}

impl RunStore {
    /// Binds to the bucket that `tillbook bootstrap` made.
    pub async fn bind(jetstream: &jetstream::Context) -> Result<Self, Error> {
        let bucket = jetstream.get_key_value(Bucket::Runs.name()).await;
        let bucket = bucket.map_err(Error::nats(
            "bucket runs cannot be bound; run `tillbook bootstrap` first",
        ))?;
        Ok(Self { bucket })
    }

    /// The run of an id.
    pub async fn get(&self, id: &str) -> Result<Run, Error> {
        Ok(self.open(id).await?.run)
    }

    /// Every run, oldest first.
    pub async fn list(&self) -> Result<Vec<Run>, Error> {
        let what = "reading the runs";
        let keys = self.bucket.keys().await.map_err(Error::nats(what))?;
        let keys: Vec<String> = keys.try_collect().await.map_err(Error::nats(what))?;
        let mut runs = Vec::new();
        for key in keys {
            runs.push(self.get(&key).await?);
        }
        runs.sort_by_key(|run| run.started_at_ms);
        Ok(runs)
    }

    /// Notes what a person wishes; a run that nobody works on follows at once.
    pub async fn wish(&self, id: &str, wish: Wish) -> Result<Run, Error> {
        loop {
            let mut open = self.open(id).await?;
            let run = &mut open.run;
            match (run.state, wish) {
                (State::Cancelled | State::Finished, _) => {
                    let text = format!("run {id} has ended already");
                    return Err(Error::Refused(text));
                }
                (State::Paused, Wish::Pause) => return Ok(open.run),
                _ if run.is_alive() => run.wish = Some(wish),
                (_, Wish::Pause) => run.state = State::Paused,
                (_, Wish::Cancel) => run.state = State::Cancelled,
            }
            if self.put(&mut open).await? {
                return Ok(open.run);
            }
        }
    }

    /// Stores a new run, unless another of the connection is at work.
    pub(crate) async fn begin(&self, run: Run) -> Result<OpenRun, Error> {
        for other in self.list().await? {
            if other.connection == run.connection && other.is_alive() {
                return Err(Error::Refused(format!(
                    "run {} of connection {} is at work; pause or cancel it first",
                    other.id, other.connection
                )));
            }
        }
        let mut open = OpenRun { run, revision: 0 };
        if self.put(&mut open).await? {
            Ok(open)
        } else {
            let text = format!("run {} exists already; try again", open.run.id);
            Err(Error::Refused(text))
        }
    }

    /// Takes up a run that is paused or whose process died.
    pub(crate) async fn take_up(&self, id: &str, kind: Kind) -> Result<OpenRun, Error> {
        let mut open = self.open(id).await?;
        let run = &mut open.run;
        if run.kind != kind {
            return Err(Error::Refused(format!("{id} is a run of another kind")));
        }
        match run.state {
            State::Finished | State::Cancelled => {
                return Err(Error::Refused(format!("run {id} has ended already")));
            }
            State::Running if run.is_alive() => {
                return Err(Error::Refused(format!(
                    "run {id} is at work in another process; pause it first, or wait {} s if that process was killed",
                    DEAD_AFTER.as_secs()
                )));
            }
            State::Running | State::Paused => {}
        }
        run.state = State::Running;
        run.wish = None;
        run.owner = uuid::Uuid::new_v4().to_string();
        run.beat_at_ms = now_ms();
        if self.put(&mut open).await? {
            Ok(open)
        } else {
            Err(Error::TakenOver)
        }
    }

    /// Stores what this process changed and takes up what a person wishes meanwhile.
    pub(crate) async fn save(&self, open: &mut OpenRun) -> Result<(), Error> {
        open.run.beat_at_ms = now_ms();
        while !self.put(open).await? {
            let now = self.open(&open.run.id).await?;
            if now.run.owner != open.run.owner {
                return Err(Error::TakenOver);
            }
            open.run.wish = now.run.wish;
            open.revision = now.revision;
        }
        Ok(())
    }

    async fn open(&self, id: &str) -> Result<OpenRun, Error> {
        let unknown = || Error::Refused(format!("no run has the id {id:?}"));
        if !contracts::topology::is_token(id) {
            return Err(unknown());
        }
        let entry = self.bucket.entry(id).await;
        let entry = entry.map_err(Error::nats("reading the run's record"))?;
        let entry = entry.filter(|entry| entry.operation == kv::Operation::Put);
        let entry = entry.ok_or_else(unknown)?;
        let run = serde_json::from_slice(&entry.value).map_err(|source| Error::Unreadable {
            id: id.to_owned(),
            source,
        })?;
        Ok(OpenRun {
            run,
            revision: entry.revision,
        })
    }

    /// False when the record changed since it was read.
    async fn put(&self, open: &mut OpenRun) -> Result<bool, Error> {
        let bytes = serde_json::to_vec(&open.run).map_err(|source| Error::Unreadable {
            id: open.run.id.clone(),
            source,
        })?;
        let updated = self
            .bucket
            .update(open.run.id.as_str(), bytes.into(), open.revision)
            .await;
        match updated {
            Ok(revision) => {
                open.revision = revision;
                Ok(true)
            }
            Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(false),
            Err(error) => Err(Error::nats("writing the run's record")(error)),
        }
    }
}

#[cfg(test)]
mod tests;
