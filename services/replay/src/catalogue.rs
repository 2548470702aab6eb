//! The letters that rest, in memory: read once, then caught up before every answer.
//!
//! Whoever asks sees everything that was stored before the question, in whichever process; what
//! it costs is what is new. Payloads stay in the stream. Not here: what is done with letters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_nats::jetstream;
use contracts::cause;
use contracts::dead_letter::{Cause, DeadLetter, DeadLetterKind};
use contracts::topology::Stream;
use prost::Message;
use tokio::sync::{Mutex, MutexGuard};
use tracing::warn;

use crate::error::Error;
use crate::states::{Fate, State, States};
use crate::streams;

/// Letters kept in memory; more rest in the stream and are taken up after a restart, when others
/// were settled.
const RESTING_MAX: usize = 500_000;
/// A release that has not ended after this long belongs to a process that died.
const RELEASING_MAX_MS: u64 = 60_000;

/// Connection, entity and its id.
pub(crate) type Key = [String; 3];

/// What is known of a letter without its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Resting {
    /// In the stream of dead letters.
    pub(crate) sequence: u64,
    pub(crate) id: String,
    pub(crate) stage: String,
    pub(crate) kind: &'static str,
    pub(crate) key: Key,
    pub(crate) event_id: String,
    pub(crate) attempts: u32,
    pub(crate) dead_at_ms: u64,
    pub(crate) codes: Vec<String>,
    /// Of the first reason.
    pub(crate) message: String,
    pub(crate) cause: Cause,
    pub(crate) is_edited: bool,
    /// Unix milliseconds at which a process began to release it.
    releasing_since_ms: Option<u64>,
}

impl Resting {
    pub(crate) fn of(sequence: u64, letter: DeadLetter) -> Self {
        let cause = cause::of(&letter);
        let message = letter.reasons.first().map(|reason| reason.message.clone());
        Self {
            sequence,
            kind: kind_word(letter.kind()),
            stage: letter.stage,
            key: [letter.connection, letter.entity, letter.entity_id],
            id: letter.dead_letter_id,
            event_id: letter.event_id,
            attempts: letter.attempts,
            dead_at_ms: letter.dead_at_ms,
            codes: letter
                .reasons
                .into_iter()
                .map(|reason| reason.code)
                .collect(),
            message: message.unwrap_or_default(),
            cause,
            is_edited: false,
            releasing_since_ms: None,
        }
    }

    /// Whether no process is about to release it.
    pub(crate) fn is_free(&self, now_ms: u64) -> bool {
        self.releasing_since_ms
            .is_none_or(|since| now_ms.saturating_sub(since) > RELEASING_MAX_MS)
    }
}

/// The kind in one word, as filters and answers say it.
pub(crate) fn kind_word(kind: DeadLetterKind) -> &'static str {
    match kind {
        DeadLetterKind::Held => "held",
        DeadLetterKind::Rejected => "rejected",
        DeadLetterKind::Exhausted => "exhausted",
        DeadLetterKind::Unreadable => "unreadable",
        DeadLetterKind::Unspecified => "unknown",
    }
}

/// The letters that rest, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    by_sequence: BTreeMap<u64, Resting>,
    by_id: HashMap<String, u64>,
    by_key: HashMap<Key, BTreeSet<u64>>,
    /// Read up to here, in the letters' stream and in the states'.
    letters_read: u64,
    states_read: u64,
    /// When the letters' stream was made; one that is made anew begins its sequences again.
    made_at: Option<String>,
}

impl Letters {
    /// All of them, oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Resting> {
        self.by_sequence.values()
    }

    /// The letter of an id, if it rests.
    pub(crate) fn of_id(&self, id: &str) -> Option<&Resting> {
        self.by_sequence.get(self.by_id.get(id)?)
    }

    /// Those of one entity, oldest first.
    pub(crate) fn of_key(&self, key: &Key) -> impl Iterator<Item = &Resting> {
        let sequences = self.by_key.get(key).into_iter().flatten();
        sequences.filter_map(|sequence| self.by_sequence.get(sequence))
    }

    /// Those stored after a sequence, oldest first.
    pub(crate) fn after(&self, sequence: u64) -> impl Iterator<Item = &Resting> {
        let range = sequence.saturating_add(1)..;
        self.by_sequence.range(range).map(|(_, letter)| letter)
    }

    /// The last sequence that was read.
    pub(crate) fn end(&self) -> u64 {
        self.letters_read
    }

    fn add(&mut self, letter: Resting) {
        // A letter that was stored twice is the older one.
        if self.by_id.contains_key(&letter.id) || self.by_sequence.len() >= RESTING_MAX {
            return;
        }
        let sequence = letter.sequence;
        self.by_id.insert(letter.id.clone(), sequence);
        let of_key = self.by_key.entry(letter.key.clone()).or_default();
        of_key.insert(sequence);
        self.by_sequence.insert(sequence, letter);
    }

    fn remove(&mut self, sequence: u64) {
        let Some(letter) = self.by_sequence.remove(&sequence) else {
            return;
        };
        self.by_id.remove(&letter.id);
        if let Some(of_key) = self.by_key.get_mut(&letter.key) {
            of_key.remove(&sequence);
            if of_key.is_empty() {
                self.by_key.remove(&letter.key);
            }
        }
    }

    /// Takes in a state; the sequence of a letter that was purged and is still stored.
    fn apply(&mut self, id: &str, state: &State) -> Option<u64> {
        let sequence = *self.by_id.get(id)?;
        if state.fate.is_settled() {
            self.remove(sequence);
            return (state.fate == Fate::Purged).then_some(sequence);
        }
        if let Some(letter) = self.by_sequence.get_mut(&sequence) {
            letter.is_edited = !state.edits.is_empty();
            letter.releasing_since_ms = (state.fate == Fate::Releasing).then_some(state.at_ms);
        }
        None
    }

    fn forget_before(&mut self, first_sequence: u64) {
        let kept = self.by_sequence.split_off(&first_sequence);
        let gone: Vec<u64> = self.by_sequence.keys().copied().collect();
        self.by_sequence.extend(kept);
        for sequence in gone {
            self.remove(sequence);
        }
    }
}

/// The catalogue of one process.
#[derive(Debug)]
pub(crate) struct Catalogue {
    jetstream: jetstream::Context,
    letters: Mutex<Letters>,
}

const WHAT: &str = "reading how far the letters go";

impl Catalogue {
    /// An empty one; the first question fills it.
    pub(crate) fn new(jetstream: jetstream::Context) -> Self {
        Self {
            jetstream,
            letters: Mutex::default(),
        }
    }

    /// The letters that rest now. The lock is for a look, not for work.
    pub(crate) async fn now(&self) -> Result<MutexGuard<'_, Letters>, Error> {
        let mut letters = self.letters.lock().await;
        self.catch_up(&mut letters).await?;
        Ok(letters)
    }

    /// Takes letters out whose purge is done, so that they are not looked at again.
    pub(crate) async fn forget(&self, sequences: &[u64]) {
        let mut letters = self.letters.lock().await;
        for sequence in sequences {
            letters.remove(*sequence);
        }
    }

    async fn catch_up(&self, letters: &mut Letters) -> Result<(), Error> {
        let name = Stream::DeadLetters.name();
        let stream = self.jetstream.get_stream(name).await;
        let stream = stream.map_err(Error::nats(WHAT))?;
        let info = stream.cached_info();
        let made_at = info.created.to_string();
        if letters.made_at.as_ref() != Some(&made_at) {
            *letters = Letters {
                made_at: Some(made_at),
                ..Letters::default()
            };
        }
        letters.forget_before(info.state.first_sequence);
        if info.state.last_sequence > letters.letters_read {
            // What did not come in time is read the next time.
            if self.read_letters(letters).await? {
                letters.letters_read = letters.letters_read.max(info.state.last_sequence);
            }
        }
        for sequence in self.read_states(letters).await? {
            // A purge that was cut off between its record and this.
            if let Err(error) = stream.delete_message(sequence).await {
                warn!(error = %error, sequence, "a purged letter could not be taken out again");
            }
        }
        Ok(())
    }

    async fn read_letters(&self, letters: &mut Letters) -> Result<bool, Error> {
        let name = Stream::DeadLetters.name();
        let from = letters.letters_read.saturating_add(1);
        let filter = Stream::DeadLetters.filter();
        streams::read(&self.jetstream, name, filter, from, |sequence, message| {
            match DeadLetter::decode(message.payload.clone()) {
                Ok(letter) => letters.add(Resting::of(sequence, letter)),
                // One broken letter must not keep all others from being released.
                Err(error) => {
                    warn!(error = %error, subject = %message.subject, "a dead letter is not readable");
                }
            }
            letters.letters_read = letters.letters_read.max(sequence);
            true
        })
        .await
    }

    /// The sequences of letters that were purged and are still stored.
    async fn read_states(&self, letters: &mut Letters) -> Result<Vec<u64>, Error> {
        let (name, filter) = States::stream();
        let stream = self.jetstream.get_stream(&name).await;
        let stream = stream.map_err(Error::nats(WHAT))?;
        let last = stream.cached_info().state.last_sequence;
        let mut left_over = Vec::new();
        if last <= letters.states_read {
            return Ok(left_over);
        }
        let from = letters.states_read.saturating_add(1);
        let read = streams::read(&self.jetstream, &name, filter, from, |sequence, message| {
            let id = States::letter_of(&message.subject);
            match (id, serde_json::from_slice(&message.payload)) {
                (Some(id), Ok(state)) => left_over.extend(letters.apply(id, &state)),
                _ => warn!(subject = %message.subject, "what became of a letter is not readable"),
            }
            letters.states_read = letters.states_read.max(sequence);
            true
        })
        .await?;
        if read {
            letters.states_read = letters.states_read.max(last);
        }
        Ok(left_over)
    }
}
