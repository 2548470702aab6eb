//! Kills one process again and again while the demo runs, to prove that nothing is lost or doubled.

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::supervisor::House;

/// How often the process is killed over a run.
const KILLS: usize = 6;

/// Strikes each time another share of the orders is in the books.
pub(super) struct Killer {
    service: String,
    struck: usize,
    last_pid: Option<u32>,
}

impl Killer {
    pub(super) fn new(service: String) -> Self {
        Self {
            service,
            struck: 0,
            last_pid: None,
        }
    }

    /// Kills with SIGKILL when the run has come far enough since the last time, and the process
    /// that died then has been replaced.
    pub(super) fn strike(&mut self, house: &House, done: usize, all: usize) -> anyhow::Result<()> {
        // One kill at the start, the others spread over the run, none after it.
        let due = done
            .saturating_mul(KILLS)
            .checked_div(all)
            .unwrap_or(0)
            .saturating_add(1);
        if self.struck >= due.min(KILLS) || done >= all {
            return Ok(());
        }
        let pid = house
            .pid(&self.service)
            .filter(|pid| Some(*pid) != self.last_pid);
        // Not started again yet: strike when it is.
        let Some(pid) = pid else { return Ok(()) };
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL)
            .with_context(|| format!("killing {} ({pid})", self.service))?;
        self.last_pid = Some(pid);
        self.struck = self.struck.saturating_add(1);
        eprintln!(
            "killed {} (process {pid}), {} of {KILLS}",
            self.service, self.struck
        );
        Ok(())
    }

    /// A run too short to be killed in proves nothing.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        let enough = self.struck >= KILLS / 2;
        anyhow::ensure!(
            enough,
            "{} was killed only {} times; place more orders",
            self.service,
            self.struck
        );
        Ok(())
    }
}
