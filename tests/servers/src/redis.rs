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
        let program = nats::blocking(binary::redis_server).await?;
        Server::launch(Redis, program, folder.into(), port)
            .await
            .map(Self)
    }

    /// Where clients connect: `redis://127.0.0.1:<port>/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.0.port())
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
pub struct Redis;

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
        Ok(())
    }

    /// `INFO server` names the process id.
    async fn answers(&self, port: u16, pid: u32) -> std::result::Result<(), String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(|error| error.to_string())?;
        stream
            .write_all(b"INFO server\r\n")
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
