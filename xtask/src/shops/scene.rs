//! Builds and starts the emulators and the house, lets a command work with them, and ends them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Map;
use tokio::time::Instant;

use super::holds::MayBeHeld;
use super::sandbox::{Addresses, Http, Sandbox};
use super::world::{self, Configuration, Merchant};
use crate::signals::Signals;
use crate::supervisor::{House, Log, Plan};
use crate::{block_on, build, up};

/// Between two looks at something that is waited for.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Until every store knows where to send its hooks.
const HOOKS_LIMIT: Duration = Duration::from_secs(60);

/// What a command wants to have started.
pub(crate) struct Wanted<'a> {
    /// The command's name.
    pub(crate) name: &'static str,
    /// Cargo's profile for everything that is started.
    pub(crate) profile: &'a str,
    pub(crate) merchants: &'static [Merchant],
    pub(crate) ports: Ports,
    /// Whether Ctrl-C ends the command well.
    pub(crate) may_be_stopped: bool,
    /// The ports apart, which are chosen.
    pub(crate) configuration: Configuration,
}

/// Where to listen; 0 is a free port.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ports {
    pub(crate) hooks: u16,
    pub(crate) console: u16,
    pub(crate) bigcommerce: u16,
    pub(crate) freshbooks: u16,
}

/// What runs, and where.
pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) http: Http,
    pub(crate) at: Addresses,
    pub(crate) console: String,
    pub(crate) merchants: &'static [Merchant],
    pub(crate) holds: MayBeHeld,
    /// Where the run keeps its files; gone when it ends well.
    pub(crate) folder: PathBuf,
    pub(crate) config: PathBuf,
}

struct Binaries {
    tillbook: PathBuf,
    sandbox: PathBuf,
    corpus: PathBuf,
}

/// Starts everything, does the work, stops everything. The exit code says whether the work found
/// all to be right; if not, the processes' logs are kept.
pub(crate) fn run(
    wanted: &Wanted<'_>,
    work: impl AsyncFnOnce(&Scene) -> anyhow::Result<bool>,
) -> anyhow::Result<ExitCode> {
    let built = build::binaries(&["tillbook", "sandbox", "corpus"], wanted.profile)?;
    let [tillbook, sandbox, corpus] = <[PathBuf; 3]>::try_from(built)
        .map_err(|_| anyhow::anyhow!("cargo built other binaries than asked"))?;
    let binaries = Binaries {
        tillbook,
        sandbox,
        corpus,
    };
    let folder = tempfile::Builder::new()
        .prefix(&format!("tillbook-{}-", wanted.name))
        .tempdir()
        .context("creating a folder")?;
    // The folder outlives the runtime, and with it every process that writes there.
    match block_on(drive(wanted, folder.path(), binaries, work)) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => {
            let logs = folder.keep().join("logs");
            eprintln!("the processes' logs are kept in {}", logs.display());
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            let logs = folder.keep().join("logs");
            Err(error.context(format!(
                "{} failed; the logs are kept in {}",
                wanted.name,
                logs.display()
            )))
        }
    }
}

async fn drive(
    wanted: &Wanted<'_>,
    folder: &Path,
    binaries: Binaries,
    work: impl AsyncFnOnce(&Scene) -> anyhow::Result<bool>,
) -> anyhow::Result<bool> {
    let mut signals = Signals::listen()?;
    let (scene, sandbox) = tokio::select! {
        started = start(wanted, folder, binaries) => started?,
        // The end of the runtime kills what was started.
        () = signals.next() => return Ok(wanted.may_be_stopped),
    };
    let worked = tokio::select! {
        worked = work(&scene) => worked,
        () = signals.next() => Ok(wanted.may_be_stopped),
    };
    eprintln!("stopping");
    let stopped = up::stop(scene.house, &mut signals).await;
    sandbox.stop().await;
    let right = worked?;
    stopped.map(|_| right)
}

async fn start(
    wanted: &Wanted<'_>,
    folder: &Path,
    binaries: Binaries,
) -> anyhow::Result<(Scene, Sandbox)> {
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
    let Ports {
        hooks,
        console,
        bigcommerce,
        freshbooks,
    } = wanted.ports;
    let holds = MayBeHeld::ask(&binaries.corpus)?;
    let ports = [bigcommerce, freshbooks];
    let sandbox = Sandbox::start(&binaries.sandbox, ports, &logs.join("sandbox.log")).await?;
    let at = sandbox.addresses.clone();
    let http = Http::new()?;
    world::create(&http, &at, wanted.merchants, &Map::new()).await?;
    let config = folder.join("tillbook.toml");
    let configuration = Configuration {
        hooks_port: port(hooks)?,
        console_port: port(console)?,
        ..wanted.configuration.clone()
    };
    world::write_config(&config, &at, wanted.merchants, &configuration)?;
    eprintln!(
        "sandboxes: BigCommerce {} · FreshBooks {}",
        at.bigcommerce, at.freshbooks
    );
    eprintln!("configuration and logs: {}", folder.display());

    let mut plan = Plan::read(binaries.tillbook, &config, Log::Folder(logs))?;
    // Other people's servers are left alone, whatever the environment names.
    plan.own_servers();
    let house = House::start(plan).await?;
    if let Err(error) = house.ready().await {
        house.kill().await;
        return Err(error);
    }
    let console = house
        .console()
        .context("the monitor did not say where it listens")?;
    eprintln!("all services are ready; look at {console}");
    let scene = Scene {
        house,
        http,
        at,
        console,
        merchants: wanted.merchants,
        holds,
        folder: folder.to_owned(),
        config,
    };
    Ok((scene, sandbox))
}

impl Scene {
    /// Waits until the stores send us hooks.
    pub(crate) async fn hooks(&self) -> anyhow::Result<()> {
        let end = Instant::now() + HOOKS_LIMIT;
        for merchant in self.merchants {
            while !world::has_hooks(&self.http, &self.at, merchant).await? {
                if Instant::now() > end {
                    bail!(
                        "after {HOOKS_LIMIT:?} no hooks are registered at {}",
                        merchant.name
                    );
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Hooks that the stores have still to deliver.
    pub(crate) async fn hooks_pending(&self) -> anyhow::Result<u64> {
        let health = format!("{}/_sandbox/health", self.at.bigcommerce);
        let health = self.http.get(&health).await?;
        let pending = health
            .get("pending_hooks")
            .and_then(serde_json::Value::as_u64);
        pending.context("the store's health tells no pending_hooks")
    }
}

/// The wished port, or one that nobody has at this moment.
fn port(wished: u16) -> anyhow::Result<u16> {
    if wished != 0 {
        return Ok(wished);
    }
    Ok(servers::free_port()?)
}
