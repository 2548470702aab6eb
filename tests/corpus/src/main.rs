//! `cargo xtask corpus`: the run and its table; the exit code says whether all is explained.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use corpus::{expect, fuzz, run, table};
use sandbox::bigcommerce::corpus::classes;

/// Judges orders of every class with the pure core against independent arithmetic.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many orders; every class in turn.
    #[arg(long, default_value_t = 10_000)]
    orders: u64,
    /// Where the seeds start.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Reads so many mutated documents instead, to find what panics.
    #[arg(long, value_name = "DOCUMENTS")]
    fuzz: Option<u64>,
    /// Prints, as JSON, the classes that may be held and the codes they may be held with.
    #[arg(long)]
    holds: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.holds {
        return print_holds();
    }
    let began = Instant::now();
    let (text, is_right) = match arguments.fuzz {
        Some(count) => {
            let done = fuzz::fuzz(count, arguments.seed).map_err(anyhow::Error::msg)?;
            let text = format!(
                "{} mutated documents: {} read and accounted, {} refused by name, none panicked.\n",
                done.documents, done.booked, done.refused
            );
            (text, true)
        }
        None => {
            let report = run::run(arguments.orders, arguments.seed).map_err(anyhow::Error::msg)?;
            (table::render(&report), report.unexplained.is_empty())
        }
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    writeln!(stdout, "took {} ms", began.elapsed().as_millis())?;
    Ok(if is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_holds() -> anyhow::Result<ExitCode> {
    let all = classes().map(|class| (class.name, expect::codes_of(class.name)));
    let some: BTreeMap<_, _> = all.filter(|(_, codes)| !codes.is_empty()).collect();
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &some)?;
    writeln!(stdout)?;
    Ok(ExitCode::SUCCESS)
}
