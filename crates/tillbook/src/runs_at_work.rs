//! What the commands for runs share: a process at work on one, and a run as people see it.
//!
//! Progress goes to standard error as lines of JSON. Not here: the work (`runs`).

use std::io::Write;

use anyhow::anyhow;
use runs::{Kind, Run, RunStore, State, Tools, Wish};
use runtime::config::{Config, Connection};
use runtime::shutdown::CancellationToken;

use crate::cli::RunCommand;
use crate::commands::{Failure, OrExit, code, connect, print};
use crate::house::House;

/// Pause, cancel or status of a run of a kind.
pub(crate) async fn command_of(
    config: &Config,
    command: RunCommand,
    kind: Kind,
) -> Result<(), Failure> {
    let nats = connect(config).await?;
    let store = RunStore::bind(&nats.jetstream)
        .await
        .or_exit(code::UNAVAILABLE)?;
    let run = match command {
        RunCommand::Pause { id } => store.wish(&id, Wish::Pause).await,
        RunCommand::Cancel { id } => store.wish(&id, Wish::Cancel).await,
        RunCommand::Resume { id } | RunCommand::Status { id: Some(id) } => store.get(&id).await,
        RunCommand::Status { id: None } => {
            for run in store.list().await.or_exit(code::FAILED)? {
                if run.kind == kind {
                    print(&line(&run))?;
                }
            }
            return Ok(());
        }
    };
    print(&shown(&run.or_exit(code::FAILED)?))
}

/// The record of a run.
pub(crate) async fn run_of(config: &Config, id: &str) -> Result<Run, Failure> {
    let nats = connect(config).await?;
    let store = RunStore::bind(&nats.jetstream)
        .await
        .or_exit(code::UNAVAILABLE)?;
    store.get(id).await.or_exit(code::FAILED)
}

/// A process that works on a run: its house, its tools, and the signal that pauses it.
pub(crate) struct AtWork {
    pub(crate) tools: Tools,
    pub(crate) shutdown: CancellationToken,
    house: House,
}

impl AtWork {
    pub(crate) async fn open(config: Config, name: &str) -> Result<Self, Failure> {
        let connection: Connection = config
            .connection(name)
            .cloned()
            .ok_or_else(|| anyhow!("no connection is named {name}"))
            .or_exit(code::FAILED)?;
        let shutdown = runtime::shutdown::install().or_exit(code::FAILED)?;
        let house = House::open(config, "runs", shutdown.clone()).await?;
        let tools = house.run_tools(&connection, Box::new(progress)).await?;
        Ok(Self {
            tools,
            shutdown,
            house,
        })
    }

    /// Lets what was published reach the server.
    pub(crate) async fn close(self) {
        // What matters was acknowledged already; this is for the journal's last entries.
        let _ = self.house.nats.client.flush().await;
    }
}

/// One line of JSON on standard error.
fn progress(line: serde_json::Value) {
    // Whoever closed standard error does not want it; the work goes on.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints how the run ended.
pub(crate) fn report(run: &Run) -> Result<(), Failure> {
    print(&shown(run))
}

fn shown(run: &Run) -> String {
    let mut text = format!(
        "{}\n{}\n",
        line(run).trim_end(),
        run.results.to_string().trim_end()
    );
    if run.state == State::Paused {
        text.push_str(&format!(
            "go on with: tillbook backfill resume {}\n",
            run.id
        ));
    }
    text
}

fn line(run: &Run) -> String {
    let state = match run.state {
        State::Running if !run.is_alive() => "stopped; resume it",
        State::Running => "running",
        State::Paused => "paused",
        State::Cancelled => "cancelled",
        State::Finished => "finished",
    };
    format!(
        "{}: {state}; {} to {}; {} of {} orders done\n",
        run.id,
        run.days.from,
        run.days.to,
        run.results.done(),
        run.forecast.orders
    )
}
