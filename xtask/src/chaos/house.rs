//! The house of one run: servers, sandboxes, services in processes, three of them twice.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::MERCHANTS;
use crate::shops::holds::MayBeHeld;
use crate::shops::sandbox::{Addresses, Http, Sandbox};
use crate::shops::scene::Scene;
use crate::shops::world::{self, Configuration};
use crate::supervisor::{House, Log, Plan};

/// Processes beside the first of each service, with the service they run.
const TWINS: [(&str, &str); 3] = [
    ("ingest-twin", "ingest"),
    ("lookup-twin", "lookup"),
    ("deliver-twin", "deliver"),
];

/// How soon the messages of a process that is gone or stopped go to another one.
const ACK_WAIT_MS: u64 = 5_000;

const INGEST: &str = "coalesce_ms = 300\nsweep_interval_s = 2\nhook_guardian_interval_s = 10\n";

/// Short retries; calls are cut off after 4.5 s.
const SECTIONS: &str = "\
[stage]
retry_base_ms = 100
retry_cap_s = 2

[deliver]
settle_ms = 6000
";

/// The programs that a run starts.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    pub(super) tillbook: PathBuf,
    pub(super) sandbox: PathBuf,
    pub(super) witness: PathBuf,
}

/// A house at work.
pub(super) struct Stage {
    pub(super) scene: Scene,
    pub(super) sandbox: Sandbox,
    pub(super) witness: PathBuf,
    files: Files,
}

/// The configuration files, to be written again when an account is connected again.
struct Files {
    at: Addresses,
    /// The second ingest listens elsewhere; hooks come to the first.
    files: [(PathBuf, Configuration); 2],
}

impl Files {
    fn write(&self, grant: u32) -> anyhow::Result<()> {
        for (file, configuration) in &self.files {
            let configuration = Configuration {
                grant,
                ..configuration.clone()
            };
            world::write_config(file, &self.at, &MERCHANTS, &configuration)?;
        }
        Ok(())
    }
}

/// The processes that run a service.
pub(super) fn processes_of(service: &'static str) -> Vec<&'static str> {
    let twins = TWINS.iter().filter(|(_, of)| *of == service);
    std::iter::once(service)
        .chain(twins.map(|(name, _)| *name))
        .collect()
}

impl Stage {
    pub(super) async fn start(
        folder: &Path,
        binaries: &Binaries,
        holds: &MayBeHeld,
    ) -> anyhow::Result<Self> {
        let logs = folder.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        let sandbox = Sandbox::start(&binaries.sandbox, [0, 0], &logs.join("sandbox.log")).await?;
        let at = sandbox.addresses.clone();
        let http = Http::new()?;
        world::create(&http, &at, &MERCHANTS, &account()).await?;
        let files = files(folder, &at)?;
        files.write(0)?;
        let [(config, _), (twin_config, _)] = &files.files;
        let mut plan = Plan::read(binaries.tillbook.clone(), config, Log::Folder(logs))?;
        plan.own_servers();
        for (name, service) in TWINS {
            let own = (service == "ingest").then(|| twin_config.clone());
            plan.add_twin(name, service, own);
        }
        plan.prepare_with(binaries.witness.clone(), preparation());
        let house = House::start(plan).await?;
        if let Err(error) = house.ready().await {
            house.kill().await;
            return Err(error);
        }
        let console = house
            .console()
            .context("the monitor did not say where it listens")?;
        let scene = Scene {
            house,
            http,
            at,
            console,
            merchants: &MERCHANTS,
            holds: holds.clone(),
            folder: folder.to_owned(),
            config: config.clone(),
        };
        Ok(Self {
            scene,
            sandbox,
            witness: binaries.witness.clone(),
            files,
        })
    }

    /// What a person does when FreshBooks has lost a grant: connects the accounts again. The
    /// services read it when they start.
    pub(super) async fn connect_again(&self) -> anyhow::Result<()> {
        let grant = 1;
        for merchant in &MERCHANTS {
            let url = merchant.account_url(&self.scene.at, "grant");
            let body = json!({ "refresh_token": merchant.refresh_token(grant) });
            self.scene.http.post(&url, &body).await?;
        }
        self.files.write(grant)
    }

    /// What is under way in the streams; `whole`: the ledger and the dead letters too.
    pub(super) async fn look(&self, whole: bool) -> anyhow::Result<Seen> {
        let mut arguments = vec!["look"];
        if whole {
            arguments.push("--whole");
        }
        let output = self.witness(&arguments).await?;
        serde_json::from_slice(&output).context("reading what the witness saw")
    }

    /// Runs the witness, and gives what it printed.
    pub(super) async fn witness(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut command = self.scene.house.tool(&self.witness);
        command
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.context("starting the witness")?;
        anyhow::ensure!(
            output.status.success(),
            "the witness saw nothing: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(output.stdout)
    }
}

/// What the witness saw.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Seen {
    pub(super) under_way: Vec<(String, u64)>,
    pub(super) scheduled: u64,
    pub(super) swept_to_ms: i64,
    pub(super) open_intents: Vec<String>,
    pub(super) dead_letters: Vec<Letter>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Letter {
    pub(super) stage: String,
    pub(super) connection: String,
    pub(super) entity: String,
    pub(super) entity_id: String,
    pub(super) codes: Vec<String>,
    pub(super) words: Vec<String>,
}

/// Limits that a run does not meet by itself: its 429s are faults.
fn account() -> Map<String, Value> {
    let limits = json!({ "reads_per_minute": 20_000, "creates_per_minute": 10_000 });
    Map::from_iter([("limits".to_owned(), limits)])
}

fn files(folder: &Path, at: &Addresses) -> anyhow::Result<Files> {
    let configuration = Configuration {
        hooks_port: servers::free_port()?,
        console_port: servers::free_port()?,
        ingest: INGEST,
        sections: SECTIONS,
        ..Configuration::default()
    };
    let twin = Configuration {
        listen_port: Some(servers::free_port()?),
        ..configuration.clone()
    };
    Ok(Files {
        at: at.clone(),
        files: [
            (folder.join("tillbook.toml"), configuration),
            (folder.join("tillbook-twin.toml"), twin),
        ],
    })
}

fn preparation() -> Vec<String> {
    let names: Vec<&str> = MERCHANTS.iter().map(|merchant| merchant.name).collect();
    let ack_wait = format!("--ack-wait-ms={ACK_WAIT_MS}");
    let connections = format!("--connections={}", names.join(","));
    vec!["prepare".to_owned(), ack_wait, connections]
}
