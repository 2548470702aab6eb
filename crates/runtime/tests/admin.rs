//! Health and metrics, asked over a real socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers fail by panicking"
)]

use std::net::SocketAddr;
use std::time::Duration;

use runtime::admin::{AdminServer, Readiness};
use runtime::metrics::Metrics;
use runtime::shutdown::CancellationToken;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

struct Admin {
    address: SocketAddr,
    metrics: Metrics,
    readiness: Readiness,
    shutdown: CancellationToken,
    served: JoinHandle<Result<(), runtime::admin::AdminError>>,
}

async fn start() -> Admin {
    let server = AdminServer::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let address = server.local_addr();
    let (metrics, readiness) = (Metrics::new(), Readiness::new());
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(server.serve(metrics.clone(), readiness.clone(), shutdown.clone()));
    Admin {
        address,
        metrics,
        readiness,
        shutdown,
        served,
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_process_is_alive_before_it_is_ready() {
    let admin = start().await;
    assert!(
        get(admin.address, "/livez")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    let answer = get(admin.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains(r#"{"ready":false,"not_ready":{"process":"starting"}}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn readiness_names_what_is_not_ready_and_why() {
    let admin = start().await;
    let nats = admin.readiness.component("nats");
    let stage = admin.readiness.component("lookup");
    nats.ready();
    stage.not_ready("no consumer lookup; run tillbook bootstrap");
    let answer = get(admin.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let body = r#""not_ready":{"lookup":"no consumer lookup; run tillbook bootstrap"}"#;
    assert!(answer.contains(body), "{answer}");

    stage.ready();
    let answer = get(admin.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains(r#"{"ready":true,"not_ready":{}}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn readiness_can_be_awaited() {
    let readiness = Readiness::new();
    let one = readiness.component("one");
    let two = readiness.component("two");
    let waiting = tokio::spawn({
        let readiness = readiness.clone();
        async move { readiness.ready().await }
    });
    one.ready();
    assert!(!readiness.is_ready());
    two.ready();
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap()
        .unwrap();
    assert!(readiness.is_ready());
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let admin = start().await;
    let seen = admin
        .metrics
        .counter::<[(&'static str, &'static str); 1]>("seen", "Seen")
        .unwrap();
    seen.get_or_create(&[("stage", "deliver")]).inc();
    let answer = get(admin.address, "/metrics").await;
    let head = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.contains(head), "{answer}");
    assert!(
        answer.contains("tillbook_seen_total{stage=\"deliver\"} 1\n"),
        "{answer}"
    );
    assert!(answer.ends_with("# EOF\n"), "{answer}");
}

#[tokio::test]
async fn the_server_ends_when_asked() {
    let admin = start().await;
    get(admin.address, "/livez").await;
    admin.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(30), admin.served).await;
    ended.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_address_is_named_with_the_remedy() {
    let admin = start().await;
    let error = AdminServer::bind(admin.address)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(&admin.address.to_string()) && error.contains("--admin-listen"));
}
