//! The request quota of a store: so many requests in a window, told on every answer.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// How much a store may ask. The default is generous, so that only tests that ask for it throttle.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaConfig {
    pub(crate) requests: u64,
    pub(crate) window_ms: u64,
    /// Adds `X-Retry-After` (seconds) to a 429, as the vendor sometimes does.
    #[serde(default)]
    pub(crate) retry_after: bool,
}

const GENEROUS: QuotaConfig = QuotaConfig {
    requests: 10_000_000,
    window_ms: 30_000,
    retry_after: false,
};

#[derive(Debug)]
pub(crate) struct Quota {
    config: QuotaConfig,
    opened: Instant,
    used: u64,
}

/// Where the store stands after a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) allowed: bool,
    pub(crate) left: u64,
    pub(crate) reset_ms: u64,
    pub(crate) config: QuotaConfig,
}

impl Quota {
    pub(crate) fn new(config: Option<QuotaConfig>) -> Self {
        Self {
            config: config.unwrap_or(GENEROUS),
            opened: Instant::now(),
            used: 0,
        }
    }

    pub(crate) fn set(&mut self, config: Option<QuotaConfig>) {
        *self = Self::new(config);
    }

    /// Takes one request, opening a new window when the old one is over.
    pub(crate) fn take(&mut self) -> Standing {
        let window = Duration::from_millis(self.config.window_ms.max(1));
        let now = Instant::now();
        if now.duration_since(self.opened) >= window {
            self.opened = now;
            self.used = 0;
        }
        let allowed = self.used < self.config.requests;
        if allowed {
            self.used += 1;
        }
        let rest = window.saturating_sub(now.duration_since(self.opened));
        Standing {
            allowed,
            left: self.config.requests - self.used,
            reset_ms: u64::try_from(rest.as_millis()).unwrap_or(u64::MAX),
            config: self.config,
        }
    }
}

impl Standing {
    /// Writes the four quota headers, and `X-Retry-After` on a refusal where configured.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let mut put = |name: &'static str, value: u64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        put("x-rate-limit-requests-left", self.left);
        put("x-rate-limit-requests-quota", self.config.requests);
        put("x-rate-limit-time-window-ms", self.config.window_ms);
        put("x-rate-limit-time-reset-ms", self.reset_ms);
        if !self.allowed && self.config.retry_after {
            put("x-retry-after", self.reset_ms.div_ceil(1000).max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_counts_down_and_then_refuses() {
        let mut quota = Quota::new(Some(QuotaConfig {
            requests: 2,
            window_ms: 60_000,
            retry_after: true,
        }));
        assert_eq!(quota.take().left, 1);
        assert_eq!(quota.take().left, 0);
        let refused = quota.take();
        assert!(!refused.allowed);
        let mut headers = HeaderMap::new();
        refused.write(&mut headers);
        assert_eq!(headers["x-rate-limit-requests-left"], "0");
        assert!(headers.contains_key("x-retry-after"));
    }
}
