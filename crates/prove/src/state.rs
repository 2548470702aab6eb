//! The progress of a run in a file, so that an interrupted one goes on where it was.
//!
//! Written whole after each day and renamed into place: a crash leaves the file of the day
//! before. Not here: what a day is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::Day;

/// A run that rested for longer begins anew: a proof is of one time.
const OLDEST_S: i64 = 24 * 3600;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// What was asked, terms included. Another question begins anew.
    pub(crate) question: String,
    /// Unix seconds.
    pub(crate) started_at_s: i64,
    /// Finished days by name.
    pub(crate) days: BTreeMap<String, Day>,
}

/// The file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("reading the proof's progress from {path}; delete it to begin anew")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is no progress of a proof; delete it, or name another file")]
    NotOurs { path: PathBuf },
    #[error(
        "writing the proof's progress to {path}; make its folder writable or name another file"
    )]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl State {
    /// The progress in the file when it answers this question and is fresh, else a new one.
    pub(crate) fn open(path: &Path, question: &str, now: Timestamp) -> Result<Self, StateError> {
        let begun = Self {
            question: question.to_owned(),
            started_at_s: now.as_second(),
            days: BTreeMap::new(),
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(begun),
            Err(source) => {
                let path = path.to_owned();
                return Err(StateError::Read { path, source });
            }
        };
        let kept: Self = serde_json::from_str(&text).map_err(|_| StateError::NotOurs {
            path: path.to_owned(),
        })?;
        let age_s = now.as_second().saturating_sub(kept.started_at_s);
        let is_fresh = age_s < OLDEST_S;
        Ok(if is_fresh && kept.question == question {
            kept
        } else {
            begun
        })
    }

    /// Puts the whole progress in place of the old one.
    pub(crate) fn save(&self, path: &Path) -> Result<(), StateError> {
        let failed = |source| StateError::Write {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let beside = path.with_extension("new");
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let write = || {
            let mut file = std::fs::File::create(&beside)?;
            std::io::Write::write_all(&mut file, &text)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        };
        write().map_err(failed)
    }

    /// Forgets the progress of a run that is done.
    pub(crate) fn remove(path: &Path) -> Result<(), StateError> {
        match std::fs::remove_file(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                let path = path.to_owned();
                Err(StateError::Write { path, source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn only_a_fresh_answer_to_the_same_question_is_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proofs/acme.json");
        let now = Timestamp::now();
        let mut state = State::open(&path, "acme January", now).unwrap();
        state.days.insert("2026-01-01".to_owned(), Day::default());
        state.save(&path).unwrap();

        let days = |question, now| State::open(&path, question, now).unwrap().days.len();
        assert_eq!(days("acme January", now), 1);
        assert_eq!(days("acme February", now), 0);
        assert_eq!(days("acme January", now + 25.hours()), 0);
        State::remove(&path).unwrap();
        assert_eq!(days("acme January", now), 0);
        State::remove(&path).unwrap();
    }

    #[test]
    fn a_file_of_something_else_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tillbook.toml");
        std::fs::write(&path, "public_url = 1").unwrap();
        let opened = State::open(&path, "acme", Timestamp::now());
        assert!(matches!(opened, Err(StateError::NotOurs { .. })));
    }
}
