//! The vendors' emulators as a process of their own, and the calls that control them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const READY_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(5);
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Where the emulators listen.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) bigcommerce: String,
    pub(crate) freshbooks: String,
}

/// The running `sandbox` binary.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) addresses: Addresses,
}

impl Sandbox {
    /// Starts the emulators on these ports (0: a free one); their log goes to `log`.
    pub(crate) async fn start(
        binary: &PathBuf,
        ports: [u16; 2],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let log =
            std::fs::File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let [bigcommerce, freshbooks] = ports.map(|port| format!("127.0.0.1:{port}"));
        let mut child = Command::from(servers::bound_to_parent(binary))
            .args(["--bigcommerce", &bigcommerce, "--freshbooks", &freshbooks])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("starting the sandboxes")?;
        let stdout = child
            .stdout
            .take()
            .context("the sandboxes have no standard output")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        tokio::time::timeout(READY_LIMIT, reader.read_line(&mut line))
            .await
            .with_context(|| format!("no word from the sandboxes in {READY_LIMIT:?}"))?
            .context("reading the sandboxes' addresses")?;
        let addresses = serde_json::from_str(&line).with_context(|| {
            format!("the sandboxes said {:?} instead of addresses", line.trim())
        })?;
        Ok(Self { child, addresses })
    }

    pub(crate) async fn stop(mut self) {
        if let Some(pid) = self.child.id() {
            // Fails only when it is gone already.
            let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
        }
        if tokio::time::timeout(STOP_LIMIT, self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.kill().await;
        }
    }
}

/// Small JSON calls on loopback.
#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(CALL_LIMIT)
            .no_proxy()
            .build();
        client.map(Self).context("building the HTTP client")
    }

    pub(crate) async fn get(&self, url: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, url, None, None).await
    }

    pub(crate) async fn get_with(&self, url: &str, header: (&str, &str)) -> anyhow::Result<Value> {
        self.call(Method::GET, url, None, Some(header)).await
    }

    pub(crate) async fn post(&self, url: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, url, Some(body), None).await
    }

    pub(crate) async fn put(&self, url: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::PUT, url, Some(body), None).await
    }

    pub(crate) async fn patch(&self, url: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::PATCH, url, Some(body), None).await
    }

    pub(crate) async fn delete(&self, url: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, url, None, None).await
    }

    async fn call(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        header: Option<(&str, &str)>,
    ) -> anyhow::Result<Value> {
        let mut request = self.0.request(method.clone(), url);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let reply = request
            .send()
            .await
            .with_context(|| format!("{method} {url}"))?;
        let status = reply.status();
        let text = reply
            .text()
            .await
            .with_context(|| format!("the reply of {method} {url}"))?;
        if !status.is_success() {
            bail!(
                "{method} {url} answered {status}: {}",
                text.chars().take(300).collect::<String>()
            );
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {url} answered no JSON"))
    }
}
