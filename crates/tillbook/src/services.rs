//! Starting services, saying when they are ready, and stopping them in order.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use contracts::topology::{self, REPLAY_FOLLOWS};
use domain::policy::Policy;
use ingest::guardian::Guarded;
use ingest::hooks::{HookSecrets, Limits};
use runtime::admin::{AdminServer, Readiness};
use runtime::config::{Config, Connection};
use serde_json::json;
use stage::{Runner, Stage};
use store::mappings::Mappings;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::cli::{Service, ServiceArguments};
use crate::commands::{Failure, OrExit, code, print};
use crate::house::{House, Purpose};
use crate::rehearsal::Rehearsal;

/// What the ready line tells beyond the admin address.
#[derive(Default)]
struct Doors {
    hooks: BTreeMap<String, String>,
    console: Option<String>,
}

/// Longest a stopping process takes before what is left is cut off.
const STOP_LIMIT: Duration = Duration::from_secs(25);
/// Orders fetched at once, of all connections together.
const IN_FLIGHT_MAX: usize = 1_024;
/// Longest the ready line waits for the first look at the hooks.
const HOOKS_LIMIT: Duration = Duration::from_secs(20);

/// Runs the services until SIGTERM, SIGINT, or the parent's end.
pub(crate) async fn run(
    config: Config,
    services: &[Service],
    name: &'static str,
    arguments: ServiceArguments,
) -> Result<(), Failure> {
    let telemetry = runtime::telemetry::init(name, &config.telemetry).or_exit(code::CONFIG)?;
    let shutdown = runtime::shutdown::install().or_exit(code::FAILED)?;
    if arguments.exit_with_parent {
        tokio::spawn(follow_parent(shutdown.clone()));
    }
    let admin_listen = arguments.admin_listen.unwrap_or(config.admin.listen);
    let house = House::open(config, name, shutdown).await?;
    let readiness = Readiness::new();
    let admin = AdminServer::bind(admin_listen)
        .await
        .or_exit(code::FAILED)?;
    let admin_address = admin.local_addr();
    let admin_shutdown = runtime::shutdown::CancellationToken::new();
    let admin_task = tokio::spawn(admin.serve(
        house.metrics.clone(),
        readiness.clone(),
        admin_shutdown.clone(),
    ));

    let mut tasks = JoinSet::new();
    let mut doors = Doors::default();
    for service in services {
        start(*service, &house, &readiness, &mut tasks, &mut doors).await?;
        // The monitor says itself when it has caught up with the streams.
        if *service != Service::Monitor {
            readiness.component(service.name()).ready();
        }
    }
    let watching = watch_health(&house, &readiness, services, name)?;
    readiness.ready().await;
    print(&ready_line(name, admin_address, &doors))?;
    info!(service = name, "ready");

    house.shutdown.cancelled().await;
    watching.abort();
    for service in services {
        readiness.component(service.name()).not_ready("stopping");
    }
    let drained = runtime::shutdown::drain(&mut tasks, STOP_LIMIT).await;
    if !drained.is_clean() {
        error!(
            ?drained,
            "not everything stopped in time; the server delivers it again"
        );
    }
    // What was acked is only queued in the client until it is flushed.
    if let Err(error) = house.nats.client.flush().await {
        error!(error = %error, "the last acks could not be sent; the messages come again");
    }
    admin_shutdown.cancel();
    let _ = admin_task.await;
    info!(service = name, "stopped");
    telemetry.shutdown().await.or_exit(code::FAILED)
}

/// Watches whether this process can store, read and pull, for as long as it runs.
fn watch_health(
    house: &House,
    readiness: &Readiness,
    services: &[Service],
    name: &'static str,
) -> Result<tokio::task::JoinHandle<()>, Failure> {
    let mut consumers = Vec::new();
    for service in services {
        let stage = match service {
            Service::Ingest => Some(topology::Stage::Fetch),
            Service::Monitor => None,
            Service::Replay => {
                consumers.extend(
                    REPLAY_FOLLOWS.map(|stream| (stream.name(), topology::REPLAY_CONSUMER)),
                );
                None
            }
            _ => topology::Stage::from_name(service.name()),
        };
        if let Some(stage) = stage {
            consumers.push((stage.input().name(), stage.name()));
            consumers.push((topology::Stream::Retries.name(), stage.name()));
        }
    }
    let health = stage::health::Health::new(
        house.nats.clone(),
        name,
        consumers,
        readiness.component("nats"),
        house.storing.clone(),
        &house.metrics,
    )
    .or_exit(code::FAILED)?;
    Ok(tokio::spawn(health.watch()))
}

/// Cancels when standard input ends: the supervisor that held it is gone.
async fn follow_parent(shutdown: runtime::shutdown::CancellationToken) {
    let mut input = tokio::io::stdin();
    let mut buffer = [0_u8; 64];
    while matches!(input.read(&mut buffer).await, Ok(1..)) {}
    shutdown.cancel();
}

fn ready_line(name: &str, admin: SocketAddr, doors: &Doors) -> String {
    let mut line = json!({
        "ready": true,
        "service": name,
        "pid": std::process::id(),
        "admin": format!("http://{admin}"),
    });
    if !doors.hooks.is_empty() {
        line["hooks"] = json!(doors.hooks);
    }
    if let Some(console) = &doors.console {
        line["console"] = json!(console);
    }
    format!("{line}\n")
}

async fn start(
    service: Service,
    house: &House,
    readiness: &Readiness,
    tasks: &mut JoinSet<()>,
    doors: &mut Doors,
) -> Result<(), Failure> {
    let bounds = house.config.stages;
    match service {
        Service::Ingest => start_ingest(house, tasks, doors).await,
        Service::Validate => run_stage(validate::Validate, house, bounds.validate, tasks).await,
        Service::Transform => {
            let policies = policies(&house.config)?;
            let mappings = Mappings::load(&house.nats.jetstream)
                .await
                .or_exit(code::UNAVAILABLE)?;
            let transform = transform::Transform { policies, mappings };
            run_stage(transform, house, bounds.transform, tasks).await
        }
        Service::Lookup => {
            let lookup = lookup::Lookup::new(
                house.accounts(Purpose::Ahead).await?,
                house.ledger().await?,
                house.cache()?,
                house.connections().await?,
            );
            run_stage(lookup, house, bounds.lookup, tasks).await
        }
        Service::Deliver => {
            let deliver = deliver::Deliver::new(
                house.accounts(Purpose::Work).await?,
                house.ledger().await?,
                house.cache()?,
                house.connections().await?,
                Duration::from_millis(house.config.deliver.settle_ms),
            );
            run_stage(deliver, house, bounds.deliver, tasks).await
        }
        Service::Monitor => start_monitor(house, readiness, tasks, doors).await,
        Service::Replay => {
            let context = house.stage_context(bounds.deliver);
            let jetstream = house.nats.jetstream.clone();
            let rehearsal = Arc::new(Rehearsal::new(jetstream, policies(&house.config)?));
            let serving = replay::start(house.nats.client.clone(), context, rehearsal)
                .await
                .or_exit(code::UNAVAILABLE)?;
            tasks.spawn(serving);
            Ok(())
        }
    }
}

async fn run_stage<S: Stage>(
    stage: S,
    house: &House,
    bounds: runtime::config::StageConfig,
    tasks: &mut JoinSet<()>,
) -> Result<(), Failure> {
    let runner = Runner::bind(stage, house.stage_context(bounds))
        .await
        .or_exit(code::UNAVAILABLE)?
        .shared_out(house.shares(bounds.in_flight));
    tasks.spawn(runner.run());
    Ok(())
}

async fn start_ingest(
    house: &House,
    tasks: &mut JoinSet<()>,
    doors: &mut Doors,
) -> Result<(), Failure> {
    let config = &house.config;
    let most = config.ingest.fetch_concurrency;
    let stores = house.stores(Purpose::Work)?;
    let mut secrets = HashMap::new();
    let mut guarded = Vec::new();
    for connection in &config.connections {
        let vendor = &connection.bigcommerce;
        secrets.insert(
            connection.name.clone(),
            HookSecrets {
                client_secret: vendor.client_secret.clone(),
                hook_secret: vendor.hook_secret.clone(),
            },
        );
        if let (true, Some(client)) = (config.ingest.register_hooks, stores.get(&connection.name)) {
            let address = config.hook_url(&connection.name);
            let destination = address
                .parse()
                .with_context(|| format!("hook address {address}"))
                .or_exit(code::CONFIG)?;
            guarded.push(Guarded {
                connection: connection.name.clone(),
                client: client.clone(),
                destination,
                hook_secret: vendor.hook_secret.clone(),
            });
        }
    }
    let settings = ingest::Settings {
        listen: config.ingest.listen,
        limits: Limits {
            timestamp_tolerance_s: config.ingest.timestamp_tolerance_s,
            body_limit_bytes: config.ingest.body_limit_bytes,
            in_flight_max: config.ingest.max_in_flight_hooks,
        },
        coalesce: Duration::from_millis(config.ingest.coalesce_ms),
        secrets,
        stores,
        time_zones: config
            .connections
            .iter()
            .filter_map(|c| Some((c.name.clone(), c.time_zone.clone()?)))
            .collect(),
        guarded,
        guardian_interval: Duration::from_secs(config.ingest.hook_guardian_interval_s),
        sweep_interval: Duration::from_secs(config.ingest.sweep_interval_s),
        shares: house.shares(most),
    };
    // So many for each connection, and as many in all as that makes.
    let mut bounds = config.stages.fetch;
    bounds.in_flight = most
        .saturating_mul(config.connections.len())
        .min(IN_FLIGHT_MAX);
    let context = house.stage_context(bounds);
    let (ledger, connections) = (house.ledger().await?, house.connections().await?);
    let sweeps = house.sweeps().await?;
    let metrics = &house.metrics;
    let running = ingest::start(settings, context, ledger, connections, sweeps, metrics)
        .await
        .or_exit(code::FAILED)?;
    tasks.spawn(join(running.tasks));
    if tokio::time::timeout(HOOKS_LIMIT, running.hooks_settled)
        .await
        .is_err()
    {
        error!("hooks could not be looked after in time; ingest goes on trying");
    }
    doors.hooks = config
        .connections
        .iter()
        .map(|connection| (connection.name.clone(), config.hook_url(&connection.name)))
        .collect();
    Ok(())
}

/// One task that ends when all of a service's tasks have ended.
async fn join(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            error!(error = %error, "a task of the service ended badly");
        }
    }
}

async fn start_monitor(
    house: &House,
    readiness: &Readiness,
    tasks: &mut JoinSet<()>,
    doors: &mut Doors,
) -> Result<(), Failure> {
    let settings = monitor::Settings {
        listen: house.config.monitor.listen,
        database: house.config.data_dir.join("monitor.sqlite"),
        token: house.config.monitor.token.clone(),
    };
    let running = monitor::start(
        house.nats.jetstream.clone(),
        settings,
        crate::prove::sources(house).await,
        house.metrics.clone(),
        readiness.clone(),
        house.shutdown.clone(),
    )
    .await
    .or_exit(code::FAILED)?;
    doors.console = Some(format!("http://{}", running.address));
    tasks.spawn(async move {
        match running.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => error!(error = %error, "the monitor ended badly"),
            Err(error) => error!(error = %error, "the monitor ended badly"),
        }
    });
    Ok(())
}

fn policies(config: &Config) -> Result<HashMap<String, Policy>, Failure> {
    let mut policies = HashMap::new();
    for connection in &config.connections {
        policies.insert(connection.name.clone(), policy(connection)?);
    }
    Ok(policies)
}

/// The accounting policy of a connection; a key that is not known is refused by name.
pub(crate) fn policy(connection: &Connection) -> Result<Policy, Failure> {
    serde_json::from_value(connection.policy_json())
        .map_err(|error| anyhow!("[connections.policy] of {}: {error}", connection.name))
        .or_exit(code::CONFIG)
}
