//! The NATS and Redis servers of a house that names none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use servers::{NatsServer, RedisServer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::board::Board;
use super::plan::{Plan, Source};

/// Between two looks at whether a server still runs.
const LOOK_EVERY: Duration = Duration::from_millis(200);

const NATS: &str = "nats-server";
const REDIS: &str = "redis-server";

/// The servers we started, watched by a task of their own.
pub(crate) struct Backing {
    nats_url: Option<String>,
    redis_url: Option<String>,
    end: Option<oneshot::Sender<End>>,
    task: JoinHandle<()>,
}

enum End {
    Stop,
    Kill,
}

impl Backing {
    pub(crate) async fn start(plan: &Plan, board: &Arc<Board>) -> anyhow::Result<Self> {
        let folder = plan.data_dir();
        let servers = Servers {
            nats: nats(&plan.nats, folder).await?,
            redis: redis(&plan.redis, folder).await?,
            board: board.clone(),
        };
        servers.announce();
        let nats_url = servers.nats.as_ref().map(NatsServer::url);
        let redis_url = servers.redis.as_ref().map(RedisServer::url);
        let (end, told) = oneshot::channel();
        let task = tokio::spawn(servers.watch(told));
        Ok(Self {
            nats_url,
            redis_url,
            end: Some(end),
            task,
        })
    }

    pub(crate) fn nats_url(&self) -> Option<String> {
        self.nats_url.clone()
    }

    pub(crate) fn redis_url(&self) -> Option<String> {
        self.redis_url.clone()
    }

    pub(crate) async fn stop(&mut self) {
        self.end_with(End::Stop).await;
    }

    pub(crate) async fn kill(&mut self) {
        self.end_with(End::Kill).await;
    }

    async fn end_with(&mut self, how: End) {
        if let Some(end) = self.end.take() {
            let _ = end.send(how);
            let _ = (&mut self.task).await;
        }
    }
}

async fn nats(source: &Source, folder: &Path) -> anyhow::Result<Option<NatsServer>> {
    match source {
        Source::Named => Ok(None),
        Source::Ours => {
            let server = NatsServer::start(folder.join("nats"), None).await;
            server
                .map(Some)
                .context("starting NATS; or name a server as [nats] url")
        }
    }
}

async fn redis(source: &Source, folder: &Path) -> anyhow::Result<Option<RedisServer>> {
    match source {
        Source::Named => Ok(None),
        Source::Ours => {
            let server = RedisServer::start(folder.join("redis"), None).await;
            server
                .map(Some)
                .context("starting Redis; or name a server as [redis] url")
        }
    }
}

struct Servers {
    nats: Option<NatsServer>,
    redis: Option<RedisServer>,
    board: Arc<Board>,
}

impl Servers {
    fn announce(&self) {
        if let Some(server) = &self.nats {
            self.board.started(NATS, Some(server.pid()));
        }
        if let Some(server) = &self.redis {
            self.board.started(REDIS, Some(server.pid()));
        }
    }

    /// Starts again what died, on the same port, until told to end.
    async fn watch(mut self, mut told: oneshot::Receiver<End>) {
        loop {
            match tokio::time::timeout(LOOK_EVERY, &mut told).await {
                Ok(Ok(End::Stop)) => return self.stop().await,
                Ok(Ok(End::Kill) | Err(_)) => return,
                Err(_) => self.revive().await,
            }
        }
    }

    async fn revive(&mut self) {
        if let Some(server) = &mut self.nats
            && let Some(status) = server.exited()
        {
            self.board.ended(NATS, &status.to_string(), Some(0));
            match server.restart().await {
                Ok(()) => self.board.started(NATS, Some(server.pid())),
                Err(error) => self
                    .board
                    .note(NATS, &json!({ "error": error.to_string() })),
            }
        }
        if let Some(server) = &mut self.redis
            && let Some(status) = server.exited()
        {
            self.board.ended(REDIS, &status.to_string(), Some(0));
            match server.restart().await {
                Ok(()) => self.board.started(REDIS, Some(server.pid())),
                Err(error) => self
                    .board
                    .note(REDIS, &json!({ "error": error.to_string() })),
            }
        }
    }

    async fn stop(&mut self) {
        if let Some(server) = &mut self.redis {
            server.stop().await;
        }
        if let Some(server) = &mut self.nats {
            server.stop().await;
        }
    }
}
