//! A NATS server with JetStream on a folder of its own.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

use crate::process::{Kind, Server};
use crate::{Error, Result, binary};

/// nats-server on loopback with JetStream; killed when dropped.
#[derive(Debug)]
pub struct NatsServer(Server<Nats>);

impl NatsServer {
    /// Starts a server whose streams live in `store`, on `port` or a free one, and waits until it
    /// answers. A second start on the same folder finds the streams of the first.
    pub async fn start(store: impl Into<PathBuf>, port: Option<u16>) -> Result<Self> {
        Self::start_with(store, port, "").await
    }

    /// The same with more of the server's own configuration: users, TLS.
    pub async fn start_with(
        store: impl Into<PathBuf>,
        port: Option<u16>,
        settings: &str,
    ) -> Result<Self> {
        let program = blocking(binary::nats_server).await?;
        Server::launch(Nats::new(settings), program, store.into(), port)
            .await
            .map(Self)
    }

    /// Where clients connect: `nats://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.0.port())
    }
}

impl Deref for NatsServer {
    type Target = Server<Nats>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for NatsServer {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Looking for a binary may fetch one: not on the runtime's own thread.
pub(crate) async fn blocking(find: fn() -> Result<PathBuf>) -> Result<PathBuf> {
    match tokio::task::spawn_blocking(find).await {
        Ok(found) => found,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels; nobody waits for the answer then.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The kind; its name tells our process from a stranger's on the same port.
#[derive(Clone, Debug)]
pub struct Nats {
    name: String,
    settings: String,
}

impl Nats {
    fn new(settings: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            name: format!("tillbook-{}-{count}", std::process::id()),
            settings: settings.to_owned(),
        }
    }
}

impl Kind for Nats {
    const PROGRAM: &'static str = "nats-server";

    fn arguments(&self, command: &mut Command, folder: &Path, port: u16) -> Result<()> {
        let file = folder.join("nats.conf");
        let store = folder.join("jetstream");
        // JSON text is a valid quoted string of the server's own format.
        let store = serde_json::Value::from(store.to_string_lossy()).to_string();
        // The streams' own limits add up to more than a laptop has free; they are bounds, not
        // reservations, so the server must not refuse them. One second is what a power cut may
        // cost; a killed process costs nothing. Production servers set their own (docs).
        let text = format!(
            "server_name: \"{}\"\nlisten: \"127.0.0.1:{port}\"\n\
             jetstream {{\n  store_dir: {store}\n  max_file_store: 4TB\n  sync_interval: \"1s\"\n}}\n{}",
            self.name, self.settings
        );
        fs::write(&file, text).map_err(Error::file("writing", &file))?;
        command.arg("--config").arg(file);
        Ok(())
    }

    /// The server greets every client with its INFO, which has the name.
    async fn answers(&self, port: u16, _pid: u32) -> std::result::Result<(), String> {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .await
            .map_err(|error| error.to_string())?;
        let info = line
            .strip_prefix("INFO ")
            .ok_or("no NATS server answers there")?;
        let info: serde_json::Value =
            serde_json::from_str(info.trim()).map_err(|error| error.to_string())?;
        if info.get("server_name").and_then(|name| name.as_str()) != Some(&self.name) {
            return Err("another NATS server has the port".to_owned());
        }
        if info.get("jetstream").and_then(serde_json::Value::as_bool) != Some(true) {
            return Err("JetStream is not up yet".to_owned());
        }
        Ok(())
    }
}
