//! A request window as a vendor reports it: how much is left, and until when.
//!
//! All clones of a client share one. It trusts the vendor's figures, subtracts the calls that
//! are under way, and never waits longer than told. Without the budget that all processes share it
//! is also what keeps this process within its own part of each window. Not here: header names, and
//! sharing between processes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Replies of one window name its end with this much scatter (whole seconds, transit time).
const SAME_WINDOW: Duration = Duration::from_millis(1500);

/// Calls of a process that has its part of a window, before it knows how large the window is.
const UNKNOWN_QUOTA: u64 = 60;
const UNKNOWN_LENGTH: Duration = Duration::from_secs(60);

/// What is known of a vendor's current window.
#[derive(Debug, Default)]
pub(crate) struct Window {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    in_flight: u64,
    /// Calls let in since the window began.
    taken: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    left: u64,
    quota: Option<u64>,
    resets_at: Instant,
    /// The longest rest of a window that was told.
    length: Duration,
    /// The last window is over and no reply has told of the next.
    is_guess: bool,
}

/// What a reply said about the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) left: u64,
    pub(crate) quota: Option<u64>,
    pub(crate) resets_in: Duration,
}

/// How a caller wants to enter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Calls the caller is about to make.
    pub(crate) calls: u64,
    /// Requests left for others who share the window.
    pub(crate) reserve: u64,
    pub(crate) max_wait: Duration,
    /// False: only whether there is room.
    pub(crate) takes: bool,
}

/// A call under way; dropping it ends it.
pub(crate) struct Permit<'a>(&'a Window);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
    }
}

impl Window {
    /// A permit, after a wait of at most `max_wait`; otherwise how long the window stays shut.
    ///
    /// `leaves_percent` of it is left to more urgent work while that may still come. `percent` of each
    /// window is all that this process takes; 100 is alone with the vendor.
    pub(crate) async fn enter(
        &self,
        entry: Entry,
        leaves_percent: u64,
        percent: u64,
    ) -> Result<Permit<'_>, Duration> {
        let give_up_at = Instant::now() + entry.max_wait;
        loop {
            let opens_at = {
                let mut state = self.lock();
                state.roll(Instant::now(), percent);
                match state.shut_until(entry, leaves_percent, percent) {
                    None => {
                        state.let_in(entry);
                        return Ok(Permit(self));
                    }
                    Some(opens_at) => opens_at,
                }
            };
            if opens_at > give_up_at {
                return Err(opens_at.saturating_duration_since(Instant::now()));
            }
            tokio::time::sleep_until(opens_at).await;
        }
    }

    /// A permit for a call that somebody else has let in.
    pub(crate) fn count(&self, entry: Entry) -> Permit<'_> {
        self.lock().let_in(entry);
        Permit(self)
    }

    /// Takes over what a reply said.
    pub(crate) fn learn(&self, told: Told) {
        let now = Instant::now();
        let resets_at = now + told.resets_in;
        let mut state = self.lock();
        let known = state.known;
        let is_same = |known: &Known| {
            !known.is_guess && known.resets_at > now && close(known.resets_at, resets_at)
        };
        let same = known.filter(is_same);
        // Replies overtake each other: in one window the lowest figure is the latest.
        let left = same.map_or(told.left, |known| known.left.min(told.left));
        if same.is_none() && !known.is_some_and(|known| known.is_guess) {
            state.taken = state.in_flight;
        }
        let length = known.map_or(told.resets_in, |known| known.length.max(told.resets_in));
        state.known = Some(Known {
            left,
            quota: told.quota.or(known.and_then(|known| known.quota)),
            resets_at,
            length,
            is_guess: false,
        });
    }

    /// Shuts the window: the vendor refused a call.
    pub(crate) fn shut(&self, duration: Duration) {
        let mut state = self.lock();
        let known = state.known;
        state.known = Some(Known {
            left: 0,
            quota: known.and_then(|known| known.quota),
            resets_at: Instant::now() + duration,
            length: known.map_or(UNKNOWN_LENGTH, |known| known.length),
            is_guess: false,
        });
    }

    /// What is left and for how long; `None` when unknown or over.
    pub(crate) fn snapshot(&self) -> Option<(u64, Duration)> {
        let known = self.lock().known.filter(|known| !known.is_guess)?;
        let remaining = known.resets_at.checked_duration_since(Instant::now())?;
        Some((known.left, remaining))
    }

    /// How many calls a whole window takes, as far as the vendor ever said.
    pub(crate) fn quota(&self) -> Option<u64> {
        self.lock().known?.quota
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn let_in(&mut self, entry: Entry) {
        self.in_flight += 1;
        if entry.takes {
            self.taken = self.taken.saturating_add(entry.calls);
        }
    }

    /// Begins the next window as a guess when the known one is over, so that a process with a part
    /// of each window keeps to it although no reply has told of this one.
    fn roll(&mut self, now: Instant, percent: u64) {
        if percent >= 100 {
            return;
        }
        let over = match self.known {
            None => Some((None, UNKNOWN_LENGTH)),
            Some(known) if known.resets_at <= now => Some((known.quota, known.length)),
            Some(_) => None,
        };
        if let Some((quota, length)) = over {
            self.taken = self.in_flight;
            self.known = Some(Known {
                left: u64::MAX,
                quota,
                resets_at: now + length,
                length,
                is_guess: true,
            });
        }
    }

    fn shut_until(&self, entry: Entry, leaves_percent: u64, percent: u64) -> Option<Instant> {
        let known = self.known?;
        let now = Instant::now();
        if known.resets_at <= now {
            return None;
        }
        // In a small window a fixed reserve would leave nothing to use.
        let quota = known.quota.unwrap_or(u64::MAX);
        let calls = entry.calls.min(quota / 4).max(1);
        let mut reserve = entry.reserve.min(quota / 10);
        if known.quota.is_some() {
            reserve = reserve.saturating_add(known.left_to_others(quota, leaves_percent, now));
        }
        let wanted = reserve.saturating_add(calls).saturating_add(self.in_flight);
        let mine = (known.quota.unwrap_or(UNKNOWN_QUOTA).saturating_mul(percent) / 100).max(1);
        let is_over_mine = percent < 100 && self.taken.saturating_add(calls) > mine.max(calls);
        (known.left < wanted || is_over_mine).then_some(known.resets_at)
    }
}

impl Known {
    /// What less urgent work leaves to more urgent: less and less towards the window's end.
    fn left_to_others(&self, quota: u64, percent: u64, now: Instant) -> u64 {
        let rest = self
            .resets_at
            .saturating_duration_since(now)
            .min(self.length);
        let share = quota.saturating_mul(percent) / 100;
        let length_ms = u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX);
        let rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
        share.saturating_mul(rest_ms) / length_ms.max(1)
    }
}

fn close(a: Instant, b: Instant) -> bool {
    let apart = if a > b { a - b } else { b - a };
    apart <= SAME_WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_WAIT: Entry = Entry {
        calls: 1,
        reserve: 0,
        max_wait: Duration::ZERO,
        takes: true,
    };

    async fn enter(window: &Window, entry: Entry) -> Result<Permit<'_>, Duration> {
        window.enter(entry, 0, 100).await
    }

    fn told(left: u64, resets_in: Duration) -> Told {
        Told {
            left,
            quota: None,
            resets_in,
        }
    }

    #[tokio::test]
    async fn calls_under_way_count_against_what_is_left() {
        let window = Window::default();
        window.learn(told(2, Duration::from_secs(30)));
        let first = enter(&window, NO_WAIT).await.ok().unwrap();
        let _second = enter(&window, NO_WAIT).await.ok().unwrap();
        assert!(enter(&window, NO_WAIT).await.is_err());
        drop(first);
        assert!(enter(&window, NO_WAIT).await.is_ok());
    }

    #[tokio::test]
    async fn a_shut_window_is_waited_for_within_the_bound_and_otherwise_named() {
        let window = Window::default();
        window.shut(Duration::from_secs(30));
        let wait = enter(&window, NO_WAIT).await.err().unwrap();
        assert!(wait > Duration::from_secs(25) && wait <= Duration::from_secs(30));
        window.shut(Duration::from_millis(20));
        let patient = Entry {
            max_wait: Duration::from_secs(5),
            ..NO_WAIT
        };
        assert!(enter(&window, patient).await.is_ok());
    }

    #[tokio::test]
    async fn a_late_reply_does_not_reopen_the_same_window() {
        let window = Window::default();
        window.learn(told(0, Duration::from_secs(30)));
        window.learn(told(9, Duration::from_secs(30)));
        assert!(enter(&window, NO_WAIT).await.is_err());
        window.learn(told(9, Duration::from_secs(50)));
        assert!(enter(&window, NO_WAIT).await.is_ok());
    }

    #[tokio::test]
    async fn a_small_quota_is_not_eaten_by_the_reserve() {
        let window = Window::default();
        window.learn(Told {
            left: 3,
            quota: Some(8),
            resets_in: Duration::from_secs(30),
        });
        let greedy = Entry {
            calls: 6,
            reserve: 2,
            max_wait: Duration::ZERO,
            takes: true,
        };
        assert!(enter(&window, greedy).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lower_class_leaves_a_part_that_shrinks_towards_the_end() {
        let window = Window::default();
        window.learn(Told {
            left: 28,
            quota: Some(100),
            resets_in: Duration::from_secs(60),
        });
        let backfill = async || window.enter(NO_WAIT, 30, 100).await.is_ok();
        assert!(!backfill().await, "30 of 100 are left to others");
        assert!(window.enter(NO_WAIT, 10, 100).await.is_ok());
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(backfill().await, "half of the window is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_keeps_to_its_part_of_each_window_known_or_not() {
        let window = Window::default();
        let enter = async || window.enter(NO_WAIT, 0, 20).await.map(drop).is_ok();
        let mut let_in = 0;
        while enter().await {
            let_in += 1;
        }
        assert_eq!(
            let_in, 12,
            "a fifth of what is thought while nothing is known"
        );
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(enter().await);
        window.learn(Told {
            left: 249,
            quota: Some(250),
            resets_in: Duration::from_secs(60),
        });
        let mut let_in = 1;
        while enter().await {
            let_in += 1;
        }
        assert_eq!(let_in, 50);
        tokio::time::advance(Duration::from_secs(61)).await;
        let mut let_in = 0;
        while enter().await {
            let_in += 1;
        }
        assert_eq!(let_in, 50, "nobody told of the next window");
    }
}
