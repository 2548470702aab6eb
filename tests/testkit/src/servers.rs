//! A NATS and a Redis server of one test's own.

use std::path::{Path, PathBuf};

use anyhow::Context;
use servers::{NatsServer, RedisServer};
use tempfile::TempDir;

use crate::users;

/// Of the Redis of every test that starts processes; planted, so that it can be looked for.
pub const REDIS_PASSWORD: &str = "password-of-redis-in-a-test";

/// Both servers on free ports, with their data in a folder that goes away with them.
#[derive(Debug)]
pub struct Servers {
    // Before the folder: a server must be gone before its store is removed.
    pub nats: NatsServer,
    pub redis: RedisServer,
    folder: TempDir,
}

impl Servers {
    /// Starts both, NATS with the users that `tillbook bootstrap` writes; fetches them first where the machine has none.
    ///
    /// Call from the test's own thread: the servers end with the thread that starts them.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tillbook-test-")
            .tempdir()
            .context("creating a folder for the servers")?;
        let users = users::write(folder.path()).await?;
        let nats = NatsServer::start_with(folder.path().join("nats"), None, &users).await?;
        let redis = folder.path().join("redis");
        let redis = RedisServer::start_with_password(redis, REDIS_PASSWORD).await?;
        Ok(Self {
            nats,
            redis,
            folder,
        })
    }

    pub fn nats_url(&self) -> String {
        self.nats.url()
    }

    /// Where each process finds its seed.
    pub fn nkeys(&self) -> PathBuf {
        self.folder.path().join(users::NKEYS)
    }

    pub fn redis_url(&self) -> String {
        self.redis.url()
    }

    /// A folder for whatever else the test writes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
