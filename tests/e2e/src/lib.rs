//! What the end-to-end tests share: shops, hand-made hooks, streams, and a span collector.
//!
//! Each test starts a [`testkit::House`] of its own and looks at it only from outside: through the
//! vendors' emulators, the HTTP doors, the streams and the logs. Not here: expectations of one
//! test; those are in `tests/`, one file a theme.

mod collector;
mod hook;
mod houses;
mod metrics;
mod run;
mod shop;
mod streams;

use std::time::Duration;

pub use self::collector::{Collector, Exported};
pub use self::hook::Hook;
pub use self::houses::{both_tax_settings, one_shop, processes, quick};
pub use self::metrics::{Metrics, counter};
pub use self::run::{AtWork, command, figure, number, refused};
pub use self::shop::{Placed, Shop};
pub use self::streams::Streams;

/// The bound of every wait. Generous: it only ends what is broken.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Quick retries and short windows, so that a test waits for conditions and not for backoffs.
pub const QUICK: &str = "\
[ingest]
coalesce_ms = 200

[stage]
retry_base_ms = 50
retry_cap_s = 1

[deliver]
settle_ms = 4000
";

/// The services of a house, each to be its own process.
pub const SERVICES: [&str; 7] = [
    "ingest",
    "validate",
    "transform",
    "lookup",
    "deliver",
    "monitor",
    "replay",
];

/// The services as [`testkit::HouseOptions`] wants them.
pub fn services(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
