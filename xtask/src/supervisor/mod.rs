//! Runs the services as processes of their own, as Kubernetes would: starts them, starts again
//! what dies, and ends them in the order of the pipeline.
//!
//! [`Plan`] says what to run, [`House`] is what runs. Not here: building, vendors, sandboxes.

mod backing;
mod board;
mod keeper;
mod log;
mod plan;
mod secret_key;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::backing::Backing;
use self::board::Board;
use self::keeper::Order;
pub(crate) use self::log::Log;
pub(crate) use self::plan::Plan;

/// The services in the order of the pipeline, which is the order they are ended in.
pub(crate) const SERVICES: [&str; 7] = [
    "ingest",
    "validate",
    "transform",
    "lookup",
    "deliver",
    "monitor",
    "replay",
];

/// From the first process to the last ready line.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// From the first SIGTERM to SIGKILL, over all services.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How long the next service in line waits for the one before it.
const STOP_TURN: Duration = Duration::from_secs(5);

/// Everything that runs. Dropping it (with its runtime) kills what is left.
pub(crate) struct House {
    plan: Arc<Plan>,
    board: Arc<Board>,
    keepers: Vec<Keeper>,
    backing: Backing,
}

struct Keeper {
    service: &'static str,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl House {
    /// Starts NATS and Redis where the plan says so, creates the streams, starts every service.
    /// Returns before they are ready: see [`ready`](Self::ready).
    pub(crate) async fn start(plan: Plan) -> anyhow::Result<Self> {
        plan.check_config().await?;
        let plan = plan.with_key()?;
        let names = plan.members.iter().map(|member| member.name).collect();
        let board = Arc::new(Board::new(plan.data_dir(), names, plan.log.clone())?);
        let backing = Backing::start(&plan, &board).await?;
        let plan = Arc::new(plan.with_urls(backing.nats_url(), backing.redis_url()));
        plan.bootstrap().await?;
        plan.prepare().await?;
        let keepers = plan
            .members
            .iter()
            .map(|member| {
                let (orders, receiver) = watch::channel(Order::Run);
                let work = keeper::keep(member.clone(), plan.clone(), board.clone(), receiver);
                Keeper {
                    service: member.name,
                    orders,
                    task: tokio::spawn(work),
                }
            })
            .collect();
        Ok(Self {
            plan,
            board,
            keepers,
            backing,
        })
    }

    /// Waits until every service said it is ready; an error when one cannot start.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        tokio::time::timeout(READY_LIMIT, self.board.all_ready())
            .await
            .unwrap_or_else(|_| {
                bail!(
                    "after {} s these services are still not ready: {}; their logs say why",
                    READY_LIMIT.as_secs(),
                    self.board.not_ready().join(", ")
                )
            })
    }

    /// The one line `up` prints: where hooks go, where to look, which processes run.
    pub(crate) fn ready_line(&self) -> Value {
        json!({
            "ready": true,
            "hooks": self.board.hooks(),
            "console": self.board.console(),
            "pids": self.board.pids(),
        })
    }

    /// Where the monitor listens, once it is ready.
    pub(crate) fn console(&self) -> Option<String> {
        self.board.console()
    }

    /// A short command of the tillbook binary, with this house's configuration and servers; its
    /// arguments are still to be added.
    pub(crate) fn command(&self) -> Command {
        self.plan.short()
    }

    /// A program of ours that is told where this house's servers are; its arguments are still to
    /// be added.
    pub(crate) fn tool(&self, program: &std::path::Path) -> Command {
        self.plan.tool(program)
    }

    /// Our own Redis, if there is one.
    pub(crate) fn redis_url(&self) -> Option<String> {
        self.backing.redis_url()
    }

    /// The process id that runs `name` at this moment.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        self.board.pids().get(name).copied()
    }

    /// Lets every service finish what it holds, then stops NATS and Redis.
    ///
    /// Errors when a service had to be killed after 30 s.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let end = Instant::now() + STOP_LIMIT;
        for keeper in &mut self.keepers {
            keeper.orders.send_replace(Order::Drain);
            let turn = end.min(Instant::now() + STOP_TURN);
            // A slow one goes on draining while the next begins.
            let _ = tokio::time::timeout_at(turn, &mut keeper.task).await;
        }
        let mut killed = Vec::new();
        for keeper in &mut self.keepers {
            if keeper.task.is_finished() {
                continue;
            }
            if tokio::time::timeout_at(end, &mut keeper.task)
                .await
                .is_err()
            {
                killed.push(keeper.service);
                keeper.orders.send_replace(Order::Kill);
                let _ = (&mut keeper.task).await;
            }
        }
        self.backing.stop().await;
        self.board.clear();
        if killed.is_empty() {
            return Ok(());
        }
        bail!(
            "{} did not drain within {} s",
            killed.join(", "),
            STOP_LIMIT.as_secs()
        )
    }

    /// Ends everything at once.
    pub(crate) async fn kill(mut self) {
        for keeper in &self.keepers {
            keeper.orders.send_replace(Order::Kill);
        }
        for keeper in &mut self.keepers {
            let _ = (&mut keeper.task).await;
        }
        self.backing.kill().await;
        self.board.clear();
    }
}

/// Runs one short command of the tillbook binary and repeats its complaint when it fails.
async fn short_command(mut command: Command, what: &str) -> anyhow::Result<()> {
    let output = command
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("starting {what}"))?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "{what} failed ({}):\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )
}
