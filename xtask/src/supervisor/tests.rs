//! The supervisor against a stand-in for the `tillbook` binary that keeps its contract.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{House, Log, Plan, SERVICES};

/// Answers the short commands, prints the ready line, and ends by SIGTERM with a line in `order`.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import json, os, signal, sys
here = os.path.dirname(os.path.abspath(sys.argv[0]))
command = sys.argv[3]
if command == "check-config":
    sys.exit(0 if "bad" not in open(sys.argv[2]).read() else "config: no such key bad")
if command == "bootstrap":
    if not os.environ["TILLBOOK_NATS_URL"].startswith("nats://127.0.0.1:"):
        sys.exit("no server")
    sys.exit(0)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if os.path.exists(os.path.join(here, "broken-" + command)):
    sys.exit(3)
line = {"ready": True, "service": command, "pid": os.getpid(), "admin": "http://127.0.0.1:1"}
if command == "ingest":
    line["hooks"] = {"acme": "http://127.0.0.1:8080/hooks/acme"}
if command == "monitor":
    line["console"] = "http://127.0.0.1:9090"
print(json.dumps(line), flush=True)
signal.sigwait({signal.SIGTERM})
if os.path.exists(os.path.join(here, "deaf-" + command)):
    signal.pause()
with open(os.path.join(here, "order"), "a") as order:
    order.write(command + "\n")
"#;

struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        let stage = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(stage.binary(), STAND_IN).unwrap();
        std::fs::set_permissions(stage.binary(), std::fs::Permissions::from_mode(0o755)).unwrap();
        stage.put("tillbook.toml", "data_dir = \"data\"\n");
        stage
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn binary(&self) -> PathBuf {
        self.path().join("tillbook")
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    async fn house(&self) -> anyhow::Result<House> {
        let config = self.path().join("tillbook.toml");
        let mut plan = Plan::read(
            self.binary(),
            &config,
            Log::Folder(self.path().join("logs")),
        )?;
        plan.own_servers();
        House::start(plan).await
    }
}

fn is_alive(pid: u32) -> bool {
    kill(Pid::from_raw(pid.cast_signed()), None).is_ok()
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never came true: {what}");
}

#[tokio::test]
async fn a_house_gets_ready_and_stops_in_pipeline_order_leaving_nothing() {
    let stage = Stage::new();
    let house = stage.house().await.unwrap();
    house.ready().await.unwrap();
    let line = house.ready_line();
    assert_eq!(line["ready"], true);
    assert_eq!(line["hooks"]["acme"], "http://127.0.0.1:8080/hooks/acme");
    assert_eq!(line["console"], "http://127.0.0.1:9090");
    let pids = house.board.pids();
    assert_eq!(pids.len(), SERVICES.len() + 2, "{pids:?}");
    assert!(pids.values().all(|pid| is_alive(*pid)));

    house.stop().await.unwrap();
    let order = std::fs::read_to_string(stage.path().join("order")).unwrap();
    assert_eq!(order.lines().collect::<Vec<_>>(), SERVICES);
    assert!(!pids.values().any(|pid| is_alive(*pid)));
    assert!(!stage.path().join("data/pids.json").exists());
}

#[tokio::test]
async fn what_is_killed_is_started_again_and_pids_json_says_so() {
    let stage = Stage::new();
    let house = stage.house().await.unwrap();
    house.ready().await.unwrap();
    for name in ["deliver", "redis-server", "nats-server"] {
        let before = house.pid(name).unwrap();
        kill(Pid::from_raw(before.cast_signed()), Signal::SIGKILL).unwrap();
        until(name, || house.pid(name).is_some_and(|pid| pid != before)).await;
        let text = std::fs::read_to_string(stage.path().join("data/pids.json")).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            file[name].as_u64().unwrap(),
            u64::from(house.pid(name).unwrap())
        );
    }
    house.stop().await.unwrap();
}

#[tokio::test]
async fn a_service_that_never_starts_ends_the_start_with_its_name() {
    let stage = Stage::new();
    stage.put("broken-lookup", "");
    let house = stage.house().await.unwrap();
    let error = house.ready().await.unwrap_err().to_string();
    assert!(error.contains("lookup"), "{error}");
    let pids = house.board.pids();
    house.kill().await;
    assert!(!pids.values().any(|pid| is_alive(*pid)));
}

#[tokio::test]
async fn a_bad_configuration_starts_nothing() {
    let stage = Stage::new();
    stage.put("tillbook.toml", "bad = 1\n");
    let error = stage.house().await.err().unwrap().to_string();
    assert!(error.contains("no such key bad"), "{error}");
    assert!(!stage.path().join(".tillbook").exists());
}

#[tokio::test]
async fn killing_the_house_ends_a_service_that_does_not_listen() {
    let stage = Stage::new();
    stage.put("deaf-transform", "");
    let house = stage.house().await.unwrap();
    house.ready().await.unwrap();
    let pids = house.board.pids();
    house.kill().await;
    assert!(!pids.values().any(|pid| is_alive(*pid)));
}
