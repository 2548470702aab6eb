//! What a process knows of storing: what its watch found, and what its own work was refused.
//!
//! The watch's small key may be stored while a work stream is full or frozen, so every publish
//! notes how it ended. Work is only taken while its exits can be stored; now and then it is let
//! through to see whether they can again. Not here: how readiness is told ([`crate::health`]).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contracts::topology::Stream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::trouble::Trouble;

/// How long a refusal keeps work from being taken; then it is tried again.
const RESTS: Duration = Duration::from_secs(10);
/// How long a refusal stands without a success on the same stream. Longer than any pause before a
/// refused message comes again, shorter than anybody would wait for one that was taken away.
const STANDS: Duration = Duration::from_secs(150);

/// Shared by a process's watch and its publishers.
#[derive(Debug)]
pub struct Storing {
    /// As the watch found last.
    can: watch::Sender<bool>,
    /// By the stream's part of the subject.
    refused: Mutex<BTreeMap<String, Refusal>>,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    trouble: Trouble,
    at: Instant,
}

impl Default for Storing {
    fn default() -> Self {
        Self {
            can: watch::Sender::new(true),
            refused: Mutex::default(),
        }
    }
}

impl Storing {
    /// What the watch found.
    pub(crate) fn set(&self, can: bool) {
        self.can
            .send_if_modified(|before| std::mem::replace(before, can) != can);
    }

    /// Notes how a publish ended: `None` stored it.
    pub(crate) fn note(&self, subject: &str, trouble: Option<Trouble>) {
        let stream = subject.split('.').nth(1).unwrap_or_default();
        // The journal is for people and holds up no work.
        if stream == Stream::Journal.token() {
            return;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => {
                let at = Instant::now();
                refused.insert(stream.to_owned(), Refusal { trouble, at });
            }
            // Nearly always there is nothing to forget.
            None if refused.is_empty() => {}
            None => {
                refused.remove(stream);
            }
        }
    }

    /// What work was refused and has not been stored since.
    pub(crate) fn refused(&self) -> Option<Trouble> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, refusal| refusal.at.elapsed() < STANDS);
        refused.values().map(|refusal| refusal.trouble).next()
    }

    /// Returns when work may be taken.
    pub(crate) async fn may_take(&self) {
        // The sender is ours, so the wait ends by a value.
        let _ = self.can.subscribe().wait_for(|can| *can).await;
        if let Some(until) = self.rests_until() {
            tokio::time::sleep_until(until).await;
        }
    }

    fn rests_until(&self) -> Option<Instant> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let last = refused.values().map(|refusal| refusal.at).max()?;
        last.checked_add(RESTS)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const VALIDATED: &str = "tillbook.validated.acme.order.1";

    #[tokio::test(start_paused = true)]
    async fn a_refused_stream_rests_is_tried_again_and_is_forgotten_when_it_stores() {
        let storing = Storing::default();
        assert!(storing.may_take().now_or_never().is_some());
        storing.note(VALIDATED, Some(Trouble::Full));
        assert_eq!(storing.refused(), Some(Trouble::Full));
        assert!(storing.may_take().now_or_never().is_none());
        // Another stream's success says nothing about this one.
        storing.note("tillbook.resolved.acme.order.1", None);
        assert_eq!(storing.refused(), Some(Trouble::Full));
        tokio::time::advance(RESTS).await;
        assert!(storing.may_take().now_or_never().is_some(), "never tried");
        assert_eq!(storing.refused(), Some(Trouble::Full), "told too early");
        storing.note(VALIDATED, None);
        assert_eq!(storing.refused(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_nothing_repeats_does_not_stand_for_ever() {
        let storing = Storing::default();
        storing.note(VALIDATED, Some(Trouble::NotStoring));
        tokio::time::advance(STANDS).await;
        assert_eq!(storing.refused(), None);
    }

    #[tokio::test]
    async fn the_journal_holds_up_no_work() {
        let storing = Storing::default();
        storing.note("tillbook.journal.acme.order.1", Some(Trouble::Full));
        assert_eq!(storing.refused(), None);
        assert!(storing.may_take().now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_the_watch_found_holds_work_up() {
        let storing = Storing::default();
        storing.set(false);
        assert!(storing.may_take().now_or_never().is_none());
        storing.set(true);
        assert!(storing.may_take().now_or_never().is_some());
    }
}
