//! Of a storm of hints for one order, the first is followed at once and the rest together.
//!
//! A fetch opens a window. A hint that arrives inside it looks again when the window ends; the
//! stream keeps only the last hint per order, so one fetch then stands for all of them. Not here:
//! anything durable: after a restart the worst case is one fetch too many.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Remembers when each order was last fetched.
#[derive(Debug)]
pub struct Coalescer {
    window: Duration,
    recent: Mutex<HashMap<String, Fetch>>,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    began: Instant,
    under_way: bool,
}

/// Whether to fetch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Now,
    /// Look again after this long.
    Later(Duration),
}

/// Orders remembered before old windows are swept out.
const SWEEP_ABOVE: usize = 4096;
/// How soon to look again while a fetch of the same order is under way past its window.
const UNDER_WAY_PAUSE: Duration = Duration::from_millis(250);

impl Coalescer {
    /// `window` is how long after a fetch began further hints are gathered.
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            recent: Mutex::default(),
        }
    }

    /// Admits one fetch per order and window. Whoever is admitted must call [`Self::ended`].
    pub fn admit(&self, key: &str, now: Instant) -> Admission {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = recent.get(key) {
            let left = self
                .window
                .saturating_sub(now.saturating_duration_since(fetch.began));
            if !left.is_zero() {
                return Admission::Later(left);
            }
            if fetch.under_way {
                return Admission::Later(UNDER_WAY_PAUSE);
            }
        }
        if recent.len() > SWEEP_ABOVE {
            recent.retain(|_, fetch| {
                fetch.under_way || now.saturating_duration_since(fetch.began) < self.window
            });
        }
        recent.insert(
            key.to_owned(),
            Fetch {
                began: now,
                under_way: true,
            },
        );
        Admission::Now
    }

    /// Ends an admitted fetch. One that failed leaves no window: its retry must not wait for it.
    pub fn ended(&self, key: &str, succeeded: bool) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if succeeded {
            if let Some(fetch) = recent.get_mut(key) {
                fetch.under_way = false;
            }
        } else {
            recent.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(2);

    #[test]
    fn the_first_hint_is_followed_at_once_and_the_rest_at_the_windows_end() {
        let coalescer = Coalescer::new(WINDOW);
        let start = Instant::now();
        assert_eq!(coalescer.admit("a", start), Admission::Now);
        coalescer.ended("a", true);
        let inside = start + Duration::from_millis(500);
        assert_eq!(
            coalescer.admit("a", inside),
            Admission::Later(Duration::from_millis(1500))
        );
        assert_eq!(coalescer.admit("b", inside), Admission::Now);
        assert_eq!(coalescer.admit("a", start + WINDOW), Admission::Now);
    }

    #[test]
    fn a_failed_fetch_leaves_no_window() {
        let coalescer = Coalescer::new(WINDOW);
        let start = Instant::now();
        assert_eq!(coalescer.admit("a", start), Admission::Now);
        coalescer.ended("a", false);
        assert_eq!(coalescer.admit("a", start), Admission::Now);
    }

    #[test]
    fn a_slow_fetch_is_not_doubled_after_its_window() {
        let coalescer = Coalescer::new(WINDOW);
        let start = Instant::now();
        assert_eq!(coalescer.admit("a", start), Admission::Now);
        assert_eq!(
            coalescer.admit("a", start + 2 * WINDOW),
            Admission::Later(UNDER_WAY_PAUSE)
        );
    }
}
