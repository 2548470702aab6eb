//! Commands of the binary: those that end at once, and runs that work for a while.

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use testkit::{House, Tillbook, eventually};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use crate::LIMIT;

/// Runs a command that must succeed; what it printed.
pub async fn command(house: &House, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Tillbook::command(house.config(), arguments, &house.environment()).await?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{arguments:?}: {complaint}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command that must fail; what it complained of.
pub async fn refused(house: &House, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Tillbook::command(house.config(), arguments, &house.environment()).await?;
    ensure!(!output.status.success(), "{arguments:?} was not refused");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A process at work on a backfill or an undo.
#[derive(Debug)]
pub struct AtWork {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// The run's id.
    pub run: String,
}

impl AtWork {
    /// Starts it and waits until it has begun.
    pub async fn begin(house: &House, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Tillbook::begin(house.config(), arguments, &house.environment()).await?;
        let stderr = child.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        let first = progress(&mut lines, |line| line.get("run").is_some()).await?;
        let run = first.get("run").and_then(Value::as_str).context("no run")?;
        Ok(Self {
            run: run.to_owned(),
            child,
            lines,
        })
    }

    /// Takes a run up as soon as its killed process counts as dead. `word` is its command.
    pub async fn resume(house: &House, word: &str, run: &str) -> anyhow::Result<Self> {
        eventually(LIMIT, "the killed process counting as dead", async || {
            Self::begin(house, &[word, "resume", run]).await
        })
        .await
    }

    /// Reads progress until a line says what is wanted.
    pub async fn progress(&mut self, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        progress(&mut self.lines, wanted).await
    }

    /// SIGKILL.
    pub async fn kill9(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGINT, as by Ctrl-C.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        let pid = self.child.id().context("no process")?;
        Ok(kill(Pid::from_raw(pid.cast_signed()), Signal::SIGINT)?)
    }

    /// Waits for the end, which must be good, and gives what was printed.
    pub async fn ended(self) -> anyhow::Result<String> {
        let (mut child, mut lines) = (self.child, self.lines);
        // Read on, so that the writer is not stopped by a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut text = String::new();
        let stdout = child.stdout.as_mut().context("no standard output")?;
        let read = stdout.read_to_string(&mut text);
        tokio::time::timeout(10 * LIMIT, read).await??;
        ensure!(child.wait().await?.success(), "{text}");
        Ok(text)
    }
}

async fn progress(
    lines: &mut Lines<BufReader<ChildStderr>>,
    wanted: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let read = async {
        let mut last = String::new();
        while let Some(line) = lines.next_line().await? {
            if let Ok(value) = serde_json::from_str::<Value>(&line)
                && wanted(&value)
            {
                return Ok(value);
            }
            last = line;
        }
        anyhow::bail!("it ended before; the last line: {last}")
    };
    tokio::time::timeout(10 * LIMIT, read)
        .await
        .context("no such progress")?
}

/// A figure of a line of progress.
pub fn number(line: &Value, key: &str) -> u64 {
    line.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// A figure of a printed table: the first number behind a label.
pub fn figure(text: &str, label: &str) -> anyhow::Result<u64> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(label))
        .with_context(|| format!("no {label:?} in {text}"))?;
    let word = line.split_whitespace().next().context("no number")?;
    Ok(word.parse()?)
}
