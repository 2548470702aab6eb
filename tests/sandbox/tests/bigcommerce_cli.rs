//! The `sandbox` program: ready line, both vendors, a clean end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may panic as tests do"
)]

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn it_says_where_it_listens_and_ends_cleanly_on_sigterm() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args([
            "--bigcommerce",
            "127.0.0.1:0",
            "--freshbooks",
            "127.0.0.1:0",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let ready = lines.next_line().await.unwrap().expect("a ready line");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let health = format!("{}/_sandbox/health", ready["bigcommerce"].as_str().unwrap());
    let answer = reqwest::get(health).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(
        ready["freshbooks"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );

    let id = program.id().unwrap().to_string();
    let sent = Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
    assert!(program.wait().await.unwrap().success());
}
