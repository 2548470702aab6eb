//! The time of day and chance, as a process finds them: the one place that asks the machine.
//!
//! Code that must run under the simulation asks here and not the machine, so that a simulation
//! can give its thread a clock and a source of chance of its own. Durations are not here: those
//! are tokio's, whose clock can be paused.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a thread finds in place of the machine's own.
pub trait Surroundings {
    /// Unix milliseconds now.
    fn now_ms(&self) -> u64;
    /// The next number of a source of chance.
    fn random(&self) -> u64;
}

thread_local! {
    static GIVEN: RefCell<Option<Rc<dyn Surroundings>>> = const { RefCell::new(None) };
}

/// Unix milliseconds now.
pub fn now_ms() -> u64 {
    given().map_or_else(machine_now_ms, |given| given.now_ms())
}

/// An evenly drawn number. Not for secrets.
pub fn random() -> u64 {
    given().map_or_else(rand::random, |given| given.random())
}

/// Gives this thread other surroundings until the guard is dropped.
#[must_use]
pub fn surround(surroundings: Rc<dyn Surroundings>) -> Guard {
    let before = GIVEN.with(|given| given.borrow_mut().replace(surroundings));
    Guard { before }
}

/// Puts the earlier surroundings back when it is dropped.
pub struct Guard {
    before: Option<Rc<dyn Surroundings>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let before = self.before.take();
        GIVEN.with(|given| *given.borrow_mut() = before);
    }
}

fn given() -> Option<Rc<dyn Surroundings>> {
    GIVEN.with(|given| given.borrow().clone())
}

fn machine_now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl Surroundings for Still {
        fn now_ms(&self) -> u64 {
            7
        }

        fn random(&self) -> u64 {
            9
        }
    }

    #[test]
    fn surroundings_hold_for_their_thread_until_their_guard_goes() {
        let guard = surround(Rc::new(Still));
        assert_eq!((now_ms(), random()), (7, 9));
        std::thread::spawn(|| assert_ne!(now_ms(), 7))
            .join()
            .unwrap();
        drop(guard);
        assert_ne!(now_ms(), 7);
    }
}
