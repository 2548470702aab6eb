//! A laid-out NATS server of one test's own.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its part; helpers fail by panicking"
)]

use std::time::Duration;

use async_nats::jetstream::{self, kv};
use contracts::topology::{Bucket, Sizing};
use servers::NatsServer;
use tempfile::TempDir;

/// A bound for broken code, not an expectation.
pub const LIMIT: Duration = Duration::from_secs(60);

pub struct Bench {
    pub nats: NatsServer,
    pub jetstream: jetstream::Context,
    _folder: TempDir,
}

impl Bench {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path().join("nats"), None)
            .await
            .unwrap();
        let jetstream = connect(&nats).await;
        let sizing = Sizing {
            replicas: 1,
            storage_gib: 1,
        };
        stage::bootstrap::bootstrap(&jetstream, sizing)
            .await
            .unwrap();
        Self {
            nats,
            jetstream,
            _folder: folder,
        }
    }

    /// A connection of its own, as another process has.
    pub async fn another(&self) -> jetstream::Context {
        connect(&self.nats).await
    }

    pub async fn bucket(&self, bucket: Bucket) -> kv::Store {
        self.jetstream.get_key_value(bucket.name()).await.unwrap()
    }
}

async fn connect(nats: &NatsServer) -> jetstream::Context {
    let client = async_nats::connect(nats.url()).await.unwrap();
    jetstream::context::ContextBuilder::new()
        .timeout(Duration::from_secs(2))
        .build(client)
}
