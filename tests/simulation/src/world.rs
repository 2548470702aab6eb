//! What the parts of one schedule share: its time, its chance, what struck, what went wrong.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use crate::fault::{Fault, Rates};
use crate::plant::Plant;
use crate::process::Life;
use crate::streams::Ticket;

/// The moment every schedule begins: 2027-01-15T08:00Z, after every order of the library.
const BEGIN_MS: u64 = 1_800_000_000_000;

/// Lines of a trace that are kept.
const TRACE_MAX: usize = 20_000;

tokio::task_local! {
    /// The process on whose behalf the current task works.
    pub(crate) static AT: Arc<Life>;
    /// The delivery that the current task works on.
    pub(crate) static TICKET: Arc<Ticket>;
}

/// The world of one schedule.
#[derive(Debug)]
pub(crate) struct World {
    state: Mutex<State>,
    began: Instant,
    pub(crate) plant: Option<Plant>,
    /// `deliver.settle_ms` of every process.
    pub(crate) settle: Duration,
    traced: bool,
}

#[derive(Debug)]
struct State {
    chance: StdRng,
    rates: Rates,
    calm: bool,
    struck: BTreeMap<Fault, u64>,
    trace: Vec<String>,
    broken: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64, plant: Option<Plant>, calm: bool, traced: bool) -> Arc<Self> {
        let mut chance = StdRng::seed_from_u64(seed);
        let rates = if calm {
            Rates::none()
        } else {
            Rates::draw(&mut chance)
        };
        let settle = if chance.random_range(0..3) == 0 {
            Duration::from_secs(4)
        } else {
            Duration::from_secs(30)
        };
        Arc::new(Self {
            state: Mutex::new(State {
                chance,
                rates,
                calm,
                struck: BTreeMap::new(),
                trace: Vec::new(),
                broken: Vec::new(),
            }),
            began: Instant::now(),
            plant,
            settle,
            traced,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this occasion is struck; counted when it is.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        let struck = self.draws(fault);
        if struck {
            self.count(fault);
        }
        struck
    }

    /// The same, to be counted once it has really come to it.
    pub(crate) fn draws(&self, fault: Fault) -> bool {
        let mut state = self.lock();
        if state.calm {
            return false;
        }
        match state.rates.of(fault) {
            Some(one_in) => state.chance.random_range(0..one_in) == 0,
            None => false,
        }
    }

    /// Counts a fault that the schedule brought about itself.
    pub(crate) fn count(&self, fault: Fault) {
        *self.lock().struck.entry(fault).or_default() += 1;
    }

    /// Evenly from `least` to `most`, both included.
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        self.lock().chance.random_range(least..=most.max(least))
    }

    pub(crate) fn millis(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.lock().calm
    }

    /// From now on nothing strikes.
    pub(crate) fn calm(&self) {
        self.lock().calm = true;
    }

    /// Unix milliseconds by the clock of servers and vendors, which never steps.
    pub(crate) fn now_ms(&self) -> u64 {
        let passed = self.began.elapsed().as_millis();
        BEGIN_MS.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// Whether any of the ledger was lost so far.
    pub(crate) fn has_lost_ledger(&self) -> bool {
        let state = self.lock();
        let losses = [Fault::LedgerLost, Fault::LedgerRestored, Fault::EntryLost];
        losses.iter().any(|loss| state.struck.contains_key(loss))
    }

    /// A line of the trace; made only when somebody will read it.
    pub(crate) fn trace(&self, line: impl FnOnce() -> String) {
        if !self.traced {
            return;
        }
        let at = self.began.elapsed();
        let who = AT.try_with(|life| life.name.clone());
        let who = who.unwrap_or_else(|_| "-".to_owned());
        let mut state = self.lock();
        if state.trace.len() < TRACE_MAX {
            let line = format!("{:>10.3} s  {who:<4} {}", at.as_secs_f64(), line());
            state.trace.push(line);
        }
    }

    /// Something that must never happen has happened.
    pub(crate) fn broken(&self, what: String) {
        self.trace(|| format!("BROKEN: {what}"));
        self.lock().broken.push(what);
    }

    pub(crate) fn is_broken(&self) -> bool {
        !self.lock().broken.is_empty()
    }

    /// What went wrong, what struck, and the trace.
    pub(crate) fn end(&self) -> (Vec<String>, BTreeMap<Fault, u64>, Vec<String>) {
        let mut state = self.lock();
        (
            std::mem::take(&mut state.broken),
            std::mem::take(&mut state.struck),
            std::mem::take(&mut state.trace),
        )
    }
}

/// Time and chance as the processes of a schedule see them.
struct Seen {
    world: Arc<World>,
    drawn: Cell<u64>,
}

impl ambient::Surroundings for Seen {
    fn now_ms(&self) -> u64 {
        let skew_ms = AT.try_with(|life| life.skew_ms()).unwrap_or(0);
        self.world.now_ms().saturating_add_signed(skew_ms)
    }

    fn random(&self) -> u64 {
        // Of its own, so that jitter does not shift which faults strike.
        let next = self.drawn.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.drawn.set(next);
        StdRng::seed_from_u64(next).random()
    }
}

/// Puts the world around this thread until the guard goes.
pub(crate) fn surround(world: &Arc<World>, seed: u64) -> ambient::Guard {
    ambient::surround(Rc::new(Seen {
        world: Arc::clone(world),
        drawn: Cell::new(seed),
    }))
}
