//! The vendors' clock: the machine's own, until a test steps it.
//!
//! One for the whole process, as one machine has one; both emulators stamp, sign and count by it.
//! Not here: waits, which no step of a wall clock shortens.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Seconds that the vendors are ahead of the machine; behind when negative.
static AHEAD_S: AtomicI64 = AtomicI64::new(0);
/// A day: more than any clock that is still looked after.
const MOST_AHEAD_S: i64 = 86_400;

pub(crate) fn now() -> Timestamp {
    let ahead = SignedDuration::from_secs(AHEAD_S.load(Ordering::Relaxed));
    let machine = Timestamp::now();
    machine.checked_add(ahead).unwrap_or(machine)
}

/// Steps the clock to so many seconds ahead of the machine's (0: the same again).
///
/// # Errors
/// A text for the caller when it is more than a day.
pub(crate) fn step(ahead_s: i64) -> Result<(), String> {
    if !(-MOST_AHEAD_S..=MOST_AHEAD_S).contains(&ahead_s) {
        return Err(format!(
            "ahead_s is {ahead_s}; a clock is stepped by at most {MOST_AHEAD_S} seconds"
        ));
    }
    AHEAD_S.store(ahead_s, Ordering::Relaxed);
    Ok(())
}
