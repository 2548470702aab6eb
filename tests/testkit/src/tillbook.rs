//! The built `tillbook` binary as a process: one service or all of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::OnceCell;

const READY_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// How much of a log an error repeats.
const TAIL_LINES: usize = 12;

/// What the process says when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    pub service: String,
    pub pid: u32,
    /// Where /livez, /readyz and /metrics are.
    pub admin: String,
    /// Where hooks are received, by connection.
    #[serde(default)]
    pub hooks: BTreeMap<String, String>,
    /// Where the monitor's API is.
    pub console: Option<String>,
}

/// A running process of Tillbook; killed when dropped.
#[derive(Debug)]
pub struct Tillbook {
    child: Child,
    pub ready: Ready,
    log: PathBuf,
    // Open as long as we live: the process ends when it closes.
    stdin: Option<ChildStdin>,
}

impl Tillbook {
    /// Starts `service` (or `all`) and waits until it is ready. Its log goes to a file in `logs`.
    pub async fn start(
        config: &Path,
        service: &str,
        environment: &[(&str, String)],
        logs: &Path,
    ) -> anyhow::Result<Self> {
        let log = logs.join(format!("{service}.log"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("opening {}", log.display()))?;
        let mut child = Command::from(servers::bound_to_parent(binary().await?))
            .arg("--config")
            .arg(config)
            .args([
                service,
                "--admin-listen",
                "127.0.0.1:0",
                "--exit-with-parent",
            ])
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting tillbook {service}"))?;
        let stdin = child.stdin.take().context("no standard input")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = tokio::time::timeout(READY_LIMIT, reader.read_line(&mut line)).await;
        let ready = match read {
            Ok(Ok(count)) if count > 0 => serde_json::from_str(&line).ok(),
            _ => None,
        };
        let Some(ready) = ready else {
            bail!(
                "tillbook {service} did not get ready; it said {line:?}; {}",
                tail(&log)
            );
        };
        Ok(Self {
            child,
            ready,
            log,
            stdin: Some(stdin),
        })
    }

    /// Runs a command that ends by itself, such as `bootstrap` or `check-config`.
    pub async fn command(
        config: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> anyhow::Result<Output> {
        Self::command_reading("", config, arguments, environment).await
    }

    /// The same, with this on its standard input.
    pub async fn command_reading(
        input: &str,
        config: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> anyhow::Result<Output> {
        let mut child = Command::new(binary().await?)
            .arg("--config")
            .arg(config)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("running tillbook {arguments:?}"))?;
        let mut stdin = child.stdin.take().context("it has no standard input")?;
        let output = async {
            // One that does not read it may be gone already.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
            child.wait_with_output().await
        };
        tokio::time::timeout(READY_LIMIT, output)
            .await
            .with_context(|| format!("tillbook {arguments:?} did not end"))?
            .with_context(|| format!("running tillbook {arguments:?}"))
    }

    /// Starts a command that works for a while, such as `backfill`; killed when dropped.
    ///
    /// Its standard output and error are piped to the caller.
    pub async fn begin(
        config: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> anyhow::Result<Child> {
        Command::from(servers::bound_to_parent(binary().await?))
            .arg("--config")
            .arg(config)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting tillbook {arguments:?}"))
    }

    /// SIGTERM, then waits for the end: a drained process exits with 0.
    pub async fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        if let Some(pid) = self.child.id() {
            kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).context("sending SIGTERM")?;
        }
        drop(self.stdin.take());
        let ended = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await;
        let service = &self.ready.service;
        ended
            .with_context(|| format!("{service} did not drain; {}", tail(&self.log)))?
            .context("waiting for the end")
    }

    /// SIGKILL; returns when the process is gone.
    pub async fn kill9(mut self) -> anyhow::Result<()> {
        self.child
            .kill()
            .await
            .with_context(|| format!("killing {}", self.ready.service))
    }

    /// How the process ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Everything the process logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(TAIL_LINES)..)
        .unwrap_or_default();
    format!("the end of its log:\n{}", last.join("\n"))
}

/// The binary: the one `TILLBOOK_BINARY` names, else what cargo builds, once a process.
async fn binary() -> anyhow::Result<&'static PathBuf> {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    BINARY
        .get_or_try_init(async || match std::env::var_os("TILLBOOK_BINARY") {
            Some(path) => Ok(PathBuf::from(path)),
            None => build().await,
        })
        .await
}

async fn build() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Which package we are makes some build scripts run again, and everything above them.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--package", "tillbook", "--bin", "tillbook"])
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("starting cargo build")?;
    if !output.status.success() {
        bail!("cargo build of tillbook failed; its messages are above");
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            message
                .pointer("/target/name")
                .and_then(|name| name.as_str())
                == Some("tillbook")
        })
        .find_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .context("cargo named no tillbook binary")
}
