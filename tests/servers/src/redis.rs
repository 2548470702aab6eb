//! A Redis-compatible server without persistence: Tillbook only caches in it.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{Kind, Server};
use crate::{Result, binary, nats};

/// Valkey or Redis on loopback, in memory only; killed when dropped.
#[derive(Debug)]
pub struct RedisServer(Server<Redis>);

impl RedisServer {
    /// Starts a server on `port` or a free one and waits until it answers. `folder` takes its log.
    pub async fn start(folder: impl Into<PathBuf>, port: Option<u16>) -> Result<Self> {
        Self::launch(folder.into(), port, Redis { password: None }).await
    }

    /// The same, closed to everybody who does not know the password: one word, with nothing in it
    /// that an address would have to escape.
    pub async fn start_with_password(folder: impl Into<PathBuf>, password: &str) -> Result<Self> {
        let password = Some(password.to_owned());
        Self::launch(folder.into(), None, Redis { password }).await
    }

    async fn launch(folder: PathBuf, port: Option<u16>, kind: Redis) -> Result<Self> {
        let program = nats::blocking(binary::redis_server).await?;
        Server::launch(kind, program, folder, port).await.map(Self)
    }

    /// Where clients connect: `redis://127.0.0.1:<port>/`, the password included.
    pub fn url(&self) -> String {
        let password = self.0.kind().password.as_deref();
        let user = password.map_or(String::new(), |password| format!(":{password}@"));
        format!("redis://{user}127.0.0.1:{}/", self.0.port())
    }
}

impl Deref for RedisServer {
    type Target = Server<Redis>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for RedisServer {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// The kind.
#[derive(Clone, Debug)]
pub struct Redis {
    password: Option<String>,
}

impl Kind for Redis {
    const PROGRAM: &'static str = "redis-server";

    fn arguments(&self, command: &mut Command, folder: &Path, port: u16) -> Result<()> {
        command
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--daemonize",
                "no",
            ])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder);
        if let Some(password) = &self.password {
            command.args(["--requirepass", password]);
        }
        Ok(())
    }

    /// `INFO server` names the process id.
    async fn answers(&self, port: u16, pid: u32) -> std::result::Result<(), String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(|error| error.to_string())?;
        let password = self.password.as_deref();
        let known = password.map_or(String::new(), |password| format!("AUTH {password}\r\n"));
        stream
            .write_all(format!("{known}INFO server\r\n").as_bytes())
            .await
            .map_err(|error| error.to_string())?;
        let wanted = format!("process_id:{pid}\r\n");
        let mut reply = Vec::new();
        while reply.len() < INFO_BYTES_MAX {
            let count = stream
                .read_buf(&mut reply)
                .await
                .map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&reply);
            if text.contains(&wanted) {
                return Ok(());
            }
            if count == 0 || text.starts_with('-') || text.contains("\r\n\r\n") {
                break;
            }
        }
        Err("another server has the port, or it is still loading".to_owned())
    }
}

/// `INFO server` is about 1 KiB.
const INFO_BYTES_MAX: usize = 64 * 1024;
