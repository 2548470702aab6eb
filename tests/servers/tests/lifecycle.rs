//! Servers start on a port of their own, survive a kill with their data, and leave nothing behind.

use servers::{NatsServer, RedisServer};
use tokio::net::TcpStream;

#[tokio::test]
async fn servers_start_side_by_side_on_free_ports() {
    let folder = tempfile::tempdir().unwrap();
    let first = NatsServer::start(folder.path().join("one"), None)
        .await
        .unwrap();
    let second = NatsServer::start(folder.path().join("two"), None)
        .await
        .unwrap();
    let redis = RedisServer::start(folder.path().join("redis"), None)
        .await
        .unwrap();
    assert_ne!(first.port(), second.port());
    for port in [first.port(), second.port(), redis.port()] {
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start(folder.path(), None).await.unwrap();
    let (port, pid) = (server.port(), server.pid());
    server.kill9();
    assert!(server.exited().is_some());
    TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
    server.restart().await.unwrap();
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::start(folder.path(), None).await.unwrap();
    let port = server.port();
    drop(server);
    TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_shows_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let first = NatsServer::start(folder.path().join("one"), None)
        .await
        .unwrap();
    let error = NatsServer::start(folder.path().join("two"), Some(first.port()))
        .await
        .unwrap_err();
    assert!(matches!(error, servers::Error::Stopped { .. }), "{error}");
    assert!(
        error.to_string().contains("address already in use"),
        "{error}"
    );
}
