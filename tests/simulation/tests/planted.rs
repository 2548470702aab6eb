//! Bugs planted into the surroundings are caught, and by their own marks; the same schedules hold
//! without them.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use simulation::schedule::{Settings, run};
use simulation::{Library, Plant};

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::new().unwrap());

/// Schedules within which a planted bug must be caught.
const CAUGHT_WITHIN: u64 = 200;

/// Runs seeds until the bug shows, by one of the marks, and the same seeds without it.
fn check_caught(plant: Plant, marks: &[&str]) {
    let planted = Settings {
        plant: Some(plant),
        ..Settings::default()
    };
    for seed in 1..=CAUGHT_WITHIN {
        if let Err(broken) = run(&LIBRARY, seed, Settings::default()) {
            panic!("without the bug: {broken}");
        }
        let Err(broken) = run(&LIBRARY, seed, planted) else {
            continue;
        };
        let what = broken.what.join("; ");
        if marks.iter().any(|mark| what.contains(mark)) {
            return;
        }
    }
    panic!("{plant:?} was not caught within {CAUGHT_WITHIN} schedules");
}

#[test]
fn skipping_the_lookup_is_caught() {
    check_caught(
        Plant::SkipLookup,
        &[
            "invoices numbered",
            "two payments",
            "two clients",
            "two credit notes",
            "two expenses",
        ],
    );
}

#[test]
fn a_blind_retry_is_caught() {
    check_caught(
        Plant::BlindRetry,
        &[
            "invoices numbered",
            "two payments",
            "two clients",
            "two credit notes",
            "two expenses",
        ],
    );
}

#[test]
fn an_ack_before_the_publish_is_caught() {
    check_caught(
        Plant::AckBeforePublish,
        &["before what replaces it was stored"],
    );
}

#[test]
fn a_refresh_by_two_at_once_is_caught() {
    check_caught(Plant::RefreshTwice, &["is spent by"]);
}

#[test]
fn a_ledger_without_its_fence_is_caught() {
    check_caught(
        Plant::NoFence,
        &[
            "invoices numbered",
            "two payments",
            "two clients",
            "two credit notes",
            "two expenses",
            "was overwritten by the older",
        ],
    );
}
