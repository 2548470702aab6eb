//! What a release has to do, what is under way, and when it must stop. Does no I/O.
//!
//! Letters of one entity go out oldest first, the next one when the one before has ended well.
//! Not here: publishing letters, and learning how they end.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::ends::End;
use super::record::{Release, Settings};
use crate::catalogue::{Key, Resting};

/// A canary that has not ended after this long is no good sign.
const CANARY_LIMIT: Duration = Duration::from_secs(2 * 60);
/// After this long a letter's end is not waited for any more.
const END_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Clocks of this machine and of the server may differ by so much.
const SKEW_MS: u64 = 2_000;

/// A letter that is part of the release.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) sequence: u64,
    pub(super) key: Key,
    event_id: String,
}

impl From<&Resting> for Item {
    fn from(letter: &Resting) -> Self {
        Self {
            sequence: letter.sequence,
            key: letter.key.clone(),
            event_id: letter.event_id.clone(),
        }
    }
}

/// A letter that was released and has not ended.
#[derive(Debug)]
struct UnderWay {
    /// Its event's id, if what was published carries it.
    event_id: Option<String>,
    released_at_ms: u64,
    since: Instant,
}

/// The work of one release.
#[derive(Debug)]
pub(super) struct Work {
    settings: Settings,
    /// Letters to go, oldest first, by entity.
    to_go: HashMap<Key, VecDeque<Item>>,
    /// Entities with letters to go and none under way, the oldest letter's first.
    ready: VecDeque<Key>,
    under_way: HashMap<Key, VecDeque<UnderWay>>,
    under_way_count: u32,
}

impl Work {
    /// Lays out letters, given oldest first.
    pub(super) fn new(settings: Settings, items: Vec<Item>) -> Self {
        let mut work = Self {
            settings,
            to_go: HashMap::new(),
            ready: VecDeque::new(),
            under_way: HashMap::new(),
            under_way_count: 0,
        };
        for item in items {
            let of_key = work.to_go.entry(item.key.clone()).or_default();
            if of_key.is_empty() {
                work.ready.push_back(item.key.clone());
            }
            of_key.push_back(item);
        }
        work
    }

    /// The next letter that may go out now. Whoever takes it says what became of it.
    pub(super) fn next(&mut self, release: &Release) -> Option<Item> {
        let in_canaries = concluded(release) < u64::from(self.settings.canaries);
        let canaries_out = release.released >= u64::from(self.settings.canaries);
        let is_full = self.under_way_count >= self.settings.at_once;
        if is_full || (in_canaries && canaries_out) {
            return None;
        }
        while let Some(key) = self.ready.pop_front() {
            // An entity with a letter under way from before a restart waits for that one's end.
            if self.under_way.contains_key(&key) {
                continue;
            }
            if let Some(item) = self.to_go.get_mut(&key).and_then(VecDeque::pop_front) {
                return Some(item);
            }
        }
        None
    }

    /// The letter is out.
    pub(super) fn released(&mut self, item: Item, released_at_ms: u64) {
        let knows_event = !self.settings.refetch && !item.event_id.is_empty();
        let under_way = UnderWay {
            event_id: knows_event.then_some(item.event_id),
            released_at_ms,
            since: Instant::now(),
        };
        self.under_way
            .entry(item.key)
            .or_default()
            .push_back(under_way);
        self.under_way_count = self.under_way_count.saturating_add(1);
    }

    /// The letter was settled by somebody else: the entity's next one may go.
    pub(super) fn passed_over(&mut self, item: Item) {
        self.next_of(item.key);
    }

    /// Takes in how something left the pipeline, if it is one of ours.
    pub(super) fn conclude(&mut self, end: End, release: &mut Release) {
        let Some(of_key) = self.under_way.get_mut(&end.key) else {
            return;
        };
        let is_ours = of_key.front().is_some_and(|first| match &first.event_id {
            Some(id) if !end.event_id.is_empty() => *id == end.event_id,
            _ => end.stored_at_ms.saturating_add(SKEW_MS) >= first.released_at_ms,
        });
        if !is_ours {
            return;
        }
        of_key.pop_front();
        let is_last = of_key.is_empty();
        self.under_way_count = self.under_way_count.saturating_sub(1);
        if is_last {
            self.under_way.remove(&end.key);
        }
        match end.trouble {
            None => {
                release.ended_well = release.ended_well.saturating_add(1);
                if is_last {
                    self.next_of(end.key);
                }
            }
            Some(words) => {
                release.ended_badly = release.ended_badly.saturating_add(1);
                release.note_failure(words);
                self.give_up(&end.key, release);
            }
        }
    }

    /// Gives up waiting for letters that did not end in time.
    pub(super) fn give_up_late(&mut self, release: &mut Release) {
        let in_canaries = concluded(release) < u64::from(self.settings.canaries);
        let limit = if in_canaries { CANARY_LIMIT } else { END_LIMIT };
        let is_late = |of_key: &VecDeque<UnderWay>| {
            of_key
                .front()
                .is_some_and(|first| first.since.elapsed() > limit)
        };
        let late: Vec<Key> = self
            .under_way
            .iter()
            .filter(|(_, of_key)| is_late(of_key))
            .map(|(key, _)| key.clone())
            .collect();
        for key in late {
            let count = self.under_way.remove(&key).map_or(0, |of_key| of_key.len());
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.under_way_count = self.under_way_count.saturating_sub(count);
            release.not_ended = release.not_ended.saturating_add(count.into());
            let words = format!(
                "no end of {} was seen within {} s",
                key.join(" "),
                limit.as_secs()
            );
            release.note_failure(words);
            self.give_up(&key, release);
        }
    }

    /// Why the release must stop, if it must.
    pub(super) fn must_stop(&self, release: &Release) -> Option<String> {
        let failed = release.ended_badly.saturating_add(release.not_ended);
        let in_canaries = concluded(release) <= u64::from(self.settings.canaries);
        if in_canaries && failed > 0 {
            return Some("a canary did not end well; see failures".to_owned());
        }
        (failed > self.settings.failures_max.into())
            .then(|| format!("{failed} letters did not end well; see failures"))
    }

    /// Whether nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        self.ready.is_empty() && self.under_way.is_empty()
    }

    /// The rest of an entity stays where it is: what is older comes first.
    fn give_up(&mut self, key: &Key, release: &mut Release) {
        let rest = self.to_go.remove(key).map_or(0, |rest| rest.len());
        let rest = u64::try_from(rest).unwrap_or(u64::MAX);
        release.skipped = release.skipped.saturating_add(rest);
        release.behind = release.behind.saturating_add(rest);
    }

    fn next_of(&mut self, key: Key) {
        match self.to_go.get(&key) {
            Some(rest) if !rest.is_empty() => self.ready.push_back(key),
            _ => {
                self.to_go.remove(&key);
            }
        }
    }
}

/// Letters whose end is known, or no longer waited for.
fn concluded(release: &Release) -> u64 {
    release
        .ended_well
        .saturating_add(release.ended_badly)
        .saturating_add(release.not_ended)
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
