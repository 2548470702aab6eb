//! Bootstrap lays a server out, again and again, and says clearly when it cannot.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::process::{Child, Stdio};
use std::time::Duration;

use common::{Bench, LIMIT, SIZING};
use contracts::topology::{Bucket, Sizing, Stage, Stream};
use stage::bootstrap::bootstrap;
use testkit::eventually;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_second_run_changes_nothing_and_reports_the_same() {
    let bench = Bench::empty().await;
    let first = bootstrap(&bench.jetstream, SIZING).await.unwrap();
    assert_eq!(first.streams.len(), Stream::ALL.len());
    assert_eq!(first.consumers.len(), Stage::ALL.len() + 1, "and replay's");
    assert_eq!(first.buckets.len(), Bucket::ALL.len());
    bench.put(&common::snapshot(1)).await;
    let before = layout(&bench).await;
    let second = bootstrap(&bench.jetstream, SIZING).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(before, layout(&bench).await);
    bench.awaited(Stream::Ingested, 1).await;
}

/// Every setting of every stream and consumer.
async fn layout(bench: &Bench) -> Vec<serde_json::Value> {
    let mut layout = Vec::new();
    for stream in Stream::ALL {
        let handle = bench.jetstream.get_stream(stream.name()).await.unwrap();
        layout.push(serde_json::to_value(&handle.cached_info().config).unwrap());
    }
    for stage in Stage::ALL {
        for stream in [stage.input(), Stream::Retries] {
            let handle = bench.jetstream.get_stream(stream.name()).await.unwrap();
            let info = handle.consumer_info(stage.name()).await.unwrap();
            layout.push(serde_json::to_value(&info.config).unwrap());
        }
    }
    layout
}

#[tokio::test]
async fn a_changed_limit_is_migrated_and_the_messages_stay() {
    let bench = Bench::start().await;
    bench.put(&common::snapshot(1)).await;
    let larger = Sizing {
        storage_gib: 2,
        ..SIZING
    };
    bootstrap(&bench.jetstream, larger).await.unwrap();
    for stream in Stream::ALL {
        let handle = bench.jetstream.get_stream(stream.name()).await.unwrap();
        let limit = handle.cached_info().config.max_bytes;
        assert_eq!(limit, stream.config(larger).max_bytes, "{}", stream.name());
    }
    bench.awaited(Stream::Ingested, 1).await;
}

#[tokio::test]
async fn a_changed_ack_wait_is_migrated() {
    let bench = Bench::start().await;
    let mut config = Stage::Deliver.consumer();
    config.ack_wait = Duration::from_secs(3);
    let stream = Stage::Deliver.input().name();
    bench
        .jetstream
        .create_consumer_on_stream(config, stream)
        .await
        .unwrap();
    bootstrap(&bench.jetstream, SIZING).await.unwrap();
    let handle = bench.jetstream.get_stream(stream).await.unwrap();
    let info = handle.consumer_info(Stage::Deliver.name()).await.unwrap();
    assert_eq!(info.config.ack_wait, Stage::Deliver.ack_wait());
}

/// A server that is set up otherwise than the bench's; killed when dropped.
struct Odd {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Starts nats-server with the given arguments; it tells its port in a file.
async fn odd(arguments: &[&str]) -> (Odd, async_nats::jetstream::Context) {
    let folder = tempfile::tempdir().unwrap();
    let binary = servers::binary::nats_server().unwrap();
    let mut command = servers::bound_to_parent(&binary);
    command.args(["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir"]);
    command.arg(folder.path()).args(arguments);
    if arguments.contains(&"--jetstream") {
        let config = folder.path().join("nats.conf");
        let store = folder.path().join("store");
        let text = format!("jetstream {{ store_dir: {store:?}, max_file_store: 64MB }}\n");
        std::fs::write(&config, text).unwrap();
        command.arg("--config").arg(config);
    }
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Odd {
        child,
        _folder: folder,
    };
    let client = eventually(LIMIT, "the server's ports file", async || {
        let files = std::fs::read_dir(server._folder.path())?;
        let file = files
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "ports")
            });
        let file = file.ok_or_else(|| anyhow::anyhow!("there is none yet"))?;
        let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let url = ports["nats"][0]
            .as_str()
            .ok_or_else(|| anyhow::anyhow!("no address yet"))?;
        Ok(async_nats::connect(url).await?)
    });
    let client = client.await.unwrap();
    (server, async_nats::jetstream::new(client))
}

#[tokio::test]
async fn a_server_without_jetstream_is_a_clear_error() {
    let (_server, jetstream) = odd(&[]).await;
    let error = bootstrap(&jetstream, SIZING).await.unwrap_err().to_string();
    assert!(
        error.contains("HINTS") && error.contains("JetStream"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_with_too_little_room_is_a_clear_error() {
    let (_server, jetstream) = odd(&["--jetstream"]).await;
    let error = bootstrap(&jetstream, SIZING).await.unwrap_err();
    assert!(error.to_string().contains("storage_gib"), "{error}");
    let chain = runtime::telemetry::chain(&error);
    assert!(chain.contains("insufficient storage"), "{chain}");
}

/// Answers as servers before 2.12 do: what they do not know they leave out, without an error.
async fn old_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream));
        }
    });
    url
}

async fn talk(stream: TcpStream) -> Option<()> {
    let (reading, mut writing) = stream.into_split();
    let info = r#"{"server_id":"S","server_name":"s","version":"2.10.4","proto":1,"host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"jetstream":true,"go":"go","client_id":1}"#;
    writing
        .write_all(format!("INFO {info}\r\n").as_bytes())
        .await
        .ok()?;
    let mut lines = BufReader::new(reading).lines();
    let mut subscription = String::new();
    while let Some(line) = lines.next_line().await.ok()? {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let reply = match words.as_slice() {
            ["PING"] => "PONG\r\n".to_owned(),
            ["SUB", _, id] => {
                (*id).clone_into(&mut subscription);
                continue;
            }
            ["PUB", "$JS.API.STREAM.UPDATE.RETRIES", inbox, _] => {
                let body = without_schedules(&lines.next_line().await.ok()??);
                format!("MSG {inbox} {subscription} {}\r\n{body}\r\n", body.len())
            }
            ["PUB", subject, inbox, _] if subject.contains(".STREAM.UPDATE.") => {
                let body = taken_over(&lines.next_line().await.ok()??);
                format!("MSG {inbox} {subscription} {}\r\n{body}\r\n", body.len())
            }
            ["PUB", subject, inbox, _] if subject.contains(".CONSUMER.") => {
                let config: serde_json::Value =
                    serde_json::from_str(&lines.next_line().await.ok()??).ok()?;
                let body = serde_json::json!({
                    "stream_name": config["stream_name"], "name": config["config"]["durable_name"],
                    "created": "2026-01-01T00:00:00Z", "config": config["config"],
                    "delivered": {"consumer_seq": 0, "stream_seq": 0},
                    "ack_floor": {"consumer_seq": 0, "stream_seq": 0},
                    "num_ack_pending": 0, "num_redelivered": 0, "num_waiting": 0, "num_pending": 0,
                })
                .to_string();
                format!("MSG {inbox} {subscription} {}\r\n{body}\r\n", body.len())
            }
            _ => continue,
        };
        writing.write_all(reply.as_bytes()).await.ok()?;
    }
    Some(())
}

fn taken_over(config: &str) -> String {
    let config: serde_json::Value = serde_json::from_str(config).unwrap();
    serde_json::json!({
        "config": config, "created": "2026-01-01T00:00:00Z",
        "state": {"messages": 0, "bytes": 0, "first_seq": 0, "last_seq": 0, "consumer_count": 0,
            "first_ts": "0001-01-01T00:00:00Z", "last_ts": "0001-01-01T00:00:00Z"},
    })
    .to_string()
}

fn without_schedules(config: &str) -> String {
    let mut config: serde_json::Value = serde_json::from_str(config).unwrap();
    config
        .as_object_mut()
        .unwrap()
        .remove("allow_msg_schedules")
        .unwrap();
    taken_over(&config.to_string())
}

#[tokio::test]
async fn a_server_that_silently_ignores_schedules_is_a_clear_error() {
    let client = async_nats::connect(old_server().await).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let error = bootstrap(&jetstream, SIZING).await.unwrap_err();
    let chain = runtime::telemetry::chain(&error);
    assert!(
        chain.contains("RETRIES") && chain.contains("2.12.3"),
        "{chain}"
    );
}
