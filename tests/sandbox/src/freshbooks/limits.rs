//! Rate limits as measured in June 2026: a fixed window, one bucket for reads and updates, a
//! smaller one for accounting creates, and four headers on every reply.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::clock;

/// Calls allowed in a window.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) reads_per_minute: u32,
    pub(super) creates_per_minute: u32,
    /// Length of the window in seconds.
    #[serde(default = "minute")]
    pub(super) window_s: i64,
}

fn minute() -> i64 {
    60
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reads_per_minute: 600,
            creates_per_minute: 250,
            window_s: minute(),
        }
    }
}

/// What an account without limits shows in its headers: far more than anyone can use.
const UNLIMITED: u32 = 1_000_000;

#[derive(Debug, Default)]
struct Meter {
    started_s: i64,
    used: u32,
}

/// The two buckets of a grant. They outlive its access tokens: a fresh token is no fresh budget.
#[derive(Debug, Default)]
pub(super) struct Meters {
    calls: Meter,
    creates: Meter,
}

/// The outcome for one call, and what the headers say.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    limit: u32,
    remaining: u32,
    reset_at_s: i64,
    retry_after_s: i64,
}

impl Meters {
    /// Takes one call out of its bucket. A refused call takes nothing.
    pub(super) fn take(
        &mut self,
        limits: Option<&Limits>,
        method: &Method,
        accounting: bool,
    ) -> Verdict {
        let Some(limits) = limits else {
            return Verdict::unlimited();
        };
        let create = accounting && method == Method::POST;
        let (meter, limit) = if create {
            (&mut self.creates, limits.creates_per_minute)
        } else {
            (&mut self.calls, limits.reads_per_minute)
        };
        let now_s = clock::unix_s();
        if now_s >= meter.started_s + limits.window_s {
            *meter = Meter {
                started_s: now_s,
                used: 0,
            };
        }
        let allowed = meter.used < limit;
        if allowed {
            meter.used += 1;
        }
        let reset_at_s = meter.started_s + limits.window_s;
        let retry_after_s = (reset_at_s - now_s).max(1);
        Verdict {
            allowed,
            limit,
            remaining: limit - meter.used.min(limit),
            reset_at_s,
            retry_after_s,
        }
    }

    /// What the headers of the larger bucket say, without taking anything.
    pub(super) fn look(&self, limits: Option<&Limits>) -> Verdict {
        let Some(limits) = limits else {
            return Verdict::unlimited();
        };
        let (limit, now_s) = (limits.reads_per_minute, clock::unix_s());
        let open = now_s < self.calls.started_s + limits.window_s;
        let (started_s, used) = if open {
            (self.calls.started_s, self.calls.used)
        } else {
            (now_s, 0)
        };
        let reset_at_s = started_s + limits.window_s;
        let retry_after_s = (reset_at_s - now_s).max(1);
        Verdict {
            allowed: true,
            limit,
            remaining: limit.saturating_sub(used),
            reset_at_s,
            retry_after_s,
        }
    }
}

impl Verdict {
    /// For callers that cannot be told apart: an untouched bucket of the usual size.
    pub(super) fn anonymous() -> Self {
        let limit = Limits::default().reads_per_minute;
        Self {
            allowed: true,
            limit,
            remaining: limit,
            reset_at_s: clock::unix_s() + minute(),
            retry_after_s: minute(),
        }
    }

    /// More than anyone can use, and a wait as short as it can be told.
    fn unlimited() -> Self {
        let reset_at_s = clock::unix_s() + 1;
        Self {
            allowed: true,
            limit: UNLIMITED,
            remaining: UNLIMITED,
            reset_at_s,
            retry_after_s: 1,
        }
    }

    /// The same bucket, empty for so long: what a forced 429 must say.
    pub(super) fn exhausted(mut self, retry_after_s: i64) -> Self {
        self.allowed = false;
        self.remaining = 0;
        self.retry_after_s = retry_after_s;
        self.reset_at_s = clock::unix_s() + retry_after_s;
        self
    }

    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", self.remaining.to_string()),
            ("x-ratelimit-reset", self.reset_at_s.to_string()),
            ("retry-after", self.retry_after_s.to_string()),
        ]
    }
}
