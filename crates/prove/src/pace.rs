//! The calls of a proof: evenly spaced within their share, counted, and repeated when a vendor
//! says "later".
//!
//! The clients follow the vendors' own headers; the spacing leaves the live pipeline its part of
//! the window even though it runs in another process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use connect::VendorError;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// Most calls a minute. The defaults are half of what the smallest plans give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub bigcommerce_per_minute: u32,
    pub freshbooks_per_minute: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            bigcommerce_per_minute: 150,
            freshbooks_per_minute: 300,
        }
    }
}

/// Tries of one call. A vendor that is away for longer ends the run; it can be resumed.
const TRIES_MAX: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// One vendor's calls.
#[derive(Debug)]
pub(crate) struct Lane {
    interval: Duration,
    next: Mutex<Instant>,
    calls: AtomicU64,
}

impl Lane {
    pub(crate) fn new(per_minute: u32) -> Self {
        let interval = Duration::from_secs(60)
            .checked_div(per_minute)
            .unwrap_or(Duration::from_secs(60));
        Self {
            interval,
            next: Mutex::new(Instant::now()),
            calls: AtomicU64::new(0),
        }
    }

    /// Calls made so far, repetitions included.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Makes a call in its turn, again while the vendor says that it may succeed later.
    pub(crate) async fn call<T, F, R>(&self, call: F) -> Result<T, VendorError>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, VendorError>>,
    {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES_MAX {
            match self.once(&call).await {
                Err(error) if error.is_retryable() => {
                    sleep(error.retry_after().unwrap_or(wait).min(LONGEST_WAIT)).await;
                    wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                }
                other => return other,
            }
        }
        self.once(&call).await
    }

    async fn once<T, F, R>(&self, call: &F) -> Result<T, VendorError>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, VendorError>>,
    {
        self.turn().await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        call().await
    }

    async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let at = (*next).max(Instant::now());
            *next = at + self.interval;
            at
        };
        sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect::Transient;
    use std::sync::atomic::AtomicU32;

    fn later() -> VendorError {
        VendorError::RetryLater {
            cause: Transient::Timeout,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_repeated_within_its_bound_and_counted() {
        let lane = Lane::new(60);
        let tries = AtomicU32::new(0);
        let third = || {
            let count = tries.fetch_add(1, Ordering::Relaxed);
            async move { if count < 2 { Err(later()) } else { Ok(count) } }
        };
        assert_eq!(lane.call(third).await, Ok(2));
        assert_eq!(lane.calls(), 3);
        let never = || async { Err::<(), _>(later()) };
        assert!(lane.call(never).await.is_err());
        assert_eq!(lane.calls(), 3 + u64::from(TRIES_MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_succeed_is_not_repeated() {
        let lane = Lane::new(60);
        let refused = || async { Err::<(), _>(VendorError::Unauthorized) };
        assert_eq!(lane.call(refused).await, Err(VendorError::Unauthorized));
        assert_eq!(lane.calls(), 1);
    }
}
