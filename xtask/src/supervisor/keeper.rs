//! Keeps one service running until it is told to end.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time::Instant;

use super::board::Board;
use super::plan::{Member, Plan};

/// Between a death and the next start: doubles from the first to the second.
const AGAIN_FIRST: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// Who ran this long has earned a quick restart.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);
/// A service prints one short line; more than this of one line is cut.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What a keeper is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Run,
    /// SIGTERM: finish what is held, then end.
    Drain,
    /// SIGKILL.
    Kill,
}

/// Runs one process again and again; returns when it ended after [`Order::Drain`] or `Kill`.
pub(crate) async fn keep(
    member: Member,
    plan: Arc<Plan>,
    board: Arc<Board>,
    mut orders: watch::Receiver<Order>,
) {
    let name = member.name;
    let mut again = AGAIN_FIRST;
    loop {
        let since = Instant::now();
        let status = match start(&member, &plan) {
            Ok((child, stdout, stdin)) => {
                board.started(name, child.id());
                let reader = tokio::spawn(listen(name, stdout, board.clone()));
                let status = until_ended(child, stdin, &mut orders).await;
                reader.abort();
                status.map_or_else(|error| error.to_string(), |status| status.to_string())
            }
            Err(error) => format!("{error:#}"),
        };
        if *orders.borrow() != Order::Run {
            board.ended(name, &status, None);
            return;
        }
        if since.elapsed() >= HEALTHY_AFTER {
            again = AGAIN_FIRST;
        }
        board.ended(name, &status, Some(again.as_millis()));
        // Told to end while waiting: nothing runs, nothing to end.
        let told = tokio::time::timeout(again, orders.wait_for(|order| *order != Order::Run));
        if told.await.is_ok() {
            return;
        }
        again = AGAIN_MAX.min(again.saturating_mul(2));
    }
}

fn start(member: &Member, plan: &Plan) -> anyhow::Result<(Child, ChildStdout, ChildStdin)> {
    let mut child = plan
        .service(member)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(plan.log.child_stderr(member.name)?)
        .spawn()?;
    let stdin = child
        .stdin
        .take()
        .ok_or_else(|| anyhow::anyhow!("no standard input"))?;
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| anyhow::anyhow!("no standard output"))?;
    Ok((child, stdout, stdin))
}

/// Passes orders on as signals until the process is gone.
async fn until_ended(
    mut child: Child,
    stdin: ChildStdin,
    orders: &mut watch::Receiver<Order>,
) -> std::io::Result<ExitStatus> {
    // The open pipe is what tells the service that we still live.
    let mut open_pipe = Some(stdin);
    loop {
        // An order given before this process started counts too.
        match *orders.borrow_and_update() {
            Order::Run => {}
            Order::Drain => {
                terminate(&child);
                drop(open_pipe.take());
            }
            Order::Kill => child.start_kill()?,
        }
        tokio::select! {
            status = child.wait() => return status,
            changed = orders.changed() => if changed.is_err() {
                // The house is gone without a word: so are we.
                child.start_kill()?;
                return child.wait().await;
            },
        }
    }
}

fn terminate(child: &Child) {
    if let Some(pid) = child.id() {
        // Fails only when it is gone already.
        let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
    }
}

/// Reads the ready line; whatever else a service prints goes to the log, never to our own output.
async fn listen(service: &'static str, stdout: ChildStdout, board: Arc<Board>) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                if !board.said(service, text.trim()) {
                    board.note(service, &json!({ "text": text.trim() }));
                }
            }
        }
    }
}
