//! Connecting to NATS, and which servers are refused, against a server that
//! speaks just enough of the protocol to say what each test needs said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers fail by panicking"
)]

use std::net::SocketAddr;

use runtime::config::NatsConfig;
use runtime::metrics::Metrics;
use runtime::nats::{NatsError, ServerError, Version, check_server, connect};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server says of itself, and how it answers `$JS.API.INFO`.
#[derive(Clone, Copy)]
struct Script {
    version: &'static str,
    refuses: bool,
    answer: Answer,
}

#[derive(Clone, Copy)]
enum Answer {
    /// The account's `max_storage`.
    Storage(i64),
    /// A JetStream error code.
    Error(u64),
    /// Nobody listens on the subject: JetStream is off.
    NoResponders,
    Silence,
}

const GOOD: Script = Script {
    version: "2.15.1",
    refuses: false,
    answer: Answer::Storage(-1),
};

async fn serve(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, script));
        }
    });
    address
}

async fn talk(stream: TcpStream, script: Script) -> Option<()> {
    let (reading, mut writing) = stream.into_split();
    let info = serde_json::json!({
        "server_id": "S", "server_name": "s", "version": script.version, "proto": 1,
        "host": "127.0.0.1", "port": 4222, "headers": true, "max_payload": 1_048_576,
        "jetstream": true, "go": "go", "client_id": 1,
    });
    writing
        .write_all(format!("INFO {info}\r\n").as_bytes())
        .await
        .ok()?;
    let mut lines = BufReader::new(reading).lines();
    let mut subscription = String::new();
    while let Some(line) = lines.next_line().await.ok()? {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let reply = match words.as_slice() {
            ["PING"] if script.refuses => "-ERR 'Authorization Violation'\r\n".to_owned(),
            ["PING"] => "PONG\r\n".to_owned(),
            ["SUB", _, id] => {
                (*id).clone_into(&mut subscription);
                continue;
            }
            ["PUB", "$JS.API.INFO", inbox, _] => answer(script.answer, inbox, &subscription),
            _ => continue,
        };
        writing.write_all(reply.as_bytes()).await.ok()?;
    }
    Some(())
}

fn answer(answer: Answer, inbox: &str, subscription: &str) -> String {
    let body = match answer {
        Answer::Silence => return String::new(),
        Answer::NoResponders => {
            let head = "NATS/1.0 503\r\n\r\n";
            return format!(
                "HMSG {inbox} {subscription} {0} {0}\r\n{head}\r\n",
                head.len()
            );
        }
        Answer::Error(code) => serde_json::json!({
            "type": "io.nats.jetstream.api.v1.account_info_response",
            "error": {"code": 503, "err_code": code, "description": "off"},
        }),
        Answer::Storage(max_storage) => serde_json::json!({
            "type": "io.nats.jetstream.api.v1.account_info_response",
            "memory": 0, "storage": 0, "reserved_memory": 0, "reserved_storage": 0,
            "streams": 0, "consumers": 0, "api": {"total": 0, "errors": 0},
            "limits": {
                "max_memory": -1, "max_storage": max_storage, "max_streams": -1,
                "max_consumers": -1, "max_ack_pending": -1, "memory_max_stream_bytes": -1,
                "storage_max_stream_bytes": -1, "max_bytes_required": false,
            },
        }),
    };
    let body = body.to_string();
    format!("MSG {inbox} {subscription} {}\r\n{body}\r\n", body.len())
}

fn config(url: Option<String>) -> NatsConfig {
    NatsConfig {
        url,
        user: None,
        password: None,
        nkey_seed: None,
        nkeys_dir: None,
        creds_file: None,
        ca_file: None,
        client_certificate: None,
        replicas: 1,
        storage_gib: 1,
        connect_timeout_s: 1,
    }
}

#[tokio::test]
async fn a_process_without_its_own_seed_is_told_where_it_looked() {
    let mut config = config(Some("nats://127.0.0.1:1".to_owned()));
    let folder = std::env::temp_dir().join("tillbook-no-such-nkeys");
    config.nkeys_dir = Some(folder.clone());
    let error = connect(&config, "ingest", &Metrics::new()).await;
    let error = error.err().unwrap();
    let told = error.to_string();
    assert!(matches!(error, NatsError::SeedFile { .. }), "{error:?}");
    assert!(
        told.contains(&*folder.join("ingest.nk").to_string_lossy()),
        "{told}"
    );
    assert!(told.contains("--write-nats-config"), "{told}");
}

async fn verdict(script: Script) -> Result<(), ServerError> {
    let url = format!("nats://{}", serve(script).await);
    let connection = connect(&config(Some(url)), "test", &Metrics::new())
        .await
        .unwrap();
    check_server(&connection.client).await
}

#[tokio::test]
async fn a_server_that_can_carry_tillbook_passes() {
    verdict(GOOD).await.unwrap();
    verdict(Script {
        version: "2.12.3",
        ..GOOD
    })
    .await
    .unwrap();
    verdict(Script {
        answer: Answer::Storage(1 << 30),
        ..GOOD
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_old_server_is_refused_with_both_versions() {
    for version in ["2.9.10", "2.12.2", "1.4.1", "nonsense"] {
        let error = verdict(Script { version, ..GOOD }).await.unwrap_err();
        assert!(matches!(error, ServerError::TooOld { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains(version) && text.contains("2.12.3 or newer"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused_with_the_remedy() {
    for answer in [
        Answer::NoResponders,
        Answer::Error(10_076),
        Answer::Error(10_039),
    ] {
        let error = verdict(Script { answer, ..GOOD }).await.unwrap_err();
        assert!(matches!(error, ServerError::JetStreamDisabled), "{error:?}");
        assert!(error.to_string().contains("-js"), "{error}");
    }
}

#[tokio::test]
async fn an_account_without_file_storage_is_refused() {
    let error = verdict(Script {
        answer: Answer::Storage(0),
        ..GOOD
    })
    .await
    .unwrap_err();
    assert!(matches!(error, ServerError::NoFileStorage), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_refused_within_the_request_timeout() {
    let error = verdict(Script {
        answer: Answer::Silence,
        ..GOOD
    })
    .await
    .unwrap_err();
    assert!(matches!(error, ServerError::Unanswered(_)), "{error:?}");
}

#[tokio::test]
async fn without_an_address_the_error_says_where_to_set_one() {
    let error = connect(&config(None), "test", &Metrics::new())
        .await
        .unwrap_err();
    assert!(matches!(error, NatsError::NoUrl));
    let text = error.to_string();
    assert!(
        text.contains("[nats]") && text.contains("TILLBOOK_NATS_URL"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_given_up_on_in_bounded_time() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", taken.local_addr().unwrap());
    drop(taken);
    let error = connect(&config(Some(url.clone())), "test", &Metrics::new())
        .await
        .unwrap_err();
    assert!(
        matches!(error, NatsError::Unreachable { waited_s: 1, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn a_server_that_comes_up_late_is_waited_for() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    let mut patient = config(Some(format!("nats://{address}")));
    patient.connect_timeout_s = 60;
    // The first connection is hung up on; every later one is served.
    tokio::spawn(async move {
        drop(reserved.accept().await);
        while let Ok((stream, _)) = reserved.accept().await {
            tokio::spawn(talk(stream, GOOD));
        }
    });
    let metrics = Metrics::new();
    let connection = connect(&patient, "test", &metrics).await.unwrap();
    connection
        .connected()
        .wait_for(|connected| *connected)
        .await
        .unwrap();
    let text = metrics.encode().unwrap();
    let counted = "tillbook_nats_events_total{service=\"test\",event=\"connected\"} 1\n";
    assert!(text.contains(counted), "{text}");
}

#[tokio::test]
async fn any_server_of_a_list_will_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = taken.local_addr().unwrap();
    drop(taken);
    let url = format!("nats://{dead}, nats://{}", serve(GOOD).await);
    let connection = connect(&config(Some(url)), "test", &Metrics::new())
        .await
        .unwrap();
    check_server(&connection.client).await.unwrap();
}

#[tokio::test]
async fn refused_credentials_fail_at_once() {
    let url = format!(
        "nats://{}",
        serve(Script {
            refuses: true,
            ..GOOD
        })
        .await
    );
    let mut patient = config(Some(url));
    // Waiting this out would show as a hanging test.
    patient.connect_timeout_s = 100_000;
    let error = connect(&patient, "test", &Metrics::new())
        .await
        .unwrap_err();
    assert!(matches!(error, NatsError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_credentials_file_is_named() {
    let mut config = config(Some("nats://127.0.0.1:1".to_owned()));
    config.creds_file = Some("nowhere.creds".into());
    let error = connect(&config, "test", &Metrics::new()).await.unwrap_err();
    assert!(error.to_string().contains("nowhere.creds"), "{error}");
}

#[test]
fn versions_are_compared_as_numbers() {
    let version = |text| Version::parse(text).unwrap();
    assert!(version("2.12.10") > version("2.12.3"));
    assert!(version("v2.15.0-dev") > version("2.14.9"));
    assert_eq!(version("2.14.5+build").to_string(), "2.14.5");
    for nonsense in ["", "2", "2.12", "2.12.x", "2.12.3.4", "-1.2.3"] {
        assert_eq!(Version::parse(nonsense), None, "{nonsense}");
    }
}
