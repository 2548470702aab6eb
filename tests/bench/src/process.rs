//! What a process costs, read from `/proc`.

use std::time::Duration;

use anyhow::Context;

use crate::table::Milli;

/// Clock ticks a second in `/proc/<pid>/stat`: fixed by Linux for every architecture we run on.
const TICKS_PER_S: u64 = 100;

/// Processor time so far, in user and kernel mode.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let text = read(pid, "stat")?;
    // The second field is the program's name in brackets and may hold spaces.
    let (_, fields) = text
        .rsplit_once(')')
        .context("a stat line without a name")?;
    let mut fields = fields
        .split_ascii_whitespace()
        .skip(11)
        .map(str::parse::<u64>);
    let mut next = || {
        fields
            .next()
            .context("a short stat line")?
            .context("a tick count")
    };
    let ticks = next()?.saturating_add(next()?);
    Ok(Duration::from_millis(
        ticks.saturating_mul(1000 / TICKS_PER_S),
    ))
}

/// Processor time of the threads that live now, finer than a clock tick.
pub(crate) fn time_on_cpu(pid: u32) -> anyhow::Result<Duration> {
    let folder = format!("/proc/{pid}/task");
    let mut sum = Duration::ZERO;
    for thread in std::fs::read_dir(&folder).with_context(|| format!("reading {folder}"))? {
        // A thread may end meanwhile.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let busy = text
            .split_ascii_whitespace()
            .next()
            .context("an empty schedstat")?;
        sum = sum.saturating_add(Duration::from_nanos(busy.parse().context("nanoseconds")?));
    }
    // Kernels without the statistics say 0; the coarser count is better than that.
    if sum.is_zero() {
        cpu_time(pid)
    } else {
        Ok(sum)
    }
}

/// Resident memory, KiB.
pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    kib(&read(pid, "status")?, "VmRSS:")
}

/// Resident memory with every page that processes share divided among them, KiB.
pub(crate) fn proportional_kib(pid: u32) -> anyhow::Result<u64> {
    kib(&read(pid, "smaps_rollup")?, "Pss:")
}

/// KiB as MiB.
pub(crate) fn mib(kib: u64) -> Milli {
    Milli::ratio(kib, 1024)
}

fn kib(text: &str, key: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_ascii_whitespace().next());
    number
        .with_context(|| format!("no {key} of the process"))?
        .parse()
        .context("a size")
}

fn read(pid: u32, name: &str) -> anyhow::Result<String> {
    let path = format!("/proc/{pid}/{name}");
    std::fs::read_to_string(&path)
        .with_context(|| format!("reading {path}; memory and processor time need Linux"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_uses_memory_and_time() {
        let pid = std::process::id();
        assert!(resident_kib(pid).unwrap() > 100);
        assert!(proportional_kib(pid).unwrap() > 0);
        assert!(cpu_time(pid).unwrap() < Duration::from_secs(1000));
    }
}
