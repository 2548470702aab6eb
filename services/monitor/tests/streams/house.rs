//! A NATS server with the streams of the pipeline, messages in them, and monitors to look at.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, context::ContextBuilder};
use contracts::books::{Outcome, OutcomeKind};
use contracts::event::{Entity, Event};
use contracts::journal::{JournalBatch, JournalEntry, JournalKind};
use contracts::topology::{Bucket, Sizing, Stream};
use prost::Message;
use runtime::admin::Readiness;
use runtime::metrics::Metrics;
use runtime::shutdown::CancellationToken;
use rusqlite::types::Value as Sql;
use serde_json::Value;
use servers::NatsServer;

use crate::PATIENCE;

/// A small layout on one server.
pub(crate) const SIZING: Sizing = Sizing {
    replicas: 1,
    storage_gib: 1,
};

const URL: &str = "MONITOR_TEST_NATS_URL";
const DATABASE: &str = "MONITOR_TEST_DATABASE";

pub(crate) struct House {
    pub nats: NatsServer,
    pub jetstream: jetstream::Context,
    folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path().join("nats"), None)
            .await
            .unwrap();
        let jetstream = connect(&nats.url()).await;
        for stream in [Stream::Journal, Stream::DeadLetters, Stream::Outcomes] {
            jetstream
                .create_stream(stream.config(SIZING))
                .await
                .unwrap();
        }
        jetstream
            .create_key_value(Bucket::Connections.config(SIZING))
            .await
            .unwrap();
        Self {
            nats,
            jetstream,
            folder,
        }
    }

    pub(crate) fn database(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).join("monitor.sqlite")
    }

    /// The journal and the outcomes of orders `1000 + number`; returns how many entries.
    pub(crate) async fn publish(&self, numbers: Range<u32>) -> usize {
        let mut count = 0;
        for number in numbers {
            let entries = entries(number);
            count += entries.len();
            for part in entries.chunks(2) {
                let batch = JournalBatch {
                    entries: part.to_vec(),
                };
                self.store(
                    "tillbook.journal.test".to_owned(),
                    number,
                    batch.encode_to_vec(),
                )
                .await;
            }
            let subject = Stream::Outcomes.subject("acme", "order", &(1000 + number).to_string());
            self.store(subject, number, outcome(number).encode_to_vec())
                .await;
        }
        count
    }

    pub(crate) async fn publish_garbage(&self) {
        self.store(
            "tillbook.journal.test".to_owned(),
            0,
            b"\xff\xffgarbage".to_vec(),
        )
        .await;
    }

    async fn store(&self, subject: String, number: u32, payload: Vec<u8>) {
        let mut headers = HeaderMap::new();
        headers.insert(
            "traceparent",
            format!("00-{}-00f067aa0ba902b7-01", trace(number)).as_str(),
        );
        let publish = || async {
            let payload = payload.clone().into();
            let ack =
                self.jetstream
                    .publish_with_headers(subject.clone(), headers.clone(), payload);
            ack.await.ok()?.await.ok()
        };
        // A server that was just started again is reached after the client's own pause.
        let stored = tokio::time::timeout(PATIENCE, async { while publish().await.is_none() {} });
        stored.await.expect("stored in time");
    }

    pub(crate) async fn monitor(&self, database: &Path) -> Monitor {
        Monitor::start(&self.nats.url(), database).await
    }
}

async fn connect(url: &str) -> jetstream::Context {
    let client = async_nats::connect(url).await.unwrap();
    ContextBuilder::new()
        .timeout(Duration::from_secs(3))
        .build(client)
}

fn trace(number: u32) -> String {
    format!("{:032x}", number + 1)
}

fn event_id(number: u32) -> String {
    format!("acme-{}-1", 1000 + number)
}

fn entries(number: u32) -> Vec<JournalEntry> {
    let way = [
        ("ingest", JournalKind::HookReceived),
        ("fetch", JournalKind::SnapshotStored),
        ("fetch", JournalKind::StagePassed),
        ("validate", JournalKind::StagePassed),
        ("transform", JournalKind::StagePassed),
        ("lookup", JournalKind::StagePassed),
        ("deliver", JournalKind::VendorCalled),
        ("deliver", JournalKind::StagePassed),
    ];
    let entry = |(place, (stage, kind)): (u64, (&str, JournalKind))| JournalEntry {
        entry_id: format!("{stage}:acme:{number}:1:{place}"),
        connection: "acme".to_owned(),
        entity: Entity::Order.into(),
        entity_id: (1000 + number).to_string(),
        event_id: if place < 3 {
            String::new()
        } else {
            event_id(number)
        },
        at_ms: 1_795_400_000_000 + u64::from(number) * 1000 + place,
        stage: stage.to_owned(),
        kind: kind.into(),
        detail: String::new(),
        trace_id: trace(number),
        attempt: 1,
        duration_us: 900,
        attributes: BTreeMap::new(),
    };
    (0_u64..).zip(way).map(entry).collect()
}

fn outcome(number: u32) -> Outcome {
    Outcome {
        event: Some(Event {
            event_id: event_id(number),
            connection: "acme".to_owned(),
            entity: Entity::Order.into(),
            entity_id: (1000 + number).to_string(),
            ..Event::default()
        }),
        kind: OutcomeKind::Written.into(),
        invoice_id: 5_000 + u64::from(number),
        invoice_number: format!("BC-{}", 1000 + number),
        ..Outcome::default()
    }
}

/// A monitor in this process.
pub(crate) struct Monitor {
    running: monitor::Running,
    readiness: Readiness,
    shutdown: CancellationToken,
}

impl Monitor {
    async fn start(url: &str, database: &Path) -> Self {
        let settings = monitor::Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            database: database.to_owned(),
            token: None,
        };
        let (readiness, shutdown) = (Readiness::new(), CancellationToken::new());
        let running = monitor::start(
            connect(url).await,
            settings,
            std::collections::BTreeMap::new(),
            Metrics::new(),
            readiness.clone(),
            shutdown.clone(),
        );
        Self {
            running: running.await.unwrap(),
            readiness,
            shutdown,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        reqwest::get(format!("http://{}{path}", self.running.address))
            .await
            .unwrap()
    }

    /// Waits until the summary is as asked for.
    pub(crate) async fn until(&self, is_so: impl Fn(&Value) -> bool) {
        let summary = || async {
            self.get("/api/v1/summary")
                .await
                .json::<Value>()
                .await
                .unwrap()
        };
        wait("the summary", summary, is_so).await;
    }

    /// Waits until the metrics are as asked for.
    pub(crate) async fn until_metrics(&self, is_so: impl Fn(&String) -> bool) {
        let text = || async { self.get("/metrics").await.text().await.unwrap() };
        wait("the metrics", text, is_so).await;
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.running.task).await;
        ended.expect("stopped in time").unwrap().unwrap();
    }
}

/// Waits until the monitor has caught up, then stops it.
pub(crate) async fn ready(monitor: Monitor) {
    tokio::time::timeout(PATIENCE, monitor.readiness.ready())
        .await
        .expect("caught up in time");
    monitor.stop().await;
}

async fn wait<T: std::fmt::Debug, F: Future<Output = T>>(
    what: &str,
    look: impl Fn() -> F,
    is_so: impl Fn(&T) -> bool,
) {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let seen = look().await;
        if is_so(&seen) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < end,
            "{what} did not come to pass: {seen:#?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A monitor in a process of its own; killed when dropped.
pub(crate) struct Child(std::process::Child);

impl Child {
    pub(crate) fn start(house: &House, database: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["child_process", "--exact"])
            .env(URL, house.nats.url())
            .env(DATABASE, database)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    pub(crate) async fn wait_for_entries(&self, database: &Path, at_least: i64) {
        let count = || async {
            let connection = monitor::database::open_read_only(database).ok()?;
            let count = connection.query_row("SELECT count(*) FROM entries", [], |row| row.get(0));
            count.ok()
        };
        wait("the projection's progress", count, |rows: &Option<i64>| {
            *rows >= Some(at_least)
        })
        .await;
    }

    pub(crate) fn kill9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a monitor until killed, when the environment says so.
pub(crate) async fn run_as_child() {
    let (Ok(url), Ok(database)) = (std::env::var(URL), std::env::var(DATABASE)) else {
        return;
    };
    let _monitor = Monitor::start(&url, Path::new(&database)).await;
    // Should the parent die without killing us, we do not stay forever.
    tokio::time::sleep(PATIENCE * 4).await;
}

/// Every row of every table, without the row numbers that only SQLite knows.
pub(crate) fn content(path: &Path) -> Vec<String> {
    let database = monitor::database::open_read_only(path).unwrap();
    let tables = [
        "positions",
        "entries",
        "outcomes",
        "dead_letters",
        "orders",
        "connections",
    ];
    let mut lines = Vec::new();
    for table in tables {
        let mut query = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = query.column_names().map(str::to_owned).collect();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let columns = names.iter().enumerate().filter(|(_, name)| *name != "id");
            let values: Vec<Sql> = columns.map(|(place, _)| row.get(place).unwrap()).collect();
            lines.push(format!("{table} {values:?}"));
        }
    }
    lines.sort();
    lines
}
