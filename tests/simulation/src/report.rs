//! Many schedules: what struck, how large the ledger's entries are, how fast it went.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::library::Library;
use crate::schedule::{Broken, Passed, Settings, run};

/// What many schedules showed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub schedules: u64,
    pub orders: u64,
    pub struck: BTreeMap<Fault, u64>,
    entry_bytes: Vec<usize>,
    pub took: Duration,
}

impl Report {
    /// Runs the schedules of `count` seeds from `first`; the first that breaks is run again with
    /// its trace.
    ///
    /// # Errors
    /// The schedule that broke.
    pub fn of(library: &Library, first: u64, count: u64) -> Result<Self, Box<Broken>> {
        let mut report = Self::default();
        let began = Instant::now();
        for seed in first..first.saturating_add(count) {
            match run(library, seed, Settings::default()) {
                Ok(passed) => report.take(passed),
                Err(broken) => return Err(traced(library, seed, broken)),
            }
        }
        report.took = began.elapsed();
        Ok(report)
    }

    fn take(&mut self, passed: Passed) {
        self.schedules += 1;
        self.orders += passed.orders;
        for (fault, count) in passed.struck {
            *self.struck.entry(fault).or_default() += count;
        }
        self.entry_bytes.extend(passed.entry_bytes);
    }

    /// Adds what another thread's schedules showed; the slower thread's time counts.
    pub fn join(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.orders += other.orders;
        for (fault, count) in other.struck {
            *self.struck.entry(fault).or_default() += count;
        }
        self.entry_bytes.extend(other.entry_bytes);
        self.took = self.took.max(other.took);
    }
}

/// The same schedule once more, with its trace.
fn traced(library: &Library, seed: u64, broken: Box<Broken>) -> Box<Broken> {
    let settings = Settings {
        traced: true,
        ..Settings::default()
    };
    match run(library, seed, settings) {
        Err(again) => again,
        // A schedule that is not the same twice is a fault of the simulation.
        Ok(_) => broken,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in Fault::ALL {
            let count = self.struck.get(&fault).copied().unwrap_or(0);
            writeln!(f, "{:<36} {count:>9}", fault.name())?;
        }
        let seconds = self.took.as_millis().max(1);
        let rate = u128::from(self.schedules) * 60_000 / seconds;
        writeln!(
            f,
            "{} schedules, {} orders, none broken; {} s, {rate} a minute",
            self.schedules,
            self.orders,
            self.took.as_secs()
        )?;
        let mut sizes = self.entry_bytes.clone();
        sizes.sort_unstable();
        let at = |percent: usize| sizes.get(sizes.len().saturating_sub(1) * percent / 100);
        let [middle, high, most] = [50, 99, 100].map(|percent| at(percent).copied().unwrap_or(0));
        write!(
            f,
            "an order's ledger entry, key included: {middle} bytes in the median, {high} for 99 of 100, {most} at most"
        )
    }
}
