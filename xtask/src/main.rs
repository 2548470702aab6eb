//! The project's commands: `cargo xtask <command>`. No other task runner is needed.
//!
//! Not here: anything the product needs when it runs in production.

mod backfill;
mod bench;
mod books;
mod build;
mod chaos;
mod corpus;
mod dead_letters;
mod demo;
mod prove_faults;
mod release_contracts;
mod shops;
mod signals;
mod simulate;
mod supervisor;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Tillbook's own commands",
    disable_version_flag = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Books(books::Arguments),
    Chaos(chaos::Arguments),
    Up(up::Arguments),
    Test(test::Arguments),
    Bench(bench::Arguments),
    Corpus(corpus::Arguments),
    DeadLetters(dead_letters::Arguments),
    Simulate(simulate::Arguments),
    Backfill(backfill::Arguments),
    ProveFaults(prove_faults::Arguments),
    /// Write down the contracts as released: what later ones are compared with.
    ReleaseContracts,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // The chain in words; a backtrace of ours helps nobody who runs a command.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Books(arguments) => books::run(&arguments),
        Command::Chaos(arguments) => chaos::run(&arguments),
        Command::Up(arguments) => block_on(up::run(arguments)),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Corpus(arguments) => corpus::run(&arguments),
        Command::DeadLetters(arguments) => dead_letters::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Backfill(arguments) => backfill::run(&arguments),
        Command::ProveFaults(arguments) => prove_faults::run(&arguments),
        Command::ReleaseContracts => release_contracts::run(),
    }
}

/// One thread: children are bound to the thread that starts them, and the main thread lives
/// longest (see `servers::bound_to_parent`).
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
