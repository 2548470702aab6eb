//! `cargo xtask bench`: what the pipeline costs, beside what the issue aims at.
//!
//! One run measures everything on real servers, the built binaries and instant sandboxes, and
//! prints a table to standard output; progress goes to standard error. It reports and never
//! judges: a missed aim is a line of the table, not a failure. Not here: any test.

mod budget;
mod calls;
mod chain;
mod fairness;
mod hooks;
mod idle;
mod latency;
mod load;
mod process;
mod pure;
mod pure_core;
mod relay;
mod rolling;
mod scene;
mod snapshots;
mod streams;
mod table;
mod versus;

use std::process::ExitCode;

use clap::Parser;

use self::scene::Scene;
use self::table::Table;

/// The same as the binary's, since the chain is measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The seven services, each its own process.
const SERVICES: [&str; 7] = [
    "ingest",
    "validate",
    "transform",
    "lookup",
    "deliver",
    "monitor",
    "replay",
];

/// Measures Tillbook on this machine.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Fewer and shorter rounds: whether it works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Orders after which memory is measured in one process.
    #[arg(long, default_value_t = 10_000)]
    orders: u64,
    /// Orders after which memory is measured in seven processes.
    #[arg(long, default_value_t = 10_000)]
    split_orders: u64,
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
}

/// A part of the run; all but the core have servers of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The pure core on one thread.
    Core,
    /// Relay and chain side by side.
    Chain,
    /// `tillbook all`.
    All,
    /// Seven processes.
    Split,
    /// One store beside another whose account is throttled.
    Fairness,
    /// An account's rate budget, used by several processes.
    Budget,
    /// Hooks while everything behind ingest is restarted.
    Rolling,
}

/// How much of everything is done.
#[derive(Clone, Copy, Debug)]
struct Amounts {
    core_orders: u64,
    chain_rounds: usize,
    chain_messages: usize,
    rate_orders: u64,
    hook_seconds: u64,
    latency_seconds: u64,
    counted_orders: u64,
    idle_seconds: u64,
    orders: u64,
    split_orders: u64,
    budget_windows: u64,
    rolling_seconds: u64,
}

impl Amounts {
    fn of(arguments: &Arguments) -> Self {
        if arguments.quick {
            return Self {
                core_orders: 2_000,
                chain_rounds: 1,
                chain_messages: 2_000,
                rate_orders: 300,
                hook_seconds: 2,
                latency_seconds: 6,
                counted_orders: 8,
                idle_seconds: 5,
                orders: arguments.orders.min(200),
                split_orders: arguments.split_orders.min(200),
                budget_windows: 1,
                rolling_seconds: 30,
            };
        }
        Self {
            core_orders: 50_000,
            chain_rounds: 3,
            chain_messages: 10_000,
            rate_orders: 1_000,
            hook_seconds: 10,
            latency_seconds: 40,
            counted_orders: 16,
            idle_seconds: 20,
            orders: arguments.orders,
            split_orders: arguments.split_orders,
            budget_windows: 4,
            rolling_seconds: 120,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(measure(&arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the parts and prints what was measured, also when a later part fails.
async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let amounts = Amounts::of(arguments);
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut table = Table::default();
    let mut outcome = Ok(());
    if wanted(Part::Core) {
        outcome = pure_core::measure(amounts.core_orders, &mut table);
    }
    if outcome.is_ok() && wanted(Part::Chain) {
        outcome = versus::measure(amounts, &mut table).await;
    }
    if outcome.is_ok() && wanted(Part::All) {
        outcome = one_process(amounts, &mut table).await;
    }
    if outcome.is_ok() && wanted(Part::Split) {
        outcome = seven_processes(amounts, &mut table).await;
    }
    if outcome.is_ok() && wanted(Part::Fairness) {
        outcome = fairness::measure(amounts.latency_seconds, &mut table).await;
    }
    if outcome.is_ok() && wanted(Part::Budget) {
        outcome = budget::measure(amounts.budget_windows, &mut table).await;
    }
    if outcome.is_ok() && wanted(Part::Rolling) {
        outcome = rolling::measure(amounts.rolling_seconds, &mut table).await;
    }
    // What stopped the run is said first; a table without figures would say nothing.
    outcome.and(table.print(arguments.quick))
}

/// `tillbook all`, from its first idle second to its ten-thousandth order.
async fn one_process(amounts: Amounts, table: &mut Table) -> anyhow::Result<()> {
    let scene = Scene::start(&["all"]).await?;
    idle::measure(&scene, amounts.idle_seconds, table).await?;
    load::measure_idle_memory(&scene, table)?;
    scene.know_the_shoppers().await?;
    calls::measure(&scene, amounts.counted_orders, table).await?;
    latency::measure(&scene, amounts.latency_seconds, table).await?;
    load::measure_rate(&scene, amounts.rate_orders, table).await?;
    load::measure_memory(&scene, amounts.orders, table).await?;
    hooks::measure(&scene, amounts.hook_seconds, table).await
}

/// The same services as seven processes.
async fn seven_processes(amounts: Amounts, table: &mut Table) -> anyhow::Result<()> {
    let scene = Scene::start(&SERVICES).await?;
    idle::measure(&scene, amounts.idle_seconds, table).await?;
    load::measure_idle_memory(&scene, table)?;
    scene.know_the_shoppers().await?;
    load::measure_rate(&scene, amounts.rate_orders, table).await?;
    load::measure_memory(&scene, amounts.split_orders, table).await?;
    hooks::measure(&scene, amounts.hook_seconds, table).await
}
