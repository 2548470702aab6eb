//! The record of a release: what was asked, how far it is, what came of it.
//!
//! One key a release, changed by compare-and-set. The process that works on it refreshes a beat.
//! Not here: the work.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::{self, kv};
use contracts::topology::{Bucket, is_token};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{json_record, now_ms};

use crate::audit;
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::filter::Filter;

/// After this long without a beat a release's process counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(10);
/// Reasons of failures that are kept.
const FAILURES_KEPT: usize = 10;

/// How a release goes about its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Letters released in a second, at most.
    pub rate_per_s: u32,
    /// Letters that must end well before any other is released.
    pub canaries: u32,
    /// Letters that may end badly after the canaries; one more stops the release.
    pub failures_max: u32,
    /// Letters under way at the same time; live work waits behind no more.
    pub at_once: u32,
    /// Entities are read from the store again instead of going on with what the letters hold.
    pub refetch: bool,
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: u32, most: u32| {
            if value == 0 || value > most {
                Error::refused(format!("{name} must be between 1 and {most}, not {value}"))
            } else {
                Ok(())
            }
        };
        within("rate_per_s", self.rate_per_s, 100)?;
        within("canaries", self.canaries, 1_000)?;
        within("at_once", self.at_once, 256)
    }
}

/// Where a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReleaseState {
    Running,
    /// By itself or by a person; it can go on.
    Stopped,
    Finished,
}

/// One release of many letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Release {
    pub(crate) id: String,
    pub(crate) filter: Filter,
    pub(crate) settings: Settings,
    pub(crate) who: String,
    pub(crate) why: String,
    pub(crate) state: ReleaseState,
    /// Why it stopped; empty otherwise.
    pub(crate) stopped_because: String,
    pub(crate) started_at_ms: u64,
    /// 0 until it ended.
    pub(crate) ended_at_ms: u64,
    /// What a person wishes of the process at work: to stop, and why.
    wish: Option<String>,
    owner: String,
    beat_at_ms: u64,
    /// Letters stored later are no part of it.
    pub(crate) through_sequence: u64,
    /// Where its letters' ends are looked for: after these sequences of outcomes and letters, and
    /// of letters released since then.
    pub(crate) outcomes_after: u64,
    pub(crate) letters_after: u64,
    pub(crate) counted_from_ms: u64,
    /// Letters that are part of it.
    pub(crate) letters: u64,
    /// Since it began, or last went on; so are the numbers below.
    pub(crate) released: u64,
    pub(crate) ended_well: u64,
    /// A new letter.
    pub(crate) ended_badly: u64,
    /// No end was seen in time.
    pub(crate) not_ended: u64,
    /// Settled by others meanwhile, or behind one that did not end well.
    pub(crate) skipped: u64,
    /// Of these, behind one of the same entity that did not end well.
    #[serde(default)]
    pub(crate) behind: u64,
    /// The first reasons of those that ended badly.
    pub(crate) failures: Vec<String>,
}

impl Release {
    pub(super) fn new(
        filter: Filter,
        settings: Settings,
        by: By<'_>,
        through_sequence: u64,
        outcomes_after: u64,
    ) -> Self {
        let started_at_ms = now_ms();
        let unique = uuid::Uuid::new_v4().simple().to_string();
        Self {
            id: format!("release-{started_at_ms}-{}", unique.get(..6).unwrap_or("0")),
            filter,
            settings,
            who: by.who.to_owned(),
            why: by.why.to_owned(),
            state: ReleaseState::Running,
            stopped_because: String::new(),
            started_at_ms,
            ended_at_ms: 0,
            wish: None,
            owner: String::new(),
            beat_at_ms: 0,
            through_sequence,
            outcomes_after,
            letters_after: through_sequence,
            counted_from_ms: started_at_ms,
            letters: 0,
            released: 0,
            ended_well: 0,
            ended_badly: 0,
            not_ended: 0,
            skipped: 0,
            behind: 0,
            failures: Vec::new(),
        }
    }

    /// Whether a living process works on it.
    pub(super) fn is_alive(&self) -> bool {
        let age = Duration::from_millis(now_ms().saturating_sub(self.beat_at_ms));
        self.state == ReleaseState::Running && age < DEAD_AFTER
    }

    /// The record as people see it: with how many letters it left where they are, and why.
    ///
    /// A letter that did not end well was released all the same; it rests as a new letter.
    pub(super) fn shown(&self) -> Value {
        let left = self.letters.saturating_sub(self.released);
        let others = self.skipped.saturating_sub(self.behind);
        let rest = left.saturating_sub(self.skipped);
        let rest_because = match self.state {
            ReleaseState::Running => "their turn is to come",
            ReleaseState::Stopped => "the release stopped before their turn",
            ReleaseState::Finished => "they were settled before their turn",
        };
        let because: Vec<Value> = [
            (others, "settled, changed or refused meanwhile"),
            (
                self.behind,
                "an older letter of the same order did not end well",
            ),
            (rest, rest_because),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| json!({ "letters": count, "why": why }))
        .collect();
        let mut words = format!(
            "{} of {} letters were released: {} ended well, {} became new letters, of {} no end \
             was seen",
            self.released, self.letters, self.ended_well, self.ended_badly, self.not_ended
        );
        for reason in &because {
            let (count, why) = (&reason["letters"], reason["why"].as_str());
            words = format!("{words}; {count} left: {}", why.unwrap_or_default());
        }
        let mut shown = json!(self);
        shown["left"] = left.into();
        shown["left_because"] = because.into();
        shown["summary"] = format!("{words}.").into();
        shown
    }

    /// Keeps a reason, as long as there are few.
    pub(super) fn note_failure(&mut self, words: String) {
        if self.failures.len() < FAILURES_KEPT && !self.failures.contains(&words) {
            self.failures.push(words);
        }
    }

    pub(super) fn wish(&self) -> Option<&str> {
        self.wish.as_deref()
    }
}

/// The bucket of releases. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    jetstream: jetstream::Context,
    bucket: kv::Store,
}

/// A record with the revision a change must name.
#[derive(Debug)]
pub(crate) struct OpenRelease {
    pub(crate) release: Release,
    revision: u64,
}

const READING: &str = "reading the releases";
const WRITING: &str = "writing the release's record";

impl Records {
    /// Binds to the bucket that `tillbook bootstrap` made.
    pub(crate) async fn bind(jetstream: &jetstream::Context) -> Result<Self, Error> {
        let bucket = jetstream.get_key_value(Bucket::Releases.name()).await;
        let bucket = bucket.map_err(Error::nats(
            "bucket releases cannot be bound; run `tillbook bootstrap` first",
        ))?;
        Ok(Self {
            jetstream: jetstream.clone(),
            bucket,
        })
    }

    pub(super) async fn get(&self, id: &str) -> Result<Release, Error> {
        Ok(self.open(id).await?.release)
    }

    /// Every release, oldest first.
    pub(super) async fn list(&self) -> Result<Vec<Release>, Error> {
        let keys = self.bucket.keys().await.map_err(Error::nats(READING))?;
        let keys: Vec<String> = keys.try_collect().await.map_err(Error::nats(READING))?;
        let mut releases = Vec::new();
        for key in keys {
            releases.push(self.get(&key).await?);
        }
        releases.sort_by_key(|release| release.started_at_ms);
        Ok(releases)
    }

    /// How far the records go; it moves with every change.
    pub(super) async fn end(&self) -> Result<u64, Error> {
        // Not by the bucket's own status, which is that of the moment it was bound.
        let stream = format!("KV_{}", Bucket::Releases.name());
        let stream = self.jetstream.get_stream(stream).await;
        let stream = stream.map_err(Error::nats(READING))?;
        Ok(stream.cached_info().state.last_sequence)
    }

    pub(super) async fn begin(&self, release: Release) -> Result<Release, Error> {
        let mut open = OpenRelease {
            release,
            revision: 0,
        };
        if self.put(&mut open).await? {
            Ok(open.release)
        } else {
            Error::refused("another release began in the same moment; try again")
        }
    }

    /// Notes that it is to stop; one that nobody works on stops at once.
    pub(super) async fn stop(&self, id: &str, why: &str) -> Result<Release, Error> {
        loop {
            let mut open = self.open(id).await?;
            let release = &mut open.release;
            if release.state != ReleaseState::Running {
                return Error::refused(format!("release {id} does not run"));
            }
            if release.is_alive() {
                release.wish = Some(why.to_owned());
            } else {
                release.state = ReleaseState::Stopped;
                release.stopped_because = why.to_owned();
                release.ended_at_ms = now_ms();
            }
            if self.put(&mut open).await? {
                return Ok(open.release);
            }
        }
    }

    /// Lets it go on; `outcomes_after` and `letters_after` are where the streams end now.
    pub(super) async fn resume(
        &self,
        id: &str,
        by: By<'_>,
        (outcomes_after, letters_after): (u64, u64),
    ) -> Result<Release, Error> {
        let mut open = self.open(id).await?;
        if open.release.state != ReleaseState::Stopped {
            return Error::refused(format!("release {id} is not stopped"));
        }
        let release = &mut open.release;
        release.state = ReleaseState::Running;
        release.stopped_because.clear();
        release.failures.clear();
        release.wish = None;
        release.ended_at_ms = 0;
        release.beat_at_ms = 0;
        release.outcomes_after = outcomes_after;
        release.letters_after = letters_after;
        release.counted_from_ms = now_ms();
        release.who = by.who.to_owned();
        release.why = by.why.to_owned();
        if self.put(&mut open).await? {
            Ok(open.release)
        } else {
            Error::refused(format!(
                "release {id} was changed by somebody else; look again"
            ))
        }
    }

    /// Makes it ours; `None` when another process was first.
    pub(super) async fn take_up(&self, id: &str) -> Result<Option<OpenRelease>, Error> {
        let mut open = self.open(id).await?;
        if open.release.state != ReleaseState::Running || open.release.is_alive() {
            return Ok(None);
        }
        open.release.owner = uuid::Uuid::new_v4().to_string();
        open.release.beat_at_ms = now_ms();
        Ok(self.put(&mut open).await?.then_some(open))
    }

    /// Stores what this process changed and takes up what a person wishes meanwhile.
    pub(super) async fn save(&self, open: &mut OpenRelease) -> Result<(), Error> {
        open.release.beat_at_ms = now_ms();
        while !self.put(open).await? {
            let now = self.open(&open.release.id).await?;
            if now.release.owner != open.release.owner {
                return Err(Error::TakenOver);
            }
            open.release.wish = now.release.wish;
            open.revision = now.revision;
        }
        Ok(())
    }

    async fn open(&self, id: &str) -> Result<OpenRelease, Error> {
        let unknown = || Error::Refused(format!("no release has the id {id:?}"));
        if !is_token(id) {
            return Err(unknown());
        }
        let (release, revision) = json_record::read(&self.bucket, id)
            .await
            .map_err(Error::nats(READING))?;
        let release = release.ok_or_else(unknown)?;
        Ok(OpenRelease { release, revision })
    }

    /// False when the record changed since it was read.
    async fn put(&self, open: &mut OpenRelease) -> Result<bool, Error> {
        let replaced =
            json_record::replace(&self.bucket, &open.release.id, &open.release, open.revision)
                .await
                .map_err(Error::nats(WRITING))?;
        if let Some(revision) = replaced {
            open.revision = revision;
        }
        Ok(replaced.is_some())
    }
}

/// Stores in the journal how the release changed; who asked for it, and why.
pub(super) async fn journal(desk: &Desk, release: &Release, what: &str) -> Result<(), Error> {
    let connection = release.filter.connection.clone().unwrap_or_default();
    let mut detail = format!("Release of {} letters {what}", release.letters);
    if !release.stopped_because.is_empty() {
        detail = format!("{detail}: {}", release.stopped_because);
    }
    let more = BTreeMap::from([
        ("who".to_owned(), release.who.clone()),
        ("why".to_owned(), release.why.clone()),
        ("letters".to_owned(), release.letters.to_string()),
        ("released".to_owned(), release.released.to_string()),
        ("ended_well".to_owned(), release.ended_well.to_string()),
        ("ended_badly".to_owned(), release.ended_badly.to_string()),
    ]);
    let entry = audit::of_release(&release.id, &connection, detail, now_ms(), more);
    Ok(desk.context.journal.store(vec![entry]).await?)
}
