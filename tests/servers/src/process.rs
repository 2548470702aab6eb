//! One server process: started on loopback, awaited until ready, killed when dropped.

use std::fs::{self, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::parent::bound_to_parent;
use crate::port::free_port;
use crate::{Error, Result};

/// From start to the first answer. Generous: a big store is replayed first.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// From SIGTERM to SIGKILL.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often another port is tried when somebody took the free one.
const PORT_ATTEMPTS: u32 = 5;
/// How much of a server's log an error repeats.
const TAIL_LINES: usize = 8;

/// What the kinds of servers differ in.
pub(crate) trait Kind: Clone + Send + Sync + std::fmt::Debug + 'static {
    const PROGRAM: &'static str;

    /// Writes what the server reads, and adds the arguments.
    fn arguments(&self, command: &mut Command, folder: &Path, port: u16) -> Result<()>;

    /// Is it *our* process that answers on the port? `Err` says why not (yet).
    ///
    /// Identity matters: a free port may be taken by a stranger between choosing and binding.
    fn answers(
        &self,
        port: u16,
        pid: u32,
    ) -> impl Future<Output = std::result::Result<(), String>> + Send;
}

/// A running (or killed and restartable) server.
#[derive(Debug)]
pub struct Server<K> {
    kind: K,
    binary: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
}

#[expect(private_bounds, reason = "the kinds are ours alone")]
impl<K: Kind> Server<K> {
    pub(crate) async fn launch(
        kind: K,
        binary: PathBuf,
        folder: PathBuf,
        port: Option<u16>,
    ) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(Error::file("creating", &folder))?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let chosen = match port {
                Some(port) => port,
                None => free_port()?,
            };
            let child = spawn(&kind, &binary, &folder, chosen)?;
            let mut server = Self {
                kind: kind.clone(),
                binary: binary.clone(),
                folder: folder.clone(),
                port: chosen,
                child,
            };
            match server.ready().await {
                Ok(()) => return Ok(server),
                // Somebody may have taken the port meanwhile: choose another.
                Err(Error::Stopped { .. }) if port.is_none() && attempt < PORT_ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn kind(&self) -> &K {
        &self.kind
    }

    /// The loopback port; it stays the same over [`restart`](Self::restart).
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the present process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGKILL, as a crash or the kernel's memory killer would; returns when the process is gone.
    pub fn kill9(&mut self) {
        // Fails only when the process is gone already, which is what was asked for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts again on the same port and folder, after killing what still runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill9();
        self.child = spawn(&self.kind, &self.binary, &self.folder, self.port)?;
        self.ready().await
    }

    /// SIGTERM, then SIGKILL after ten seconds.
    pub async fn stop(&mut self) {
        if self.exited().is_none() {
            let _ = kill(
                Pid::from_raw(self.child.id().cast_signed()),
                Signal::SIGTERM,
            );
        }
        let end = Instant::now() + STOP_LIMIT;
        while self.exited().is_none() && Instant::now() < end {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.kill9();
    }

    /// Waits until our own process answers, or says why it does not.
    async fn ready(&mut self) -> Result<()> {
        let end = Instant::now() + READY_LIMIT;
        let mut reason = String::from("no attempt");
        while Instant::now() < end {
            match self.look().await? {
                ControlFlow::Break(()) => return Ok(()),
                ControlFlow::Continue(why) => reason = why,
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Error::NotReady {
            program: K::PROGRAM,
            port: self.port,
            limit_ms: READY_LIMIT.as_millis(),
            reason,
            log: log_path(&self.folder, K::PROGRAM),
        })
    }

    async fn look(&mut self) -> Result<ControlFlow<(), String>> {
        if let Some(status) = self.exited() {
            let log = log_path(&self.folder, K::PROGRAM);
            return Err(Error::Stopped {
                program: K::PROGRAM,
                port: self.port,
                status: status.to_string(),
                tail: tail(&log),
                log,
            });
        }
        let pid = self.pid();
        let answer =
            tokio::time::timeout(Duration::from_secs(2), self.kind.answers(self.port, pid)).await;
        Ok(match answer {
            Ok(Ok(())) => ControlFlow::Break(()),
            Ok(Err(reason)) => ControlFlow::Continue(reason),
            Err(_) => ControlFlow::Continue("connected, but no answer".to_owned()),
        })
    }
}

impl<K> Drop for Server<K> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn<K: Kind>(kind: &K, binary: &Path, folder: &Path, port: u16) -> Result<Child> {
    let log = log_path(folder, K::PROGRAM);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .map_err(Error::file("opening the log", &log))?;
    let second = file
        .try_clone()
        .map_err(Error::file("opening the log", &log))?;
    let mut command = bound_to_parent(binary);
    kind.arguments(&mut command, folder, port)?;
    command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(second)
        // A Ctrl-C in the terminal must reach the supervisor alone, which stops us in order.
        .process_group(0)
        .spawn()
        .map_err(|source| Error::Spawn {
            program: K::PROGRAM,
            source,
        })
}

fn log_path(folder: &Path, program: &str) -> PathBuf {
    folder.join(format!("{program}.log"))
}

fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(TAIL_LINES))
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}
