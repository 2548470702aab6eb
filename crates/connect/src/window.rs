//! A request window as a vendor reports it: how much is left, and until when.
//!
//! All clones of a client share one. It trusts the vendor's figures, subtracts the calls that
//! are under way, and never waits longer than told. Not here: header names, and sharing between
//! processes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Replies of one window name its end with this much scatter (whole seconds, transit time).
const SAME_WINDOW: Duration = Duration::from_millis(1500);

/// What is known of a vendor's current window.
#[derive(Debug, Default)]
pub(crate) struct Window {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    in_flight: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    left: u64,
    quota: Option<u64>,
    resets_at: Instant,
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
    pub(crate) async fn enter(&self, entry: Entry) -> Result<Permit<'_>, Duration> {
        let give_up_at = Instant::now() + entry.max_wait;
        loop {
            let opens_at = {
                let mut state = self.lock();
                match state.shut_until(entry) {
                    None => {
                        state.in_flight += 1;
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

    /// Takes over what a reply said.
    pub(crate) fn learn(&self, told: Told) {
        let now = Instant::now();
        let resets_at = now + told.resets_in;
        let mut state = self.lock();
        let left = match state.known {
            // Replies overtake each other: in one window the lowest figure is the latest.
            Some(known) if known.resets_at > now && close(known.resets_at, resets_at) => {
                known.left.min(told.left)
            }
            _ => told.left,
        };
        let quota = told.quota.or(state.known.and_then(|known| known.quota));
        state.known = Some(Known {
            left,
            quota,
            resets_at,
        });
    }

    /// Shuts the window: the vendor refused a call.
    pub(crate) fn shut(&self, duration: Duration) {
        let mut state = self.lock();
        let quota = state.known.and_then(|known| known.quota);
        state.known = Some(Known {
            left: 0,
            quota,
            resets_at: Instant::now() + duration,
        });
    }

    /// What is left and for how long; `None` when unknown or over.
    pub(crate) fn snapshot(&self) -> Option<(u64, Duration)> {
        let known = self.lock().known?;
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
    fn shut_until(&self, entry: Entry) -> Option<Instant> {
        let known = self.known?;
        if known.resets_at <= Instant::now() {
            return None;
        }
        // In a small window a fixed reserve would leave nothing to use.
        let quota = known.quota.unwrap_or(u64::MAX);
        let reserve = entry.reserve.min(quota / 10);
        let calls = entry.calls.min(quota / 4).max(1);
        let wanted = reserve.saturating_add(calls).saturating_add(self.in_flight);
        (known.left < wanted).then_some(known.resets_at)
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
    };

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
        let first = window.enter(NO_WAIT).await.ok().unwrap();
        let _second = window.enter(NO_WAIT).await.ok().unwrap();
        assert!(window.enter(NO_WAIT).await.is_err());
        drop(first);
        assert!(window.enter(NO_WAIT).await.is_ok());
    }

    #[tokio::test]
    async fn a_shut_window_is_waited_for_within_the_bound_and_otherwise_named() {
        let window = Window::default();
        window.shut(Duration::from_secs(30));
        let wait = window.enter(NO_WAIT).await.err().unwrap();
        assert!(wait > Duration::from_secs(25) && wait <= Duration::from_secs(30));
        window.shut(Duration::from_millis(20));
        let patient = Entry {
            max_wait: Duration::from_secs(5),
            ..NO_WAIT
        };
        assert!(window.enter(patient).await.is_ok());
    }

    #[tokio::test]
    async fn a_late_reply_does_not_reopen_the_same_window() {
        let window = Window::default();
        window.learn(told(0, Duration::from_secs(30)));
        window.learn(told(9, Duration::from_secs(30)));
        assert!(window.enter(NO_WAIT).await.is_err());
        window.learn(told(9, Duration::from_secs(50)));
        assert!(window.enter(NO_WAIT).await.is_ok());
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
        };
        assert!(window.enter(greedy).await.is_ok());
    }
}
