//! What is known of every process: its id and what it said when it was ready.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::Log;

/// A service that ended this often before it was ever ready will not get better by itself.
const FAILED_STARTS_MAX: u32 = 5;

/// The line a service prints when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    ready: bool,
    #[serde(default)]
    hooks: BTreeMap<String, String>,
    console: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    pid: Option<u32>,
    ready: Option<Ready>,
    failed_starts: u32,
}

/// Shared by the keepers; also kept in `pids.json` for people and tests.
#[derive(Debug)]
pub(crate) struct Board {
    slots: watch::Sender<HashMap<&'static str, Slot>>,
    /// Whose ready lines are waited for.
    members: Vec<&'static str>,
    pids_file: PathBuf,
    log: Log,
}

impl Board {
    pub(crate) fn new(
        data_dir: &Path,
        members: Vec<&'static str>,
        log: Log,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("creating the data folder {}", data_dir.display()))?;
        Ok(Self {
            slots: watch::Sender::new(HashMap::new()),
            members,
            pids_file: data_dir.join("pids.json"),
            log,
        })
    }

    pub(crate) fn started(&self, name: &'static str, pid: Option<u32>) {
        self.slots
            .send_modify(|slots| slots.entry(name).or_default().pid = pid);
        self.write_pids();
        self.log
            .line("INFO", name, "started", &json!({ "pid": pid }));
    }

    /// The process is gone; `again` says after how long the next one starts.
    pub(crate) fn ended(&self, name: &'static str, status: &str, again_ms: Option<u128>) {
        self.slots.send_modify(|slots| {
            let slot = slots.entry(name).or_default();
            slot.pid = None;
            if slot.ready.is_none() {
                slot.failed_starts = slot.failed_starts.saturating_add(1);
            }
        });
        self.write_pids();
        match again_ms {
            Some(again_ms) => {
                let fields =
                    json!({ "status": status, "again_in_ms": u64::try_from(again_ms).ok() });
                self.log
                    .line("WARN", name, "died and is started again", &fields);
            }
            None => self
                .log
                .line("INFO", name, "ended", &json!({ "status": status })),
        }
    }

    /// Takes a line of a service's standard output when it is the ready line.
    pub(crate) fn said(&self, name: &'static str, line: &str) -> bool {
        match serde_json::from_str::<Ready>(line) {
            Ok(ready) if ready.ready => {
                self.slots
                    .send_modify(|slots| slots.entry(name).or_default().ready = Some(ready));
                true
            }
            _ => false,
        }
    }

    /// Something worth a line that changes nothing here.
    pub(crate) fn note(&self, name: &str, fields: &serde_json::Value) {
        self.log
            .line("WARN", name, "said something unexpected", fields);
    }

    /// Waits for every service; fails when one ends again and again before it is ready.
    pub(crate) async fn all_ready(&self) -> anyhow::Result<()> {
        let mut slots = self.slots.subscribe();
        let done = |slots: &HashMap<&'static str, Slot>| {
            let ready = |name: &&str| slots.get(*name).is_some_and(|slot| slot.ready.is_some());
            self.members.iter().all(ready) || hopeless(slots).is_some()
        };
        let slots = slots
            .wait_for(done)
            .await
            .context("the supervisor is gone")?;
        match hopeless(&slots) {
            Some(name) => bail!(
                "{name} ended {FAILED_STARTS_MAX} times before it was ready; its log says why"
            ),
            None => Ok(()),
        }
    }

    pub(crate) fn not_ready(&self) -> Vec<&'static str> {
        let slots = self.slots.borrow();
        let waiting = |name: &&str| slots.get(*name).is_none_or(|slot| slot.ready.is_none());
        self.members.iter().copied().filter(waiting).collect()
    }

    pub(crate) fn hooks(&self) -> BTreeMap<String, String> {
        let slots = self.slots.borrow();
        slots
            .values()
            .filter_map(|slot| slot.ready.as_ref())
            .flat_map(|r| r.hooks.clone())
            .collect()
    }

    pub(crate) fn console(&self) -> Option<String> {
        let slots = self.slots.borrow();
        slots
            .values()
            .find_map(|slot| slot.ready.as_ref()?.console.clone())
    }

    pub(crate) fn pids(&self) -> BTreeMap<&'static str, u32> {
        self.slots
            .borrow()
            .iter()
            .filter_map(|(name, slot)| Some((*name, slot.pid?)))
            .collect()
    }

    /// Nothing runs any more: a stale file would point at strangers' processes.
    pub(crate) fn clear(&self) {
        let _ = std::fs::remove_file(&self.pids_file);
    }

    fn write_pids(&self) {
        let text = json!(self.pids()).to_string();
        let fresh = self.pids_file.with_extension("json.new");
        let written =
            std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &self.pids_file));
        if let Err(error) = written {
            let fields = json!({ "error": error.to_string() });
            self.log.line(
                "WARN",
                "supervisor",
                "pids.json could not be written",
                &fields,
            );
        }
    }
}

fn hopeless(slots: &HashMap<&'static str, Slot>) -> Option<&'static str> {
    let lost = |slot: &Slot| slot.ready.is_none() && slot.failed_starts >= FAILED_STARTS_MAX;
    slots
        .iter()
        .find(|(_, slot)| lost(slot))
        .map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::super::SERVICES;
    use super::*;

    fn board(folder: &tempfile::TempDir) -> Board {
        let log = Log::Folder(folder.path().join("logs"));
        Board::new(folder.path(), SERVICES.to_vec(), log).unwrap()
    }

    #[tokio::test]
    async fn ready_when_every_service_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let board = board(&folder);
        for name in SERVICES {
            assert!(board.not_ready().contains(&name));
            board.started(name, Some(7));
            assert!(!board.said(name, "hello"));
            assert!(board.said(
                name,
                r#"{"ready":true,"service":"x","hooks":{"a":"http://h"}}"#
            ));
        }
        board.all_ready().await.unwrap();
        assert_eq!(board.hooks().get("a").map(String::as_str), Some("http://h"));
    }

    #[tokio::test]
    async fn a_service_that_never_starts_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let board = board(&folder);
        for _ in 0..FAILED_STARTS_MAX {
            board.ended("lookup", "exit 2", Some(1));
        }
        assert!(
            board
                .all_ready()
                .await
                .unwrap_err()
                .to_string()
                .contains("lookup")
        );
    }

    #[test]
    fn pids_file_follows_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let board = board(&folder);
        board.started("deliver", Some(1));
        board.ended("deliver", "signal 9", Some(100));
        board.started("deliver", Some(2));
        let text = std::fs::read_to_string(folder.path().join("pids.json")).unwrap();
        assert_eq!(text, r#"{"deliver":2}"#);
    }
}
