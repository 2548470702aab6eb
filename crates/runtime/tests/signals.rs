//! Signals, against a process of its own: this test program started again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers fail by panicking"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const CHILD: &str = "RUNTIME_SIGNALS_CHILD";

/// Not a test by itself: the child's body.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let token = runtime::shutdown::install().unwrap();
        say("installed");
        token.cancelled().await;
        say("cancelled");
        std::future::pending::<()>().await;
    });
}

fn say(word: &str) {
    // println! would be held back by the test harness.
    let mut out = std::io::stdout();
    writeln!(out, "\n{word}").unwrap();
    out.flush().unwrap();
}

fn check_signals(first: &str, second: &str, code: i32) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut wait_for = |word: &str| {
        let found = lines.by_ref().any(|line| line.unwrap() == word);
        assert!(found, "the child ended without saying {word:?}");
    };
    let kill = |signal: &str| {
        let status = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    };
    wait_for("installed");
    kill(first);
    wait_for("cancelled");
    kill(second);
    assert_eq!(child.wait().unwrap().code(), Some(code));
}

#[test]
fn the_first_signal_asks_and_the_second_ends_the_process() {
    check_signals("-TERM", "-TERM", 143);
    check_signals("-INT", "-TERM", 143);
    check_signals("-TERM", "-INT", 130);
}
