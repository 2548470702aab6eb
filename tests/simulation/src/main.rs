//! `cargo xtask simulate`: many schedules, and what struck in them.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use clap::Parser;
use simulation::schedule::{Settings, run};
use simulation::{Library, Report};

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Go on after a schedule that broke, and name each in a line.
    #[arg(long)]
    keep_going: bool,
    /// Only the seed's schedule, with its trace.
    #[arg(long)]
    trace: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let library = Library::new()?;
    if arguments.trace {
        let settings = Settings {
            traced: true,
            ..Settings::default()
        };
        return Ok(match run(&library, arguments.seed, settings) {
            Ok(passed) => {
                println!("{}", passed.trace.join("\n"));
                ExitCode::SUCCESS
            }
            Err(broken) => {
                println!("{broken}");
                ExitCode::FAILURE
            }
        });
    }
    if arguments.keep_going {
        return Ok(every_broken(&library, arguments.seed, arguments.schedules));
    }
    match on_every_core(&library, arguments.seed, arguments.schedules) {
        Ok(report) => {
            println!("{report}");
            Ok(ExitCode::SUCCESS)
        }
        Err(broken) => {
            println!("{broken}");
            println!("again: cargo xtask simulate --trace --seed {}", broken.seed);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A line for each schedule that breaks.
fn every_broken(library: &Library, first: u64, count: u64) -> ExitCode {
    let mut broken_count = 0_u64;
    for seed in first..first.saturating_add(count) {
        if let Err(broken) = run(library, seed, Settings::default()) {
            broken_count += 1;
            println!("{seed}: {}", broken.what.join("; "));
        }
    }
    println!("{broken_count} of {count} broke");
    if broken_count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A schedule is one thread's matter; many go side by side.
fn on_every_core(
    library: &Library,
    first: u64,
    count: u64,
) -> Result<Report, Box<simulation::Broken>> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let share = count.div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|core| {
                let begin = core.saturating_mul(share).min(count);
                let end = begin.saturating_add(share).min(count);
                let first = first.saturating_add(begin);
                scope.spawn(move || Report::of(library, first, end - begin))
            })
            .collect();
        let mut whole = Report::default();
        for thread in threads {
            match thread.join() {
                Ok(part) => whole.join(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(whole)
    })
}
