//! Leaves a vendor alone that does not answer, and tries it again with one call at a time.
//!
//! Closed while the vendor answers, with whatever it answers; open after several calls in a row
//! that got no usable answer; half open while one call tries whether that has passed. State of one
//! client in one process. Not here: what happens to the work meanwhile (`stage`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Transient, VendorError};

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Calls in a row without a usable answer.
    pub failures: u32,
    /// How long it stays open at first; each failed try doubles it.
    pub open_min: Duration,
    pub open_max: Duration,
    /// People are told when the vendor has not answered for so long.
    pub alert_after: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 8,
            open_min: Duration::from_secs(1),
            open_max: Duration::from_secs(30),
            alert_after: Duration::from_secs(300),
        }
    }
}

/// What a breaker does, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    Opened {
        tried_again_in: Duration,
    },
    /// One call tries the vendor.
    Tries,
    Closed {
        after: Duration,
    },
    /// It has been open for long; told once each time.
    LongOpen {
        since: Duration,
    },
}

/// Watches breakers; called synchronously, must not block.
pub trait BreakerWatch: Send + Sync {
    fn changed(&self, change: BreakerChange);
}

/// The breaker of one client.
pub(crate) struct Breaker {
    settings: BreakerSettings,
    watch: Option<Arc<dyn BreakerWatch>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// `None` while closed.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: Instant,
    until: Instant,
    /// How long it is open this time.
    length: Duration,
    is_trying: bool,
    /// Calls that were turned away since the last try, so that they return one after the other.
    turned_away: u32,
    is_told: bool,
}

impl Open {
    /// After how long to come again; `None` for the one call that tries.
    fn turn_away(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if now >= self.until && !self.is_trying {
            return None;
        }
        let left = self.until.saturating_duration_since(now);
        // One after the other over as long again, so that they do not come in one wave.
        let place = self.turned_away % TURNED_AWAY_SPREAD;
        self.turned_away = self.turned_away.wrapping_add(1);
        let step = self.length / TURNED_AWAY_SPREAD;
        let after = left.saturating_add(step.saturating_mul(place));
        Some(after.max(SHORTEST_WAIT))
    }
}

/// A call that was let through. Dropped without a verdict it says nothing.
pub(crate) struct Through<'a> {
    breaker: &'a Breaker,
    is_try: bool,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings, watch: Option<Arc<dyn BreakerWatch>>) -> Self {
        Self {
            settings,
            watch,
            state: Mutex::default(),
        }
    }

    /// Lets a call through, or says after how long to come again.
    pub(crate) fn enter(&self) -> Result<Through<'_>, VendorError> {
        {
            let mut state = self.lock();
            let Some(open) = &mut state.open else {
                return Ok(self.through(false));
            };
            if let Some(after) = open.turn_away() {
                return Err(VendorError::CircuitOpen { after });
            }
            open.is_trying = true;
        }
        self.tell(BreakerChange::Tries);
        Ok(self.through(true))
    }

    fn through(&self, is_try: bool) -> Through<'_> {
        Through {
            breaker: self,
            is_try,
        }
    }

    fn answered(&self) {
        let mut state = self.lock();
        state.failures = 0;
        let Some(open) = state.open.take() else {
            return;
        };
        drop(state);
        let after = open.since.elapsed();
        self.tell(BreakerChange::Closed { after });
    }

    fn failed(&self, is_try: bool) {
        let (open, is_long) = {
            let mut state = self.lock();
            state.failures = state.failures.saturating_add(1);
            let Some(open) = self.opened(&mut state, is_try) else {
                return;
            };
            let is_long = !open.is_told && open.since.elapsed() >= self.settings.alert_after;
            open.is_told |= is_long;
            (*open, is_long)
        };
        let tried_again_in = open.length;
        self.tell(BreakerChange::Opened { tried_again_in });
        if is_long {
            let since = open.since.elapsed();
            self.tell(BreakerChange::LongOpen { since });
        }
    }

    /// Open as of this failure; `None` when it changes nothing.
    fn opened<'s>(&self, state: &'s mut State, is_try: bool) -> Option<&'s mut Open> {
        let now = Instant::now();
        match &mut state.open {
            // Calls that were under way when it opened say nothing new.
            Some(_) if !is_try => None,
            Some(open) => {
                open.length = open.length.saturating_mul(2).min(self.settings.open_max);
                open.until = now + open.length;
                open.is_trying = false;
                open.turned_away = 0;
                Some(open)
            }
            None if state.failures < self.settings.failures => None,
            closed @ None => Some(closed.insert(Open {
                since: now,
                until: now + self.settings.open_min,
                length: self.settings.open_min,
                is_trying: false,
                turned_away: 0,
                is_told: false,
            })),
        }
    }

    fn tell(&self, change: BreakerChange) {
        if let Some(watch) = &self.watch {
            watch.changed(change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those who are turned away return in so many steps.
const TURNED_AWAY_SPREAD: u32 = 64;
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

impl Through<'_> {
    /// What came of the call. A refusal is an answer: only silence and breakdown count.
    pub(crate) fn ended<T>(mut self, result: &Result<T, VendorError>) {
        let is_try = std::mem::take(&mut self.is_try);
        match result {
            Err(error) if is_breakdown(error) => self.breaker.failed(is_try),
            _ => self.breaker.answered(),
        }
    }
}

impl Drop for Through<'_> {
    fn drop(&mut self) {
        // A try that never came to its end: the next caller tries.
        if self.is_try
            && let Some(open) = &mut self.breaker.lock().open
        {
            open.is_trying = false;
        }
    }
}

/// Whether a call got no usable answer, so that nothing its reply says can be relied on.
pub(crate) fn is_breakdown(error: &VendorError) -> bool {
    match error {
        VendorError::RetryLater { cause } | VendorError::UnknownOutcome { cause } => {
            // An answer that could not be read was one.
            !matches!(cause, Transient::Garbled | Transient::Moved)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        open_min: Duration::from_secs(1),
        open_max: Duration::from_secs(4),
        alert_after: Duration::from_secs(6),
    };

    #[derive(Default)]
    struct Seen(Mutex<Vec<BreakerChange>>);

    impl BreakerWatch for Seen {
        fn changed(&self, change: BreakerChange) {
            self.0.lock().unwrap().push(change);
        }
    }

    fn breaker() -> (Breaker, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        (Breaker::new(SETTINGS, Some(seen.clone())), seen)
    }

    fn away() -> Result<(), VendorError> {
        Err(VendorError::RetryLater {
            cause: Transient::Timeout,
        })
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.enter().ok().unwrap().ended(&away());
        }
    }

    fn turned_away(breaker: &Breaker) -> Duration {
        match breaker.enter() {
            Err(VendorError::CircuitOpen { after }) => after,
            _ => panic!("let through"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_only_then() {
        let (breaker, _) = breaker();
        fail(&breaker, 2);
        let refused = Err::<(), _>(VendorError::Rejected {
            status: 422,
            errors: vec![],
        });
        breaker.enter().ok().unwrap().ended(&refused);
        fail(&breaker, 2);
        assert!(breaker.enter().is_ok(), "a refusal is an answer");
        fail(&breaker, 1);
        assert!(turned_away(&breaker) <= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_at_a_time_tries_and_an_answer_closes() {
        let (breaker, seen) = breaker();
        fail(&breaker, 3);
        tokio::time::advance(Duration::from_millis(1001)).await;
        let trying = breaker.enter().ok().unwrap();
        turned_away(&breaker);
        drop(trying);
        let trying = breaker.enter().ok().unwrap();
        trying.ended(&Ok(()));
        assert!(breaker.enter().is_ok() && breaker.enter().is_ok());
        let seen = seen.0.lock().unwrap();
        assert!(matches!(seen.last(), Some(BreakerChange::Closed { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn each_failed_try_doubles_the_pause_and_a_long_one_is_told_once() {
        let (breaker, seen) = breaker();
        fail(&breaker, 3);
        for pause_s in [1_u64, 2, 4, 4, 4] {
            tokio::time::advance(Duration::from_millis(pause_s * 1000 - 1)).await;
            turned_away(&breaker);
            tokio::time::advance(Duration::from_millis(2)).await;
            fail(&breaker, 1);
        }
        let told = |change: &&BreakerChange| matches!(change, BreakerChange::LongOpen { .. });
        assert_eq!(seen.0.lock().unwrap().iter().filter(told).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn those_turned_away_do_not_return_in_one_wave() {
        let (breaker, _) = breaker();
        fail(&breaker, 3);
        let waits: std::collections::BTreeSet<Duration> =
            (0..64).map(|_| turned_away(&breaker)).collect();
        assert!(waits.len() > 32, "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_under_way_when_it_opened_do_not_lengthen_it() {
        let (breaker, _) = breaker();
        let late: Vec<_> = (0..5).map(|_| breaker.enter().ok().unwrap()).collect();
        fail(&breaker, 3);
        for call in late {
            call.ended(&away());
        }
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert!(breaker.enter().is_ok());
    }
}
