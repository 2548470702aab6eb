//! `[vendors]`: how the services keep from asking too much of BigCommerce and FreshBooks.
//!
//! The `read` is the one place where its keys, defaults and bounds are said.

use super::section::Section;

/// `[vendors]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorsConfig {
    /// Of each window, for each process, while Redis does not answer.
    pub share_without_redis_percent: u64,
    /// Calls in a row without a usable answer that open the circuit breaker.
    pub breaker_failures: u32,
    /// Longest pause between two tries of a vendor that does not answer.
    pub breaker_open_max_s: u64,
    /// Then people are told.
    pub breaker_alert_s: u64,
}

impl VendorsConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let config = Self {
            share_without_redis_percent: of.int(
                "share_without_redis_percent",
                20,
                1..=100,
                "How much of each vendor window one process uses while Redis, which shares the \
                 windows out, does not answer. Times the processes that call a vendor it should \
                 not exceed 100.",
            ),
            breaker_failures: of.small(
                "breaker_failures",
                8,
                1..=1_000,
                "After so many calls in a row without a usable answer a connection's vendor is \
                 left alone, and then tried with one call at a time.",
            ),
            breaker_open_max_s: of.int(
                "breaker_open_max_s",
                30,
                1..=3_600,
                "The pause between two tries begins at one second and doubles up to this.",
            ),
            breaker_alert_s: of.int(
                "breaker_alert_s",
                300,
                1..=86_400,
                "When a vendor has not answered for so long, people are told.",
            ),
        };
        of.finish();
        config
    }
}
